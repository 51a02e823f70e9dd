//! BMP: 1 to 32 bits a pixel, palette, bit fields, run lengths, from bottom to top or the other way round
//! (Windows GDI, BITMAPCOREHEADER to BITMAPV5HEADER; OS/2 2.x).
//!
//! Four bytes a pixel have transparency only where the header gives it a mask, as browsers have it; and if all
//! of it is zero, the writer meant none. Pixels that run lengths step over have the palette's first colour.

use super::{Header, Memory, Unread, metadata};
use crate::limits::Limits;
use crate::pixels::{Packed, Pixels};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Bmp;

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Indices of 1, 2, 4 or 8 bits.
    Palette(u32),
    /// Indices of 4 or 8 bits in run lengths.
    Runs(u32),
    /// Blue, green, red; and a byte of nothing, if there are four.
    Bytes,
    /// 16 or 32 bits of which masks take red, green, blue and alpha.
    Masks([u32; 4]),
}

impl Form {
    fn has_alpha(self) -> bool {
        matches!(self, Self::Masks([_, _, _, alpha]) if alpha != 0)
    }
}

/// What the headers say.
#[derive(Clone, Copy, Debug)]
struct Head<'a> {
    width: u32,
    height: u32,
    top_down: bool,
    bits: u32,
    form: Form,
    /// Blue, green, red, and one byte more in all but the oldest files.
    palette: &'a [u8],
    colour: usize,
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

fn head(data: &[u8]) -> Result<Head<'_>, Reject> {
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
    let masks = || {
        let from = FILE_HEADER + 40;
        let mask = |index: usize| self::long(data, from + index * 4).ok_or_else(cut);
        let alpha = if size >= 56 || masks_after == 16 { mask(3)? } else { 0 };
        Ok::<_, Reject>([mask(0)?, mask(1)?, mask(2)?, alpha])
    };
    let form = match (compression, bits) {
        (0, 1 | 2 | 4 | 8) => Form::Palette(bits),
        (0, 24 | 32) => Form::Bytes,
        (0, 16) => Form::Masks([0x7c00, 0x03e0, 0x001f, 0]),
        (1, 8) | (2, 4) => Form::Runs(bits),
        (3 | 6, 16 | 32) if size != 64 => Form::Masks(masks()?),
        (3, 1) => return unsupported("a BMP with fax compression inside"),
        (4, 0 | 24) if size == 64 => return unsupported("a BMP of 24-bit run lengths"),
        (4, _) => return unsupported("a BMP with JPEG inside"),
        (5, _) => return unsupported("a BMP with PNG inside"),
        _ => return broken(format!("it has no compression {compression} with {bits} bits a pixel")),
    };
    if top_down && matches!(form, Form::Runs(_)) {
        return broken("its run lengths go from top to bottom");
    }
    let colour = if core { 3 } else { 4 };
    let start = FILE_HEADER + size + masks_after;
    let offset = self::long(data, 10).ok_or_else(cut)? as usize;
    let most = if matches!(form, Form::Palette(_) | Form::Runs(_)) { 1usize << bits } else { 0 };
    let claimed = if core { 0 } else { long(32) as usize };
    let mut colours = if claimed == 0 { most } else { claimed.min(most) };
    if offset > start {
        colours = colours.min((offset - start) / colour);
    }
    let palette = data.get(start..start + colours * colour).ok_or_else(cut)?;
    if most > 0 && colours == 0 {
        return broken("it has no colours");
    }
    // Some writers leave the offset out.
    let pixels = if offset == 0 { start + palette.len() } else { offset };
    if pixels < start {
        return broken("its pixels begin within its header");
    }
    let embedded = size == 124 && long(56) == 0x4d42_4544;
    let profile = embedded.then(|| (FILE_HEADER.saturating_add(long(112) as usize), long(116) as usize));
    Ok(Head { width, height, top_down, bits, form, palette, colour, pixels, profile })
}

pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let head = head(data)?;
    let alpha = head.form.has_alpha();
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

/// The colours of the palette, as many as there can be; those that are not in the file are black.
fn colours(head: &Head<'_>) -> [[u8; 3]; 256] {
    let mut colours = [[0; 3]; 256];
    for (colour, entry) in colours.iter_mut().zip(head.palette.chunks_exact(head.colour)) {
        *colour = [entry[2], entry[1], entry[0]];
    }
    colours
}

/// One channel of a pixel: where its bits are, and how they become eight.
struct Channel {
    mask: u32,
    shift: u32,
    most: u64,
}

impl Channel {
    fn new(mask: u32) -> Result<Self, Reject> {
        let shift = if mask == 0 { 0 } else { mask.trailing_zeros() };
        let most = mask >> shift;
        if most & most.wrapping_add(1) != 0 {
            return broken("one of its masks has holes");
        }
        Ok(Self { mask, shift, most: most.into() })
    }

    fn of(&self, pixel: u32) -> u8 {
        if self.most == 0 {
            return 0;
        }
        let value = u64::from((pixel & self.mask) >> self.shift);
        ((value * 255 + self.most / 2) / self.most) as u8
    }
}

pub(super) fn decode(data: &[u8], header: &Header, stop: &dyn Fn() -> bool) -> Result<Pixels, Failure> {
    let head = head(data)?;
    let cut = || Reject::Truncated { kind: KIND };
    // Of a whole file, nothing may be beyond its end.
    if header.unread.icc {
        return Err(cut().into());
    }
    let body = data.get(head.pixels..).ok_or_else(cut)?;
    let (width, height) = (head.width as usize, head.height as usize);
    let packed = |data| Packed { width, height, scale: (1.0, 1.0), data };
    if let Form::Runs(bits) = head.form {
        return runs(body, &head, bits, stop).map(|data| Pixels::Rgb(packed(data)));
    }
    // Rows are padded to four bytes; of the last one the padding may be missing.
    let row = (u64::from(head.width) * u64::from(head.bits)).div_ceil(8);
    let stride = row.next_multiple_of(4);
    if (body.len() as u64) < stride * (u64::from(head.height) - 1) + row {
        return Err(cut().into());
    }
    let rows = body.chunks(stride as usize).take(height);
    let samples = if head.form.has_alpha() { 4 } else { 3 };
    let mut out = vec![0; width * height * samples];
    let colours = colours(&head);
    let masks = match head.form {
        Form::Masks(masks) => masks,
        _ => [0; 4],
    };
    let channels =
        [Channel::new(masks[0])?, Channel::new(masks[1])?, Channel::new(masks[2])?, Channel::new(masks[3])?];
    for (index, row) in rows.enumerate() {
        if stop() {
            return Err(Failure::Stopped);
        }
        let y = if head.top_down { index } else { height - 1 - index };
        let line = &mut out[y * width * samples..][..width * samples];
        match head.form {
            Form::Palette(bits) => {
                let bits = bits as usize;
                let mask = (1usize << bits) - 1;
                for (x, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    let byte = usize::from(row[x * bits / 8]);
                    *pixel = colours[byte >> (8 - bits - x * bits % 8) & mask];
                }
            }
            Form::Masks(_) => {
                let bytes = head.bits as usize / 8;
                for (pixel, stored) in line.chunks_exact_mut(samples).zip(row.chunks_exact(bytes)) {
                    let stored = stored.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
                    for (sample, channel) in pixel.iter_mut().zip(&channels) {
                        *sample = channel.of(stored);
                    }
                }
            }
            _ => {
                let bytes = head.bits as usize / 8;
                for (pixel, stored) in line.as_chunks_mut::<3>().0.iter_mut().zip(row.chunks_exact(bytes)) {
                    *pixel = [stored[2], stored[1], stored[0]];
                }
            }
        }
    }
    if samples == 3 {
        return Ok(Pixels::Rgb(packed(out)));
    }
    let pixels = out.as_chunks_mut::<4>().0;
    if pixels.iter().all(|pixel| pixel[3] == 0) {
        for pixel in pixels {
            pixel[3] = 255;
        }
    }
    Ok(Pixels::Rgba(packed(out)))
}

/// Run lengths: a count and an index, or an escape (GDI, "Bitmap Compression").
fn runs(mut rest: &[u8], head: &Head<'_>, bits: u32, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Failure> {
    let cut = || Reject::Truncated { kind: KIND };
    let (width, height) = (head.width as usize, head.height as usize);
    let colours = colours(head);
    let mut out = Vec::new();
    let (mut x, mut y) = (0, 0);
    // Two indices to a byte, the upper one first, or one.
    let index = |byte: u8, odd: bool| match (bits, odd) {
        (8, _) => byte,
        (_, false) => byte >> 4,
        (_, true) => byte & 15,
    };
    while y < height {
        let Some(([count, value], after)) = rest.split_first_chunk::<2>() else {
            // All rows are there, and nothing but the end is missing.
            if y + 1 == height && x >= width {
                break;
            }
            return Err(cut().into());
        };
        rest = after;
        if out.is_empty() {
            // Not before there is something: a file that only claims to be large costs nothing.
            out = colours[0].repeat(width * height);
        }
        let mut put = |out: &mut [u8], index: u8| {
            if x < width {
                let at = ((height - 1 - y) * width + x) * 3;
                out[at..at + 3].copy_from_slice(&colours[usize::from(index)]);
            }
            x += 1;
        };
        match (*count, *value) {
            (0, 0) => {
                if stop() {
                    return Err(Failure::Stopped);
                }
                (x, y) = (0, y + 1);
            }
            (0, 1) => break,
            (0, 2) => {
                let ([right, up], after) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
                rest = after;
                (x, y) = (x.saturating_add(usize::from(*right)), y + usize::from(*up));
            }
            (0, literal) => {
                let literal = usize::from(literal);
                let bytes = (literal * bits as usize).div_ceil(8);
                let (indices, after) = rest.split_at_checked(bytes).ok_or_else(cut)?;
                for at in 0..literal {
                    put(&mut out, index(indices[at * bits as usize / 8], at % 2 == 1));
                }
                // Padded to two bytes.
                rest = after.get(bytes % 2..).unwrap_or_default();
            }
            (count, value) => {
                for at in 0..count {
                    put(&mut out, index(value, at % 2 == 1));
                }
            }
        }
    }
    if out.is_empty() {
        out = colours[0].repeat(width * height);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_any_width_become_eight_bits() {
        let check = |mask: u32, pixel: u32, expected: u8| {
            assert_eq!(Channel::new(mask).expect("no holes").of(pixel), expected, "{mask:x} {pixel:x}");
        };
        check(0x1f, 0x1f, 255);
        check(0x1f, 0xffe0, 0);
        check(0x7e0, 0x400, 130);
        check(0xff00_0000, 0x8000_0000, 128);
        check(0xffff_ffff, 0xffff_ffff, 255);
        check(0, 77, 0);
        assert!(Channel::new(0b101).is_err());
    }
}
