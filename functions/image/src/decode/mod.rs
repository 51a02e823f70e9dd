//! The seam: a file's bytes in, a [`Header`] and then [`Pixels`] out. One module per format.
//!
//! The header comes first and costs no more than a walk over the file's segments; limits are compared with it
//! before a pixel is allocated. A format may decode at less than full size, if asked for it.

mod animation;
#[cfg(feature = "bmp")]
mod bmp;
#[cfg(feature = "gif")]
mod gif;
#[cfg(feature = "jpeg")]
mod jpeg;
#[cfg(any(feature = "gif", feature = "bmp"))]
mod library;
mod metadata;
#[cfg(feature = "png")]
mod png;
#[cfg(feature = "tiff")]
mod tiff;
#[cfg(feature = "webp")]
mod webp;

use std::sync::Arc;

use crate::colour::{Profile, Space};
use crate::limits::Limits;
use crate::orient::Orientation;
use crate::pixels::Pixels;
use crate::reject::{Failure, Reject};
use crate::sniff::{self, Kind};

pub use animation::{Frame, Frames, frames, frames_memory};

/// What a file says about its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub kind: Kind,
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// How it is to be shown.
    pub orientation: Orientation,
    /// Samples per pixel as stored: 1 to 4.
    pub channels: u8,
    /// Whether any pixel may be transparent.
    pub alpha: bool,
    /// Bits per sample.
    pub depth: u8,
    /// A progressive JPEG or an interlaced PNG.
    pub progressive: bool,
    /// For JPEG with chroma: luma samples per chroma sample, across and down, rounded down; (2, 2) is 4:2:0.
    pub sampling: Option<(u8, u8)>,
    /// The colour profile that it carries, as the file has it (ICC.1), unchecked.
    pub icc: Option<Arc<[u8]>>,
    /// The Exif block that it carries, from its TIFF header on, unchecked. A TIFF has no such block: it is one.
    pub exif: Option<Arc<[u8]>>,
    /// Frames: more than one in an animation.
    pub frames: u32,
    /// How often an animation is played, 0 for ever. Anything else is 1.
    pub loops: u32,
    /// Whether its colours are not sRGB, so that they have to be converted: it has a profile that says so.
    pub managed: bool,
    /// What lies beyond the bytes that were given, so that nothing above tells of it.
    pub(crate) unread: Unread,
    /// What decoding at full size takes, and at 1/2, 1/4, 1/8: what the cost is made of.
    pub(crate) decoding: [Memory; 4],
    /// Samples per pixel of what is decoded: 1 for grey, 3 or 4.
    pub(crate) samples: u64,
    /// Whether what is decoded is planes of luma and chroma.
    pub(crate) planar: bool,
}

/// What a file's beginning leaves open: a prediction has to assume the worst. Of a whole file, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    /// A colour profile is there, or may be.
    pub(crate) icc: bool,
    /// An Exif block is there, or may be, and with it an orientation.
    pub(crate) exif: bool,
    /// There may be more frames.
    pub(crate) frames: bool,
}

impl Header {
    /// A still picture of 8 bits a sample, of which nothing else is known yet.
    pub(crate) fn new(kind: Kind, width: u32, height: u32) -> Self {
        Self {
            kind,
            width,
            height,
            orientation: Orientation::Upright,
            channels: 3,
            alpha: false,
            depth: 8,
            progressive: false,
            sampling: None,
            icc: None,
            exif: None,
            frames: 1,
            loops: 1,
            managed: false,
            unread: Unread::default(),
            decoding: [Memory::default(); 4],
            samples: 3,
            planar: false,
        }
    }

    /// Width and height as shown.
    pub fn shown(&self) -> (u32, u32) {
        self.orientation.swap((self.width, self.height))
    }

    /// What its samples are amounts of.
    pub(crate) fn space(&self) -> Space {
        match self.samples {
            1 => Space::Grey,
            4 if self.channels == 4 && !self.alpha => Space::Cmyk,
            _ => Space::Rgb,
        }
    }

    /// Width times height.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Bytes that a decoder takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// At most, while it works.
    pub(crate) peak: u64,
    /// For what it hands over.
    pub(crate) kept: u64,
}

/// Reads the header and compares it with the limits.
///
/// A file's beginning is enough, for as much as it holds: where an orientation comes after the picture (PNG,
/// WebP), only the whole file tells it.
pub fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let kind = sniff::content(data);
    let mut header = match kind {
        #[cfg(feature = "jpeg")]
        Some(Kind::Jpeg) => jpeg::header(data, limits)?,
        #[cfg(feature = "png")]
        Some(Kind::Png) => png::header(data, limits)?,
        #[cfg(feature = "webp")]
        Some(Kind::Webp) => webp::header(data, limits)?,
        #[cfg(feature = "gif")]
        Some(Kind::Gif) => gif::header(data, limits)?,
        #[cfg(feature = "tiff")]
        Some(Kind::Tiff) => tiff::header(data, limits)?,
        #[cfg(feature = "bmp")]
        Some(Kind::Bmp) => bmp::header(data, limits)?,
        Some(kind) => return Err(Reject::Unsupported(kind.name().to_owned())),
        None => return Err(Reject::NotAnImage { claim: "an image".to_owned(), is: None }),
    };
    check(data, &header, limits)?;
    header.managed = header.icc.as_deref().is_some_and(|icc| Profile::read(icc, header.space()).is_some());
    Ok(header)
}

fn check(data: &[u8], header: &Header, limits: &Limits) -> Result<(), Reject> {
    if data.len() as u64 > limits.input_bytes {
        return Err(Reject::TooLarge {
            what: format!("the file has {} bytes", data.len()),
            limit: limits.input_bytes.to_string(),
        });
    }
    if header.pixels() > limits.pixels {
        let (width, height) = (header.width, header.height);
        return Err(Reject::TooLarge {
            what: format!("{width} x {height} pixels are {} megapixels", megapixels(header.pixels())),
            limit: megapixels(limits.pixels),
        });
    }
    if header.frames > limits.frames {
        let what = format!("it has {} frames", header.frames);
        return Err(Reject::TooLarge { what, limit: limits.frames.to_string() });
    }
    Ok(())
}

/// Megapixels with at most one digit after the point.
pub(crate) fn megapixels(pixels: u64) -> String {
    let tenths = pixels.saturating_add(50_000) / 100_000;
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// How much smaller a format is asked to decode: each side at 1, 1/2, 1/4 or 1/8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shrink {
    /// Full size.
    #[default]
    None = 0,
    /// Half of each side.
    Half = 1,
    /// A quarter of each side.
    Quarter = 2,
    /// An eighth of each side.
    Eighth = 3,
}

/// Decodes. A format that cannot shrink gives full size: the planes' scale tells what was done.
pub fn decode(
    data: &[u8],
    header: &Header,
    limits: &Limits,
    shrink: Shrink,
    stop: &dyn Fn() -> bool,
) -> Result<Pixels, Failure> {
    check(data, header, limits)?;
    if stop() {
        return Err(Failure::Stopped);
    }
    match header.kind {
        #[cfg(feature = "jpeg")]
        Kind::Jpeg => jpeg::decode(data, limits, shrink, stop),
        #[cfg(feature = "png")]
        Kind::Png => png::decode(data, header, stop),
        #[cfg(feature = "webp")]
        Kind::Webp => webp::decode(data, header),
        #[cfg(feature = "gif")]
        Kind::Gif => gif::decode(data, header),
        #[cfg(feature = "tiff")]
        Kind::Tiff => tiff::decode(data, header, stop),
        #[cfg(feature = "bmp")]
        Kind::Bmp => bmp::decode(data, header),
        kind => {
            let _ = shrink;
            Err(Reject::Unsupported(kind.name().to_owned()).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn megapixels_are_short() {
        assert_eq!(megapixels(100_000_000), "100");
        assert_eq!(megapixels(65_000 * 65_000), "4225");
        assert_eq!(megapixels(12_345_678), "12.3");
        assert_eq!(megapixels(9), "0");
    }
}
