//! The `info` rendition itself.

use serde::Serialize;

use super::{Description, DominantColour, dominant_colours, thumbhash};
use crate::decode::Header;
use crate::pixels::Pixels;

/// A JSON document.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    description: Description,
    colours: Vec<DominantColour>,
    thumbhash: String,
}

/// What is told of a picture: its header, the bytes of its file, and its pixels, however small, as shown.
pub(crate) fn document(header: &Header, bytes: u64, pixels: &Pixels) -> Vec<u8> {
    let document = Document {
        description: Description::of(header, bytes),
        colours: dominant_colours(pixels),
        thumbhash: thumbhash(pixels),
    };
    serde_json::to_vec(&document).unwrap_or_default()
}
