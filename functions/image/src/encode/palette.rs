//! Few colours as a palette, for PNG: a drawing, a logo or a screenshot takes a fraction of the bytes.

/// The most colours that a palette holds.
const MOST: usize = 256;

/// The colours of a picture and the bits that tell them apart.
pub(super) struct Palette {
    /// In the order of the file: what is transparent first, so that no more of it than needed is written.
    colours: Vec<[u8; 4]>,
    /// Bits per pixel: 1, 2, 4 or 8.
    pub(super) depth: u8,
}

/// A pixel of three or four samples as red, green, blue and alpha.
fn rgba<const N: usize>(pixel: &[u8; N]) -> [u8; 4] {
    std::array::from_fn(|i| pixel.get(i).copied().unwrap_or(255))
}

fn order(colour: [u8; 4]) -> (u8, [u8; 4]) {
    (colour[3], colour)
}

impl Palette {
    /// The palette of pixels of `N` samples, unless they have more than 256 colours.
    pub(super) fn of<const N: usize>(data: &[u8]) -> Option<Self> {
        let pixels = data.as_chunks::<N>().0;
        let mut colours: Vec<[u8; 4]> = Vec::new();
        let mut last = None;
        for pixel in pixels {
            if last == Some(pixel) {
                continue;
            }
            last = Some(pixel);
            let colour = rgba(pixel);
            if let Err(place) = colours.binary_search_by_key(&order(colour), |colour| order(*colour)) {
                if colours.len() == MOST {
                    return None;
                }
                colours.insert(place, colour);
            }
        }
        let depth = match colours.len() {
            0..=2 => 1,
            3..=4 => 2,
            5..=16 => 4,
            _ => 8,
        };
        Some(Self { colours, depth })
    }

    /// Red, green and blue of each colour.
    pub(super) fn rgb(&self) -> Vec<u8> {
        self.colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect()
    }

    /// Alpha of the colours that are not opaque, if there are any.
    pub(super) fn alpha(&self) -> Option<Vec<u8>> {
        let alpha: Vec<u8> =
            self.colours.iter().map(|colour| colour[3]).take_while(|alpha| *alpha < 255).collect();
        (!alpha.is_empty()).then_some(alpha)
    }

    /// A row of pixels of `N` samples, packed from the highest bit on (W3C PNG, 7.2).
    pub(super) fn pack<const N: usize>(&self, row: &[u8], out: &mut Vec<u8>) {
        let per_byte = 8 / usize::from(self.depth);
        let mut last = (None, 0);
        for pixels in row.as_chunks::<N>().0.chunks(per_byte) {
            let mut byte = 0;
            for (place, pixel) in pixels.iter().enumerate() {
                if last.0 != Some(pixel) {
                    let colour = order(rgba(pixel));
                    let index = self.colours.binary_search_by_key(&colour, |colour| order(*colour));
                    last = (Some(pixel), index.unwrap_or_default());
                }
                byte |= last.1 << (8 - usize::from(self.depth) * (place + 1));
            }
            out.push(byte as u8);
        }
    }
}
