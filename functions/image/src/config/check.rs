//! What is wrong with a configuration, all of it at once.

use std::collections::BTreeMap;

use tidemill_core::ConfigError;

use super::{Config, Fit, Format, FrameChoice, Keep, RenditionConfig};
use crate::finish::filter::{MOST_BLUR, MOST_SHARPEN};

/// What is wrong with one rendition, by key.
struct Errors<'a> {
    index: usize,
    all: &'a mut Vec<ConfigError>,
}

impl Errors<'_> {
    fn say(&mut self, key: &str, message: impl Into<String>, hint: &str) {
        self.all.push(ConfigError {
            pointer: format!("/renditions/{}/{key}", self.index),
            message: message.into(),
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        });
    }
}

impl Config {
    /// Everything that is wrong with it, in the order of the text. Empty if nothing is.
    pub fn check(&self) -> Vec<ConfigError> {
        let mut all = Vec::new();
        if self.renditions.is_empty() {
            all.push(ConfigError {
                pointer: "/renditions".to_owned(),
                message: "there is no rendition".to_owned(),
                hint: Some("give at least one, such as { name: small, width: 320, format: webp }".to_owned()),
            });
        }
        let mut names = BTreeMap::new();
        for (index, rendition) in self.renditions.iter().enumerate() {
            let mut errors = Errors { index, all: &mut all };
            name(rendition, &mut names, &mut errors);
            if rendition.format == Format::Info {
                info(rendition, &mut errors);
                continue;
            }
            sizes(rendition, &mut errors);
            encoding(rendition, self.keep.contains(&Keep::Icc), &mut errors);
            looks(rendition, &mut errors);
        }
        all
    }
}

fn name<'a>(rendition: &'a RenditionConfig, names: &mut BTreeMap<&'a str, usize>, errors: &mut Errors<'_>) {
    let RenditionConfig { name, format, .. } = rendition;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        errors.say(
            "name",
            format!("{name:?} is no rendition name"),
            "a name consists of letters, digits, '_' and '-': it becomes part of a key",
        );
    }
    if let Some(first) = names.insert(name, errors.index) {
        errors.say(
            "name",
            format!("the name {name:?} is taken by rendition {first}"),
            "two renditions of one name would be written to one key",
        );
    }
    if !format.built_in() {
        errors.say(
            "format",
            format!("this build cannot write {}", format.name()),
            "build with the cargo feature of that name",
        );
    }
}

fn info(rendition: &RenditionConfig, errors: &mut Errors<'_>) {
    let r = rendition;
    let given = [
        ("width", r.width.is_some()),
        ("height", r.height.is_some()),
        ("fit", r.fit.is_some()),
        ("gravity", r.gravity.is_some()),
        ("background", r.background.is_some()),
        ("enlarge", r.enlarge),
        ("quality", r.quality.is_some()),
        ("lossless", r.lossless),
        ("progressive", r.progressive),
        ("frames", r.frames.is_some()),
        ("grey", r.grey),
        ("blur", r.blur.is_some()),
        ("sharpen", r.sharpen.is_some()),
        ("watermark", r.watermark.is_some()),
    ];
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        errors.say(key, format!("an info rendition has no {key}"), "info takes name and format alone");
    }
}

fn sizes(rendition: &RenditionConfig, errors: &mut Errors<'_>) {
    let RenditionConfig { format, width, height, fit, gravity, enlarge, .. } = rendition;
    let longest = format.longest_side();
    for (key, side) in [("width", width), ("height", height)] {
        match side {
            Some(side) if *side == 0 || *side > longest => errors.say(
                key,
                format!("{side} pixels are not between 1 and {longest}"),
                if *side > longest && *format == Format::Webp {
                    "WebP ends at 16383 pixels a side; jpeg and png go to 65535"
                } else {
                    ""
                },
            ),
            _ => {}
        }
    }
    let box_is_whole = width.is_some() && height.is_some();
    match fit {
        Some(Fit::Cover) if !box_is_whole => errors.say(
            "fit",
            "cover needs both width and height",
            "with one side alone there is nothing to crop: leave fit away",
        ),
        Some(Fit::Contain) if !box_is_whole => errors.say(
            "fit",
            "contain needs both width and height",
            "with one side alone there is nothing to fill: leave fit away",
        ),
        _ => {}
    }
    if gravity.is_some() && !matches!(fit, Some(Fit::Cover | Fit::Contain)) {
        errors.say("gravity", "gravity has no part in fit inside", "add fit: cover or fit: contain");
    }
    if *enlarge && width.is_none() && height.is_none() {
        errors.say("enlarge", "enlarge needs width or height", "say how large it is to be");
    }
}

fn encoding(rendition: &RenditionConfig, keeps_icc: bool, errors: &mut Errors<'_>) {
    let RenditionConfig { format, quality, lossless, progressive, frames, background, .. } = rendition;
    match quality {
        Some(_) if *format == Format::Png => {
            errors.say(
                "quality",
                "png has no quality",
                "png is lossless: leave quality away, or choose webp",
            );
        }
        Some(_) if *lossless => {
            errors.say("quality", "a lossless webp has no quality", "leave quality or lossless away");
        }
        Some(quality) if !(1..=100).contains(quality) => {
            errors.say("quality", format!("{quality} is not between 1 and 100"), "");
        }
        _ => {}
    }
    if *lossless && *format != Format::Webp {
        errors.say("lossless", format!("{} has no lossless", format.name()), "webp has; png always is");
    }
    if *progressive && *format != Format::Jpeg {
        errors.say("progressive", format!("{} has no progressive", format.name()), "only jpeg has");
    }
    if *frames == Some(FrameChoice::All) && *format != Format::Webp {
        errors.say("frames", format!("{} shows one frame", format.name()), "choose webp for an animation");
    }
    if background.is_some_and(|colour| colour.a < 255) && *format == Format::Jpeg {
        errors.say("background", "jpeg has no transparency", "give a colour of three parts, such as #ffffff");
    }
    if keeps_icc && *format == Format::Avif {
        errors.say("format", "an avif cannot keep a colour profile", "leave keep: [icc] away for avif");
    }
}

fn looks(rendition: &RenditionConfig, errors: &mut Errors<'_>) {
    for (key, sigma, most) in
        [("blur", rendition.blur, MOST_BLUR), ("sharpen", rendition.sharpen, MOST_SHARPEN)]
    {
        match sigma {
            Some(sigma) if !(0.3..=most).contains(&sigma) => {
                errors.say(key, format!("{sigma} pixels are not between 0.3 and {most}"), "");
            }
            _ => {}
        }
    }
}
