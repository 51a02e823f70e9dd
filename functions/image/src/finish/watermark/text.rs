//! A mark that is a line of text, in the one font that is built in (see `font/README.md`).
//!
//! Glyphs are placed one after the other by their advance and the font's kerning, and filled by `ab_glyph_rasterizer`,
//! whose arithmetic is floating point of the basic operations: the levels that it chooses by processor are the
//! same code compiled otherwise. A seam lies around the letters, dark around light ones and light around dark
//! ones, so that they can be read on any ground.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use ttf_parser::gpos::{PairAdjustment, PositioningSubtable};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::config::MOST_TEXT;
use crate::finish::colour_value::Colour;
use crate::finish::filter;
use crate::pixels::{Packed, Pixels, Plane, luma};

static FONT: &[u8] = include_bytes!("font/roboto-medium.ttf");

/// The colour where none is given.
pub(super) const COLOUR: Colour = Colour::WHITE;

/// The seam's width on every side, and the sigma of its blur, in heights of the font.
const SEAM: f32 = 0.12;
const SEAM_SIGMA: f64 = 0.04;

/// One outline of the text, in units of the font; y goes down.
#[derive(Clone, Debug)]
enum Stroke {
    Line([Point; 2]),
    Quad([Point; 3]),
    Cubic([Point; 4]),
}

#[derive(Clone, Debug)]
pub(super) struct TextMark {
    strokes: Vec<Stroke>,
    /// Width and height of the whole, seam included, in units of the font.
    shape: (f32, f32),
    /// Units of the font's height.
    height: f32,
    colour: Colour,
}

impl TextMark {
    pub(super) fn new(text: &str, colour: Colour) -> Result<Self, String> {
        let count = text.chars().count();
        if count > MOST_TEXT {
            return Err(format!(
                "the watermark's text has {count} characters: it may have {MOST_TEXT} at most"
            ));
        }
        let face = Face::parse(FONT, 0).map_err(|error| format!("the built-in font is broken: {error}"))?;
        let mut outline = Outline::default();
        let mut before = None;
        for character in text.chars() {
            let glyph = face.glyph_index(character).ok_or_else(|| {
                format!(
                    "the watermark's font has no {character:?} (U+{:04X}): it has Latin, Greek and Cyrillic",
                    u32::from(character)
                )
            })?;
            outline.x += before.map_or(0.0, |before| kerning(&face, before, glyph));
            let _ = face.outline_glyph(glyph, &mut outline);
            outline.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
            before = Some(glyph);
        }
        let Some((least, most)) = outline.bounds else {
            return Err("the watermark's text has nothing to be seen".to_owned());
        };
        let height = f32::from(face.units_per_em());
        let seam = SEAM * height;
        let origin = point(least.x - seam, least.y - seam);
        let strokes = outline.strokes.into_iter().map(|stroke| stroke.map(|p| p - origin)).collect();
        let shape = (most.x - least.x + 2.0 * seam, most.y - least.y + 2.0 * seam);
        Ok(Self { strokes, shape, height, colour })
    }

    /// Width and height, to any scale.
    pub(super) fn shape(&self) -> (f64, f64) {
        (f64::from(self.shape.0), f64::from(self.shape.1))
    }

    pub(super) fn draw(&self, (width, height): (u32, u32)) -> Packed {
        let (width, height) = (width as usize, height as usize);
        let scale = (width as f32 / self.shape.0).min(height as f32 / self.shape.1);
        let scaled = |p: &Point| point(p.x * scale, p.y * scale);
        let mut rasterizer = Rasterizer::new(width, height);
        for stroke in &self.strokes {
            match stroke {
                Stroke::Line([a, b]) => rasterizer.draw_line(scaled(a), scaled(b)),
                Stroke::Quad([a, b, c]) => rasterizer.draw_quad(scaled(a), scaled(b), scaled(c)),
                Stroke::Cubic([a, b, c, d]) => {
                    rasterizer.draw_cubic(scaled(a), scaled(b), scaled(c), scaled(d));
                }
            }
        }
        let mut letters = Vec::with_capacity(width * height);
        rasterizer.for_each_pixel(|_, covered| letters.push((covered.min(1.0) * 255.0 + 0.5) as u8));
        drop(rasterizer);
        let mut seam = Pixels::Grey(Plane { width, height, scale: (1.0, 1.0), data: letters.clone() });
        filter::blur(&mut seam, SEAM_SIGMA * f64::from(self.height * scale));
        let Pixels::Grey(seam) = seam else { unreachable!("a blur keeps the form") };
        let pixels = letters.iter().zip(&seam.data);
        let data = pixels.flat_map(|(letter, seam)| self.pixel(*letter, *seam)).collect();
        Packed { width, height, scale: (1.0, 1.0), data }
    }

    /// The letter's colour over the seam's.
    fn pixel(&self, letter: u8, seam: u8) -> [u8; 4] {
        let Colour { r, g, b, a } = self.colour;
        let dark = luma(r.into(), g.into(), b.into()) < 128;
        let ground = if dark { 255 } else { 0 };
        let letter = u32::from(letter) * u32::from(a) / 255;
        // Dense at the letter's edge, three quarters at most.
        let seam = (u32::from(seam) * 2).min(255) * 3 / 4 * u32::from(a) / 255;
        let below = seam * (255 - letter) / 255;
        let alpha = letter + below;
        let mixed = |colour: u8| {
            ((u32::from(colour) * letter + ground * below + alpha / 2).checked_div(alpha).unwrap_or(0)) as u8
        };
        [mixed(r), mixed(g), mixed(b), alpha.min(255) as u8]
    }
}

/// How much nearer or farther the second glyph stands, in units of the font (OpenType 1.9, GPOS lookup type 2).
fn kerning(face: &Face<'_>, first: GlyphId, second: GlyphId) -> f32 {
    let lookups = face.tables().gpos.iter().flat_map(|table| table.lookups);
    for lookup in lookups {
        for subtable in lookup.subtables.into_iter::<PositioningSubtable<'_>>() {
            let PositioningSubtable::Pair(pair) = subtable else { continue };
            let Some(index) = pair.coverage().get(first) else { continue };
            let found = match pair {
                PairAdjustment::Format1 { sets, .. } => sets.get(index).and_then(|set| set.get(second)),
                PairAdjustment::Format2 { classes, matrix, .. } => {
                    matrix.get((classes.0.get(first), classes.1.get(second)))
                }
            };
            if let Some((value, _)) = found {
                return f32::from(value.x_advance);
            }
        }
    }
    0.0
}

impl Stroke {
    fn map(self, to: impl Fn(Point) -> Point) -> Self {
        match self {
            Self::Line(points) => Self::Line(points.map(to)),
            Self::Quad(points) => Self::Quad(points.map(to)),
            Self::Cubic(points) => Self::Cubic(points.map(to)),
        }
    }
}

/// Gathers outlines; `x` is where the next glyph begins.
#[derive(Default)]
struct Outline {
    x: f32,
    strokes: Vec<Stroke>,
    bounds: Option<(Point, Point)>,
    start: Point,
    last: Point,
}

impl Outline {
    fn at(&mut self, x: f32, y: f32) -> Point {
        let p = point(self.x + x, -y);
        let (least, most) = self.bounds.unwrap_or((p, p));
        self.bounds =
            Some((point(least.x.min(p.x), least.y.min(p.y)), point(most.x.max(p.x), most.y.max(p.y))));
        p
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.at(x, y);
        self.last = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let end = self.at(x, y);
        self.strokes.push(Stroke::Line([self.last, end]));
        self.last = end;
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (control, end) = (self.at(x1, y1), self.at(x, y));
        self.strokes.push(Stroke::Quad([self.last, control, end]));
        self.last = end;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (first, second, end) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.strokes.push(Stroke::Cubic([self.last, first, second, end]));
        self.last = end;
    }

    fn close(&mut self) {
        self.strokes.push(Stroke::Line([self.last, self.start]));
        self.last = self.start;
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn mark(text: &str) -> TextMark {
        TextMark::new(text, COLOUR).expect("the font has it")
    }

    fn check(text: &str, expected: &str) {
        let said = TextMark::new(text, COLOUR).expect_err("it cannot be drawn");
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn has_what_europe_writes() {
        for text in ["© Tidemill 2024", "Zażółć gęślą jaźń — «Àÿ Œœ»", "Ξεσκεπάζω", "Съешь ещё", "Ґанок, 5 €"]
        {
            let (width, height) = mark(text).shape();
            assert!(width > height, "{text}: {width} x {height}");
        }
    }

    #[test]
    fn names_what_the_font_lacks() {
        check("shalom שלום", "no 'ש' (U+05E9)");
        check("مرحبا", "no 'م' (U+0645)");
        check("日本", "no '日' (U+65E5)");
        check("two\nlines", "no '\\n' (U+000A)");
        check("e\u{301}", "no '\\u{301}' (U+0301)");
        check("", "nothing to be seen");
        check(" \u{a0}", "nothing to be seen");
        check(&"x".repeat(201), "201 characters");
    }

    #[test]
    fn pairs_are_kerned() {
        let face = Face::parse(FONT, 0).expect("it is a font");
        let glyph = |character| face.glyph_index(character).expect("it has it");
        assert!(kerning(&face, glyph('A'), glyph('V')) < 0.0);
        assert!(kerning(&face, glyph('T'), glyph('o')) < 0.0);
        assert_eq!(kerning(&face, glyph('H'), glyph('H')).to_bits(), 0);
    }

    #[test]
    fn a_seam_keeps_letters_apart_from_their_ground() {
        for (colour, ground) in [(Colour::WHITE, 0), (Colour::BLACK, 255)] {
            let mark = TextMark::new("l", colour).expect("the font has it");
            let (across, down) = mark.shape();
            let width = (160.0 * across / down) as u32;
            let drawn = mark.draw((width, 160));
            let row = drawn.data.as_chunks::<4>().0.chunks_exact(width as usize).nth(80).expect("it has 160");
            // In the middle the letter, beside it the seam, at the edges next to nothing.
            assert_eq!(row[row.len() / 2], [colour.r, colour.g, colour.b, 255]);
            assert!(row.iter().any(|[r, _, _, alpha]| *r == ground && *alpha > 60 && *alpha < 255));
            assert!(row[0][3] < 16 && row[row.len() - 1][3] < 16, "{row:?}");
        }
    }

    #[test]
    fn any_size_can_be_drawn() {
        for size in [(1, 1), (2, 1), (1, 9), (301, 3), (40, 12)] {
            let drawn = mark("© gÅ").draw(size);
            assert_eq!(drawn.data.len() as u32, size.0 * size.1 * 4);
        }
    }

    /// Guards the rasteriser: on every processor, the same bytes.
    #[test]
    fn the_same_bytes_everywhere() {
        let drawn = mark("© Tidemill · Ωβ Жд 0123").draw((640, 90));
        let hash: [u8; 32] = Sha256::digest(&drawn.data).into();
        assert_eq!(hash[..8], 0xaed2_a65a_55bb_ee88_u64.to_be_bytes());
    }
}
