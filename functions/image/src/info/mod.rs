//! What the `info` rendition tells of the picture itself: a placeholder and its main colours.
//!
//! Both look at a thumbnail of at most 100 pixels a side, whatever the size of what they are given.

mod colours;
mod description;
mod document;
mod thumbhash;

pub use colours::{DominantColour, dominant_colours};
pub use description::Description;
pub(crate) use document::document;
pub use thumbhash::thumbhash;

use crate::finish::forms::rgba;
use crate::pixels::{Packed, Pixels, Plane, interleave};
use crate::resample::{Crop, Resampler};

/// The longest side of the thumbnail: enough for the main colours, and for a ThumbHash.
pub(crate) const SIDE: u32 = 100;

/// The picture as red, green, blue and alpha, at most 100 pixels wide and high.
fn thumbnail(pixels: &Pixels) -> Packed {
    let (width, height, scale) = match pixels {
        Pixels::Grey(luma) => (luma.width, luma.height, luma.scale),
        Pixels::Ycc(planes) => (planes[0].width, planes[0].height, planes[0].scale),
        Pixels::Rgb(packed) | Pixels::Rgba(packed) | Pixels::Cmyk(packed) => {
            (packed.width, packed.height, packed.scale)
        }
    };
    let longest = width.max(height) as u64;
    let most = u64::from(SIDE);
    if longest <= most {
        return rgba(pixels);
    }
    let side = |pixels: usize| ((pixels as u64 * most + longest / 2) / longest).max(1) as u32;
    let size = (side(width), side(height));
    let whole = Crop { left: 0.0, top: 0.0, width: width as f64 / scale.0, height: height as f64 / scale.1 };
    let mut resampler = Resampler::new();
    let mut plane = |plane: &Plane| resampler.plane(plane, whole, size, (1.0, 1.0));
    rgba(&match pixels {
        Pixels::Grey(luma) => Pixels::Grey(plane(luma)),
        Pixels::Ycc(planes) => Pixels::Rgb(interleave(&planes.each_ref().map(plane))),
        Pixels::Rgb(rgb) => Pixels::Rgb(resampler.packed::<3>(rgb, whole, size, false)),
        Pixels::Rgba(rgba) => Pixels::Rgba(resampler.packed::<4>(rgba, whole, size, true)),
        Pixels::Cmyk(inks) => Pixels::Cmyk(resampler.packed::<4>(inks, whole, size, false)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::flat;

    #[test]
    fn a_thumbnail_is_small_and_keeps_its_colour() {
        for (size, expected) in
            [((1, 1), (1, 1)), ((100, 3), (100, 3)), ((101, 100), (100, 99)), ((500, 2), (100, 1))]
        {
            for (form, picture) in flat(size.0, size.1, [120, 60, 30, 200]).into_iter().enumerate() {
                let small = thumbnail(&picture);
                assert_eq!((small.width, small.height), expected);
                let [r, _, b, alpha] = small.data.as_chunks::<4>().0[0];
                assert!(small.data.as_chunks::<4>().0.iter().all(|pixel| *pixel == [r, pixel[1], b, alpha]));
                assert_eq!(alpha, if form == 4 { 200 } else { 255 });
                assert!(form == 0 || (r.abs_diff(120) <= 2 && b.abs_diff(30) <= 2), "{r} {b}");
            }
        }
    }
}
