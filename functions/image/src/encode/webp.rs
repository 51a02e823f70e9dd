//! WebP, lossy and lossless, by libwebp.

use super::{Metadata, Settings, Unwritten, interleaved, riff};
use crate::colour;
use crate::libwebp::{self, Quality};
use crate::pixels::{Packed, Pixels, Plane};

impl Quality {
    pub(super) fn of(settings: &Settings) -> Self {
        if settings.lossless { Self::Lossless } else { Self::Lossy(settings.quality) }
    }
}

impl From<libwebp::Unwritten> for Unwritten {
    fn from(error: libwebp::Unwritten) -> Self {
        match error {
            libwebp::Unwritten::Stopped => Self::Stopped,
            libwebp::Unwritten::Impossible => Self::Impossible("libwebp refuses the picture".to_owned()),
        }
    }
}

/// WebP. Chroma planes have half the luma's size or, as lossless needs it, the luma's size: libwebp halves them
/// then, minding how bright they are.
///
/// Lossless gives back every pixel that can be seen, and all of alpha; what is wholly transparent becomes black,
/// which is smaller and looks the same.
pub(crate) fn webp(
    pixels: &Pixels,
    settings: &Settings,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let quality = Quality::of(settings);
    let file = match pixels {
        Pixels::Grey(grey) if settings.lossless => {
            let data = grey.data.iter().flat_map(|y| [*y; 3]).collect();
            let rgb = Packed { width: grey.width, height: grey.height, scale: grey.scale, data };
            libwebp::encode_packed::<3>(&rgb, quality, stop)
        }
        Pixels::Ycc(planes) if settings.lossless || whole(planes) => {
            libwebp::encode_packed::<3>(&interleaved(planes)?, quality, stop)
        }
        Pixels::Grey(grey) => {
            let (width, height) = (grey.width.div_ceil(2), grey.height.div_ceil(2));
            let neutral = Plane { width, height, scale: grey.scale, data: vec![128; width * height] };
            libwebp::encode_yuv(
                &mut [narrow(grey, 219, 0, 16), neutral.clone(), neutral],
                settings.quality,
                stop,
            )
        }
        Pixels::Ycc(planes) => {
            let [y, cb, cr] = &**planes;
            libwebp::encode_yuv(
                &mut [narrow(y, 219, 0, 16), narrow(cb, 224, 128, 128), narrow(cr, 224, 128, 128)],
                settings.quality,
                stop,
            )
        }
        Pixels::Rgb(rgb) => libwebp::encode_packed::<3>(rgb, quality, stop),
        Pixels::Rgba(rgba) => libwebp::encode_packed::<4>(rgba, quality, stop),
        Pixels::Cmyk(cmyk) => libwebp::encode_packed::<3>(&colour::paper(cmyk), quality, stop),
    };
    riff::with_metadata(file?, metadata)
}

/// Whether chroma has the luma's size.
fn whole(planes: &[Plane; 3]) -> bool {
    let [luma, chroma, _] = planes;
    (luma.width, luma.height) == (chroma.width, chroma.height)
}

/// From JPEG's full range to the narrow one of video, to the nearest: `from` becomes `to`.
fn narrow(plane: &Plane, span: i32, from: i32, to: i32) -> Plane {
    let narrow = |sample: usize| ((sample as i32 - from) * span * 2 + 255).div_euclid(510) + to;
    let table: [u8; 256] = std::array::from_fn(|sample| narrow(sample) as u8);
    let data = plane.data.iter().map(|sample| table[usize::from(*sample)]).collect();
    Plane { data, ..*plane }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neutral_stays_neutral_and_ends_meet_ends() {
        let plane = Plane { width: 5, height: 1, scale: (1.0, 1.0), data: vec![0, 1, 127, 128, 255] };
        assert_eq!(narrow(&plane, 219, 0, 16).data, [16, 17, 125, 126, 235]);
        assert_eq!(narrow(&plane, 224, 128, 128).data, [16, 16, 127, 128, 240]);
    }
}
