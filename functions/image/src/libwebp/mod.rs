//! The few calls of libwebp that this crate makes, as safe functions.
//!
//! The only module with unsafe code besides none: libwebp is C. Its rules are few, and each block says how it
//! keeps them: a buffer must be as long as stride times rows, structures must be set up by their own
//! initialisers, and what libwebp allocated must be freed by libwebp. Nothing here keeps a pointer after the
//! call, and no call shares one between threads.
#![expect(unsafe_code, reason = "libwebp is a C library; each block argues for itself")]

mod animation;
mod decode;
mod encode;

pub(crate) use animation::Animation;
pub(crate) use decode::{Status, decode_rgb, decode_rgba, decode_yuv};
pub(crate) use encode::{Quality, Unwritten, encode_packed, encode_yuv};
