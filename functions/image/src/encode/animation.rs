//! Animated WebP, frame by frame.

use super::{Metadata, Settings, Unwritten, riff};
use crate::libwebp::{self, Quality};
use crate::pixels::Packed;

/// An animation that is being written. It holds five canvases and the file so far, however many frames come.
pub(crate) struct Animation {
    encoder: libwebp::Animation,
    size: (usize, usize),
    /// What is on show, as far as lossy encoding has been told.
    shown: Option<Packed>,
    /// How far a sample may be off before lossy encoding writes it anew.
    tolerance: Option<u32>,
}

impl Animation {
    /// An animation of this size that plays `loops` times; 0 is for ever, and so many that the format cannot
    /// say it are 65535.
    ///
    /// Lossless gives every pixel back that can be seen.
    pub(crate) fn new(
        width: usize,
        height: usize,
        settings: &Settings,
        loops: u32,
    ) -> Result<Self, Unwritten> {
        let loops = u16::try_from(loops).unwrap_or(u16::MAX);
        let encoder = libwebp::Animation::new(width, height, Quality::of(settings), loops)?;
        let tolerance = (!settings.lossless).then(|| tolerance(settings.quality));
        Ok(Self { encoder, size: (width, height), shown: None, tolerance })
    }

    /// Appends a frame of RGBA that has the animation's size. A frame that is like the one before only makes
    /// that one last longer.
    ///
    /// The time is written as it is: that some players take 0 for more is for the caller to know.
    pub(crate) fn add(
        &mut self,
        frame: &Packed,
        millis: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Unwritten> {
        let (width, height) = self.size;
        if (frame.width, frame.height) != self.size || frame.data.len() != width * height * 4 {
            return Err(Unwritten::Impossible("its frames have different sizes".to_owned()));
        }
        let frame = match (self.tolerance, &mut self.shown) {
            (None, _) => frame,
            (Some(_), shown @ None) => shown.insert(frame.clone()),
            (Some(tolerance), Some(shown)) => {
                let pixels = shown.data.as_chunks_mut::<4>().0.iter_mut().zip(frame.data.as_chunks::<4>().0);
                for (shown, pixel) in pixels {
                    if !similar(*shown, *pixel, tolerance) {
                        *shown = *pixel;
                    }
                }
                shown
            }
        };
        Ok(self.encoder.add(frame, millis, stop)?)
    }

    /// The file. An animation of one frame becomes a still picture, where that is smaller.
    pub(crate) fn finish(self, metadata: &Metadata<'_>) -> Result<Vec<u8>, Unwritten> {
        riff::with_metadata(self.encoder.finish()?, metadata)
    }
}

/// How far apart samples may be for libwebp's lossy animations to leave a pixel as it was (`QualityToMaxDiff`
/// in its anim_encode.c).
///
/// It compares each frame with the one before, not with what is on show: a scene that darkens by so little from
/// frame to frame would never darken. So what it gets differs from frame to frame either not at all or by more.
fn tolerance(quality: u8) -> u32 {
    let part = (f64::from(quality) / 100.0).sqrt();
    (31.0 * (1.0 - part) + part + 0.5) as u32
}

/// As libwebp decides it (`PixelsAreSimilar`).
fn similar(a: [u8; 4], b: [u8; 4], tolerance: u32) -> bool {
    let near = |i: usize| u32::from(a[i].abs_diff(b[i])) * u32::from(b[3]) <= tolerance * 255;
    a[3] == b[3] && near(0) && near(1) && near(2)
}
