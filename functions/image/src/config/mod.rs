//! What a user may write under a stage of type `image`: keys, defaults, schema. What fits together says `check`.

mod check;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finish::colour_value::Colour;
use crate::finish::gravity::Gravity;
use crate::finish::watermark::WatermarkConfig;

/// The configuration of the image function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The renditions to make of each image, all from one decode.
    #[schemars(length(min = 1))]
    pub renditions: Vec<RenditionConfig>,
    /// The metadata to carry over into every rendition. All else is stripped, a GPS position always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Keep>,
}

/// Metadata that may be carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The Exif fields Artist and Copyright, and nothing else of Exif.
    Copyright,
    /// The colour profile, and with it the colours as they are; without it they are converted to sRGB.
    Icc,
}

/// One rendition. Without width and height the picture keeps its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenditionConfig {
    /// The name: it becomes `{rendition}` in the output's key. Letters, digits, `_` and `-`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: String,
    /// The file format.
    pub format: Format,
    /// At most this many pixels wide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub width: Option<u32>,
    /// At most this many pixels high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub height: Option<u32>,
    /// How the picture meets width and height: `inside` (the default) keeps all of it, `cover` fills the box
    /// and crops what stands out, `contain` keeps all of it and fills the rest of the box with the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// What `cover` keeps and where `contain` puts the picture. The default is `centre`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gravity: Option<Gravity>,
    /// What fills the rest of the box of `contain`, and lies below transparent pixels. The default is nothing,
    /// or white in a JPEG, which has no transparency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// Whether a picture smaller than width and height is enlarged. The default is false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub enlarge: bool,
    /// The quality of `jpeg`, `webp` and `avif`, 1 to 100. The default is 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u8>,
    /// A `webp` without loss. The default is false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lossless: bool,
    /// A `jpeg` that comes up whole at once, then finer. The default is false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub progressive: bool,
    /// Which frames of an animation: `all` (the default of `webp`) or the `first` (of all other formats).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameChoice>,
    /// Without colours. The default is false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub grey: bool,
    /// Blurred: the standard deviation of the Gaussian in pixels, 0.3 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.3, max = 50.0))]
    pub blur: Option<f64>,
    /// Sharpened: the standard deviation of the mask in pixels, 0.3 to 10. 0.5 to 1 suit small renditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.3, max = 10.0))]
    pub sharpen: Option<f64>,
    /// A text or a picture laid on the rendition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<WatermarkConfig>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl RenditionConfig {
    /// A rendition of the picture's own size, and otherwise of the defaults.
    pub fn new(name: impl Into<String>, format: Format) -> Self {
        Self {
            name: name.into(),
            format,
            width: None,
            height: None,
            fit: None,
            gravity: None,
            background: None,
            enlarge: false,
            quality: None,
            lossless: false,
            progressive: false,
            frames: None,
            grey: false,
            blur: None,
            sharpen: None,
            watermark: None,
        }
    }

    /// The quality that was asked for, or the format's default.
    pub fn quality(&self) -> u8 {
        self.quality.unwrap_or(80)
    }

    /// Whether it shows every frame of an animation.
    pub fn moves(&self) -> bool {
        self.format == Format::Webp && self.frames != Some(FrameChoice::First)
    }

    /// Whether it takes chroma of full size: the others take half of it, across and down.
    pub(crate) fn full_chroma(&self, (width, height): (u32, u32)) -> bool {
        match self.format {
            Format::Png | Format::Info => true,
            // libwebp halves colours by the light that they are, which is seen in small pictures and costs time
            // in large ones.
            Format::Webp => self.lossless || u64::from(width) * u64::from(height) <= SMALL_WEBP,
            Format::Jpeg | Format::Avif => false,
        }
    }
}

/// The most pixels of a lossy WebP whose colours libwebp halves itself.
const SMALL_WEBP: u64 = 1 << 19;

/// What a rendition is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, 4:2:0; transparency becomes the background.
    Jpeg,
    /// WebP; keeps transparency and animation.
    Webp,
    /// PNG, 8 bits per channel; keeps transparency.
    Png,
    /// AVIF, 8 bits per channel; keeps transparency. The smallest, and by far the dearest to make.
    Avif,
    /// A small JSON document about the original.
    Info,
}

/// How a picture meets a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of the picture, as large as the box allows.
    #[default]
    Inside,
    /// All of the box, filled; what stands out of the picture is cropped.
    Cover,
    /// All of the box and all of the picture; the rest is background.
    Contain,
}

/// Which frames of an animation are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FrameChoice {
    /// The first alone: a still picture.
    First,
    /// All of them: an animation, if the original is one.
    All,
}

impl Format {
    /// The extension of its files, without the dot.
    pub fn ext(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Png => "png",
            Self::Avif => "avif",
            Self::Info => "json",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Png => "image/png",
            Self::Avif => "image/avif",
            Self::Info => "application/json",
        }
    }

    /// The longest side that the format can hold.
    pub fn longest_side(self) -> u32 {
        match self {
            Self::Webp => 16_383,
            Self::Jpeg | Self::Png | Self::Avif | Self::Info => 65_535,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Png => "png",
            Self::Avif => "avif",
            Self::Info => "info",
        }
    }

    fn built_in(self) -> bool {
        match self {
            Self::Jpeg => cfg!(feature = "jpeg"),
            Self::Webp => cfg!(feature = "webp"),
            Self::Png => cfg!(feature = "png"),
            Self::Avif => cfg!(feature = "avif"),
            Self::Info => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(config: serde_json::Value, expected: &[&str]) {
        let config: Config = serde_json::from_value(config).expect("the shape is right");
        let said: Vec<_> =
            config.check().iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn accepts_what_the_readme_shows() {
        check(
            json!({ "renditions": [
                { "name": "small", "width": 320, "format": "webp", "quality": 80 },
                { "name": "square", "width": 256, "height": 256, "fit": "cover", "format": "jpeg" },
                { "name": "whole", "format": "png" },
                { "name": "info", "format": "info" },
            ]}),
            &[],
        );
    }

    #[test]
    fn names_every_error_at_once() {
        check(json!({ "renditions": [] }), &["/renditions: there is no rendition"]);
        check(
            json!({ "renditions": [
                { "name": "a b", "format": "jpeg" },
                { "name": "", "format": "jpeg" },
                { "name": "x", "format": "jpeg", "width": 0 },
                { "name": "x", "format": "webp", "width": 16384, "height": 16383 },
                { "name": "j", "format": "jpeg", "width": 65536, "quality": 0 },
                { "name": "c", "format": "jpeg", "width": 1, "fit": "cover", "quality": 101 },
                { "name": "p", "format": "png", "quality": 80 },
                { "name": "i", "format": "info", "width": 0, "fit": "inside" },
            ]}),
            &[
                "/renditions/0/name: \"a b\" is no rendition name",
                "/renditions/1/name: \"\" is no rendition name",
                "/renditions/2/width: 0 pixels are not between 1 and 65535",
                "/renditions/3/name: the name \"x\" is taken by rendition 2",
                "/renditions/3/width: 16384 pixels are not between 1 and 16383",
                "/renditions/4/width: 65536 pixels are not between 1 and 65535",
                "/renditions/4/quality: 0 is not between 1 and 100",
                "/renditions/5/fit: cover needs both width and height",
                "/renditions/5/quality: 101 is not between 1 and 100",
                "/renditions/6/quality: png has no quality",
                "/renditions/7/width: an info rendition has no width",
                "/renditions/7/fit: an info rendition has no fit",
            ],
        );
    }

    #[test]
    fn refuses_unknown_keys_and_formats() {
        let refused = |config: serde_json::Value| serde_json::from_value::<Config>(config).is_err();
        assert!(refused(json!({ "renditions": [{ "name": "a", "format": "jpeg", "wdith": 3 }] })));
        assert!(refused(json!({ "renditions": [{ "name": "a", "format": "bmp" }] })));
        assert!(refused(json!({ "renditions": [{ "name": "a" }] })));
        assert!(refused(json!({ "renditions": [], "more": 1 })));
    }

    #[test]
    fn has_a_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(Config)).expect("a schema is JSON");
        assert_eq!(schema["properties"]["renditions"]["minItems"], 1);
        assert_eq!(schema["additionalProperties"], false);
    }
}
