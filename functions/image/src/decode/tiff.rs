//! TIFF: the first page, in strips or tiles, grey, palette, RGB or CMYK, 1 to 16 bits (TIFF 6.0).
//!
//! Not by the crate `image`, whose TIFF (tiff 0.11.3) fails an assertion on some damaged files, where nothing may
//! panic, has no palettes, and turns inks into colours before a profile could.
//!
//! The directory is read in place: a tag is looked at where it lies, so that neither its claims nor circles of
//! directories cost anything. Rows go from the decompressor to the picture, one chunk's row at a time.
//!
//! What is refused by name: compressions that are formats of their own (JPEG, fax and others), samples of more
//! than 16 bits or with a sign or a point, and colour spaces other than those above.

use std::io::{ErrorKind, Read};

use flate2::read::ZlibDecoder;
use weezl::BitOrder;
use weezl::decode::{Configuration, Decoder};

use super::{Header, Memory, Unread, megapixels, metadata};
use crate::byte_order::Bytes;
use crate::limits::Limits;
use crate::orient::Orientation;
use crate::pixels::{Packed, Pixels, Plane};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Tiff;

/// Bytes of a row at most: it is held beside the picture, whatever the picture's size. 8 megapixels of RGBA.
const LONGEST_ROW: usize = 32 << 20;

fn cut() -> Reject {
    Reject::Truncated { kind: KIND }
}

fn broken<T>(reason: impl Into<String>) -> Result<T, Reject> {
    Err(Reject::broken(KIND, reason))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, Reject> {
    Err(Reject::Unsupported(what.into()))
}

/// Tags (TIFF 6.0, appendix A; ICC.1, B.4 for the profile).
mod tag {
    pub(super) const WIDTH: u32 = 256;
    pub(super) const HEIGHT: u32 = 257;
    pub(super) const BITS: u32 = 258;
    pub(super) const COMPRESSION: u32 = 259;
    pub(super) const PHOTOMETRIC: u32 = 262;
    pub(super) const FILL_ORDER: u32 = 266;
    pub(super) const STRIP_OFFSETS: u32 = 273;
    pub(super) const ORIENTATION: u32 = 274;
    pub(super) const SAMPLES: u32 = 277;
    pub(super) const ROWS_PER_STRIP: u32 = 278;
    pub(super) const STRIP_BYTES: u32 = 279;
    pub(super) const PLANAR: u32 = 284;
    pub(super) const PREDICTOR: u32 = 317;
    pub(super) const COLOURS: u32 = 320;
    pub(super) const TILE_WIDTH: u32 = 322;
    pub(super) const TILE_HEIGHT: u32 = 323;
    pub(super) const TILE_OFFSETS: u32 = 324;
    pub(super) const TILE_BYTES: u32 = 325;
    pub(super) const INK_SET: u32 = 332;
    pub(super) const EXTRA_SAMPLES: u32 = 338;
    pub(super) const SAMPLE_FORMAT: u32 = 339;
    pub(super) const PROFILE: u32 = 34675;
}

/// The first directory.
#[derive(Clone, Copy, Debug)]
struct Directory<'a> {
    bytes: Bytes<'a>,
    /// Where its entries begin, and how many there are.
    at: usize,
    count: usize,
}

/// The values of a tag, where they lie.
#[derive(Clone, Copy, Debug)]
struct Values<'a> {
    bytes: Bytes<'a>,
    at: usize,
    /// Bytes of one: 1, 2 or 4.
    size: usize,
    count: usize,
}

impl<'a> Values<'a> {
    /// One of them; the file may end before it.
    fn get(self, index: usize) -> Result<u32, Reject> {
        let at =
            index.checked_mul(self.size).and_then(|offset| self.at.checked_add(offset)).ok_or_else(cut)?;
        match self.size {
            1 => self.bytes.data.get(at).map(|byte| u32::from(*byte)),
            2 => self.bytes.short(at).map(u32::from),
            _ => self.bytes.long(at),
        }
        .ok_or_else(cut)
    }

    fn raw(self) -> Option<&'a [u8]> {
        self.bytes.data.get(self.at..)?.get(..self.size.checked_mul(self.count)?)
    }
}

impl<'a> Directory<'a> {
    fn first(data: &'a [u8]) -> Result<Self, Reject> {
        let big = data.starts_with(b"MM");
        let bytes = Bytes { data, big };
        if bytes.short(2).ok_or_else(cut)? == 43 {
            return unsupported("BigTIFF");
        }
        let at = bytes.long(4).ok_or_else(cut)? as usize;
        let count = usize::from(bytes.short(at).ok_or_else(cut)?);
        let at = at + 2;
        // All of it, or a file's beginning would lack tags without anybody noticing.
        if data.len() < at + count * 12 {
            return Err(cut());
        }
        Ok(Self { bytes, at, count })
    }

    fn find(self, tag: u32) -> Result<Option<Values<'a>>, Reject> {
        let Self { bytes, at, count } = self;
        let Some(entry) =
            (0..count).map(|index| at + index * 12).find(|at| bytes.short(*at).map(u32::from) == Some(tag))
        else {
            return Ok(None);
        };
        let (kind, count) =
            (u32::from(bytes.short(entry + 2).ok_or_else(cut)?), bytes.long(entry + 4).ok_or_else(cut)?);
        let size = match kind {
            // BYTE, ASCII, UNDEFINED; SHORT; LONG.
            1 | 2 | 7 => 1,
            3 => 2,
            4 => 4,
            _ => return broken(format!("its tag {tag} has a type that it cannot have")),
        };
        let count = count as usize;
        let at = if count.saturating_mul(size) <= 4 {
            entry + 8
        } else {
            bytes.long(entry + 8).ok_or_else(cut)? as usize
        };
        Ok(Some(Values { bytes, at, size, count }))
    }

    /// The first value of a tag, or what the standard says if it is not there.
    fn number(self, tag: u32, otherwise: u32) -> Result<u32, Reject> {
        match self.find(tag)? {
            Some(values) if values.count > 0 => values.get(0),
            _ => Ok(otherwise),
        }
    }

    /// A tag that has one value for each sample, all of them the same.
    fn uniform(self, tag: u32, otherwise: u32, samples: usize) -> Result<u32, Reject> {
        let Some(values) = self.find(tag)? else { return Ok(otherwise) };
        if values.count == 0 {
            return Ok(otherwise);
        }
        let first = values.get(0)?;
        for index in 1..values.count.min(samples) {
            if values.get(index)? != first {
                return unsupported("a TIFF whose samples differ in size or kind");
            }
        }
        Ok(first)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    /// With 0 for white, or for black.
    Grey {
        inverted: bool,
    },
    Palette,
    Rgb,
    Cmyk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpha {
    None,
    Straight,
    Premultiplied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
}

/// The parts that the picture is stored in.
#[derive(Clone, Copy, Debug)]
struct Chunks<'a> {
    width: usize,
    height: usize,
    offsets: Values<'a>,
    /// Missing in some old files without compression.
    lengths: Option<Values<'a>>,
}

/// All that a directory says of its picture.
#[derive(Clone, Copy, Debug)]
struct Page<'a> {
    data: &'a [u8],
    big: bool,
    width: usize,
    height: usize,
    bits: usize,
    /// Samples of a pixel in the file.
    samples: usize,
    planar: bool,
    predicted: bool,
    colour: Colour,
    alpha: Alpha,
    compression: Compression,
    chunks: Chunks<'a>,
    palette: Option<Values<'a>>,
}

impl<'a> Page<'a> {
    fn parse(directory: Directory<'a>) -> Result<Self, Reject> {
        let number = |tag, otherwise| directory.number(tag, otherwise);
        let (width, height) = (number(tag::WIDTH, 0)?, number(tag::HEIGHT, 0)?);
        if width == 0 || height == 0 {
            return broken(format!("its header says {width} x {height} pixels"));
        }
        let compression = match number(tag::COMPRESSION, 1)? {
            1 => Compression::None,
            2..=4 => return unsupported("a TIFF with fax compression inside"),
            5 => Compression::Lzw,
            6 | 7 => return unsupported("a TIFF with JPEG inside"),
            8 | 32946 => Compression::Deflate,
            32773 => Compression::PackBits,
            34712 => return unsupported("a TIFF with JPEG 2000 inside"),
            50000 => return unsupported("a TIFF with Zstandard inside"),
            50001 => return unsupported("a TIFF with WebP inside"),
            other => return unsupported(format!("a TIFF of compression {other}")),
        };
        let samples = number(tag::SAMPLES, 1)? as usize;
        let bits = directory.uniform(tag::BITS, 1, samples)?;
        match directory.uniform(tag::SAMPLE_FORMAT, 1, samples)? {
            1 | 4 => {}
            2 => return unsupported("a TIFF of samples with a sign"),
            _ => return unsupported("a TIFF of floating-point samples"),
        }
        if !matches!(bits, 1 | 2 | 4 | 8 | 16) {
            return unsupported(format!("a TIFF of {bits} bits a sample"));
        }
        if number(tag::FILL_ORDER, 1)? != 1 {
            return unsupported("a TIFF of reversed bits");
        }
        let colour = match number(tag::PHOTOMETRIC, 1)? {
            0 => Colour::Grey { inverted: true },
            1 => Colour::Grey { inverted: false },
            2 => Colour::Rgb,
            3 => Colour::Palette,
            5 if number(tag::INK_SET, 1)? == 1 => Colour::Cmyk,
            5 => return unsupported("a TIFF of inks other than CMYK"),
            6 => return unsupported("a TIFF of YCbCr"),
            8..=10 => return unsupported("a TIFF of CIE L*a*b*"),
            other => return unsupported(format!("a TIFF of photometric interpretation {other}")),
        };
        let least = match colour {
            Colour::Grey { .. } | Colour::Palette => 1,
            Colour::Rgb => 3,
            Colour::Cmyk => 4,
        };
        if samples < least {
            return broken(format!("it has {samples} samples a pixel, which are too few for its colours"));
        }
        // The standard knows no end; real pictures have inks and masks, a few.
        if samples > 32 {
            return unsupported(format!("a TIFF of {samples} samples a pixel"));
        }
        if colour == Colour::Palette && bits > 8 {
            return unsupported(format!("a TIFF with a palette of {bits} bits"));
        }
        let palette = if colour == Colour::Palette { directory.find(tag::COLOURS)? } else { None };
        if colour == Colour::Palette && palette.is_none_or(|palette| palette.count < 3 << bits) {
            return broken("it has no colours");
        }
        let alpha = match directory.find(tag::EXTRA_SAMPLES)? {
            _ if !matches!(colour, Colour::Grey { .. } | Colour::Rgb) || samples == least => Alpha::None,
            Some(extra) if extra.count > 0 => match extra.get(0)? {
                1 => Alpha::Premultiplied,
                2 => Alpha::Straight,
                _ => Alpha::None,
            },
            // Four samples and no word about the last: everybody takes it for alpha.
            _ if samples == least + 1 => Alpha::Straight,
            _ => Alpha::None,
        };
        let predicted = match number(tag::PREDICTOR, 1)? {
            1 => false,
            2 if matches!(bits, 8 | 16) => true,
            2 => return unsupported(format!("a TIFF with a predictor of {bits} bits")),
            _ => return unsupported("a TIFF of floating-point samples"),
        };
        let planar = match number(tag::PLANAR, 1)? {
            1 => false,
            2 => samples > 1,
            _ => return broken("its samples are arranged in a way that does not exist"),
        };
        let (width, height) = (width as usize, height as usize);
        let chunks = if let Some(offsets) = directory.find(tag::TILE_OFFSETS)? {
            let side = |tag| number(tag, 0).map(|side| side as usize);
            let (across, down) = (side(tag::TILE_WIDTH)?, side(tag::TILE_HEIGHT)?);
            // Tiles are a multiple of 16 (TIFF 6.0, 15), and not much larger than a picture can be.
            if across == 0 || down == 0 || across % 16 != 0 || down % 16 != 0 || across > 1 << 16 {
                return broken(format!("it has tiles of {across} x {down} pixels"));
            }
            Chunks { width: across, height: down, offsets, lengths: directory.find(tag::TILE_BYTES)? }
        } else {
            let Some(offsets) = directory.find(tag::STRIP_OFFSETS)? else {
                return broken("it has no picture");
            };
            let rows = match number(tag::ROWS_PER_STRIP, u32::MAX)? {
                0 => return broken("its strips have no rows"),
                rows => (rows as usize).min(height),
            };
            Chunks { width, height: rows, offsets, lengths: directory.find(tag::STRIP_BYTES)? }
        };
        let page = Self {
            data: directory.bytes.data,
            big: directory.bytes.big,
            width,
            height,
            bits: bits as usize,
            samples,
            planar,
            predicted,
            colour,
            alpha,
            compression,
            chunks,
            palette,
        };
        let most = page.chunk_count() as u64;
        let lengths = chunks.lengths.map_or(most, |lengths| lengths.count as u64);
        if (chunks.offsets.count as u64) < most || lengths < most {
            return broken("it holds fewer strips or tiles than its header says");
        }
        if chunks.lengths.is_none() && compression != Compression::None {
            return broken("it does not say how long its strips are");
        }
        Ok(page)
    }

    fn across(&self) -> usize {
        self.width.div_ceil(self.chunks.width)
    }

    /// Chunks of one plane.
    fn chunks_a_plane(&self) -> usize {
        self.across() * self.height.div_ceil(self.chunks.height)
    }

    fn chunk_count(&self) -> usize {
        self.chunks_a_plane() * if self.planar { self.samples } else { 1 }
    }

    /// Samples of a pixel that come out: 1, 3 or 4.
    fn out(&self) -> usize {
        match (self.colour, self.alpha) {
            (Colour::Grey { .. }, Alpha::None) => 1,
            (Colour::Rgb | Colour::Palette, Alpha::None) => 3,
            _ => 4,
        }
    }

    /// Bytes of a chunk's row.
    fn row_bytes(&self) -> usize {
        let samples = if self.planar { 1 } else { self.samples };
        (self.chunks.width * samples * self.bits).div_ceil(8)
    }

    /// A chunk's bytes in the file.
    fn chunk(&self, index: usize, rows: usize) -> Result<&'a [u8], Reject> {
        let offset = self.chunks.offsets.get(index)? as usize;
        let length = match self.chunks.lengths {
            Some(lengths) => lengths.get(index)? as usize,
            None => self.row_bytes() * rows,
        };
        self.data.get(offset..).and_then(|rest| rest.get(..length)).ok_or_else(cut)
    }
}

pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let directory = Directory::first(data)?;
    let page = Page::parse(directory)?;
    // What is decoded is whole rows of chunks: of a picture one pixel wide, as much as of one of 65,536.
    let decoded = (page.across() * page.chunks.width) as u64;
    let decoded = decoded.saturating_mul(page.height as u64);
    if page.chunks.width > page.width && decoded > limits.pixels {
        let what = format!("its tiles have {} megapixels", megapixels(decoded));
        return Err(Reject::TooLarge { what, limit: megapixels(limits.pixels) });
    }
    let mut header = Header::new(KIND, page.width as u32, page.height as u32);
    let orientation = directory.number(tag::ORIENTATION, 1)?;
    header.orientation = u16::try_from(orientation).ok().and_then(Orientation::from_tag).unwrap_or_default();
    if let Some(profile) = directory.find(tag::PROFILE)? {
        match profile.raw() {
            Some(profile) => header.icc = metadata::profile(profile, limits)?,
            None => header.unread = Unread { icc: true, ..Unread::default() },
        }
    }
    header.channels = page.samples.min(4) as u8;
    header.alpha = page.alpha != Alpha::None;
    header.depth = page.bits as u8;
    header.samples = page.out() as u64;
    let bytes = header.pixels().saturating_mul(header.samples);
    // A row as it is in the file, and its samples; the decompressor's window.
    let row = (page.row_bytes() + page.chunks.width * page.samples) as u64;
    header.decoding = [Memory { peak: bytes.saturating_add(row + (128 << 10)), kept: bytes }; 4];
    Ok(header)
}

/// What comes out of a chunk, row by row.
enum Rows<'a> {
    Plain(&'a [u8]),
    PackBits(PackBits<'a>),
    Lzw(Box<Decoder>, &'a [u8]),
    Deflate(Box<ZlibDecoder<&'a [u8]>>),
}

impl<'a> Rows<'a> {
    fn new(compression: Compression, chunk: &'a [u8]) -> Result<Self, Reject> {
        Ok(match compression {
            Compression::None => Self::Plain(chunk),
            Compression::PackBits => Self::PackBits(PackBits { rest: chunk, literal: 0, run: 0, value: 0 }),
            // Before TIFF 6.0 codes were stored the other way round: they begin with a clear code of 9 bits.
            Compression::Lzw if chunk.starts_with(&[0]) && chunk.get(1).is_some_and(|byte| byte & 1 == 1) => {
                return unsupported("a TIFF with LZW of the old kind");
            }
            Compression::Lzw => {
                let decoder = Configuration::with_tiff_size_switch(BitOrder::Msb, 8).build();
                Self::Lzw(Box::new(decoder), chunk)
            }
            Compression::Deflate => Self::Deflate(Box::new(ZlibDecoder::new(chunk))),
        })
    }

    fn fill(&mut self, row: &mut [u8]) -> Result<(), Reject> {
        let short = || Reject::broken(KIND, "a strip or tile holds fewer pixels than its header says");
        let damaged = || Reject::broken(KIND, "its compressed data is damaged");
        match self {
            Self::Plain(rest) => {
                let (bytes, after) = rest.split_at_checked(row.len()).ok_or_else(short)?;
                row.copy_from_slice(bytes);
                *rest = after;
                Ok(())
            }
            Self::PackBits(packed) => packed.fill(row).ok_or_else(short),
            Self::Lzw(decoder, rest) => {
                let mut row = row;
                while !row.is_empty() {
                    let step = decoder.decode_bytes(rest, row);
                    *rest = &rest[step.consumed_in..];
                    row = &mut row[step.consumed_out..];
                    step.status.map_err(|_| damaged())?;
                    if step.consumed_in == 0 && step.consumed_out == 0 {
                        return Err(short());
                    }
                }
                Ok(())
            }
            Self::Deflate(decoder) => decoder
                .read_exact(row)
                .map_err(|error| if error.kind() == ErrorKind::UnexpectedEof { short() } else { damaged() }),
        }
    }
}

/// Runs and literals (TIFF 6.0, 9). Some writers let them go on from row to row.
struct PackBits<'a> {
    rest: &'a [u8],
    /// Bytes that are still to be copied, or repeated.
    literal: usize,
    run: usize,
    value: u8,
}

impl PackBits<'_> {
    fn fill(&mut self, mut row: &mut [u8]) -> Option<()> {
        while !row.is_empty() {
            if self.literal > 0 {
                let count = self.literal.min(row.len());
                let (bytes, rest) = self.rest.split_at_checked(count)?;
                row[..count].copy_from_slice(bytes);
                (self.rest, self.literal) = (rest, self.literal - count);
                row = &mut row[count..];
            } else if self.run > 0 {
                let count = self.run.min(row.len());
                row[..count].fill(self.value);
                self.run -= count;
                row = &mut row[count..];
            } else {
                let (code, rest) = self.rest.split_first()?;
                self.rest = rest;
                match *code {
                    128 => {}
                    code @ 0..128 => self.literal = usize::from(code) + 1,
                    code => {
                        let (value, rest) = self.rest.split_first()?;
                        (self.rest, self.value) = (rest, *value);
                        self.run = 257 - usize::from(code);
                    }
                }
            }
        }
        Some(())
    }
}

/// A row's samples as 8 bits; indices of a palette stay as they are.
struct Unpack {
    bits: usize,
    big: bool,
    indices: bool,
    /// How many samples back the predicted difference counts from, if there is one.
    predicted: Option<usize>,
}

impl Unpack {
    fn row(&self, bytes: &mut [u8], samples: &mut [u8]) {
        match self.bits {
            16 => {
                // In the machine's own order from here on.
                let words = bytes.as_chunks_mut::<2>().0;
                let read = |word: [u8; 2]| {
                    if self.big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) }
                };
                for index in 0..words.len() {
                    let mut value = read(words[index]);
                    if let Some(back) = self.predicted.filter(|back| index >= *back) {
                        value = value.wrapping_add(u16::from_ne_bytes(words[index - back]));
                    }
                    words[index] = value.to_ne_bytes();
                }
                for (sample, word) in samples.iter_mut().zip(words) {
                    let word = u32::from(u16::from_ne_bytes(*word));
                    *sample = ((word * 255 + 32_767) / 65_535) as u8;
                }
            }
            8 => {
                if let Some(back) = self.predicted {
                    for index in back..bytes.len() {
                        bytes[index] = bytes[index].wrapping_add(bytes[index - back]);
                    }
                }
                let count = samples.len();
                samples.copy_from_slice(&bytes[..count]);
            }
            bits => {
                let most = (1u16 << bits) - 1;
                for (index, sample) in samples.iter_mut().enumerate() {
                    let byte = u16::from(bytes[index * bits / 8]);
                    let value = byte >> (8 - bits - index * bits % 8) & most;
                    *sample = if self.indices { value } else { value * 255 / most } as u8;
                }
            }
        }
    }
}

/// The palette as 8 bits a channel: 256 colours, of which those that do not exist are black.
fn colours(values: Values<'_>, bits: usize) -> Result<[[u8; 3]; 256], Reject> {
    let count = 1 << bits;
    let mut words = [[0; 3]; 256];
    for (index, colour) in words.iter_mut().enumerate().take(count) {
        for (channel, word) in colour.iter_mut().enumerate() {
            *word = values.get(channel * count + index)?;
        }
    }
    // 16 bits, says the standard; some writers have put 8 there, and everybody looks for it.
    let shift = if words.iter().flatten().any(|word| *word > 255) { 8 } else { 0 };
    Ok(words.map(|colour| colour.map(|word| (word >> shift) as u8)))
}

pub(super) fn decode(data: &[u8], header: &Header, stop: &dyn Fn() -> bool) -> Result<Pixels, Failure> {
    let page = Page::parse(Directory::first(data)?)?;
    // Of a whole file, nothing may be beyond its end.
    if header.unread.icc {
        return Err(cut().into());
    }
    if page.row_bytes() > LONGEST_ROW {
        return Err(Reject::Unsupported(format!("a TIFF with rows of {} bytes", page.row_bytes())).into());
    }
    let Page { width, height, samples, planar, .. } = page;
    // All of the data is there, once for each chunk, before anything is allocated for what comes of it.
    let rows_of = |index: usize| {
        let top = index % page.chunks_a_plane() / page.across() * page.chunks.height;
        (top, page.chunks.height.min(height - top))
    };
    let mut stored = 0usize;
    for index in 0..page.chunk_count() {
        stored = stored.saturating_add(page.chunk(index, rows_of(index).1)?.len());
    }
    // Compressed data may be long for the little that comes of it, and be unpacked again for every chunk.
    if page.compression != Compression::None && stored > data.len() {
        return Err(Reject::broken(KIND, "its strips or tiles lie over each other").into());
    }
    let colours = page.palette.map(|palette| colours(palette, page.bits)).transpose()?;
    let out_samples = page.out();
    let mut out = vec![0; width * height * out_samples];
    let in_row = if planar { 1 } else { samples };
    let unpack = Unpack {
        bits: page.bits,
        big: page.big,
        indices: page.colour == Colour::Palette,
        predicted: page.predicted.then_some(in_row),
    };
    let mut bytes = vec![0; page.row_bytes()];
    let mut row = vec![0; page.chunks.width * in_row];
    for index in 0..page.chunk_count() {
        if stop() {
            return Err(Failure::Stopped);
        }
        let plane = index / page.chunks_a_plane();
        let left = index % page.across() * page.chunks.width;
        let across = page.chunks.width.min(width - left);
        let (top, rows) = rows_of(index);
        let mut source = Rows::new(page.compression, page.chunk(index, rows)?)?;
        for y in top..top + rows {
            source.fill(&mut bytes)?;
            unpack.row(&mut bytes, &mut row);
            let line = &mut out[(y * width + left) * out_samples..][..across * out_samples];
            place(&page, colours.as_ref(), &row, line, plane);
        }
    }
    if page.alpha == Alpha::Premultiplied {
        for pixel in out.as_chunks_mut::<4>().0 {
            let [.., alpha] = *pixel;
            for sample in &mut pixel[..3] {
                let straight = (u32::from(*sample) * 255 + u32::from(alpha) / 2).checked_div(alpha.into());
                *sample = straight.map_or(0, |sample| sample.min(255) as u8);
            }
        }
    }
    let scale = (1.0, 1.0);
    let packed = |data| Packed { width, height, scale, data };
    Ok(match (page.colour, out_samples) {
        (Colour::Cmyk, _) => Pixels::Cmyk(packed(out)),
        (_, 1) => Pixels::Grey(Plane { width, height, scale, data: out }),
        (_, 3) => Pixels::Rgb(packed(out)),
        _ => Pixels::Rgba(packed(out)),
    })
}

/// Puts a row's samples where they belong: all of a pixel's, or those of one plane.
fn place(page: &Page<'_>, colours: Option<&[[u8; 3]; 256]>, row: &[u8], line: &mut [u8], plane: usize) {
    let out = page.out();
    let alpha = page.alpha != Alpha::None;
    let pixels = line.chunks_exact_mut(out);
    let in_row = if page.planar { 1 } else { page.samples };
    for (pixel, stored) in pixels.zip(row.chunks_exact(in_row)) {
        for (sample, value) in (plane..).zip(stored) {
            match page.colour {
                Colour::Palette if sample == 0 => {
                    if let Some(colours) = colours {
                        pixel.copy_from_slice(&colours[usize::from(*value)]);
                    }
                }
                Colour::Grey { inverted } if sample == 0 => {
                    let grey = if inverted { 255 - value } else { *value };
                    pixel[..out.min(3)].fill(grey);
                }
                Colour::Grey { .. } if sample == 1 && alpha => pixel[3] = *value,
                Colour::Rgb | Colour::Cmyk if sample < out => pixel[sample] = *value,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_runs_go_on_from_row_to_row() {
        // The example of TIFF 6.0, section 9.
        let packed = b"\xfe\xaa\x02\x80\0\x2a\xfd\xaa\x03\x80\0\x2a\x22\xf7\xaa";
        let expected =
            b"\xaa\xaa\xaa\x80\0\x2a\xaa\xaa\xaa\xaa\x80\0\x2a\x22\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa";
        for width in 1..=24 {
            let mut rows = PackBits { rest: packed, literal: 0, run: 0, value: 0 };
            let mut all: Vec<u8> = Vec::new();
            let mut row = vec![0; width];
            while all.len() + width <= 24 {
                rows.fill(&mut row).expect("it is there");
                all.extend(&row);
            }
            assert_eq!(all, expected[..all.len()], "{width}");
        }
    }

    #[test]
    fn samples_of_every_depth_become_eight_bits() {
        let check = |bits: usize, predicted: Option<usize>, bytes: &[u8], expected: &[u8]| {
            let unpack = Unpack { bits, big: true, indices: false, predicted };
            let mut samples = vec![0; expected.len()];
            unpack.row(&mut bytes.to_vec(), &mut samples);
            assert_eq!(samples, expected, "{bits}");
        };
        check(1, None, &[0b1010_0000], &[255, 0, 255]);
        check(2, None, &[0b0001_1011], &[0, 85, 170, 255]);
        check(4, None, &[0x0f, 0x80], &[0, 255, 136]);
        check(8, Some(1), &[1, 2, 255], &[1, 3, 2]);
        check(8, Some(2), &[1, 2, 3, 4], &[1, 2, 4, 6]);
        check(16, None, &[0x80, 0x7f, 0x80, 0x80, 0xff, 0xff], &[128, 128, 255]);
        check(16, Some(1), &[0x10, 0, 0x10, 0], &[16, 32]);
    }
}
