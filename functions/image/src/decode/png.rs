//! PNG into grey, RGB or RGBA of 8 bits: every depth, palette, transparency, interlaced.

use std::io::Cursor;
use std::sync::Arc;

use png::{BitDepth, BlendOp, ColorType, DecodingError, DisposeOp, Transformations};

use super::animation::{Blend, Canvas, Disposal, Region, shown_for};
use super::{Header, Memory, Unread, metadata};
use crate::limits::Limits;
use crate::orient;
use crate::pixels::{Packed, Pixels, Plane};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Png;

/// Where the header says how colours are stored, and that they are in a palette.
const COLOUR_TYPE: usize = 25;
const PALETTE: u8 = 3;

/// Walks the chunks (W3C PNG 5.3): the first has the size, others tell transparency, profile and orientation.
pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let mut rest = data.get(8..).unwrap_or_default();
    let mut header: Option<Header> = None;
    // A profile comes before the picture, an Exif block may come after it (W3C PNG 5.6).
    let mut unread = Unread { icc: true, exif: true, frames: false };
    while let Some((length, name, after)) = chunk(rest) {
        let body = after.get(..length);
        match (&mut header, name) {
            (None, b"IHDR") => header = Some(first(body.ok_or(Reject::Truncated { kind: KIND })?)?),
            (None, _) => return Err(Reject::broken(KIND, "it does not begin with its header")),
            // Found by fuzzing: the library takes colours of three bytes from it without looking.
            (Some(_), b"PLTE") if data[COLOUR_TYPE] == PALETTE && (length % 3 != 0 || length > 256 * 3) => {
                return Err(Reject::broken(KIND, format!("its palette has {length} bytes")));
            }
            (Some(header), b"tRNS") => header.alpha = true,
            (Some(header), b"iCCP") => {
                if let Some(body) = body {
                    header.icc = profile(body, limits)?;
                    unread.icc = false;
                }
            }
            (Some(_), b"IDAT") => unread.icc = false,
            (Some(header), b"acTL") => {
                let number = |at: usize| {
                    let bytes = body.and_then(|body| body.get(at..)).and_then(|rest| rest.first_chunk::<4>());
                    bytes.map(|bytes| u32::from_be_bytes(*bytes))
                };
                header.frames = number(0).unwrap_or(1).max(1);
                if header.frames > 1 {
                    header.loops = number(4).unwrap_or(0);
                }
            }
            (Some(header), b"eXIf") => {
                if let (Some(body), None) = (body, &header.exif) {
                    header.exif = metadata::exif(body, limits)?;
                    unread.exif = false;
                }
            }
            (Some(_), b"IEND") => {
                unread = Unread::default();
                break;
            }
            _ => {}
        }
        // The checksum follows.
        rest = after.get(length.saturating_add(4)..).unwrap_or_default();
    }
    let mut header = header.ok_or(Reject::Truncated { kind: KIND })?;
    header.unread = unread;
    header.orientation = header.exif.as_deref().map(orient::from_exif).unwrap_or_default();
    let channels = match (header.channels, header.alpha) {
        (1, false) => 1,
        (3, false) => 3,
        _ => 4,
    };
    // 16 bits, interlaced: the whole picture is there at both depths for a moment.
    let extra = if header.progressive && header.depth == 16 { channels * 2 } else { 0 };
    let grey_alpha = if header.channels == 2 { 2 } else { 0 };
    // A header may claim 2^62 pixels; the limits have not been asked yet.
    let times = |bytes: u64| header.pixels().saturating_mul(bytes);
    let (peak, kept) = (times(channels + extra + grey_alpha), times(channels));
    header.decoding = [Memory { peak, kept }; 4];
    header.samples = channels;
    Ok(header)
}

fn chunk(data: &[u8]) -> Option<(usize, &[u8; 4], &[u8])> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*length) as usize, name, rest))
}

fn first(body: &[u8]) -> Result<Header, Reject> {
    let [w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, _, _, interlace] = *body else {
        return Err(Reject::broken(KIND, "its header has the wrong length"));
    };
    let width = u32::from_be_bytes([w3, w2, w1, w0]);
    let height = u32::from_be_bytes([h3, h2, h1, h0]);
    if width == 0 || height == 0 || width > i32::MAX as u32 || height > i32::MAX as u32 {
        return Err(Reject::broken(KIND, format!("its header says {width} x {height} pixels")));
    }
    let channels = match (colour, depth) {
        (0, 1 | 2 | 4 | 8 | 16) => 1,
        (3, 1 | 2 | 4 | 8) | (2, 8 | 16) => 3,
        (4, 8 | 16) => 2,
        (6, 8 | 16) => 4,
        _ => return Err(Reject::broken(KIND, format!("it has no colour type {colour} with {depth} bits"))),
    };
    Ok(Header {
        channels,
        alpha: matches!(colour, 4 | 6),
        depth,
        progressive: interlace != 0,
        ..Header::new(KIND, width, height)
    })
}

/// A profile's name, one byte for the compression, which is always deflate, and the profile (W3C PNG 11.3.2.3).
/// What cannot be inflated is no profile, as browsers have it: the picture is whole without.
fn profile(body: &[u8], limits: &Limits) -> Result<Option<Arc<[u8]>>, Reject> {
    let Some(end) = body.iter().take(80).position(|byte| *byte == 0) else { return Ok(None) };
    match body.get(end + 1..) {
        Some([0, compressed @ ..]) => metadata::inflated_profile(compressed, limits),
        _ => Ok(None),
    }
}

fn reject(error: DecodingError) -> Failure {
    match error {
        DecodingError::IoError(_) => Reject::Truncated { kind: KIND }.into(),
        error => {
            let mut text = error.to_string().trim_end_matches('.').to_owned();
            // A sentence in its own right there, a part of one here; names of chunks stay as they are.
            if text.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase) {
                text[..1].make_ascii_lowercase();
            }
            // The library speaks of its own parts where a person wants to know of the picture.
            if text.contains("enough data for image") {
                "it holds fewer pixels than its header says".clone_into(&mut text);
            } else if text.starts_with("IDAT or fdAT") {
                "a picture that its header promises is missing".clone_into(&mut text);
            } else if text.starts_with("corrupt deflate stream") {
                "its compressed data is damaged".clone_into(&mut text);
            }
            Reject::broken(KIND, text).into()
        }
    }
}

/// From 16 bits to 8, to the nearest.
fn narrow(sample: [u8; 2]) -> u8 {
    ((u32::from(u16::from_be_bytes(sample)) * 255 + 32_767) / 65_535) as u8
}

/// The library's reader, at the first picture.
fn open<'a>(data: &'a [u8], header: &Header) -> Result<png::Reader<Cursor<&'a [u8]>>, Failure> {
    // Memory that the library may take besides the pixels: two lines, its window, small chunks.
    let line = header.width as usize * 8;
    let limits = png::Limits { bytes: line * 4 + (4 << 20) };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(data), limits);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().map_err(reject)?;
    if (reader.info().width, reader.info().height) != (header.width, header.height) {
        return Err(Reject::broken(KIND, "it has two headers").into());
    }
    Ok(reader)
}

pub(super) fn decode(data: &[u8], header: &Header, stop: &dyn Fn() -> bool) -> Result<Pixels, Failure> {
    let mut reader = open(data, header)?;
    let info = reader.info();
    let (width, height, interlaced) = (info.width as usize, info.height as usize, info.interlaced);
    let (colour, depth) = reader.output_color_type();
    let samples = colour.samples();
    let deep = depth == BitDepth::Sixteen;
    let bytes = width * height * samples;
    let mut out = Vec::new();
    if interlaced {
        let size = reader.output_buffer_size().unwrap_or(usize::MAX);
        if size != bytes << usize::from(deep) {
            return Err(Reject::broken(KIND, "its lines have the wrong length").into());
        }
        out = vec![0; size];
        reader.next_frame(&mut out).map_err(reject)?;
        if deep {
            out = out.as_chunks::<2>().0.iter().map(|sample| narrow(*sample)).collect();
        }
    } else {
        while let Some(row) = reader.next_row().map_err(reject)? {
            if stop() {
                return Err(Failure::Stopped);
            }
            // Not before the first line is there: a file that only claims to be large costs nothing.
            out.reserve_exact(bytes - out.len().min(bytes));
            if deep {
                out.extend(row.data().as_chunks::<2>().0.iter().map(|sample| narrow(*sample)));
            } else {
                out.extend_from_slice(row.data());
            }
        }
        if out.len() != bytes {
            return Err(Reject::Truncated { kind: KIND }.into());
        }
    }
    let scale = (1.0, 1.0);
    let packed = |data| Packed { width, height, scale, data };
    Ok(match colour {
        ColorType::Grayscale => Pixels::Grey(Plane { width, height, scale, data: out }),
        ColorType::GrayscaleAlpha => {
            let pixels =
                out.as_chunks::<2>().0.iter().flat_map(|[grey, alpha]| [*grey, *grey, *grey, *alpha]);
            Pixels::Rgba(packed(pixels.collect()))
        }
        ColorType::Rgba => Pixels::Rgba(packed(out)),
        ColorType::Rgb | ColorType::Indexed => Pixels::Rgb(packed(out)),
    })
}

/// Frame after frame (W3C PNG 11.3.6). The still picture of a file need not be one of them.
pub(super) struct Animation<'a> {
    reader: png::Reader<Cursor<&'a [u8]>>,
    left: u32,
    /// One frame as the library gives it; no larger than the canvas.
    buffer: Vec<u8>,
}

impl<'a> Animation<'a> {
    pub(super) fn new(data: &'a [u8], header: &Header) -> Result<Self, Failure> {
        Ok(Self { reader: open(data, header)?, left: header.frames, buffer: Vec::new() })
    }

    /// Paints the next frame. Answers how long it is shown, or nothing after the last one.
    pub(super) fn next(&mut self, canvas: &mut Canvas) -> Result<Option<u32>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        let reader = &mut self.reader;
        let size = reader.output_buffer_size().unwrap_or(usize::MAX);
        let (width, height) = canvas.size();
        if size as u64 > u64::from(width) * u64::from(height) * 8 {
            return Err(Reject::broken(KIND, "its lines have the wrong length").into());
        }
        self.buffer.resize(size, 0);
        let mut info = reader.next_frame(&mut self.buffer).map_err(reject)?;
        if reader.info().frame_control.is_none() {
            // That was the picture for programs that do not know animations.
            info = reader.next_frame(&mut self.buffer).map_err(reject)?;
        }
        let Some(control) = reader.info().frame_control else {
            return Err(Reject::broken(KIND, "it has fewer frames than it says").into());
        };
        self.left -= 1;
        let region = Region {
            left: control.x_offset,
            top: control.y_offset,
            width: control.width,
            height: control.height,
        };
        // The lines of interlaced frames are as long as the canvas is wide.
        let line = if reader.info().interlaced {
            reader.output_line_size(width).unwrap_or(info.line_size)
        } else {
            info.line_size
        };
        let deep = info.bit_depth == BitDepth::Sixteen;
        let samples = info.color_type.samples();
        let row = region.width as usize * (samples << usize::from(deep));
        let mut pixels = Vec::with_capacity(region.pixels() as usize * 4);
        for line in self.buffer.chunks(line.max(1)).take(region.height as usize) {
            let Some(line) = line.get(..row) else { break };
            if deep {
                let line: Vec<u8> = line.as_chunks::<2>().0.iter().map(|sample| narrow(*sample)).collect();
                widen(&line, samples, &mut pixels);
            } else {
                widen(line, samples, &mut pixels);
            }
        }
        canvas.begin(
            region,
            match control.dispose_op {
                DisposeOp::None => Disposal::Keep,
                DisposeOp::Background => Disposal::Background,
                DisposeOp::Previous => Disposal::Previous,
            },
        );
        canvas.paint(&pixels, if control.blend_op == BlendOp::Over { Blend::Over } else { Blend::Source });
        // Hundredths of a second, if nothing is said of the unit.
        let unit = if control.delay_den == 0 { 100 } else { u32::from(control.delay_den) };
        Ok(Some(shown_for(u32::from(control.delay_num) * 1000 / unit)))
    }
}

/// Samples of 8 bits as RGBA.
fn widen(line: &[u8], samples: usize, pixels: &mut Vec<u8>) {
    for pixel in line.chunks_exact(samples) {
        pixels.extend(match *pixel {
            [grey] => [grey, grey, grey, 255],
            [grey, alpha] => [grey, grey, grey, alpha],
            [r, g, b] => [r, g, b, 255],
            [r, g, b, alpha, ..] => [r, g, b, alpha],
            [] => [0; 4],
        });
    }
}
