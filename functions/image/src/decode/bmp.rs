//! BMP: 1 to 32 bits a pixel, palette, bit fields, run lengths, from bottom to top or the other way round
//! (Windows GDI, BITMAPCOREHEADER to BITMAPV5HEADER).
//!
//! The header is read here and compared with the limits; pixels are the crate `image`'s. Four bytes a pixel have
//! transparency only where the header gives it a mask, as browsers have it; and if all of it is zero, the writer
//! meant none.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;

use super::{Header, Memory, Unread, library, metadata};
use crate::limits::Limits;
use crate::pixels::Pixels;
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Bmp;

/// What the headers say.
#[derive(Clone, Copy, Debug)]
struct Head {
    width: u32,
    height: u32,
    alpha: bool,
    /// Where the pixels begin.
    pixels: usize,
    /// Where a profile lies, and its length.
    profile: Option<(usize, usize)>,
}

fn short(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk::<2>().map(|bytes| u32::from(u16::from_le_bytes(*bytes)))
}

fn long(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

fn broken<T>(reason: impl Into<String>) -> Result<T, Reject> {
    Err(Reject::broken(KIND, reason))
}

fn unsupported<T>(what: &str) -> Result<T, Reject> {
    Err(Reject::Unsupported(what.to_owned()))
}

const FILE_HEADER: usize = 14;

fn head(data: &[u8]) -> Result<Head, Reject> {
    let cut = || Reject::Truncated { kind: KIND };
    let size = long(data, FILE_HEADER).ok_or_else(cut)? as usize;
    let info = data.get(FILE_HEADER..).and_then(|rest| rest.get(..size)).ok_or_else(cut)?;
    let long = |at| long(info, at).unwrap_or_default();
    let short = |at| short(info, at).unwrap_or_default();
    let core = size == 12;
    let (width, height, top_down, bits) = if core {
        (short(4), short(6), false, short(10))
    } else {
        let (width, height) = (long(4) as i32, long(8) as i32);
        if width <= 0 {
            return broken(format!("its header says {width} pixels wide"));
        }
        (width as u32, height.unsigned_abs(), height < 0, short(14))
    };
    if width == 0 || height == 0 {
        return broken(format!("its header says {width} x {height} pixels"));
    }
    let compression = if core { 0 } else { long(16) };
    // The masks are part of the header from its third version on, and follow it before that.
    let masks_after = match (size, compression) {
        (40, 3) => 12,
        (40, 6) => 16,
        _ => 0,
    };
    match (compression, bits) {
        (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) | (1, 8) | (2, 4) => {}
        (3 | 6, 16 | 32) if size != 64 => {}
        (3, 1) => return unsupported("a BMP with fax compression inside"),
        (4, 0 | 24) if size == 64 => return unsupported("a BMP of 24-bit run lengths"),
        (4, _) => return unsupported("a BMP with JPEG inside"),
        (5, _) => return unsupported("a BMP with PNG inside"),
        _ => return broken(format!("it has no compression {compression} with {bits} bits a pixel")),
    }
    if top_down && matches!(compression, 1 | 2) {
        return broken("its run lengths go from top to bottom");
    }
    // Transparency has a mask of its own, from the third version of the header on.
    let alpha = size >= 56 && compression == 3 && long(52) != 0;
    let colour = if core { 3 } else { 4 };
    let start = FILE_HEADER + size + masks_after;
    let offset = self::long(data, 10).ok_or_else(cut)? as usize;
    let most = if bits <= 8 { 1usize << bits } else { 0 };
    let claimed = if core { 0 } else { long(32) as usize };
    let mut colours = if claimed == 0 { most } else { claimed.min(most) };
    if offset > start {
        colours = colours.min((offset - start) / colour);
    }
    if data.len() < start + colours * colour {
        return Err(cut());
    }
    if most > 0 && colours == 0 {
        return broken("it has no colours");
    }
    let pixels = offset;
    if pixels == 0 {
        return broken("it does not say where its pixels begin");
    }
    if pixels < start {
        return broken("its pixels begin within its header");
    }
    let embedded = size == 124 && long(56) == 0x4d42_4544;
    let profile = embedded.then(|| (FILE_HEADER.saturating_add(long(112) as usize), long(116) as usize));
    Ok(Head { width, height, alpha, pixels, profile })
}

pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let head = head(data)?;
    let alpha = head.alpha;
    let mut header = Header::new(KIND, head.width, head.height);
    if let Some((at, length)) = head.profile {
        match data.get(at..).and_then(|rest| rest.get(..length)) {
            Some(profile) => header.icc = metadata::profile(profile, limits)?,
            None => header.unread = Unread { icc: true, ..Unread::default() },
        }
    }
    header.alpha = alpha;
    header.channels = if alpha { 4 } else { 3 };
    header.samples = header.channels.into();
    let bytes = header.pixels() * header.samples;
    header.decoding = [Memory { peak: bytes, kept: bytes }; 4];
    Ok(header)
}

/// Pixels that run lengths step over are black.
pub(super) fn decode(data: &[u8], header: &Header) -> Result<Pixels, Failure> {
    let head = head(data)?;
    let cut = || Reject::Truncated { kind: KIND };
    // Of a whole file, nothing may be beyond its end.
    if header.unread.icc || data.len() < head.pixels {
        return Err(cut().into());
    }
    let decoder = BmpDecoder::new(Cursor::new(data)).map_err(|error| library::reject(&error, KIND))?;
    let mut pixels = library::read(decoder, header)?;
    if let Pixels::Rgba(rgba) = &mut pixels {
        let pixels = rgba.data.as_chunks_mut::<4>().0;
        if pixels.iter().all(|pixel| pixel[3] == 0) {
            for pixel in pixels {
                pixel[3] = 255;
            }
        }
    }
    Ok(pixels)
}
