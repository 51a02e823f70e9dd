//! The flags that say what a rendition is to be, by the names of the manifest's keys.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;
use tidemill_image::config::{Fit, Format, FrameChoice, Keep, RenditionConfig};
use tidemill_image::finish::colour_value::Colour;
use tidemill_image::finish::gravity::Gravity;
use tidemill_image::finish::watermark::{MOST_IMAGE_BYTES, WatermarkConfig};
use tidemill_image::{Limits, sniff};

use crate::failure::Failure;
use crate::pictures;

/// One of the words that a key of the manifest takes.
fn one_of<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value::<T>(word.into()))
}

fn colour(text: &str) -> Result<Colour, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

#[derive(clap::Args)]
pub(super) struct Options {
    /// At most this many pixels wide
    #[arg(long, value_name = "PIXELS")]
    width: Option<u32>,
    /// At most this many pixels high
    #[arg(long, value_name = "PIXELS")]
    height: Option<u32>,
    /// Show all of the picture inside width and height, cover them and crop, or contain all of it and fill the rest
    /// [default: inside]
    #[arg(long, value_parser = one_of::<Fit>(&["inside", "cover", "contain"]))]
    fit: Option<Fit>,
    /// What cover keeps, and where contain puts the picture [default: centre]
    #[arg(long, value_name = "SIDE", value_parser = one_of::<Gravity>(SIDES))]
    gravity: Option<Gravity>,
    /// What lies behind the picture: a name or #rrggbb [default: nothing; white for JPEG]
    #[arg(long, value_name = "COLOUR", value_parser = colour)]
    background: Option<Colour>,
    /// Enlarge a picture that is smaller than width and height
    #[arg(long)]
    enlarge: bool,
    /// The quality of JPEG, WebP and AVIF, 1 to 100 [default: 80]
    #[arg(long, value_name = "NUMBER")]
    quality: Option<u8>,
    /// A WebP without loss
    #[arg(long)]
    lossless: bool,
    /// A JPEG that comes up whole at once, then finer
    #[arg(long)]
    progressive: bool,
    /// Of an animation: all frames into a WebP, or the first alone [default: all for WebP]
    #[arg(long, value_parser = one_of::<FrameChoice>(&["all", "first"]))]
    frames: Option<FrameChoice>,
    /// Leave colours out
    #[arg(long)]
    grey: bool,
    /// Blur by a Gaussian of so many pixels, 0.3 to 50
    #[arg(long, value_name = "PIXELS")]
    blur: Option<f64>,
    /// Sharpen by a mask of so many pixels, 0.3 to 10
    #[arg(long, value_name = "PIXELS")]
    sharpen: Option<f64>,
    /// Lay another picture on it, in the lower right corner
    #[arg(long, value_name = "FILE", conflicts_with = "watermark_text")]
    watermark: Option<PathBuf>,
    /// Write a text on it, in the lower right corner
    #[arg(long, value_name = "TEXT")]
    watermark_text: Option<String>,
    /// Carry metadata over, which is stripped otherwise
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = one_of::<Keep>(&["copyright", "icc"]))]
    keep: Vec<Keep>,
}

const SIDES: &[&str] =
    &["centre", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"];

impl Options {
    pub(super) fn keep(&self) -> Vec<Keep> {
        self.keep.clone()
    }

    pub(super) fn rendition(&self, format: Format) -> Result<RenditionConfig, Failure> {
        Ok(RenditionConfig {
            width: self.width,
            height: self.height,
            fit: self.fit,
            gravity: self.gravity,
            background: self.background,
            enlarge: self.enlarge,
            quality: self.quality,
            lossless: self.lossless,
            progressive: self.progressive,
            frames: self.frames,
            grey: self.grey,
            blur: self.blur,
            sharpen: self.sharpen,
            watermark: self.mark()?,
            ..RenditionConfig::new("image", format)
        })
    }

    fn mark(&self) -> Result<Option<WatermarkConfig>, Failure> {
        if let Some(text) = &self.watermark_text {
            return Ok(Some(WatermarkConfig { text: Some(text.clone()), ..WatermarkConfig::default() }));
        }
        let Some(path) = &self.watermark else { return Ok(None) };
        let limits = Limits { input_bytes: MOST_IMAGE_BYTES as u64, ..Limits::default() };
        let data = pictures::read(path, &limits)?;
        let media_type = sniff::content(&data).map_or("image/png", sniff::Kind::media_type);
        let image = format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(data));
        Ok(Some(WatermarkConfig { image: Some(image), ..WatermarkConfig::default() }))
    }
}
