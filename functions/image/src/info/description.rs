//! What a header tells of a picture.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::colour::{self, Space};
use crate::decode::Header;
use crate::exif;

/// What is known of a picture without decoding it. Of its metadata it holds what is safe to show: no position, no
/// serial number, nobody's name but the copyright's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Pixels across, as shown.
    pub width: u32,
    /// Pixels down, as shown.
    pub height: u32,
    /// The format, in lower case.
    pub format: String,
    /// The orientation tag of Exif, 1 to 8, which is applied to every rendition.
    pub orientation: u8,
    /// Frames: more than one in an animation.
    pub frames: u32,
    /// Bytes of the file.
    pub bytes: u64,
    /// `grey`, `rgb` or `cmyk`.
    pub colour: &'static str,
    /// Bits per sample.
    pub depth: u8,
    /// Whether pixels may be transparent.
    pub alpha: bool,
    /// A progressive JPEG or an interlaced PNG.
    pub progressive: bool,
    /// How much chroma there is for how much luma, such as `4:2:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<&'static str>,
    /// What its colour profile calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Fields of Exif that are safe to show.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exif: BTreeMap<&'static str, Value>,
}

impl Description {
    /// Of a header, and the bytes of its whole file.
    pub fn of(header: &Header, bytes: u64) -> Self {
        let (width, height) = header.shown();
        let sampling = header.sampling.map(|sampling| match sampling {
            (1, 1) => "4:4:4",
            (2, 1) => "4:2:2",
            (2, 2) => "4:2:0",
            (1, 2) => "4:4:0",
            (4, 1) => "4:1:1",
            (4, 2) => "4:1:0",
            _ => "other",
        });
        Self {
            width,
            height,
            format: header.kind.name().to_ascii_lowercase(),
            orientation: header.orientation.tag(),
            frames: header.frames,
            bytes,
            colour: match header.space() {
                Space::Grey => "grey",
                Space::Rgb => "rgb",
                Space::Cmyk => "cmyk",
            },
            depth: header.depth,
            alpha: header.alpha,
            progressive: header.progressive,
            sampling,
            profile: header
                .icc
                .as_deref()
                .map(|icc| colour::name_of(icc).unwrap_or_else(|| "unnamed".to_owned())),
            exif: header.exif.as_deref().map(exif::safe_fields).unwrap_or_default(),
        }
    }
}
