//! What a user may write under a stage of type `image`: keys, defaults, schema, checks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::ConfigError;

/// The configuration of the image function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The renditions to make of each image, all from one decode.
    #[schemars(length(min = 1))]
    pub renditions: Vec<RenditionConfig>,
}

/// One rendition. Without width and height the picture keeps its size. Nothing is ever enlarged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// and crops what stands out, from the centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// The quality of `jpeg` and `webp`, 1 to 100. The default is 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u8>,
}

/// What a rendition is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Baseline JPEG, 4:2:0; transparency becomes white.
    Jpeg,
    /// Lossy WebP; keeps transparency.
    Webp,
    /// PNG, 8 bits per channel; keeps transparency.
    Png,
    /// A small JSON document about the original: width, height, format, orientation, bytes.
    Info,
}

/// How a picture meets a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of the picture, as large as the box allows.
    #[default]
    Inside,
    /// All of the box, filled; the picture is cropped from the centre.
    Cover,
}

impl Format {
    /// The extension of its files, without the dot.
    pub fn ext(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Png => "png",
            Self::Info => "json",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Png => "image/png",
            Self::Info => "application/json",
        }
    }

    /// The longest side that the format can hold.
    pub fn longest_side(self) -> u32 {
        match self {
            Self::Webp => 16_383,
            Self::Jpeg | Self::Png | Self::Info => 65_535,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Png => "png",
            Self::Info => "info",
        }
    }

    fn built_in(self) -> bool {
        match self {
            Self::Jpeg => cfg!(feature = "jpeg"),
            Self::Webp => cfg!(feature = "webp"),
            Self::Png => cfg!(feature = "png"),
            Self::Info => true,
        }
    }
}

/// The quality where none is given.
pub const DEFAULT_QUALITY: u8 = 80;

impl Config {
    /// Everything that is wrong with it, in the order of the text. Empty if nothing is.
    pub fn check(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut error = |pointer: String, message: String, hint: Option<&str>| {
            errors.push(ConfigError { pointer, message, hint: hint.map(str::to_owned) });
        };
        if self.renditions.is_empty() {
            error(
                "/renditions".to_owned(),
                "there is no rendition".to_owned(),
                Some("give at least one, such as { name: small, width: 320, format: webp }"),
            );
        }
        let mut names = BTreeMap::new();
        for (index, rendition) in self.renditions.iter().enumerate() {
            let at = |key: &str| format!("/renditions/{index}/{key}");
            let RenditionConfig { name, format, width, height, fit, quality } = rendition;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                error(
                    at("name"),
                    format!("{name:?} is no rendition name"),
                    Some("a name consists of letters, digits, '_' and '-': it becomes part of a key"),
                );
            }
            if let Some(first) = names.insert(name, index) {
                error(
                    at("name"),
                    format!("the name {name:?} is taken by rendition {first}"),
                    Some("two renditions of one name would be written to one key"),
                );
            }
            if !format.built_in() {
                error(
                    at("format"),
                    format!("this build cannot write {}", format.name()),
                    Some("build with the cargo feature of that name"),
                );
            }
            for (key, side) in [("width", width), ("height", height)] {
                let longest = format.longest_side();
                match side {
                    Some(_) if *format == Format::Info => {}
                    Some(side) if *side == 0 || *side > longest => error(
                        at(key),
                        format!("{side} pixels are not between 1 and {longest}"),
                        (*side > longest && *format == Format::Webp)
                            .then_some("WebP ends at 16383 pixels a side; jpeg and png go to 65535"),
                    ),
                    _ => {}
                }
            }
            if *format == Format::Info {
                let given = [
                    ("width", width.is_some()),
                    ("height", height.is_some()),
                    ("fit", fit.is_some()),
                    ("quality", quality.is_some()),
                ];
                for (key, _) in given.iter().filter(|(_, given)| *given) {
                    error(
                        at(key),
                        format!("an info rendition has no {key}"),
                        Some("info takes name and format alone"),
                    );
                }
                continue;
            }
            if *fit == Some(Fit::Cover) && (width.is_none() || height.is_none()) {
                error(
                    at("fit"),
                    "cover needs both width and height".to_owned(),
                    Some("with one side alone there is nothing to crop: leave fit away"),
                );
            }
            match quality {
                Some(_) if *format == Format::Png => error(
                    at("quality"),
                    "png has no quality".to_owned(),
                    Some("png is lossless: leave quality away, or choose webp"),
                ),
                Some(quality) if !(1..=100).contains(quality) => {
                    error(at("quality"), format!("{quality} is not between 1 and 100"), None);
                }
                _ => {}
            }
        }
        errors
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
