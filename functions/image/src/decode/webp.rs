//! WebP: lossy without transparency into planes, the rest into RGBA. Of an animation, the first frame.

use super::animation::{Blend, Canvas, Disposal, Region, shown_for};
use super::{Header, Memory, Unread, metadata};
use crate::libwebp::{self, Status};
use crate::limits::Limits;
use crate::orient;
use crate::pixels::{Packed, Pixels, Plane};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Webp;

/// A chunk of a RIFF body (RFC 9649, 2.3).
struct Chunk<'a> {
    name: [u8; 4],
    /// Cut off by the end of the data, unless it is whole.
    body: &'a [u8],
    whole: bool,
}

/// Takes the first chunk off the data.
fn take<'a>(data: &mut &'a [u8]) -> Option<Chunk<'a>> {
    let (name, after) = data.split_first_chunk::<4>()?;
    let (size, after) = after.split_first_chunk::<4>()?;
    let size = u32::from_le_bytes(*size) as usize;
    let body = &after[..size.min(after.len())];
    *data = after.get(size.saturating_add(size & 1)..).unwrap_or_default();
    Some(Chunk { name: *name, body, whole: body.len() == size })
}

fn chunks(mut rest: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || take(&mut rest))
}

fn three(bytes: &[u8]) -> Option<u32> {
    let [a, b, c] = *bytes.first_chunk::<3>()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

/// Width and height of a bitstream, and whether it has transparency (RFC 6386, 9.1; RFC 9649, 3.4).
fn bitstream(name: [u8; 4], body: &[u8]) -> Option<(u32, u32, bool)> {
    match &name {
        b"VP8 " => {
            let [0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *body.get(3..)?.first_chunk::<7>()? else { return None };
            let side = |low, high| u32::from(u16::from_le_bytes([low, high])) & 0x3fff;
            Some((side(w0, w1), side(h0, h1), false))
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(*body.strip_prefix(&[0x2f])?.first_chunk::<4>()?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, bits >> 28 & 1 == 1))
        }
        _ => None,
    }
}

/// Bytes of the file, as its RIFF header has them.
fn length(data: &[u8]) -> usize {
    let size = data.get(4..).and_then(|rest| rest.first_chunk::<4>());
    size.map_or(0, |size| u32::from_le_bytes(*size) as usize).saturating_add(8)
}

/// Whether all of the file is there.
fn ends(data: &[u8]) -> bool {
    data.len() >= length(data)
}

/// The part of the file that its RIFF header speaks for.
fn body(data: &[u8]) -> &[u8] {
    data.get(12..length(data).min(data.len())).unwrap_or_default()
}

pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let mut found: Option<Header> = None;
    let mut frames = 0;
    let mut unread = Unread::default();
    for Chunk { name, body, whole } in chunks(body(data)) {
        match (&mut found, &name) {
            (None, b"VP8X") => {
                let (Some(flags), Some(width), Some(height)) =
                    (body.first(), body.get(4..).and_then(three), body.get(7..).and_then(three))
                else {
                    return Err(Reject::Truncated { kind: KIND });
                };
                // What the flags promise, the chunks have to bring.
                unread = Unread { icc: flags & 0x20 != 0, exif: flags & 0x08 != 0, frames: flags & 2 != 0 };
                found = Some(new(width + 1, height + 1, flags & 0x10 != 0));
            }
            (None, b"VP8 " | b"VP8L") => {
                let Some((width, height, alpha)) = bitstream(name, body) else {
                    return Err(if body.len() < 10 {
                        Reject::Truncated { kind: KIND }
                    } else {
                        Reject::broken(KIND, "its bitstream has no header")
                    });
                };
                found = Some(new(width, height, alpha));
            }
            (None, _) => return Err(Reject::broken(KIND, "it does not begin with its header")),
            (Some(header), b"ICCP") if whole && header.icc.is_none() => {
                header.icc = metadata::profile(body, limits)?;
                unread.icc = false;
            }
            (Some(header), b"EXIF") if whole && header.exif.is_none() => {
                header.exif = metadata::exif(body, limits)?;
                unread.exif = false;
            }
            (Some(header), b"ANIM") => {
                let loops = body.get(4..).and_then(|rest| rest.first_chunk::<2>());
                header.loops = loops.map_or(0, |loops| u32::from(u16::from_le_bytes(*loops)));
            }
            (Some(_), b"ANMF") => frames += 1,
            _ => {}
        }
    }
    let mut header = found.ok_or(Reject::Truncated { kind: KIND })?;
    if header.width == 0 || header.height == 0 {
        return Err(Reject::broken(KIND, "its header says 0 pixels"));
    }
    header.frames = frames.max(1);
    header.orientation = header.exif.as_deref().map(orient::from_exif).unwrap_or_default();
    // A flag alone is no promise once the end is there.
    header.unread = if ends(data) { Unread::default() } else { unread };
    if header.frames == 1 && !header.unread.frames {
        header.loops = 1;
    }
    header.planar = bitstream_is_lossy(data) && !header.alpha && frames == 0;
    header.samples = if header.alpha || frames > 0 { 4 } else { 3 };
    let memory = if header.planar {
        let kept =
            header.pixels() + 2 * u64::from(header.width.div_ceil(2)) * u64::from(header.height.div_ceil(2));
        Memory { peak: kept, kept }
    } else {
        // Lossless needs a picture of its own beside ours, an animation its frame beside the canvas.
        let kept = header.pixels() * header.samples;
        Memory { peak: kept + header.pixels() * 5, kept }
    };
    header.decoding = [memory; 4];
    Ok(header)
}

fn new(width: u32, height: u32, alpha: bool) -> Header {
    Header { channels: if alpha { 4 } else { 3 }, alpha, ..Header::new(KIND, width, height) }
}

fn bitstream_is_lossy(data: &[u8]) -> bool {
    chunks(body(data)).any(|chunk| &chunk.name == b"VP8 ")
}

fn reject(status: &Status) -> Failure {
    match status {
        Status::Truncated => Reject::Truncated { kind: KIND },
        Status::Broken(reason) => Reject::broken(KIND, *reason),
    }
    .into()
}

pub(super) fn decode(data: &[u8], header: &Header) -> Result<Pixels, Failure> {
    let (width, height) = (header.width as usize, header.height as usize);
    if let Some(frame) = chunks(body(data)).find(|chunk| &chunk.name == b"ANMF") {
        return first_frame(frame.body, header);
    }
    let animated = chunks(body(data)).next().is_some_and(|chunk| {
        &chunk.name == b"VP8X" && chunk.body.first().is_some_and(|flags| flags & 0x02 != 0)
    });
    if animated {
        return Err(Reject::broken(KIND, "it is an animation without frames").into());
    }
    if bitstream_is_lossy(data) && !header.alpha {
        let half = (0.5, 0.5);
        let mut planes = [(1.0, 1.0), half, half].map(|scale| Plane::new(header.width, header.height, scale));
        let [y, u, v] = &mut planes;
        libwebp::decode_yuv(data, width, height, [&mut y.data, &mut u.data, &mut v.data])
            .map_err(|status| reject(&status))?;
        // From the narrow range of video to JPEG's full one.
        let luma = std::array::from_fn(|y| ((y as i32 - 16) * 255 + 109).div_euclid(219).clamp(0, 255) as u8);
        let chroma = std::array::from_fn(|c| {
            ((c as i32 - 128) * 255 + 112).div_euclid(224).saturating_add(128).clamp(0, 255) as u8
        });
        let map = |plane: &mut Plane, table: &[u8; 256]| {
            for sample in &mut plane.data {
                *sample = table[usize::from(*sample)];
            }
        };
        map(y, &luma);
        map(u, &chroma);
        map(v, &chroma);
        return Ok(Pixels::Ycc(Box::new(planes)));
    }
    let mut packed = Packed { width, height, scale: (1.0, 1.0), data: Vec::new() };
    if header.alpha {
        packed.data = vec![0; width * height * 4];
        libwebp::decode_rgba(data, width, height, &mut packed.data).map_err(|status| reject(&status))?;
        Ok(Pixels::Rgba(packed))
    } else {
        packed.data = vec![0; width * height * 3];
        libwebp::decode_rgb(data, width, height, &mut packed.data).map_err(|status| reject(&status))?;
        Ok(Pixels::Rgb(packed))
    }
}

/// A frame of an animation (RFC 9649, 2.7.1.1), and its pixels.
struct Part {
    region: Region,
    millis: u32,
    disposal: Disposal,
    blend: Blend,
    pixels: Vec<u8>,
}

/// Decodes the frame that an ANMF chunk holds.
fn part(frame: &[u8], canvas: (u32, u32)) -> Result<Part, Failure> {
    let place = |at: usize| frame.get(at..).and_then(three);
    let (Some(left), Some(top), Some(across), Some(down), Some(millis), Some(flags), Some(parts)) =
        (place(0), place(3), place(6), place(9), place(12), frame.get(15), frame.get(16..))
    else {
        return Err(Reject::Truncated { kind: KIND }.into());
    };
    let region = Region { left: left * 2, top: top * 2, width: across + 1, height: down + 1 };
    if region.left + region.width > canvas.0 || region.top + region.height > canvas.1 {
        return Err(Reject::broken(KIND, "one of its frames does not lie on its canvas").into());
    }
    // The bitstream's own chunks, which libwebp reads without a file header.
    let mut still = parts;
    loop {
        let mut rest = still;
        match take(&mut rest) {
            Some(chunk) if matches!(&chunk.name, b"ALPH" | b"VP8 " | b"VP8L") => break,
            Some(_) => still = rest,
            None => return Err(Reject::broken(KIND, "one of its frames is empty").into()),
        }
    }
    let (across, down) = (region.width as usize, region.height as usize);
    let mut pixels = vec![0; across * down * 4];
    libwebp::decode_rgba(still, across, down, &mut pixels).map_err(|status| reject(&status))?;
    Ok(Part {
        region,
        millis,
        disposal: if flags & 1 == 1 { Disposal::Background } else { Disposal::Keep },
        blend: if flags & 2 == 2 { Blend::Source } else { Blend::Over },
        pixels,
    })
}

/// Lays the first frame of an animation on an empty canvas.
fn first_frame(frame: &[u8], header: &Header) -> Result<Pixels, Failure> {
    let size = (header.width, header.height);
    let Part { region, pixels, .. } = part(frame, size)?;
    let (width, height, scale) = (header.width as usize, header.height as usize, (1.0, 1.0));
    if region.covers(size) {
        return Ok(Pixels::Rgba(Packed { width, height, scale, data: pixels }));
    }
    let mut canvas = Canvas::new(size);
    canvas.begin(region, Disposal::Keep);
    canvas.paint(&pixels, Blend::Source);
    Ok(Pixels::Rgba(canvas.into_packed()))
}

/// Frame after frame.
pub(super) struct Animation<'a> {
    /// What is left of the file's body.
    rest: &'a [u8],
    ends: bool,
}

impl<'a> Animation<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: body(data), ends: ends(data) }
    }

    /// Paints the next frame. Answers how long it is shown, or nothing after the last one.
    pub(super) fn next(&mut self, canvas: &mut Canvas) -> Result<Option<u32>, Failure> {
        while let Some(Chunk { name, body, whole }) = take(&mut self.rest) {
            if &name != b"ANMF" {
                continue;
            }
            if !whole {
                return Err(Reject::Truncated { kind: KIND }.into());
            }
            let part = part(body, canvas.size())?;
            canvas.begin(part.region, part.disposal);
            canvas.paint(&part.pixels, part.blend);
            return Ok(Some(shown_for(part.millis)));
        }
        if self.ends { Ok(None) } else { Err(Reject::Truncated { kind: KIND }.into()) }
    }
}
