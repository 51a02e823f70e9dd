//! What a picture will cost, predicted from its header.
//!
//! Memory follows the plan level by level, as [`Plan::render`] does: what is held, what a step takes on top.
//! The factors are those of the code they speak of, and a test holds the prediction against a counting
//! allocator. Time is a sum over pixels read and written, with factors measured on one machine: good for
//! telling a large picture from a small one, and for nothing finer.

use std::time::Duration;

use crate::config::{Fit, Format, RenditionConfig};
use crate::decode::{self, Header, Memory};
use crate::render::{Layout, Level, Plan, RenditionPlan, canvas};
use crate::sniff::Kind;

/// What [`Plan::render`] will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Bytes held at once at most, besides the file itself.
    pub memory: u64,
    /// Time on one processor, roughly.
    pub cpu: Duration,
}

/// Bytes that every picture needs: tables, weights, encoders' state.
const BASE: u64 = 1 << 20;

impl Plan {
    /// Predicts the cost. Memory is an upper bound; time is an estimate.
    pub fn cost(&self, header: &Header) -> Cost {
        let still = self.pass(header, &self.still(header), None);
        let frames = if header.unread.frames { header.frames.max(UNREAD_FRAMES) } else { header.frames };
        let moving = self.pass(header, &self.moving(header), Some(frames.into()));
        // A profile's tables: numbers of 8 bits that become some of 32, beside them.
        let profile =
            if self.converts(header) { header.icc.as_ref().map_or(0, |icc| icc.len() as u64 * 5) } else { 0 };
        Cost {
            memory: BASE + profile + still.peak.max(still.files + moving.peak),
            cpu: Duration::from_nanos(50_000 + still.nanos + moving.nanos),
        }
    }

    /// One way through the levels: once, or for each of so many frames.
    fn pass(&self, header: &Header, layout: &Layout, frames: Option<u64>) -> Pass {
        if layout.levels.is_empty() {
            return Pass::default();
        }
        let mut decoding = header.decoding[layout.shrink as usize];
        if frames.is_some() {
            let memory = decode::frames_memory(header);
            decoding = Memory { peak: memory, kept: memory };
        }
        let shrunk = match header.kind {
            Kind::Jpeg => header.pixels() >> (2 * layout.shrink as u32),
            // Other formats do not decode at less than full size.
            _ => header.pixels(),
        };
        let mut pass = Pass { peak: decoding.peak, ..Pass::default() };
        let mut nanos = match header.kind {
            Kind::Jpeg => header.pixels() * if header.progressive { 12 } else { 6 } + shrunk * 2,
            _ => header.pixels() * 15,
        };
        // What all animations hold between frames.
        let all = layout.levels.iter().flat_map(|level| level.renditions.iter().map(move |at| (level, *at)));
        let encoders = match frames {
            Some(_) => all.map(|(level, at)| ANIMATION * self.canvas(header, level, at)).sum(),
            None => 0,
        };
        for (index, level) in layout.levels.iter().enumerate() {
            // Of an animation, all levels of a frame are kept, and the decoder with its canvas.
            let used = |parent| frames.is_some() || layout.last_use(parent) >= Some(index);
            let original = if used(None) { decoding.kept } else { 0 };
            let kept = layout.levels[..index].iter().enumerate();
            let kept = kept.filter(|(parent, _)| used(Some(*parent)));
            let held = encoders + original + kept.map(|(_, level)| bytes(header, level)).sum::<u64>();
            let own = bytes(header, level);
            let source = level.parent.map_or(shrunk, |parent| pixels(&layout.levels[parent]));
            // Colours are converted from one picture into another.
            let converted = if self.converts(header) { own } else { 0 };
            pass.peak =
                pass.peak.max(pass.files + held + own + scratch(header, level, source).max(converted));
            let last = frames.is_none() && layout.last_use(None) == Some(index);
            let after = if last { held - original } else { held };
            let turned = if header.orientation.tag() > 1 || header.unread.exif { own } else { 0 };
            for at in &level.renditions {
                let plan = &self.renditions()[*at];
                let canvas = self.canvas(header, level, *at);
                let (working, file) = encoding(header, level, &plan.config);
                let (finishing, finishing_nanos) = finishing(plan, self.canvas_size(header, level, *at));
                let working = (working + file) * canvas / 4;
                pass.peak = pass.peak.max(pass.files + after + own + turned + finishing + working);
                pass.files += file * canvas / 4 * frames.unwrap_or(1);
                nanos += finishing_nanos + canvas * encoding_nanos(&plan.config);
            }
            nanos += source * 2 * header.samples.max(2) / 2;
        }
        // The files of an animation grow until the last of its frames.
        if frames.is_some() {
            pass.peak += pass.files;
        }
        pass.nanos = nanos * frames.unwrap_or(1);
        pass
    }

    /// The pixels of a rendition, with those of its background.
    fn canvas(&self, header: &Header, level: &Level, rendition: usize) -> u64 {
        let (width, height) = self.canvas_size(header, level, rendition);
        u64::from(width) * u64::from(height)
    }

    fn canvas_size(&self, header: &Header, level: &Level, rendition: usize) -> (u32, u32) {
        canvas(&self.renditions()[rendition].config, header.orientation.swap(level.size))
    }
}

/// What one way through the levels takes.
#[derive(Default)]
struct Pass {
    peak: u64,
    /// Files that are finished: they stay until the end.
    files: u64,
    nanos: u64,
}

/// Frames that are assumed where a file's beginning does not tell.
const UNREAD_FRAMES: u32 = 100;

/// Bytes per pixel that an animation holds: libwebp's canvases, and the frame at hand.
const ANIMATION: u64 = 32;

/// Bytes, and time, that a rendition takes between resampling and encoding.
fn finishing(plan: &RenditionPlan, size: (u32, u32)) -> (u64, u64) {
    let RenditionConfig { fit, background, blur, sharpen, grey, .. } = &plan.config;
    let copied = *fit == Some(Fit::Contain) || background.is_some() || *grey || plan.watermark.is_some();
    let filtered = blur.is_some() || sharpen.is_some();
    let canvas = u64::from(size.0) * u64::from(size.1);
    let mark = plan.watermark.as_ref().map_or(0, |watermark| watermark.memory(size));
    let bytes =
        if copied || filtered { canvas * 8 } else { 0 } + if filtered { canvas * 12 } else { 0 } + mark;
    (bytes, if copied { canvas * 4 } else { 0 } + if filtered { canvas * 40 } else { 0 })
}

fn encoding_nanos(config: &RenditionConfig) -> u64 {
    match config.format {
        Format::Jpeg if config.progressive => 20,
        Format::Jpeg => 8,
        Format::Webp if config.lossless => 500,
        Format::Webp => 60,
        Format::Png => 50,
        Format::Avif => 900,
        Format::Info => 100,
    }
}

fn pixels(level: &Level) -> u64 {
    u64::from(level.size.0) * u64::from(level.size.1)
}

/// Samples of a level.
fn bytes(header: &Header, level: &Level) -> u64 {
    let halves = u64::from(level.size.0.div_ceil(2)) * u64::from(level.size.1.div_ceil(2));
    if header.planar && !level.full_chroma {
        pixels(level) + 2 * halves
    } else {
        pixels(level) * header.samples
    }
}

/// What the resampler takes between its two passes, one plane after the other, and beside them.
fn scratch(header: &Header, level: &Level, source: u64) -> u64 {
    // A picture that keeps its size is copied.
    if source == pixels(level) {
        return 0;
    }
    // Packed pixels are taken apart one channel at a time.
    let channel = if header.planar || header.samples == 1 { 0 } else { source };
    // The narrower of the two ways round: all rows at the new width, or all columns at the new height.
    let rows = (source as f64).sqrt() * (pixels(level) as f64).sqrt();
    (rows * 1.5) as u64 + channel + pixels(level)
}

/// Quarter bytes per pixel that an encoder takes while it works, and that its file may have.
fn encoding(header: &Header, level: &Level, config: &RenditionConfig) -> (u64, u64) {
    let lossy = match config.quality() {
        ..=85 => 3,
        86..=95 => 6,
        _ => 12,
    };
    let planes = if header.planar || header.samples == 1 { 0 } else { 6 };
    match config.format {
        // Symbols (see `jpeg::encode`), and coefficients of all scans; and planes if there are none yet.
        Format::Jpeg => (8 + planes + if config.progressive { 12 } else { 0 }, lossy),
        // libwebp keeps four bytes a pixel, and copies of them for each transform that it tries.
        Format::Webp if config.lossless => (100, 16),
        // Planes, libwebp's own planes, modes and symbols; and pixels where libwebp halves the colours.
        Format::Webp => (if header.planar && level.full_chroma { 30 } else { 18 }, lossy),
        Format::Png => (if header.planar { 14 } else { 2 }, header.samples.max(3) * 6),
        Format::Avif => (240, lossy),
        Format::Info => (16, 0),
    }
}
