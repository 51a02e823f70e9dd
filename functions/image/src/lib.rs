//! Decodes an image once and writes every configured rendition.
//!
//! - In: an object whose bytes sniff as JPEG, PNG, WebP, GIF, TIFF or BMP.
//! - Out: one file per rendition: JPEG, WebP, PNG, or a JSON document about the original.
//! - Limits: input bytes, megapixels, scans; from the header, before pixels exist.
//! - Faults: [`Reject`] if broken, too large or not readable.
//! - Sources: ITU-T T.81, W3C PNG (third edition), RFC 9649. Peer: libvips, by way of sharp.
//!
//! Everything here is pure: bytes in, values out. A host sniffs ([`sniff::decide`]), reads the header
//! ([`decode::header`]), asks what the work will cost ([`Plan::cost`]) and has it done ([`Plan::render`]).
//!
//! It never reads or writes a file, never keeps metadata, never enlarges a picture, and never converts planar
//! YCbCr to RGB unless a PNG is asked for.
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `avif` | yes | AVIF out (rav1e) |
//! | `jpeg` | yes | JPEG in and out |
//! | `png` | yes | PNG in and out |
//! | `webp` | yes | WebP in and out (libwebp, built with the C compiler) |
//! | `gif` | yes | GIF in |
//! | `tiff` | yes | TIFF in |
//! | `bmp` | yes | BMP in |

#![cfg_attr(
    not(all(
        feature = "avif",
        feature = "jpeg",
        feature = "png",
        feature = "webp",
        feature = "gif",
        feature = "tiff",
        feature = "bmp"
    )),
    allow(dead_code, unused_variables, unreachable_code, reason = "what only the missing formats need")
)]

mod byte_order;
mod colour;
pub mod config;
pub mod cost;
pub mod decode;
mod encode;
pub mod exif;
pub mod finish;
mod function;
pub mod info;
#[cfg(feature = "jpeg")]
mod jpeg;
#[cfg(feature = "webp")]
mod libwebp;
pub mod limits;
pub mod orient;
pub mod pixels;
mod reject;
pub mod render;
mod resample;
pub mod sniff;

pub use config::Config;
pub use cost::Cost;
pub use decode::Header;
pub use function::Image;
pub use limits::Limits;
pub use reject::{Failure, Reject};
pub use render::{Plan, Rendition};

/// Raised whenever the same input and configuration give other bytes than before. Golden results guard it.
pub const OUTPUT_VERSION: u32 = 2;
