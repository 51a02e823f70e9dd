//! Animations: each frame goes the way of a still picture, one after the other, into all that show them.

use super::{Layout, Picture, Plan, failure, finish, resample, settings};
use crate::colour::{self, Space};
use crate::decode;
use crate::encode::{self, Animation};
use crate::finish::forms::rgba;
use crate::limits::Limits;
use crate::pixels::Pixels;
use crate::reject::Failure;
use crate::resample::Resampler;

impl Plan {
    pub(super) fn render_moving(
        &self,
        data: &[u8],
        picture: &Picture<'_>,
        layout: &Layout,
        limits: &Limits,
        stop: &dyn Fn() -> bool,
        files: &mut [Option<Vec<u8>>],
    ) -> Result<(), Failure> {
        if layout.levels.is_empty() {
            return Ok(());
        }
        let header = picture.header;
        let mut animations: Vec<Option<Animation>> = self.renditions.iter().map(|_| None).collect();
        let mut resampler = Resampler::new();
        let mut frames = decode::frames(data, header, limits)?;
        while let Some(frame) = frames.next(stop)? {
            let mut made: Vec<Pixels> = Vec::new();
            for level in &layout.levels {
                if stop() {
                    return Err(Failure::Stopped);
                }
                let pixels = if let Some(parent) = level.parent {
                    resample(&mut resampler, &made[parent], level)
                } else {
                    let resampled = resample(&mut resampler, &frame.pixels, level);
                    colour::to_srgb(resampled, picture.profile.as_ref())
                };
                let turned = encode::turn(&pixels, header.orientation);
                for rendition in &level.renditions {
                    let plan = &self.renditions[*rendition];
                    let shown = rgba(&finish::finish(&turned, plan));
                    let failed = |unwritten| failure(unwritten, &plan.config);
                    let animation = match &mut animations[*rendition] {
                        Some(animation) => animation,
                        empty => {
                            let settings = settings(&plan.config);
                            let size = (shown.width, shown.height);
                            empty.insert(
                                Animation::new(size.0, size.1, &settings, header.loops).map_err(failed)?,
                            )
                        }
                    };
                    animation.add(&shown, frame.millis, stop).map_err(failed)?;
                }
                drop(turned);
                made.push(pixels);
            }
        }
        for ((animation, file), plan) in animations.into_iter().zip(files).zip(&self.renditions) {
            if let Some(animation) = animation {
                let finished = animation.finish(&picture.metadata(Space::Rgb));
                *file = Some(finished.map_err(|unwritten| failure(unwritten, &plan.config))?);
            }
        }
        Ok(())
    }
}
