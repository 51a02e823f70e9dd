//! From a level's pixels to a rendition's: canvas, background, filters, watermark, in this order.

use std::borrow::Cow;

use super::RenditionPlan;
use super::geometry::canvas;
use crate::config::{Fit, Format};
use crate::finish::canvas::{contain, flatten};
use crate::finish::colour_value::Colour;
use crate::finish::filter::{blur, sharpen};
use crate::finish::grey::grey;
use crate::pixels::Pixels;

/// What a rendition shows. It is copied only where something is done to it.
pub(super) fn finish<'a>(pixels: &'a Pixels, plan: &RenditionPlan) -> Cow<'a, Pixels> {
    let config = &plan.config;
    let mut pixels = Cow::Borrowed(pixels);
    if config.fit == Some(Fit::Contain) {
        let nothing = if config.format == Format::Jpeg { Colour::WHITE } else { Colour::TRANSPARENT };
        let size = canvas(config, pixels.size());
        let gravity = config.gravity.unwrap_or_default();
        if size != pixels.size() {
            pixels = Cow::Owned(contain(&pixels, size, gravity, config.background.unwrap_or(nothing)));
        }
    }
    if let (Some(background), Pixels::Rgba(_)) = (config.background, &*pixels)
        && background.a == 255
    {
        pixels = Cow::Owned(flatten(pixels.into_owned(), background));
    }
    if let Some(sigma) = config.blur {
        blur(pixels.to_mut(), sigma);
    }
    if let Some(sigma) = config.sharpen {
        sharpen(pixels.to_mut(), sigma);
    }
    if config.grey {
        pixels = Cow::Owned(grey(pixels.into_owned()));
    }
    if let Some(watermark) = &plan.watermark {
        watermark.draw(pixels.to_mut());
    }
    pixels
}
