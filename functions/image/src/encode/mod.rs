//! Pixels in, a file's bytes out. One function per format; none writes metadata.

use std::borrow::Cow;

use crate::colour;
use crate::orient::Orientation;
use crate::pixels::{Packed, Pixels, Plane};

/// Why there are no bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    Stopped,
    /// The encoder refused; with what it said.
    Impossible(String),
}

/// Turns a picture for viewing; one that stands upright is not copied.
pub(crate) fn turn(pixels: &Pixels, orientation: Orientation) -> Cow<'_, Pixels> {
    if orientation == Orientation::Upright {
        return Cow::Borrowed(pixels);
    }
    let plane = |plane: &Plane| {
        let (data, width, height) = orientation.apply::<1>(&plane.data, plane.width, plane.height);
        Plane { width, height, scale: orientation.swap(plane.scale), data }
    };
    let packed = |packed: &Packed, turned: (Vec<u8>, usize, usize)| {
        let (data, width, height) = turned;
        Packed { width, height, scale: orientation.swap(packed.scale), data }
    };
    Cow::Owned(match pixels {
        Pixels::Grey(grey) => Pixels::Grey(plane(grey)),
        Pixels::Ycc(planes) => Pixels::Ycc(Box::new(planes.each_ref().map(plane))),
        Pixels::Rgb(rgb) => {
            Pixels::Rgb(packed(rgb, orientation.apply::<3>(&rgb.data, rgb.width, rgb.height)))
        }
        Pixels::Rgba(rgba) => {
            Pixels::Rgba(packed(rgba, orientation.apply::<4>(&rgba.data, rgba.width, rgba.height)))
        }
        Pixels::Cmyk(cmyk) => {
            Pixels::Cmyk(packed(cmyk, orientation.apply::<4>(&cmyk.data, cmyk.width, cmyk.height)))
        }
    })
}

/// Baseline JPEG. Chroma planes have half the luma's size.
#[cfg(feature = "jpeg")]
pub(crate) fn jpeg(pixels: &Pixels, quality: u8, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten> {
    use crate::jpeg::encode::{Options, encode};
    use crate::pixels::separate;
    let options = Options { quality, progressive: false };
    match pixels {
        Pixels::Grey(grey) => encode(std::slice::from_ref(grey), options, stop),
        Pixels::Ycc(planes) => encode(&planes[..], options, stop),
        Pixels::Rgb(rgb) => encode(&separate::<3>(rgb), options, stop),
        Pixels::Rgba(rgba) => encode(&separate::<4>(rgba), options, stop),
        Pixels::Cmyk(cmyk) => encode(&separate::<3>(&colour::paper(cmyk)), options, stop),
    }
    .ok_or(Unwritten::Stopped)
}

/// Lossy WebP. Chroma planes have half the luma's size.
#[cfg(feature = "webp")]
pub(crate) fn webp(pixels: &Pixels, quality: u8, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten> {
    use crate::libwebp;
    /// From JPEG's full range to the narrow one of video.
    fn narrow(plane: &Plane, span: u32, floor: u32) -> Plane {
        let table: [u8; 256] =
            std::array::from_fn(|sample| ((sample as u32 * span + 127) / 255 + floor) as u8);
        let data = plane.data.iter().map(|sample| table[usize::from(*sample)]).collect();
        Plane { data, ..*plane }
    }
    let written = match pixels {
        Pixels::Grey(grey) => {
            let (width, height) = (grey.width.div_ceil(2), grey.height.div_ceil(2));
            let neutral = Plane { width, height, scale: grey.scale, data: vec![128; width * height] };
            libwebp::encode_yuv(&mut [narrow(grey, 219, 16), neutral.clone(), neutral], quality, stop)
        }
        Pixels::Ycc(planes) => {
            let [y, cb, cr] = &**planes;
            libwebp::encode_yuv(
                &mut [narrow(y, 219, 16), narrow(cb, 224, 16), narrow(cr, 224, 16)],
                quality,
                stop,
            )
        }
        Pixels::Rgb(rgb) => libwebp::encode_packed::<3>(rgb, quality, stop),
        Pixels::Rgba(rgba) => libwebp::encode_packed::<4>(rgba, quality, stop),
        Pixels::Cmyk(cmyk) => libwebp::encode_packed::<3>(&colour::paper(cmyk), quality, stop),
    };
    written.map_err(|error| match error {
        libwebp::Unwritten::Stopped => Unwritten::Stopped,
        libwebp::Unwritten::Impossible => Unwritten::Impossible("libwebp refuses the picture".to_owned()),
    })
}

/// PNG of 8 bits. Chroma planes have the luma's size.
#[cfg(feature = "png")]
pub(crate) fn png(pixels: &Pixels, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten> {
    use std::io::Write;

    use crate::pixels::interleave;
    use png::ColorType;
    let rgb;
    let (data, width, height, colour) = match pixels {
        Pixels::Grey(grey) => (&grey.data, grey.width, grey.height, ColorType::Grayscale),
        Pixels::Ycc(planes) => {
            rgb = interleave(planes);
            (&rgb.data, rgb.width, rgb.height, ColorType::Rgb)
        }
        Pixels::Rgb(rgb) => (&rgb.data, rgb.width, rgb.height, ColorType::Rgb),
        Pixels::Rgba(rgba) => (&rgba.data, rgba.width, rgba.height, ColorType::Rgba),
        Pixels::Cmyk(cmyk) => {
            rgb = colour::paper(cmyk);
            (&rgb.data, rgb.width, rgb.height, ColorType::Rgb)
        }
    };
    let impossible = |error: &dyn ToString| Unwritten::Impossible(error.to_string());
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(|error| impossible(&error))?;
    let mut stream = writer.stream_writer().map_err(|error| impossible(&error))?;
    for rows in data.chunks((width * colour.samples() * 16).max(1)) {
        if stop() {
            return Err(Unwritten::Stopped);
        }
        stream.write_all(rows).map_err(|error| impossible(&error))?;
    }
    stream.finish().map_err(|error| impossible(&error))?;
    writer.finish().map_err(|error| impossible(&error))?;
    Ok(out)
}
