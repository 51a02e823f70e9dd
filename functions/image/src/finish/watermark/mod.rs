//! A mark over the picture: a line of text, or another picture.
//!
//! It is prepared once, when the configuration is read, so that whatever is wrong with it is said then. For each
//! rendition it is drawn at the size that its share of the width asks for.

mod blend;
mod config;
mod image;
mod text;

pub use config::{MOST_IMAGE_BYTES, MOST_IMAGE_PIXELS, MOST_MARGIN, MOST_TEXT, WatermarkConfig};

use self::image::ImageMark;
use self::text::TextMark;
use super::gravity::Gravity;
use crate::pixels::{Packed, Pixels};

/// A mark that is ready to be drawn on any number of renditions.
#[derive(Clone, Debug)]
pub struct Watermark {
    mark: Mark,
    gravity: Gravity,
    /// All in hundredths.
    opacity: u8,
    width: u8,
    margin: u8,
}

#[derive(Clone, Debug)]
enum Mark {
    Text(TextMark),
    Image(ImageMark),
}

impl Watermark {
    /// Decodes the picture or lays out the text. The error is for the person who wrote the configuration.
    pub fn prepare(config: &WatermarkConfig) -> Result<Self, String> {
        config.check()?;
        let mark = match (&config.text, &config.image) {
            (Some(text), None) => Mark::Text(TextMark::new(text, config.colour.unwrap_or(text::COLOUR))?),
            (None, Some(image)) => Mark::Image(ImageMark::new(image)?),
            _ => return Err("a watermark has either text or image".to_owned()),
        };
        let (opacity, width) = match mark {
            Mark::Text(_) => (50, 30),
            Mark::Image(_) => (100, 20),
        };
        Ok(Self {
            mark,
            gravity: config.gravity.unwrap_or(Gravity::SouthEast),
            opacity: config.opacity.unwrap_or(opacity),
            width: config.width.unwrap_or(width),
            margin: config.margin.unwrap_or(2),
        })
    }

    /// Draws it on a picture that is turned as it will be shown.
    pub fn draw(&self, pixels: &mut Pixels) {
        let picture = match pixels {
            Pixels::Grey(grey) => (grey.width, grey.height),
            Pixels::Ycc(planes) => (planes[0].width, planes[0].height),
            Pixels::Rgb(packed) | Pixels::Rgba(packed) => (packed.width, packed.height),
            // They are made red, green and blue before.
            Pixels::Cmyk(_) => return,
        };
        let picture = (picture.0 as u32, picture.1 as u32);
        if self.opacity == 0 || picture.0 == 0 || picture.1 == 0 {
            return;
        }
        let ((left, top), size) = self.place(picture);
        let mut mark = match &self.mark {
            Mark::Text(text) => text.draw(size),
            Mark::Image(image) => image.draw(size),
        };
        fade(&mut mark, self.opacity);
        blend::over(pixels, &mark, (left as usize, top as usize));
    }

    /// Bytes that [`Self::draw`] takes at most on a picture of this width and height.
    pub fn memory(&self, picture: (u32, u32)) -> u64 {
        let (_, (width, height)) = self.place(picture);
        let pixels = u64::from(width) * u64::from(height);
        match &self.mark {
            Mark::Text(_) => pixels * 8 + (1 << 20),
            Mark::Image(image) => pixels * 8 + image.pixels() * 4 + (1 << 20),
        }
    }

    /// Where the mark begins in a picture, and its size: that of its share of the width, as far as there is room
    /// within the margins.
    fn place(&self, (width, height): (u32, u32)) -> ((u32, u32), (u32, u32)) {
        let share = |side: u32, percent: u8| (u64::from(side) * u64::from(percent) + 50) / 100;
        // A picture of a few pixels is all mark.
        let margin = share(width.min(height), self.margin).min(u64::from(width.min(height) - 1) / 2) as u32;
        let room = (width - 2 * margin, height - 2 * margin);
        let (across, down) = match &self.mark {
            Mark::Text(text) => text.shape(),
            Mark::Image(image) => image.shape(),
        };
        let mut mark_width = (share(width, self.width) as f64).clamp(1.0, f64::from(room.0));
        let mut mark_height = mark_width * down / across;
        if mark_height > f64::from(room.1) {
            mark_height = f64::from(room.1);
            mark_width = mark_height * across / down;
        }
        let side = |length: f64, room: u32| ((length + 0.5) as u32).clamp(1, room);
        let size = (side(mark_width, room.0), side(mark_height, room.1));
        let (left, top) = self.gravity.place(size, room);
        ((left + margin, top + margin), size)
    }
}

fn fade(mark: &mut Packed, opacity: u8) {
    for [.., alpha] in mark.data.as_chunks_mut::<4>().0 {
        *alpha = ((u32::from(*alpha) * u32::from(opacity) + 50) / 100) as u8;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finish::samples::{every_form, flat};

    fn prepared(config: serde_json::Value) -> Result<Watermark, String> {
        let config: WatermarkConfig = serde_json::from_value(config).map_err(|error| error.to_string())?;
        Watermark::prepare(&config)
    }

    fn check(config: serde_json::Value, expected: &str) {
        let said = prepared(config).expect_err("it is wrong");
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn says_what_is_wrong() {
        check(json!({}), "needs text or image");
        check(json!({ "text": "a", "image": "data:" }), "either text or image");
        check(json!({ "image": "data:", "colour": "white" }), "leave colour away");
        check(json!({ "text": "a", "opacity": 101 }), "opacity is 101 percent: it goes from 0 to 100");
        check(json!({ "text": "a", "width": 0 }), "width is 0 percent: it goes from 1 to 100");
        check(json!({ "text": "a", "margin": 26 }), "margin is 26 percent: it goes from 0 to 25");
        check(json!({ "text": "a", "colour": "red" }), "\"red\" is no colour");
        check(json!({ "text": "a", "size": 3 }), "unknown field");
        check(json!({ "text": "Ж€\u{5d0}" }), "U+05D0");
    }

    #[test]
    fn has_a_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(WatermarkConfig)).expect("a schema is JSON");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["margin"]["maximum"], MOST_MARGIN);
        assert_eq!(schema["properties"]["text"]["maxLength"], MOST_TEXT);
    }

    #[test]
    fn keeps_within_the_picture_and_its_margins() {
        for text in ["i", "© Tidemill", &"wide ".repeat(30)] {
            for gravity in ["northwest", "centre", "southeast"] {
                for width in [1, 30, 100] {
                    let config = json!({ "text": text, "gravity": gravity, "width": width, "margin": 10 });
                    let mark = prepared(config).expect("it is right");
                    for picture in [(1, 1), (2, 1), (3, 5), (640, 480), (65_535, 1), (7, 9000)] {
                        let ((left, top), size) = mark.place(picture);
                        assert!(size.0 >= 1 && size.1 >= 1);
                        assert!(left + size.0 <= picture.0 && top + size.1 <= picture.1, "{picture:?}");
                        if picture == (640, 480) {
                            assert!(left >= 48 && left + size.0 <= 640 - 48);
                            assert!(top >= 48 && top + size.1 <= 480 - 48);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn has_its_share_of_the_width_and_its_shape() {
        let mark = prepared(json!({ "text": "© Tidemill" })).expect("it is right");
        let ((left, top), (width, height)) = mark.place((1000, 800));
        assert_eq!((width, left + width, top + height), (300, 984, 784));
        let Mark::Text(text) = &mark.mark else { unreachable!() };
        let (across, down) = text.shape();
        assert!((f64::from(width) / f64::from(height) - across / down).abs() < 0.1);
    }

    #[test]
    fn no_opacity_changes_nothing_and_some_does() {
        let none = prepared(json!({ "text": "© Tidemill", "opacity": 0 })).expect("it is right");
        let some =
            prepared(json!({ "text": "© Tidemill", "opacity": 60, "width": 90 })).expect("it is right");
        for (width, height) in [(1, 1), (33, 17), (64, 64)] {
            for picture in every_form(width, height) {
                let mut drawn = picture.clone();
                none.draw(&mut drawn);
                assert_eq!(drawn, picture);
                some.draw(&mut drawn);
                assert_eq!(std::mem::discriminant(&drawn), std::mem::discriminant(&picture));
                assert!(width < 30 || drawn != picture);
            }
        }
    }

    /// What is drawn differs from its ground, whatever that is: white text on white too.
    #[test]
    fn can_be_told_from_every_ground() {
        let mark = prepared(json!({ "text": "MMM", "width": 100 })).expect("it is right");
        for ground in [0, 60, 128, 200, 255] {
            let mut pixels = flat(200, 80, [ground, ground, ground, 255]).swap_remove(0);
            mark.draw(&mut pixels);
            let Pixels::Grey(drawn) = pixels else { unreachable!("the first form is grey") };
            let most = drawn.data.iter().map(|y| y.abs_diff(ground)).max();
            assert!(most >= Some(60), "{ground}: {most:?}");
        }
    }
}
