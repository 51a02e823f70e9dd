//! What is read by the crate `image`: one picture from a decoder of it, under the limits of this crate.
//!
//! Never through `DynamicImage`, which knows no limits: size and bytes are compared with the header first.

use std::io::ErrorKind;

use image::error::ImageError;
use image::{ColorType, ImageDecoder};

use super::Header;
use crate::pixels::{Packed, Pixels};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

/// Why the library gave up, in words that name what the file is.
pub(super) fn reject(error: &ImageError, kind: Kind) -> Reject {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Reject::Truncated { kind },
        ImageError::IoError(_) | ImageError::Decoding(_) => {
            Reject::broken(kind, "its data is damaged or contradicts its header")
        }
        ImageError::Limits(_) => Reject::broken(kind, "it needs more memory than its header says"),
        _ => Reject::Unsupported(format!("this form of {kind}")),
    }
}

/// What the library may allocate for a picture, as the header's prediction has it.
pub(super) fn limits(header: &Header) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(header.decoding[0].peak);
    limits
}

/// Decodes the picture that the header speaks of.
pub(super) fn read(mut decoder: impl ImageDecoder, header: &Header) -> Result<Pixels, Failure> {
    let kind = header.kind;
    if decoder.dimensions() != (header.width, header.height) {
        return Err(Reject::broken(kind, "its size is not the one that its header says").into());
    }
    decoder.set_limits(limits(header)).map_err(|error| reject(&error, kind))?;
    let (colour, bytes) = (decoder.color_type(), decoder.total_bytes());
    if bytes > header.decoding[0].peak {
        return Err(Reject::broken(kind, "it needs more memory than its header says").into());
    }
    let mut data = vec![0; bytes as usize];
    decoder.read_image(&mut data).map_err(|error| reject(&error, kind))?;
    let (width, height, scale) = (header.width as usize, header.height as usize, (1.0, 1.0));
    let packed = |data| Packed { width, height, scale, data };
    Ok(match colour {
        ColorType::Rgb8 => Pixels::Rgb(packed(data)),
        ColorType::Rgba8 => Pixels::Rgba(packed(data)),
        _ => return Err(Reject::Unsupported(format!("this form of {kind}")).into()),
    })
}
