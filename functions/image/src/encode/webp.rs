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

/// WebP. Chroma planes have half the luma's size, or, for lossless, the luma's size.
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
        Pixels::Ycc(planes) if settings.lossless => {
            libwebp::encode_packed::<3>(&interleaved(planes)?, quality, stop)
        }
        Pixels::Grey(grey) => {
            let (width, height) = (grey.width.div_ceil(2), grey.height.div_ceil(2));
            let neutral = Plane { width, height, scale: grey.scale, data: vec![128; width * height] };
            libwebp::encode_yuv(
                &mut [narrow(grey, 219, 16), neutral.clone(), neutral],
                settings.quality,
                stop,
            )
        }
        Pixels::Ycc(planes) => {
            let [y, cb, cr] = &**planes;
            libwebp::encode_yuv(
                &mut [narrow(y, 219, 16), narrow(cb, 224, 16), narrow(cr, 224, 16)],
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

/// From JPEG's full range to the narrow one of video.
fn narrow(plane: &Plane, span: u32, floor: u32) -> Plane {
    let table: [u8; 256] = std::array::from_fn(|sample| ((sample as u32 * span + 127) / 255 + floor) as u8);
    let data = plane.data.iter().map(|sample| table[usize::from(*sample)]).collect();
    Plane { data, ..*plane }
}
