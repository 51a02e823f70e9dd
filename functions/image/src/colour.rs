//! What samples mean: into sRGB (IEC 61966-2-1), which is what every rendition is in.
//!
//! It is done once a level, after resampling, when the picture is small.

use crate::pixels::{Packed, Pixels};

/// Any picture in sRGB: grey, luma and chroma, or red, green and blue.
pub(crate) fn to_srgb(pixels: Pixels) -> Pixels {
    match pixels {
        Pixels::Cmyk(inks) => Pixels::Rgb(paper(&inks)),
        other => other,
    }
}

/// Four inks as they look on paper that knows no better: each takes its light away.
pub(crate) fn paper(inks: &Packed) -> Packed {
    let mut data = vec![0; inks.width * inks.height * 3];
    for (pixel, [c, m, y, k]) in data.as_chunks_mut::<3>().0.iter_mut().zip(inks.data.as_chunks::<4>().0) {
        let light = u32::from(255 - k);
        *pixel = [c, m, y].map(|ink| ((u32::from(255 - ink) * light + 127) / 255) as u8);
    }
    Packed { width: inks.width, height: inks.height, scale: inks.scale, data }
}
