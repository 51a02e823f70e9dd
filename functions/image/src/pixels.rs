//! What passes between decoders, the resampler and encoders.
//!
//! The seam is this one enum. A decoder hands over whichever form it has, and no form is converted to another
//! unless an encoder needs it: planar YCbCr goes from a JPEG to a JPEG or a WebP without ever being RGB.

use crate::colour::Space;

/// A picture, in one of five forms. All are 8 bits a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// One plane of grey.
    Grey(Plane),
    /// Three planes: Y, Cb, Cr, full range, BT.601 as JFIF has it. Chroma may have fewer samples than luma.
    Ycc(Box<[Plane; 3]>),
    /// Interleaved red, green, blue.
    Rgb(Packed),
    /// Interleaved red, green, blue, alpha; not premultiplied.
    Rgba(Packed),
    /// Interleaved cyan, magenta, yellow, black; 255 is all of the ink. Only decoders give it: the colour stage
    /// makes red, green and blue of it before anything is written.
    Cmyk(Packed),
}

impl Pixels {
    /// Width and height, in pixels of this picture.
    pub fn size(&self) -> (u32, u32) {
        let (width, height) = match self {
            Self::Grey(grey) => (grey.width, grey.height),
            Self::Ycc(planes) => (planes[0].width, planes[0].height),
            Self::Rgb(packed) | Self::Rgba(packed) | Self::Cmyk(packed) => (packed.width, packed.height),
        };
        (width as u32, height as u32)
    }

    /// What the samples are amounts of.
    pub(crate) fn space(&self) -> Space {
        match self {
            Self::Grey(_) => Space::Grey,
            Self::Ycc(_) | Self::Rgb(_) | Self::Rgba(_) => Space::Rgb,
            Self::Cmyk(_) => Space::Cmyk,
        }
    }
}

/// One plane of samples, without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Samples per pixel of the picture, across and down: 0.5 for the chroma of 4:2:0, less where a decoder
    /// shrank. `width` is the picture's width times this, rounded up.
    pub scale: (f64, f64),
    /// `width * height` samples.
    pub data: Vec<u8>,
}

/// Interleaved samples, without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Pixels here per pixel of the picture, across and down: less than 1 where it was shrunk.
    pub scale: (f64, f64),
    /// `width * height` pixels of 3 or 4 samples.
    pub data: Vec<u8>,
}

impl Plane {
    /// A plane of zeros for a picture of `width` by `height` pixels.
    #[cfg(any(feature = "jpeg", feature = "webp"))]
    pub(crate) fn new(width: u32, height: u32, scale: (f64, f64)) -> Self {
        let side = |pixels: u32, scale: f64| (f64::from(pixels) * scale).ceil().max(1.0) as usize;
        let (width, height) = (side(width, scale.0), side(height, scale.1));
        Self { width, height, scale, data: vec![0; width * height] }
    }
}

/// Full-range BT.601 (JFIF 1.02, section 7), in 16-bit fixed point.
pub(crate) const fn fix(x: f64) -> i32 {
    (x * 65536.0 + 0.5) as i32
}

/// Luma of one pixel.
pub(crate) fn luma(r: i32, g: i32, b: i32) -> u8 {
    ((fix(0.299) * r + fix(0.587) * g + fix(0.114) * b + 32768) >> 16) as u8
}

/// Chroma of the sum of `1 << log2` pixels.
pub(crate) fn chroma(r: i32, g: i32, b: i32, log2: u32) -> (u8, u8) {
    let shift = 16 + log2;
    let bias = (128 << shift) + (1 << (shift - 1)) - 1;
    let cb = (-fix(0.168_735_892) * r - fix(0.331_264_108) * g + fix(0.5) * b + bias) >> shift;
    let cr = (fix(0.5) * r - fix(0.418_687_589) * g - fix(0.081_312_411) * b + bias) >> shift;
    (cb as u8, cr as u8)
}

/// Red, green and blue of one pixel.
pub(crate) fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    let byte = |x: i32| ((x + 32768) >> 16).clamp(0, 255) as u8;
    [
        byte(y + fix(1.402) * cr),
        byte(y - fix(0.344_136_286) * cb - fix(0.714_136_286) * cr),
        byte(y + fix(1.772) * cb),
    ]
}

/// Interleaves three planes of one size as RGB.
pub(crate) fn interleave(planes: &[Plane; 3]) -> Packed {
    let [y, cb, cr] = planes;
    let mut data = vec![0; y.data.len() * 3];
    let samples = y.data.iter().zip(&cb.data).zip(&cr.data);
    for (pixel, ((y, cb), cr)) in data.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
        *pixel = rgb(*y, *cb, *cr);
    }
    Packed { width: y.width, height: y.height, scale: y.scale, data }
}

/// Luma, and chroma of half the size, of pixels of `N` samples; alpha is laid on white.
pub(crate) fn separate<const N: usize>(packed: &Packed) -> [Plane; 3] {
    let (width, height) = (packed.width, packed.height);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let half_scale = (packed.scale.0 / 2.0, packed.scale.1 / 2.0);
    let mut y = vec![0; width * height];
    let mut cb = vec![0; half_width * half_height];
    let mut cr = cb.clone();
    let flat = |pixel: &[u8; N]| -> [i32; 3] {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
        if N == 3 {
            return [r, g, b];
        }
        let alpha = i32::from(pixel[N - 1]);
        [r, g, b].map(|sample| (sample * alpha + 255 * (255 - alpha) + 127) / 255)
    };
    let pixels = packed.data.as_chunks::<N>().0;
    let mut sums = vec![[0i32; 3]; half_width];
    for (row, (pixels, lumas)) in pixels.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
        for ((pixels, lumas), sums) in pixels.chunks(2).zip(lumas.chunks_mut(2)).zip(&mut sums) {
            let first = flat(&pixels[0]);
            lumas[0] = luma(first[0], first[1], first[2]);
            let second = pixels.get(1).map_or(first, flat);
            if let Some(y) = lumas.get_mut(1) {
                *y = luma(second[0], second[1], second[2]);
            }
            for (sum, (a, b)) in sums.iter_mut().zip(first.iter().zip(second)) {
                *sum += a + b;
            }
        }
        // A last row without a partner counts twice.
        let alone = row + 1 == height && row % 2 == 0;
        if row % 2 == 1 || alone {
            let start = row / 2 * half_width;
            for (index, sum) in sums.iter_mut().enumerate() {
                let [r, g, b] = if alone { sum.map(|s| s * 2) } else { *sum };
                (cb[start + index], cr[start + index]) = chroma(r, g, b, 2);
                *sum = [0; 3];
            }
        }
    }
    let plane = |data, width, height, scale| Plane { width, height, scale, data };
    [
        plane(y, width, height, packed.scale),
        plane(cb, half_width, half_height, half_scale),
        plane(cr, half_width, half_height, half_scale),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_survive_ycc() {
        for r in (0..=255u8).step_by(5) {
            for g in (0..=255u8).step_by(5) {
                for b in (0..=255u8).step_by(5) {
                    let scale = (1.0, 1.0);
                    let one = Packed { width: 1, height: 1, scale, data: vec![r, g, b] };
                    let [y, cb, cr] = separate::<3>(&one);
                    let back = rgb(y.data[0], cb.data[0], cr.data[0]);
                    for (was, is) in [r, g, b].into_iter().zip(back) {
                        assert!(was.abs_diff(is) <= 2, "{r} {g} {b} became {back:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn transparency_becomes_white() {
        let data = vec![10, 20, 30, 0, 10, 20, 30, 255];
        let [y, cb, _] = separate::<4>(&Packed { width: 1, height: 2, scale: (1.0, 1.0), data });
        assert_eq!(y.data, [255, luma(10, 20, 30)]);
        assert_eq!((cb.width, cb.height), (1, 1));
    }
}
