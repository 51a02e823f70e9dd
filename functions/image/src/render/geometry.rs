//! Where a rendition's pixels come from: its size, and the part of the picture that it shows.

use crate::config::{Fit, Format, RenditionConfig};
use crate::decode::Header;
use crate::info;
use crate::orient::Orientation;
use crate::resample::Crop;

/// The part of the picture that a rendition shows, and its size, both in the stored orientation.
pub(super) fn geometry(rendition: &RenditionConfig, header: &Header) -> (Crop, (u32, u32)) {
    let (shown_width, shown_height) = header.shown();
    let (width, height) = (f64::from(shown_width), f64::from(shown_height));
    let asked = match rendition.format {
        Format::Info => (Some(info::SIDE), Some(info::SIDE)),
        _ => (rendition.width, rendition.height),
    };
    let across = asked.0.map(|side| f64::from(side) / width);
    let down = asked.1.map(|side| f64::from(side) / height);
    let limit = if rendition.enlarge { f64::INFINITY } else { 1.0 };
    // What a side may have at most: what was asked for, and unless it grows, what is there.
    let most = |asked: Option<u32>, whole: u32| match asked {
        Some(asked) if rendition.enlarge => asked,
        Some(asked) => asked.min(whole),
        None => u32::MAX,
    };
    let (most_across, most_down) = (most(asked.0, shown_width), most(asked.1, shown_height));
    let side = |pixels: f64, most: u32| (pixels.round() as u32).clamp(1, most);
    let (crop, size) = if let (Some(Fit::Cover), Some(across), Some(down)) = (rendition.fit, across, down) {
        // The box is filled, as far as the picture goes.
        let scale = across.max(down).min(limit);
        let size = (side(width * scale, most_across), side(height * scale, most_down));
        let crop_width = (f64::from(size.0) / scale).min(width);
        let crop_height = (f64::from(size.1) / scale).min(height);
        let (left, top) = rendition.gravity.unwrap_or_default().shares();
        let crop = Crop {
            left: (width - crop_width) * left,
            top: (height - crop_height) * top,
            width: crop_width,
            height: crop_height,
        };
        (crop, size)
    } else {
        let scale = match (across, down) {
            (Some(across), Some(down)) => across.min(down),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 1.0,
        };
        let scale = scale.min(limit);
        let size = (side(width * scale, most_across), side(height * scale, most_down));
        (Crop { left: 0.0, top: 0.0, width, height }, size)
    };
    (stored(crop, header), header.orientation.swap(size))
}

/// The size of the rendition as shown: the picture's, or that of the canvas that it is laid on.
pub(crate) fn canvas(rendition: &RenditionConfig, shown: (u32, u32)) -> (u32, u32) {
    match (rendition.fit, rendition.width, rendition.height) {
        (Some(Fit::Contain), Some(width), Some(height)) => (width, height),
        _ => shown,
    }
}

/// A part of the picture as shown, as it is stored.
fn stored(crop: Crop, header: &Header) -> Crop {
    let orientation = header.orientation;
    let (left, top) = orientation.swap((crop.left, crop.top));
    let (width, height) = orientation.swap((crop.width, crop.height));
    let right = f64::from(header.width) - left - width;
    let bottom = f64::from(header.height) - top - height;
    use Orientation as O;
    let left = match orientation {
        O::Mirrored | O::Turned180 | O::Transversed | O::Turned270 => right,
        O::Upright | O::Flipped | O::Transposed | O::Turned90 => left,
    };
    let top = match orientation {
        O::Turned180 | O::Flipped | O::Turned90 | O::Transversed => bottom,
        O::Upright | O::Mirrored | O::Transposed | O::Turned270 => top,
    };
    Crop { left: left.max(0.0), top: top.max(0.0), width, height }
}
