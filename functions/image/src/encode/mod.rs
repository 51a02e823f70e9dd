//! Pixels in, a file's bytes out: one file here per format, and one for what carries metadata in WebP.
//!
//! Metadata is written only where it is given, as the format has it and without a look into it. Whatever is
//! written is the same on every run and any number of threads.

use std::borrow::Cow;

use crate::orient::Orientation;
use crate::pixels::{Packed, Pixels, Plane};

#[cfg(feature = "webp")]
mod animation;
#[cfg(feature = "avif")]
mod avif;
#[cfg(feature = "jpeg")]
mod jpeg;
#[cfg(feature = "png")]
mod palette;
#[cfg(feature = "png")]
mod png;
#[cfg(feature = "webp")]
mod riff;
#[cfg(all(test, feature = "avif", feature = "jpeg", feature = "png", feature = "webp"))]
mod tests;
#[cfg(feature = "webp")]
mod webp;

#[cfg(feature = "webp")]
pub(crate) use animation::Animation;
#[cfg(feature = "avif")]
pub(crate) use avif::avif;
#[cfg(feature = "jpeg")]
pub(crate) use jpeg::jpeg;
#[cfg(feature = "png")]
pub(crate) use png::png;
#[cfg(feature = "webp")]
pub(crate) use webp::webp;

/// Why there are no bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    Stopped,
    /// The encoder refused; with what it said.
    Impossible(String),
}

/// How to write, beyond the format.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Of lossy formats, 1 to 100.
    pub(crate) quality: u8,
    /// WebP without loss; quality then has no part.
    pub(crate) lossless: bool,
    /// JPEG in several scans.
    pub(crate) progressive: bool,
}

/// Metadata to carry over: raw blocks, written as the format has them. Nothing by default.
#[derive(Debug, Default)]
pub(crate) struct Metadata<'a> {
    /// A colour profile.
    pub(crate) icc: Option<&'a [u8]>,
    /// A TIFF structure, without `Exif\0\0` before it.
    pub(crate) exif: Option<&'a [u8]>,
}

/// What an encoder says when it refuses.
#[cfg(any(feature = "avif", feature = "png"))]
fn impossible(error: &dyn ToString) -> Unwritten {
    Unwritten::Impossible(error.to_string())
}

/// Turns a picture for viewing; one that stands upright is not copied.
pub(crate) fn turn(pixels: &Pixels, orientation: Orientation) -> Cow<'_, Pixels> {
    if orientation == Orientation::Upright {
        return Cow::Borrowed(pixels);
    }
    let plane = |plane: &Plane| {
        let (data, width, height) = orientation.apply::<1>(&plane.data, plane.width, plane.height);
        Plane { width, height, scale: orientation.swap(plane.scale), data }
    };
    let packed = |packed: &Packed, turned: (Vec<u8>, usize, usize)| {
        let (data, width, height) = turned;
        Packed { width, height, scale: orientation.swap(packed.scale), data }
    };
    Cow::Owned(match pixels {
        Pixels::Grey(grey) => Pixels::Grey(plane(grey)),
        Pixels::Ycc(planes) => Pixels::Ycc(Box::new(planes.each_ref().map(plane))),
        Pixels::Rgb(rgb) => {
            Pixels::Rgb(packed(rgb, orientation.apply::<3>(&rgb.data, rgb.width, rgb.height)))
        }
        Pixels::Rgba(rgba) => {
            Pixels::Rgba(packed(rgba, orientation.apply::<4>(&rgba.data, rgba.width, rgba.height)))
        }
        Pixels::Cmyk(cmyk) => {
            Pixels::Cmyk(packed(cmyk, orientation.apply::<4>(&cmyk.data, cmyk.width, cmyk.height)))
        }
    })
}

/// Planes whose chroma has half the luma's size, as it must have.
#[cfg(any(feature = "avif", feature = "jpeg"))]
fn halved(planes: &[Plane; 3]) -> Result<&[Plane; 3], Unwritten> {
    let [y, cb, cr] = planes;
    let half = (y.width.div_ceil(2), y.height.div_ceil(2));
    if [cb, cr].iter().any(|chroma| (chroma.width, chroma.height) != half) {
        return Err(Unwritten::Impossible("its colours do not have half its size".to_owned()));
    }
    Ok(planes)
}

/// Red, green and blue of planes that all have the picture's size.
#[cfg(any(feature = "png", feature = "webp"))]
fn interleaved(planes: &[Plane; 3]) -> Result<Packed, Unwritten> {
    let [y, cb, cr] = planes;
    if [cb, cr].iter().any(|chroma| (chroma.width, chroma.height) != (y.width, y.height)) {
        return Err(Unwritten::Impossible("its colours have fewer samples than the picture".to_owned()));
    }
    Ok(crate::pixels::interleave(planes))
}
