//! GIF: palettes of up to 256 colours, interlaced or not, one frame or many (GIF89a).
//!
//! A walk over the blocks tells everything but pixels. Rows go from the LZW decoder straight to the canvas, so
//! that a frame takes no memory of its own, however large it claims to be.
//!
//! Where the standard leaves room, browsers decide: the background colour is not painted, an index without a
//! colour paints nothing, and a screen that is too small for its first frame grows; later ones are cropped.

use weezl::BitOrder;
use weezl::LzwStatus;
use weezl::decode::Decoder;

use super::animation::{Canvas, Disposal, Region, shown_for};
use super::{Header, Memory, Unread, megapixels, metadata};
use crate::limits::Limits;
use crate::pixels::{Packed, Pixels};
use crate::reject::{Failure, Reject};
use crate::sniff::Kind;

const KIND: Kind = Kind::Gif;

/// One image descriptor (20), with the graphic control extension before it (23).
#[derive(Clone, Copy, Debug)]
struct Image<'a> {
    region: Region,
    /// Red, green, blue of each colour; empty if the global table holds.
    palette: &'a [u8],
    interlaced: bool,
    control: Control,
    code_size: u8,
    /// The data, from its first sub-block on, to the end of the file.
    data: &'a [u8],
}

#[derive(Clone, Copy, Debug, Default)]
struct Control {
    transparent: Option<u8>,
    disposal: Disposal,
    millis: u32,
}

enum Block<'a> {
    Image(Image<'a>),
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
    palette: &'a [u8],
    rest: &'a [u8],
    control: Control,
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
        let (palette, rest) = all.split_at_checked(table(flags)).unwrap_or((all, &[]));
        let end = if palette.len() < table(flags) { End::Cut } else { End::Open };
        Some(Self { screen: (width, height), palette, rest, control: Control::default(), end })
    }

    fn image(&mut self) -> Option<Image<'a>> {
        let rest = self.rest;
        let (left, top) = (short(rest, 1)?, short(rest, 3)?);
        let (width, height) = (short(rest, 5)?, short(rest, 7)?);
        let flags = *rest.get(9)?;
        let (palette, rest) = rest.get(10..)?.split_at_checked(table(flags))?;
        let (code_size, data) = rest.split_first()?;
        match sub_blocks(data) {
            Some((_, rest)) => self.rest = rest,
            None => self.end = End::Cut,
        }
        Some(Image {
            region: Region { left, top, width, height },
            palette,
            interlaced: flags & 0x40 != 0,
            control: std::mem::take(&mut self.control),
            code_size: *code_size,
            data,
        })
    }

    fn extension(&mut self) -> Option<Block<'a>> {
        let label = *self.rest.get(1)?;
        let (blocks, rest) = sub_blocks(self.rest.get(2..)?)?;
        self.rest = rest;
        if let (0xf9, [4, flags, delay0, delay1, transparent, ..]) = (label, blocks) {
            self.control = Control {
                transparent: (flags & 1 == 1).then_some(*transparent),
                disposal: match flags >> 2 & 7 {
                    2 => Disposal::Background,
                    3 => Disposal::Previous,
                    _ => Disposal::Keep,
                },
                millis: u32::from(u16::from_le_bytes([*delay0, *delay1])) * 10,
            };
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
    let mut first: Option<Image<'_>> = None;
    let (mut frames, mut profile) = (0u32, None);
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
        header.width = header.width.max(first.region.left + first.region.width);
        header.height = header.height.max(first.region.top + first.region.height);
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
    let covered = first.is_some_and(|first| {
        first.control.transparent.is_none() && first.region.covers((header.width, header.height))
    });
    header.alpha = !(covered && whole && frames == 1);
    header.samples = if header.alpha { 4 } else { 3 };
    let bytes = header.pixels() * header.samples;
    header.decoding = [Memory { peak: bytes, kept: bytes }; 4];
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

/// The pixels of one frame, as indices, in the order of the file.
struct Indices<'a> {
    lzw: Decoder,
    /// What is left of the current sub-block.
    block: &'a [u8],
    /// What comes after it.
    rest: &'a [u8],
}

impl<'a> Indices<'a> {
    fn new(image: &Image<'a>) -> Result<Self, Reject> {
        if !(1..=8).contains(&image.code_size) {
            return Err(Reject::broken(KIND, "its codes begin with a length that does not exist"));
        }
        Ok(Self { lzw: Decoder::new(BitOrder::Lsb, image.code_size), block: &[], rest: image.data })
    }

    fn fill(&mut self, mut row: &mut [u8]) -> Result<(), Reject> {
        while !row.is_empty() {
            let step = self.lzw.decode_bytes(self.block, row);
            self.block = &self.block[step.consumed_in..];
            row = &mut row[step.consumed_out..];
            match step.status {
                Err(_) => return Err(Reject::broken(KIND, "its compressed data is damaged")),
                Ok(LzwStatus::Done) if !row.is_empty() => return Err(short_of_pixels()),
                Ok(_) => {}
            }
            if step.consumed_in == 0 && step.consumed_out == 0 {
                let cut = Reject::Truncated { kind: KIND };
                let Some((length, rest)) = self.rest.split_first() else { return Err(cut) };
                if *length == 0 {
                    return Err(short_of_pixels());
                }
                // The last block of a cut file gives what it has.
                let length = usize::from(*length).min(rest.len());
                if length == 0 {
                    return Err(cut);
                }
                (self.block, self.rest) = rest.split_at(length);
            }
        }
        Ok(())
    }
}

fn short_of_pixels() -> Reject {
    Reject::broken(KIND, "a frame holds fewer pixels than its header says")
}

/// Rows of an interlaced frame in the order of the file (appendix E).
fn rows(height: u32, interlaced: bool) -> impl Iterator<Item = u32> {
    let passes = if interlaced { [(0, 8), (4, 8), (2, 4), (1, 2)] } else { [(0, 1); 4] };
    let count = if interlaced { 4 } else { 1 };
    passes.into_iter().take(count).flat_map(move |(first, step)| (first..height).step_by(step))
}

/// Paints one frame: `N` is 3 where nothing can be transparent, else 4.
fn paint<const N: usize>(
    image: &Image<'_>,
    global: &[u8],
    canvas: &mut [u8],
    size: (u32, u32),
    stop: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let palette = if image.palette.is_empty() { global } else { image.palette };
    if palette.is_empty() {
        return Err(Reject::broken(KIND, "it has no colours").into());
    }
    let mut colours = [None; 256];
    for (colour, rgb) in colours.iter_mut().zip(palette.as_chunks::<3>().0) {
        *colour = Some(*rgb);
    }
    if let Some(transparent) = image.control.transparent {
        colours[usize::from(transparent)] = None;
    }
    let region = image.region;
    let mut indices = Indices::new(image)?;
    let mut row = vec![0; region.width as usize];
    let visible = size.0.saturating_sub(region.left).min(region.width) as usize;
    for y in rows(region.height, image.interlaced) {
        if stop() {
            return Err(Failure::Stopped);
        }
        indices.fill(&mut row)?;
        let below = region.top + y;
        if visible == 0 || below >= size.1 {
            continue;
        }
        let start = (below as usize * size.0 as usize + region.left as usize) * N;
        let pixels = canvas[start..][..visible * N].as_chunks_mut::<N>().0;
        for (pixel, index) in pixels.iter_mut().zip(&row) {
            if let Some([r, g, b]) = colours[usize::from(*index)] {
                pixel[..3].copy_from_slice(&[r, g, b]);
                if let Some(alpha) = pixel.get_mut(3) {
                    *alpha = 255;
                }
            }
        }
    }
    Ok(())
}

/// The first frame on its canvas.
pub(super) fn decode(data: &[u8], header: &Header, stop: &dyn Fn() -> bool) -> Result<Pixels, Failure> {
    let mut blocks = Blocks::new(data).ok_or(Reject::Truncated { kind: KIND })?;
    let image = blocks.find_map(|block| match block {
        Block::Image(image) => Some(image),
        _ => None,
    });
    let Some(image) = image else { return Err(Reject::Truncated { kind: KIND }.into()) };
    let size = (header.width, header.height);
    let (width, height) = (header.width as usize, header.height as usize);
    let scale = (1.0, 1.0);
    if header.samples == 3 && image.control.transparent.is_none() && image.region.covers(size) {
        let mut data = vec![0; width * height * 3];
        paint::<3>(&image, blocks.palette, &mut data, size, stop)?;
        return Ok(Pixels::Rgb(Packed { width, height, scale, data }));
    }
    let mut data = vec![0; width * height * 4];
    paint::<4>(&image, blocks.palette, &mut data, size, stop)?;
    Ok(Pixels::Rgba(Packed { width, height, scale, data }))
}

/// Frame after frame.
pub(super) struct Animation<'a> {
    blocks: Blocks<'a>,
}

impl<'a> Animation<'a> {
    pub(super) fn new(data: &'a [u8]) -> Result<Self, Reject> {
        Ok(Self { blocks: Blocks::new(data).ok_or(Reject::Truncated { kind: KIND })? })
    }

    /// Paints the next frame. Answers how long it is shown, or nothing after the last one.
    pub(super) fn next(
        &mut self,
        canvas: &mut Canvas,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<u32>, Failure> {
        for block in &mut self.blocks {
            if let Block::Image(image) = block {
                canvas.begin(image.region, image.control.disposal);
                let size = canvas.size();
                paint::<4>(&image, self.blocks.palette, canvas.pixels_mut(), size, stop)?;
                return Ok(Some(shown_for(image.control.millis)));
            }
        }
        match self.blocks.end {
            End::Cut => Err(Reject::Truncated { kind: KIND }.into()),
            End::Garbage => Err(Reject::broken(KIND, "between its frames is something else").into()),
            _ => Ok(None),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_come_each_once() {
        for height in 0..40 {
            let mut seen: Vec<_> = rows(height, true).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..height).collect::<Vec<_>>());
        }
        assert_eq!(rows(10, true).collect::<Vec<_>>(), [0, 8, 4, 2, 6, 1, 3, 5, 7, 9]);
    }
}
