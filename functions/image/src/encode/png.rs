//! PNG, with metadata in chunks of its own: iCCP and eXIf (W3C PNG, third edition, 11.3.2.3 and 11.3.3.4).

use std::borrow::Cow;
use std::io::Write;

use png::ColorType;

use super::{Metadata, Settings, Unwritten, impossible, interleaved};
use crate::colour;
use crate::pixels::Pixels;

/// PNG of 8 bits. Chroma planes have the luma's size. There is nothing to set.
pub(crate) fn png(
    pixels: &Pixels,
    _settings: &Settings,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let rgb;
    let (data, width, height, colour) = match pixels {
        Pixels::Grey(grey) => (&grey.data, grey.width, grey.height, ColorType::Grayscale),
        Pixels::Ycc(planes) => {
            rgb = interleaved(planes)?;
            (&rgb.data, rgb.width, rgb.height, ColorType::Rgb)
        }
        Pixels::Rgb(rgb) => (&rgb.data, rgb.width, rgb.height, ColorType::Rgb),
        Pixels::Rgba(rgba) => (&rgba.data, rgba.width, rgba.height, ColorType::Rgba),
        Pixels::Cmyk(cmyk) => {
            rgb = colour::paper(cmyk);
            (&rgb.data, rgb.width, rgb.height, ColorType::Rgb)
        }
    };
    let mut out = Vec::new();
    let mut info = png::Info::with_size(width as u32, height as u32);
    info.color_type = colour;
    info.bit_depth = png::BitDepth::Eight;
    info.icc_profile = metadata.icc.map(Cow::Borrowed);
    info.exif_metadata = metadata.exif.map(Cow::Borrowed);
    let mut encoder = png::Encoder::with_info(&mut out, info).map_err(|error| impossible(&error))?;
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
