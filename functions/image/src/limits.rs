//! What an image may ask for before it is refused.
//!
//! Every limit is compared with what the header claims, before a pixel exists.

/// Bounds on one image. What is above a bound is [`crate::Reject::TooLarge`], never tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub input_bytes: u64,
    /// Pixels of the picture as stored: width times height.
    pub pixels: u64,
    /// Pixels of one rendition.
    pub output_pixels: u64,
    /// Scans of a progressive JPEG: each one costs a walk over the whole picture.
    pub scans: u32,
}

impl Default for Limits {
    /// 256 MiB, 100 megapixels in, 100 megapixels out, 100 scans.
    fn default() -> Self {
        Self { input_bytes: 256 << 20, pixels: 100_000_000, output_pixels: 100_000_000, scans: 100 }
    }
}
