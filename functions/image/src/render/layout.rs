//! The plan of a picture: a list of levels, largest first.
//!
//! A level is a size and a crop; renditions of the same level share it. A level is resampled from the smallest
//! earlier level that still has twice its size across and down, which is what Lanczos needs to look as if it came
//! from the original; else from the original.

use super::geometry::geometry;
use crate::config::RenditionConfig;
use crate::decode::{Header, Shrink};
use crate::resample::Crop;

/// A size and a crop that one or more renditions have, in the picture's stored orientation.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) crop: Crop,
    pub(crate) size: (u32, u32),
    /// Whether chroma is kept at full size, or at half as JPEG and lossy WebP have it.
    pub(crate) full_chroma: bool,
    /// The earlier level that it is made from.
    pub(crate) parent: Option<usize>,
    /// Indices of its renditions.
    pub(crate) renditions: Vec<usize>,
}

/// How a picture becomes its renditions.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) shrink: Shrink,
    pub(crate) levels: Vec<Level>,
}

/// What is asked of Lanczos at most: a source of twice the size, give or take the rounding of a side.
const CASCADE: f64 = 1.95;

impl Layout {
    /// Of renditions, each with its index. `converts` tells that colours are converted, for which luma and chroma
    /// need one size.
    pub(crate) fn new<'a>(
        renditions: impl Iterator<Item = (usize, &'a RenditionConfig)>,
        header: &Header,
        converts: bool,
    ) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        for (index, rendition) in renditions {
            let (crop, size) = geometry(rendition, header);
            let full_chroma = converts || rendition.full_chroma(size);
            let same = |level: &&mut Level| {
                level.crop == crop && level.size == size && level.full_chroma == full_chroma
            };
            match levels.iter_mut().find(same) {
                Some(level) => level.renditions.push(index),
                None => levels.push(Level { crop, size, full_chroma, parent: None, renditions: vec![index] }),
            }
        }
        let area = |level: &Level| u64::from(level.size.0) * u64::from(level.size.1);
        levels.sort_by_key(|level| std::cmp::Reverse(area(level)));
        let whole = (f64::from(header.width), f64::from(header.height));
        for index in 1..levels.len() {
            let (earlier, level) = (&levels[..index], &levels[index]);
            let fits = |parent: &Level| {
                // How much of the parent the level's crop has, against the level's own size.
                let across = level.crop.width / whole.0 * f64::from(parent.size.0) / f64::from(level.size.0);
                let down = level.crop.height / whole.1 * f64::from(parent.size.1) / f64::from(level.size.1);
                (parent.crop.width, parent.crop.height) == whole && across >= CASCADE && down >= CASCADE
            };
            levels[index].parent = earlier.iter().rposition(fits);
        }
        Self { shrink: shrink(&levels), levels }
    }

    /// The last level that needs what `parent` names.
    pub(crate) fn last_use(&self, parent: Option<usize>) -> Option<usize> {
        self.levels.iter().rposition(|level| level.parent == parent)
    }
}

/// Half size may be decoded as soon as the largest level has half the picture's size; less only where a factor of
/// two is left to the resampler, or it would show.
fn shrink(levels: &[Level]) -> Shrink {
    let ratio = levels
        .iter()
        .filter(|level| level.parent.is_none())
        .map(|level| {
            let across = level.crop.width / f64::from(level.size.0);
            across.min(level.crop.height / f64::from(level.size.1))
        })
        .fold(f64::INFINITY, f64::min);
    match ratio {
        _ if levels.is_empty() => Shrink::None,
        16.0.. => Shrink::Eighth,
        8.0.. => Shrink::Quarter,
        2.0.. => Shrink::Half,
        _ => Shrink::None,
    }
}
