//! From one form of pixels to another, and what a sample of halved chroma covers.

use std::ops::Range;

use super::colour_value::Colour;
use crate::colour;
use crate::pixels::{Packed, Pixels, Plane, chroma, interleave, luma};
use crate::resample::Resampler;

/// The picture as red, green, blue and alpha.
pub(crate) fn rgba(pixels: &Pixels) -> Packed {
    let widen = |packed: &Packed| {
        let data = packed.data.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        Packed { data, ..*packed }
    };
    match pixels {
        Pixels::Grey(Plane { width, height, scale, data }) => {
            let data = data.iter().flat_map(|y| [*y, *y, *y, 255]).collect();
            Packed { width: *width, height: *height, scale: *scale, data }
        }
        Pixels::Ycc(planes) => {
            let [y, cb, cr] = &**planes;
            let mut resampler = Resampler::new();
            let mut grown = |plane: &Plane| resampler.grow(plane, y.width, y.height);
            widen(&interleave(&[y.clone(), grown(cb), grown(cr)]))
        }
        Pixels::Rgb(rgb) => widen(rgb),
        Pixels::Rgba(rgba) => rgba.clone(),
        Pixels::Cmyk(inks) => widen(&colour::paper(inks)),
    }
}

/// Luma and chroma of one colour.
pub(super) fn ycc([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(i32::from);
    let (cb, cr) = chroma(r, g, b, 0);
    [luma(r, g, b), cb, cr]
}

impl Colour {
    pub(super) fn rgb(self) -> [u8; 3] {
        [self.r, self.g, self.b]
    }
}

/// `upper` over `lower`, with `alpha` of 255.
pub(super) fn mix(lower: u8, upper: u8, alpha: u8) -> u8 {
    let (lower, upper, alpha) = (u32::from(lower), u32::from(upper), u32::from(alpha));
    ((lower * (255 - alpha) + upper * alpha + 127) / 255) as u8
}

/// The sample, of `samples` in a row of `pixels`, that covers a pixel.
pub(super) fn sample_of(pixel: usize, samples: usize, pixels: usize) -> usize {
    pixel * samples / pixels
}

/// The pixels, of `pixels` in a row of `samples`, that a sample covers.
pub(super) fn pixels_of(sample: usize, samples: usize, pixels: usize) -> Range<usize> {
    (sample * pixels).div_ceil(samples)..((sample + 1) * pixels).div_ceil(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::every_form;

    #[test]
    fn samples_and_pixels_agree() {
        for pixels in 1..40usize {
            for samples in [pixels, pixels.div_ceil(2), pixels.div_ceil(4)] {
                let mut next = 0;
                for sample in 0..samples {
                    let range = pixels_of(sample, samples, pixels);
                    assert_eq!(range.start, next);
                    assert!(range.clone().all(|pixel| sample_of(pixel, samples, pixels) == sample));
                    next = range.end;
                }
                assert_eq!(next, pixels);
            }
            assert!(pixels_of(0, pixels.div_ceil(2), pixels) == (0..pixels.min(2)));
        }
    }

    #[test]
    fn every_form_has_colours_and_alpha() {
        let Some(Pixels::Rgba(expected)) = every_form(5, 3).pop() else { panic!("the last has alpha") };
        for picture in every_form(5, 3) {
            let made = rgba(&picture);
            assert_eq!((made.width, made.height, made.data.len()), (5, 3, 60));
            if let Pixels::Rgb(_) = picture {
                for (made, expected) in
                    made.data.as_chunks::<4>().0.iter().zip(expected.data.as_chunks::<4>().0)
                {
                    assert_eq!((made[..3].to_vec(), made[3]), (expected[..3].to_vec(), 255));
                }
            }
        }
    }
}
