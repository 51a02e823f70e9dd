//! Animations, frame by frame: each is the whole canvas as it is shown, and one canvas is held at a time. WebP and
//! PNG are composed here, GIF by the crate `image`.
//!
//! A frame's time of 10 ms or less is taken for 100 ms, as all browsers do: such files were made when
//! programs could not be faster, and are meant to be seen.

#[cfg(feature = "gif")]
use super::gif;
#[cfg(feature = "png")]
use super::png;
#[cfg(feature = "webp")]
use super::webp;
use super::{Header, check, megapixels};
use crate::limits::Limits;
use crate::pixels::{Packed, Pixels};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

/// One picture of an animation.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The whole canvas as shown, in RGBA.
    pub pixels: Pixels,
    /// How long it is shown, in milliseconds.
    pub millis: u32,
}

/// The frames of an animation in their order; of a still picture, the one that it is.
pub struct Frames<'a> {
    source: Source<'a>,
    /// Of those that are composed here.
    canvas: Canvas,
}

enum Source<'a> {
    #[cfg(feature = "gif")]
    Gif(Box<gif::Animation<'a>>),
    #[cfg(feature = "png")]
    Png(Box<png::Animation<'a>>),
    #[cfg(feature = "webp")]
    Webp(webp::Animation<'a>),
    /// So that there is a variant without any format.
    #[cfg(not(any(feature = "gif", feature = "png", feature = "webp")))]
    None(&'a [u8]),
}

/// Begins to read every frame of an animation. `header` is what [`super::header`] told of the same bytes.
///
/// # Errors
///
/// If the frames together have more pixels than the limits allow, or the format has no frames.
pub fn frames<'a>(data: &'a [u8], header: &Header, limits: &Limits) -> Result<Frames<'a>, Failure> {
    check(data, header, limits)?;
    let pixels = match header.kind {
        #[cfg(feature = "gif")]
        Kind::Gif => gif::Animation::frame_pixels(data, header.pixels()),
        _ => header.pixels().saturating_mul(header.frames.into()),
    };
    if pixels > limits.frame_pixels {
        let what = format!(
            "{} frames of {} x {} pixels are {} megapixels",
            header.frames,
            header.width,
            header.height,
            megapixels(pixels)
        );
        return Err(Reject::TooLarge { what, limit: megapixels(limits.frame_pixels) }.into());
    }
    let source = match header.kind {
        #[cfg(feature = "gif")]
        Kind::Gif => Source::Gif(Box::new(gif::Animation::new(data, header)?)),
        #[cfg(feature = "png")]
        Kind::Png if header.frames > 1 => Source::Png(Box::new(png::Animation::new(data, header)?)),
        #[cfg(feature = "webp")]
        Kind::Webp if header.frames > 1 => Source::Webp(webp::Animation::new(data)),
        kind => return Err(Reject::Unsupported(format!("an animated {kind}")).into()),
    };
    Ok(Frames { source, canvas: Canvas::new((header.width, header.height)) })
}

/// Bytes that reading frame by frame takes at most, the frame that was handed over included.
pub fn frames_memory(header: &Header) -> u64 {
    // Bytes a pixel: the canvas, its copy that is handed over, and what it was before the frame.
    let canvas = if header.kind == Kind::Gif { 4 } else { 12 };
    let own = match header.kind {
        // The frame's pixels, and libwebp's own if they are without loss.
        Kind::Webp => 9,
        // The frame as the library gives it, and in RGBA.
        Kind::Png => 4 + u64::from(header.depth.div_ceil(8)) * 4,
        _ => 0,
    };
    // Frames of a GIF may be larger than its screen, and are decoded beside it.
    let beside = if header.kind == Kind::Gif { header.decoding[0].peak } else { 0 };
    header.pixels().saturating_mul(canvas + own).saturating_add(beside).saturating_add(256 << 10)
}

impl Frames<'_> {
    /// The next frame, or nothing after the last one.
    ///
    /// # Errors
    ///
    /// If the file is broken there, or `stop` said so. Nothing more can be read then.
    pub fn next(&mut self, stop: &dyn Fn() -> bool) -> Result<Option<Frame>, Failure> {
        if stop() {
            return Err(Failure::Stopped);
        }
        let canvas = &mut self.canvas;
        let millis: Option<u32> = match &mut self.source {
            #[cfg(feature = "gif")]
            Source::Gif(animation) => return animation.next(),
            #[cfg(feature = "png")]
            Source::Png(animation) => animation.next(canvas)?,
            #[cfg(feature = "webp")]
            Source::Webp(animation) => animation.next(canvas)?,
            #[cfg(not(any(feature = "gif", feature = "png", feature = "webp")))]
            Source::None(_) => None,
        };
        Ok(millis.map(|millis| Frame { pixels: Pixels::Rgba(self.canvas.packed()), millis }))
    }
}

/// Milliseconds that a frame is shown for which the file says so many.
pub(super) fn shown_for(millis: u32) -> u32 {
    if millis <= 10 { 100 } else { millis }
}

/// What becomes of a frame's part of the canvas before the next one is painted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It stays.
    #[default]
    Keep,
    /// It becomes transparent.
    Background,
    /// It becomes what it was.
    Previous,
}

/// How a frame's pixels meet those of the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blend {
    /// They take their place.
    Source,
    /// They are laid over them.
    Over,
}

/// A part of a canvas, which may stand out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Region {
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub(super) fn covers(self, (width, height): (u32, u32)) -> bool {
        (self.left, self.top) == (0, 0) && self.width >= width && self.height >= height
    }
}

/// What is shown, in RGBA that is not premultiplied; and what has to happen to it before the next frame.
pub(super) struct Canvas {
    size: (u32, u32),
    data: Vec<u8>,
    region: Region,
    disposal: Disposal,
    /// The region as it was before the frame, if that will be needed.
    saved: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(size: (u32, u32)) -> Self {
        let data = Vec::new();
        Self { size, data, region: Region::default(), disposal: Disposal::Keep, saved: Vec::new() }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(super) fn into_packed(self) -> Packed {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        Packed { width, height, scale: (1.0, 1.0), data: self.data }
    }

    fn packed(&self) -> Packed {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        Packed { width, height, scale: (1.0, 1.0), data: self.data.clone() }
    }

    /// The part of each row that a region has, from top to bottom, as far as it lies on the canvas.
    fn rows(&mut self, region: Region) -> impl Iterator<Item = &mut [u8]> {
        let (width, height) = self.size;
        let left = region.left.min(width) as usize * 4;
        let across = region.width.min(width - region.left.min(width)) as usize * 4;
        let top = region.top.min(height) as usize;
        let down = region.height.min(height - region.top.min(height)) as usize;
        let rows = self.data.chunks_exact_mut(width as usize * 4).skip(top).take(down);
        rows.map(move |row| &mut row[left..][..across])
    }

    /// Disposes of the frame before, and prepares for the next one.
    pub(super) fn begin(&mut self, region: Region, disposal: Disposal) {
        let bytes = self.size.0 as usize * self.size.1 as usize * 4;
        self.data.resize(bytes, 0);
        match self.disposal {
            Disposal::Keep => {}
            Disposal::Background => self.rows(self.region).for_each(|row| row.fill(0)),
            Disposal::Previous => {
                let saved = std::mem::take(&mut self.saved);
                let mut saved = &saved[..];
                for row in self.rows(self.region) {
                    let (was, rest) = saved.split_at(row.len());
                    row.copy_from_slice(was);
                    saved = rest;
                }
            }
        }
        (self.region, self.disposal) = (region, disposal);
        if disposal == Disposal::Previous {
            let mut saved = Vec::new();
            self.rows(region).for_each(|row| saved.extend_from_slice(row));
            self.saved = saved;
        }
    }

    /// Paints the RGBA pixels of the frame that was begun.
    pub(super) fn paint(&mut self, pixels: &[u8], blend: Blend) {
        let region = self.region;
        let sources = pixels.chunks_exact(region.width.max(1) as usize * 4);
        for (row, source) in self.rows(region).zip(sources) {
            let source = &source[..row.len()];
            match blend {
                Blend::Source => row.copy_from_slice(source),
                Blend::Over => {
                    let pixels = row.as_chunks_mut::<4>().0.iter_mut();
                    pixels.zip(source.as_chunks::<4>().0).for_each(|(below, above)| over(below, *above));
                }
            }
        }
    }
}

/// One pixel over another, neither premultiplied.
fn over(below: &mut [u8; 4], above: [u8; 4]) {
    match above[3] {
        255 => *below = above,
        0 => {}
        alpha => {
            // In units of 1/255 of 1/255.
            let front = u32::from(alpha) * 255;
            let back = u32::from(below[3]) * (255 - u32::from(alpha));
            let both = front + back;
            for (below, above) in below[..3].iter_mut().zip(above) {
                *below = ((u32::from(above) * front + u32::from(*below) * back + both / 2) / both) as u8;
            }
            below[3] = ((both + 127) / 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_laid_over_each_other() {
        let check = |mut below: [u8; 4], above: [u8; 4], expected: [u8; 4]| {
            over(&mut below, above);
            assert_eq!(below, expected);
        };
        check([1, 2, 3, 4], [9, 9, 9, 0], [1, 2, 3, 4]);
        check([1, 2, 3, 4], [9, 8, 7, 255], [9, 8, 7, 255]);
        check([0, 0, 0, 255], [255, 255, 255, 128], [128, 128, 128, 255]);
        check([0, 0, 0, 0], [200, 100, 50, 128], [200, 100, 50, 128]);
        check([0, 0, 0, 128], [255, 255, 255, 128], [170, 170, 170, 192]);
    }

    #[test]
    fn a_frame_may_stand_out_of_its_canvas() {
        let mut canvas = Canvas::new((3, 2));
        canvas.begin(Region { left: 2, top: 1, width: 5, height: 5 }, Disposal::Previous);
        canvas.paint(&[7; 100], Blend::Source);
        assert_eq!(canvas.data, [&[0; 20][..], &[7; 4]].concat());
        canvas.begin(Region { left: 9, top: 9, width: 5, height: 5 }, Disposal::Background);
        assert!(canvas.data.iter().all(|byte| *byte == 0));
        canvas.paint(&[7; 100], Blend::Source);
        assert!(canvas.data.iter().all(|byte| *byte == 0));
    }
}
