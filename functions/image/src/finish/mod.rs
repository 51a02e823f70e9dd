//! What is done to a rendition after it was resized and turned, and before it is written.
//!
//! Each step takes [`Pixels`](crate::pixels::Pixels) in whichever form they are and leaves them in it where it can:
//! planes of luma and chroma are never made RGB for it. Inks ([`Pixels::Cmyk`](crate::pixels::Pixels::Cmyk)) never
//! come here; they are left as they are.
//!
//! All arithmetic is of whole numbers, or floating point of the four basic operations and the square root, which
//! are the same on every processor.

pub mod canvas;
pub mod colour_value;
pub mod filter;
pub(crate) mod forms;
mod gaussian;
pub mod gravity;
pub mod grey;
#[cfg(test)]
pub(crate) mod samples;
pub mod watermark;
