//! GIF: palettes of up to 256 colours, interlaced or not, one frame or many (GIF89a).
//!
//! A walk over the blocks tells everything but pixels, and is compared with the limits; pixels, and what becomes
//! of a frame before the next one, are the crate `image`'s. The background colour is not painted, as in browsers,
//! and a frame is cropped to the screen.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::error::ImageError;
use image::{AnimationDecoder, ImageDecoder};

use super::animation::{Frame, Region, shown_for};
use super::{Header, Memory, Unread, library, megapixels, metadata};
use crate::limits::Limits;
use crate::pixels::{Packed, Pixels};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Gif;

/// One image descriptor (20), with the graphic control extension before it (23).
#[derive(Clone, Copy, Debug)]
struct Image {
    region: Region,
    interlaced: bool,
    transparent: bool,
}

enum Block<'a> {
    Image(Image),
    /// How often the animation is played, 0 for ever.
    Loops(u32),
    /// Sub-blocks of a colour profile.
    Profile(&'a [u8]),
    /// A comment, a text, a control that waits for its image.
    Other,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Not yet.
    Open,
    /// By the trailer.
    Trailer,
    /// Between two blocks: nothing is missing but the trailer.
    NoTrailer,
    /// Within a block.
    Cut,
    /// At something that is no block.
    Garbage,
}

/// The logical screen descriptor (18), and the blocks after it.
#[derive(Clone, Debug)]
struct Blocks<'a> {
    screen: (u32, u32),
    rest: &'a [u8],
    /// Whether the next image has a transparent colour.
    transparent: bool,
    end: End,
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<2>().map(|bytes| u32::from(u16::from_le_bytes(*bytes)))
}

/// Bytes of a colour table whose flags say that it exists and how large it is.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Splits sub-blocks (15) from what comes after their terminator.
fn sub_blocks(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        match *data.get(at)? {
            0 => return Some((&data[..at], &data[at + 1..])),
            length => at += 1 + usize::from(length),
        }
    }
}

impl<'a> Blocks<'a> {
    fn new(data: &'a [u8]) -> Option<Self> {
        let (width, height, flags) = (short(data, 6)?, short(data, 8)?, *data.get(10)?);
        let all = data.get(13..)?;
        let rest = all.get(table(flags)..);
        let end = if rest.is_none() { End::Cut } else { End::Open };
        Some(Self { screen: (width, height), rest: rest.unwrap_or_default(), transparent: false, end })
    }

    fn image(&mut self) -> Option<Image> {
        let rest = self.rest;
        let (left, top) = (short(rest, 1)?, short(rest, 3)?);
        let (width, height) = (short(rest, 5)?, short(rest, 7)?);
        let flags = *rest.get(9)?;
        // After the colours comes the length of the first codes.
        match sub_blocks(rest.get(11 + table(flags)..)?) {
            Some((_, rest)) => self.rest = rest,
            None => self.end = End::Cut,
        }
        Some(Image {
            region: Region { left, top, width, height },
            interlaced: flags & 0x40 != 0,
            transparent: std::mem::take(&mut self.transparent),
        })
    }

    fn extension(&mut self) -> Option<Block<'a>> {
        let label = *self.rest.get(1)?;
        let (blocks, rest) = sub_blocks(self.rest.get(2..)?)?;
        self.rest = rest;
        if let (0xf9, [4, flags, ..]) = (label, blocks) {
            self.transparent = flags & 1 == 1;
        }
        let application = (label == 0xff).then(|| blocks.split_at_checked(12)).flatten();
        Some(match application {
            Some((b"\x0bNETSCAPE2.0" | b"\x0bANIMEXTS1.0", [3, 1, low, high, ..])) => {
                // It says how often the animation comes again after the first time.
                let again = u32::from(u16::from_le_bytes([*low, *high]));
                Block::Loops(if again == 0 { 0 } else { again + 1 })
            }
            Some((b"\x0bICCRGBG1012", profile)) => Block::Profile(profile),
            _ => Block::Other,
        })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        while self.end == End::Open {
            match self.rest.first() {
                Some(0x2c) => match self.image() {
                    Some(image) => return Some(Block::Image(image)),
                    None => self.end = End::Cut,
                },
                Some(0x21) => match self.extension() {
                    Some(block) => return Some(block),
                    None => self.end = End::Cut,
                },
                Some(0x3b) => self.end = End::Trailer,
                // A terminator too many is stepped over by everybody.
                Some(0) => self.rest = &self.rest[1..],
                Some(_) => self.end = End::Garbage,
                None => self.end = End::NoTrailer,
            }
        }
        None
    }
}

pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let truncated = || Reject::Truncated { kind: KIND };
    let mut blocks = Blocks::new(data).ok_or_else(truncated)?;
    let mut header = Header { loops: 1, ..Header::new(KIND, blocks.screen.0, blocks.screen.1) };
    let mut first: Option<Image> = None;
    let (mut frames, mut largest, mut profile) = (0u32, 0, None);
    for block in blocks.by_ref() {
        match block {
            Block::Image(image) => {
                let pixels = image.region.pixels();
                if pixels > limits.pixels {
                    let Region { width, height, .. } = image.region;
                    return Err(Reject::TooLarge {
                        what: format!(
                            "a frame of {width} x {height} pixels has {} megapixels",
                            megapixels(pixels)
                        ),
                        limit: megapixels(limits.pixels),
                    });
                }
                largest = pixels.max(largest);
                first.get_or_insert(image);
                frames = frames.saturating_add(1);
            }
            Block::Loops(loops) => header.loops = loops,
            Block::Profile(blocks) => profile = Some(blocks),
            Block::Other => {}
        }
    }
    if let Some(profile) = profile {
        header.icc = joined_profile(profile, limits)?;
    }
    let whole = matches!(blocks.end, End::Trailer);
    header.unread = Unread { icc: !whole && first.is_none(), exif: false, frames: !whole };
    if let Some(first) = &first {
        header.progressive = first.interlaced;
    } else if !matches!(blocks.end, End::Cut | End::NoTrailer) {
        return Err(Reject::broken(KIND, "it has no picture"));
    }
    if header.width == 0 || header.height == 0 {
        return Err(match first {
            Some(_) => Reject::broken(KIND, "its header says 0 pixels"),
            None => truncated(),
        });
    }
    header.frames = frames.max(1);
    if frames < 2 && whole {
        header.loops = 1;
    }
    // A file's beginning cannot promise that all is covered, so it does not.
    let covered =
        first.is_some_and(|first| !first.transparent && first.region.covers((header.width, header.height)));
    header.alpha = !(covered && whole && frames == 1);
    header.samples = 4;
    let kept = header.pixels() * 4;
    // A frame that is not the whole screen has a buffer of its own, and one of indices.
    header.decoding = [Memory { peak: kept + largest * 5 + (128 << 10), kept }; 4];
    Ok(header)
}

fn joined_profile(mut blocks: &[u8], limits: &Limits) -> Result<Option<std::sync::Arc<[u8]>>, Reject> {
    // The sub-blocks' lengths are less than a hundredth of it: compared with the limit before it is copied.
    if blocks.len() as u64 > limits.metadata_bytes.saturating_add(limits.metadata_bytes / 200) {
        return metadata::profile(blocks, limits);
    }
    let mut profile = Vec::with_capacity(blocks.len());
    while let Some((length, rest)) = blocks.split_first() {
        let (block, rest) = rest.split_at_checked(usize::from(*length)).unwrap_or((rest, &[]));
        profile.extend(block);
        blocks = rest;
    }
    metadata::profile(&profile, limits)
}

/// How the walk over a whole file ends.
fn end(data: &[u8]) -> End {
    let Some(mut blocks) = Blocks::new(data) else { return End::Cut };
    blocks.by_ref().for_each(drop);
    blocks.end
}

/// What the library says, and what the walk knows better.
fn reject(error: &ImageError, data: &[u8]) -> Reject {
    match (end(data), error) {
        (End::Cut, _) => Reject::Truncated { kind: KIND },
        (End::Garbage, _) => Reject::broken(KIND, "between its frames is something else"),
        (_, error) => library::reject(error, KIND),
    }
}

fn open(data: &[u8]) -> Result<GifDecoder<Cursor<&[u8]>>, Reject> {
    GifDecoder::new(Cursor::new(data)).map_err(|error| reject(&error, data))
}

/// The first frame on its canvas.
pub(super) fn decode(data: &[u8], header: &Header) -> Result<Pixels, Failure> {
    library::read(open(data)?, header).map_err(|failure| match failure {
        Failure::Rejected(Reject::Broken { .. }) if end(data) == End::Cut => {
            Reject::Truncated { kind: KIND }.into()
        }
        failure => failure,
    })
}

/// Frame after frame, each composed by the library.
pub(super) struct Animation<'a> {
    data: &'a [u8],
    frames: image::Frames<'a>,
    left: u32,
}

impl<'a> Animation<'a> {
    pub(super) fn new(data: &'a [u8], header: &Header) -> Result<Self, Reject> {
        let mut decoder = open(data)?;
        let mut limits = library::limits(header);
        limits.max_alloc = Some(super::frames_memory(header));
        decoder.set_limits(limits).map_err(|error| reject(&error, data))?;
        Ok(Self { data, frames: decoder.into_frames(), left: header.frames })
    }

    /// The next frame, or nothing after the last one.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Failure> {
        if self.left == 0 {
            // The library does not look for what comes after the last frame that the walk has counted.
            return match end(self.data) {
                End::Garbage => Err(Reject::broken(KIND, "between its frames is something else").into()),
                End::Cut => Err(Reject::Truncated { kind: KIND }.into()),
                _ => Ok(None),
            };
        }
        self.left -= 1;
        let Some(frame) = self.frames.next() else { return Err(Reject::Truncated { kind: KIND }.into()) };
        let frame = frame.map_err(|error| reject(&error, self.data))?;
        let (millis, denominator) = frame.delay().numer_denom_ms();
        let buffer = frame.into_buffer();
        let (width, height) = (buffer.width() as usize, buffer.height() as usize);
        let packed = Packed { width, height, scale: (1.0, 1.0), data: buffer.into_raw() };
        let millis = shown_for(millis / denominator.max(1));
        Ok(Some(Frame { pixels: Pixels::Rgba(packed), millis }))
    }

    /// Pixels that all frames have, of those that stand out of the canvas too.
    pub(super) fn frame_pixels(data: &[u8], canvas: u64) -> u64 {
        let blocks = Blocks::new(data).into_iter().flatten();
        let images = blocks.filter_map(|block| match block {
            Block::Image(image) => Some(image.region.pixels().max(canvas)),
            _ => None,
        });
        images.fold(0, u64::saturating_add)
    }
}
