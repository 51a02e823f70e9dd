//! What a picture will cost, predicted from its header.
//!
//! Memory follows the plan level by level, as [`Plan::render`] does: what is held, what a step takes on top.
//! The factors are those of the code they speak of, and a test holds the prediction against a counting
//! allocator. Time is a sum over pixels read and written, with factors measured on one machine: good for
//! telling a large picture from a small one, and for nothing finer.

use std::time::Duration;

use crate::config::{DEFAULT_QUALITY, Format, RenditionConfig};
use crate::decode::Header;
use crate::render::{Level, Plan};
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
        let layout = self.layout(header);
        if layout.levels.is_empty() {
            return Cost { memory: 64 << 10, cpu: Duration::from_micros(50) };
        }
        let decoding = header.decoding[layout.shrink as usize];
        let shrunk = match header.kind {
            Kind::Jpeg => header.pixels() >> (2 * layout.shrink as u32),
            // Other formats do not decode at less than full size.
            _ => header.pixels(),
        };
        let mut peak = decoding.peak;
        let mut nanos = match header.kind {
            Kind::Jpeg => header.pixels() * if header.progressive { 12 } else { 6 } + shrunk * 2,
            _ => header.pixels() * 15,
        };
        // Files that are finished stay until the end.
        let mut files = 0;
        for (index, level) in layout.levels.iter().enumerate() {
            let original = if layout.last_use(None) >= Some(index) { decoding.kept } else { 0 };
            let kept = layout.levels[..index].iter().enumerate();
            let kept = kept.filter(|(parent, _)| layout.last_use(Some(*parent)) >= Some(index));
            let held = original + kept.map(|(_, level)| bytes(header, level)).sum::<u64>() + files;
            let own = bytes(header, level);
            let source = level.parent.map_or(shrunk, |parent| pixels(&layout.levels[parent]));
            peak = peak.max(held + own + scratch(header, level, source));
            let after = if layout.last_use(None) == Some(index) { held - original } else { held };
            let turned = if header.orientation.tag() > 1 { own } else { 0 };
            for rendition in &level.renditions {
                let RenditionConfig { format, quality, .. } = self.renditions()[*rendition];
                let (working, file) = encoding(header, format, quality.unwrap_or(DEFAULT_QUALITY));
                peak = peak.max(after + own + turned + (working + file) * pixels(level) / 4);
                files += file * pixels(level) / 4;
                nanos += pixels(level)
                    * match format {
                        Format::Jpeg => 8,
                        Format::Webp => 60,
                        Format::Png => 50,
                        Format::Info => 0,
                    };
            }
            nanos += source * 2 * header.samples.max(2) / 2;
        }
        Cost { memory: BASE + peak, cpu: Duration::from_nanos(nanos) }
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
fn encoding(header: &Header, format: Format, quality: u8) -> (u64, u64) {
    let lossy = match quality {
        ..=85 => 3,
        86..=95 => 6,
        _ => 12,
    };
    match format {
        // Symbols (see `jpeg::encode`), and planes if there are none yet.
        Format::Jpeg => (if header.planar || header.samples == 1 { 8 } else { 14 }, lossy),
        // Planes, libwebp's own planes, modes and symbols.
        Format::Webp => (18, lossy),
        Format::Png => (if header.planar { 14 } else { 2 }, header.samples * 6),
        Format::Info => (0, 0),
    }
}
