//! What a user may write under `watermark`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finish::colour_value::Colour;
use crate::finish::gravity::Gravity;

/// Characters of a text.
pub const MOST_TEXT: usize = 200;
/// Bytes of an image's file.
pub const MOST_IMAGE_BYTES: usize = 1 << 20;
/// Pixels of an image.
pub const MOST_IMAGE_PIXELS: u64 = 4_000_000;
/// Percent of the shorter side.
pub const MOST_MARGIN: u8 = 25;

/// A mark drawn over the picture: either `text` or `image`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatermarkConfig {
    /// A line of text: Latin, Greek or Cyrillic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub text: Option<String>,
    /// A PNG, WebP or JPEG as a data URL, of at most 1 MiB and 4 megapixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Where it lies. The default is `southeast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gravity: Option<Gravity>,
    /// How much it covers, in percent. The default is 50 for text and 100 for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub opacity: Option<u8>,
    /// Its width in percent of the picture's. The default is 30 for text and 20 for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub width: Option<u8>,
    /// How far it keeps from the edges, in percent of the picture's shorter side. The default is 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 25))]
    pub margin: Option<u8>,
    /// The colour of text. The default is white. It has a soft seam, dark or light, whichever it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

impl WatermarkConfig {
    /// The first thing that is wrong with the numbers, or with what is given together.
    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.text, &self.image) {
            (None, None) => return Err("a watermark needs text or image".to_owned()),
            (Some(_), Some(_)) => {
                return Err("a watermark has either text or image: leave one of them away".to_owned());
            }
            (None, Some(_)) if self.colour.is_some() => {
                return Err("an image has colours of its own: leave colour away".to_owned());
            }
            _ => {}
        }
        let numbers = [
            ("opacity", self.opacity, 0, 100),
            ("width", self.width, 1, 100),
            ("margin", self.margin, 0, MOST_MARGIN),
        ];
        for (key, given, least, most) in numbers {
            if let Some(percent) = given.filter(|percent| !(least..=most).contains(percent)) {
                return Err(format!("{key} is {percent} percent: it goes from {least} to {most}"));
            }
        }
        Ok(())
    }
}
