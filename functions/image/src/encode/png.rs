//! PNG, with metadata in chunks of its own: iCCP and eXIf (W3C PNG, third edition, 11.3.2.3 and 11.3.3.4).

use std::borrow::Cow;
use std::io::Write;

use png::{BitDepth, ColorType};

use super::palette::Palette;
use super::{Metadata, Settings, Unwritten, impossible, interleaved};
use crate::colour;
use crate::pixels::{Packed, Pixels};

/// PNG of 8 bits, or with a palette if there are few colours. Chroma planes have the luma's size. There is
/// nothing to set.
pub(crate) fn png(
    pixels: &Pixels,
    _settings: &Settings,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    match pixels {
        Pixels::Grey(grey) => {
            let info = info((grey.width, grey.height), ColorType::Grayscale, metadata);
            write(info, grey.data.chunks(grey.width.max(1)), stop)
        }
        Pixels::Ycc(planes) => packed::<3>(&interleaved(planes)?, metadata, stop),
        Pixels::Rgb(rgb) => packed::<3>(rgb, metadata, stop),
        Pixels::Rgba(rgba) => packed::<4>(rgba, metadata, stop),
        Pixels::Cmyk(cmyk) => packed::<3>(&colour::paper(cmyk), metadata, stop),
    }
}

/// What the chunks before the pixels say.
fn info<'a>((width, height): (usize, usize), colour: ColorType, metadata: &Metadata<'a>) -> png::Info<'a> {
    let mut info = png::Info::with_size(width as u32, height as u32);
    info.color_type = colour;
    info.bit_depth = BitDepth::Eight;
    info.icc_profile = metadata.icc.map(Cow::Borrowed);
    info.exif_metadata = metadata.exif.map(Cow::Borrowed);
    info
}

/// Pixels of `N` samples.
fn packed<const N: usize>(
    packed: &Packed,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let colour = if N == 4 { ColorType::Rgba } else { ColorType::Rgb };
    let mut info = info((packed.width, packed.height), colour, metadata);
    let rows = packed.data.chunks((packed.width * N).max(1));
    let plain = write(info.clone(), rows.clone(), stop)?;
    let Some(palette) = Palette::of::<N>(&packed.data) else { return Ok(plain) };
    info.color_type = ColorType::Indexed;
    info.bit_depth = match palette.depth {
        1 => BitDepth::One,
        2 => BitDepth::Two,
        4 => BitDepth::Four,
        _ => BitDepth::Eight,
    };
    info.palette = Some(palette.rgb().into());
    info.trns = palette.alpha().map(Cow::Owned);
    let packed = rows.map(|row| {
        let mut out = Vec::new();
        palette.pack::<N>(row, &mut out);
        out
    });
    // Smooth slopes of few colours are smaller without: numbers of colours cannot be predicted.
    let indexed = write(info, packed, stop)?;
    Ok(if indexed.len() < plain.len() { indexed } else { plain })
}

/// Rows, as the file has them.
fn write(
    info: png::Info<'_>,
    rows: impl Iterator<Item = impl AsRef<[u8]>>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let mut out = Vec::new();
    let indexed = info.color_type == ColorType::Indexed;
    let mut encoder = png::Encoder::with_info(&mut out, info).map_err(|error| impossible(&error))?;
    encoder.set_compression(png::Compression::Balanced);
    if indexed {
        // Numbers of colours have no neighbours to be predicted from (W3C PNG, 12.7).
        encoder.set_filter(png::Filter::NoFilter);
    }
    let mut writer = encoder.write_header().map_err(|error| impossible(&error))?;
    let mut stream = writer.stream_writer().map_err(|error| impossible(&error))?;
    for (index, row) in rows.enumerate() {
        if index % 16 == 0 && stop() {
            return Err(Unwritten::Stopped);
        }
        stream.write_all(row.as_ref()).map_err(|error| impossible(&error))?;
    }
    stream.finish().map_err(|error| impossible(&error))?;
    writer.finish().map_err(|error| impossible(&error))?;
    Ok(out)
}
