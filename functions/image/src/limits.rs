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
    /// Bytes of a colour profile, and of an Exif block, each.
    pub metadata_bytes: u64,
    /// Frames of an animation, whether all of them are wanted or the first alone.
    pub frames: u32,
    /// Pixels of all frames together, where all are wanted: frames times width times height.
    pub frame_pixels: u64,
}

impl Default for Limits {
    /// 256 MiB, 100 megapixels in, 100 megapixels out, 100 scans, 4 MiB of metadata, 1,000 frames, 2,000
    /// megapixels of frames.
    fn default() -> Self {
        Self {
            input_bytes: 256 << 20,
            pixels: 100_000_000,
            output_pixels: 100_000_000,
            scans: 100,
            metadata_bytes: 4 << 20,
            frames: 1_000,
            frame_pixels: 2_000_000_000,
        }
    }
}
