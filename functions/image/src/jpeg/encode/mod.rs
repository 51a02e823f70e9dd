//! Writes JPEG with optimised Huffman tables: baseline, or progressive.
//!
//! A baseline file has all components in one interleaved scan: some decoders misread what comes in scans of
//! its own.

mod baseline;
mod code;
mod progressive;
mod quantise;
mod write;

use super::transform;
use crate::pixels::Plane;
use quantise::Quantiser;
use write::Writer;

/// How a picture is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// On the scale of the Independent JPEG Group, 1 to 100.
    pub(crate) quality: u8,
    /// In many scans, from coarse to fine. It takes two bytes of memory a sample; the pixels are the same.
    pub(crate) progressive: bool,
}

/// Encodes a picture of one plane, or of three whose chroma has half the luma's size, rounded up.
///
/// `stop` is asked once a row of blocks; `None` says that it said so.
pub(crate) fn encode(planes: &[Plane], options: Options, stop: &dyn Fn() -> bool) -> Option<Vec<u8>> {
    let tables = quantise::tables(options.quality);
    let blocks = Blocks { planes, quantisers: tables.each_ref().map(Quantiser::new) };
    let file = Writer::new(planes, &tables, options.progressive);
    if options.progressive {
        progressive::encode(&blocks, file, stop)
    } else {
        baseline::encode(&blocks, file, stop)
    }
}

/// A picture as its blocks.
struct Blocks<'a> {
    planes: &'a [Plane],
    /// Of luma and of chroma.
    quantisers: [Quantiser; 2],
}

impl Blocks<'_> {
    /// Minimum coded units of an interleaved scan, across and down.
    fn units(&self) -> (usize, usize) {
        let (luma, side) = (&self.planes[0], 8 * self.side(0));
        (luma.width.div_ceil(side), luma.height.div_ceil(side))
    }

    /// Blocks that a unit has of a component, across and down.
    fn side(&self, component: usize) -> usize {
        if component == 0 && self.planes.len() == 3 { 2 } else { 1 }
    }

    /// Places of the blocks that the unit at `x`, `y` has of a component.
    fn of_unit(&self, component: usize, x: usize, y: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let side = self.side(component);
        (0..side * side).map(move |block| (x * side + block % side, y * side + block / side))
    }

    /// The coefficients of a block in rows, and which of them are not zero.
    #[inline]
    fn quantised(&self, component: usize, bx: usize, by: usize) -> ([i16; 64], u64) {
        let samples = fetch(&self.planes[component], bx, by);
        self.quantisers[usize::from(component > 0)].apply(&transform::forward_8(&samples))
    }
}

/// The 8x8 samples at a block's place; what lies outside the plane repeats its edge.
#[inline]
fn fetch(plane: &Plane, bx: usize, by: usize) -> [[u8; 8]; 8] {
    let (x, y) = (bx * 8, by * 8);
    let mut out = [[0; 8]; 8];
    for (line, out) in out.iter_mut().enumerate() {
        let start = (y + line).min(plane.height - 1) * plane.width;
        let row = &plane.data[start..start + plane.width];
        if let Some(samples) = row.get(x..).and_then(|rest| rest.first_chunk::<8>()) {
            *out = *samples;
        } else {
            for (column, out) in out.iter_mut().enumerate() {
                *out = row[(x + column).min(plane.width - 1)];
            }
        }
    }
    out
}

/// How many bits a value needs, and those bits (T.81, F.1.2.1).
#[inline]
fn category(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 { value - 1 } else { value };
    (size, bits as u32 & ((1 << size) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::decode::decode;

    fn noise(width: usize, height: usize, scale: (f64, f64), amplitude: u32) -> Plane {
        let mut state = 1u32;
        let data = (0..width * height).map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((i / 7 % 200) as u32 + (state >> 16) % amplitude).min(255) as u8
        });
        Plane { width, height, scale, data: data.collect() }
    }

    fn check(width: usize, height: usize, quality: u8, amplitude: u32, tolerance: f64) {
        let half = (width.div_ceil(2), height.div_ceil(2));
        let planes = [
            noise(width, height, (1.0, 1.0), amplitude),
            noise(half.0, half.1, (0.5, 0.5), amplitude),
            noise(half.0, half.1, (0.5, 0.5), amplitude),
        ];
        for planes in [&planes[..], &planes[..1]] {
            let write = |progressive| {
                encode(planes, Options { quality, progressive }, &|| false).expect("nobody says stop")
            };
            let file = write(false);
            let back = decode(&file, 8, 1, &|| false).expect("it is a JPEG");
            assert_eq!(decode(&write(true), 8, 10, &|| false).as_ref(), Ok(&back), "{width}x{height}");
            for (was, is) in planes.iter().zip(&back) {
                assert_eq!((was.width, was.height), (is.width, is.height));
                let sum: f64 =
                    was.data.iter().zip(&is.data).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
                let error = (sum / was.data.len() as f64).sqrt();
                assert!(error < tolerance, "{width}x{height} at {quality}: off by {error}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (width, height) in [(1, 1), (7, 9), (16, 16), (17, 33), (250, 99)] {
            check(width, height, 100, 40, 1.0);
            check(width, height, 90, 2, 8.0);
        }
    }

    #[test]
    fn pictures_with_more_symbols_than_are_gathered_are_whole() {
        check(700, 300, 100, 255, 1.0);
    }

    #[test]
    fn progressive_is_not_larger() {
        for quality in [40, 80, 95] {
            let planes = [
                noise(400, 300, (1.0, 1.0), 30),
                noise(200, 150, (0.5, 0.5), 3),
                noise(200, 150, (0.5, 0.5), 3),
            ];
            for planes in [&planes[..], &planes[..1]] {
                let length = |progressive| {
                    encode(planes, Options { quality, progressive }, &|| false).map_or(0, |file| file.len())
                };
                assert!(length(true) < length(false) * 101 / 100, "{} of {}", length(true), length(false));
            }
        }
    }

    #[test]
    fn stops_when_told() {
        for progressive in [false, true] {
            let patience = std::cell::Cell::new(0);
            let stop = || {
                patience.set(patience.get() - 1);
                patience.get() < 0
            };
            let options = Options { quality: 80, progressive };
            let mut asked = 0;
            let plane = noise(64, 64, (1.0, 1.0), 2);
            loop {
                patience.set(asked);
                if encode(std::slice::from_ref(&plane), options, &stop).is_some() {
                    break;
                }
                asked += 1;
            }
            // Eight rows; twice for each of six scans, and once for the transform.
            assert_eq!(asked, if progressive { 8 * 13 } else { 8 });
        }
    }
}
