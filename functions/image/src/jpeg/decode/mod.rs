//! Reads a JPEG: segments first, then scans into planes (T.81, annexes B, E, F and G).
//!
//! What is wrong with a file ends it: a scan that stops early, a restart marker out of turn, a code that no
//! table has. Garbage between segments and after the end of the picture is stepped over. A file that ends
//! before its picture does is [`Trouble::Truncated`]; if only the closing marker of a picture that is whole
//! is missing, it is read (a progressive one may lack detail then, and is refused).

mod frame;
mod progressive;
mod samples;
mod segments;
mod sequential;

use super::huffman::Bits;
use crate::pixels::Plane;
pub(crate) use frame::Frame;
use progressive::progressive;
use samples::place;
pub(crate) use segments::{Head, head};
use segments::{Scan, Segments, Tables};
use sequential::sequential;

/// Why a file was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Truncated,
    Broken(String),
    Unsupported(String),
    TooManyScans(u32),
    Stopped,
}

fn broken<T>(reason: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Broken(reason.into()))
}

/// A component while scans are read.
struct Channel {
    quantiser: Option<Box<[i16; 64]>>,
    plane: Plane,
    /// Coefficients of a progressive picture; blocks in rows of `stride`.
    coefficients: Vec<[i16; 64]>,
    stride: usize,
    seen: bool,
}

/// How large a decoded block is: 8, 4, 2 or 1 samples a side.
pub(crate) type Side = usize;

/// Decodes to one plane per component, of `side` samples for each block of 8.
pub(crate) fn decode(
    data: &[u8],
    side: Side,
    scans: u32,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Plane>, Trouble> {
    let mut segments = Segments { data, pos: 2 };
    let mut tables =
        Tables { quantisers: Default::default(), dc: Default::default(), ac: Default::default(), restart: 0 };
    let mut picture: Option<Picture> = None;
    let mut read = 0;
    loop {
        let marker = match segments.marker() {
            Ok(marker) => marker,
            // All of the picture is there, only the closing marker is not.
            Err(Trouble::Truncated) if picture.as_ref().is_some_and(Picture::whole) => break,
            Err(trouble) => return Err(trouble),
        };
        match marker {
            0xd8 | 0x01 | 0xd0..=0xd7 => {}
            0xd9 => break,
            0xda => {
                let body = segments.body()?;
                let Some(picture) = &mut picture else {
                    return broken("it has a scan without a frame header");
                };
                read += 1;
                if read > scans {
                    return Err(Trouble::TooManyScans(scans));
                }
                let scan = Scan::parse(&picture.frame, body)?;
                segments.pos = picture.scan(&scan, &tables, data, segments.pos, stop)?;
            }
            marker => {
                let body = segments.body()?;
                match marker {
                    0xc4 => tables.codes(body)?,
                    0xdb => tables.quantisers(body)?,
                    0xdd => {
                        let Some(interval) = body.first_chunk::<2>() else {
                            return broken("its restart interval has no value");
                        };
                        tables.restart = usize::from(u16::from_be_bytes(*interval));
                    }
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        if picture.is_some() {
                            return broken("it has two frame headers");
                        }
                        picture = Some(Picture::new(Frame::parse(marker, body)?, side));
                    }
                    _ => {}
                }
            }
        }
    }
    let Some(mut picture) = picture else { return broken("it has no picture") };
    if picture.components.iter().any(|component| !component.seen) {
        return broken("it has no scan for one of its components");
    }
    if picture.frame.progressive {
        picture.transform(stop)?;
    }
    Ok(picture.components.into_iter().map(|component| component.plane).collect())
}

struct Picture {
    frame: Frame,
    side: Side,
    components: Vec<Channel>,
}

/// What a scan carries from block to block.
#[derive(Default)]
struct State {
    predictions: [i32; 4],
    /// Blocks still to come that have nothing in this band.
    skip: u32,
}

impl Picture {
    fn new(frame: Frame, side: Side) -> Self {
        let (across, down) = frame.units();
        let components = frame
            .components
            .iter()
            .map(|component| {
                let plane = Plane::new(frame.width.into(), frame.height.into(), frame.scale(component, side));
                let stride = across * usize::from(component.h);
                let blocks = if frame.progressive { stride * down * usize::from(component.v) } else { 0 };
                Channel { quantiser: None, plane, coefficients: vec![[0; 64]; blocks], stride, seen: false }
            })
            .collect();
        Self { frame, side, components }
    }

    /// Whether a sequential picture has had all its scans.
    fn whole(&self) -> bool {
        !self.frame.progressive && self.components.iter().all(|component| component.seen)
    }

    /// Reads the entropy-coded data at `pos`. Answers where the next marker is to be looked for.
    fn scan(
        &mut self,
        scan: &Scan,
        tables: &Tables,
        data: &[u8],
        pos: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<usize, Trouble> {
        for (index, _, _) in &scan.parts {
            let component = &mut self.components[*index];
            component.seen = true;
            if component.quantiser.is_none() {
                let table = usize::from(self.frame.components[*index].table);
                component.quantiser.clone_from(&tables.quantisers[table]);
                if component.quantiser.is_none() {
                    return broken("one of its quantisation tables is missing");
                }
            }
        }
        let none: &[(usize, usize)] = &[];
        let mut places = [none; 4];
        let mut lists: [Vec<(usize, usize)>; 4] = Default::default();
        // A scan of one component counts its blocks, others count units of several blocks (A.2).
        let (across, down) = if let [(index, _, _)] = scan.parts[..] {
            lists[0].push((0, 0));
            self.frame.blocks(&self.frame.components[index])
        } else {
            for (list, (index, _, _)) in lists.iter_mut().zip(&scan.parts) {
                let component = &self.frame.components[*index];
                for y in 0..usize::from(component.v) {
                    list.extend((0..usize::from(component.h)).map(|x| (x, y)));
                }
            }
            if lists.iter().map(Vec::len).sum::<usize>() > 10 {
                return broken("a unit of one of its scans has more than ten blocks");
            }
            self.frame.units()
        };
        for (place, list) in places.iter_mut().zip(&lists) {
            *place = list;
        }
        let single = scan.parts.len() == 1;
        let mut bits = Bits::new(data, pos);
        let mut state = State::default();
        let mut left = tables.restart;
        let mut restarts = 0u8;
        for y in 0..down {
            if stop() {
                return Err(Trouble::Stopped);
            }
            for x in 0..across {
                if tables.restart > 0 {
                    if left == 0 {
                        bits = Self::restart(data, &bits, &mut restarts)?;
                        state = State::default();
                        left = tables.restart;
                    }
                    left -= 1;
                }
                for (slot, (index, dc, ac)) in scan.parts.iter().enumerate() {
                    let factors = &self.frame.components[*index];
                    let (h, v) =
                        if single { (1, 1) } else { (usize::from(factors.h), usize::from(factors.v)) };
                    let component = &mut self.components[*index];
                    let (dc, ac) = (tables.dc[*dc].as_ref(), tables.ac[*ac].as_ref());
                    let prediction = &mut state.predictions[slot];
                    for (block_x, block_y) in places[slot] {
                        let (bx, by) = (x * h + block_x, y * v + block_y);
                        if self.frame.progressive {
                            let block =
                                component.coefficients.get_mut(by * component.stride + bx).ok_or_else(
                                    || Trouble::Broken("a block lies outside the picture".to_owned()),
                                )?;
                            progressive(&mut bits, scan, dc, ac, prediction, &mut state.skip, block)?;
                        } else {
                            let (Some(dc), Some(ac)) = (dc, ac) else { return missing() };
                            let Some(quantiser) = &component.quantiser else { return missing() };
                            let mut block = [0i16; 64];
                            let last = sequential(&mut bits, dc, ac, prediction, &mut block)?;
                            place(&mut component.plane, self.side, bx, by, &block, quantiser, last == 0);
                        }
                    }
                }
                if bits.overrun() {
                    return if bits.at_end_of_file() {
                        Err(Trouble::Truncated)
                    } else {
                        broken("the data of a scan ends before its blocks do")
                    };
                }
            }
        }
        Ok(bits.position())
    }

    /// Steps over the restart marker that is due.
    fn restart<'a>(data: &'a [u8], bits: &Bits<'a>, restarts: &mut u8) -> Result<Bits<'a>, Trouble> {
        let mut segments = Segments { data, pos: bits.position() };
        let marker = segments.marker()?;
        if marker != 0xd0 + (*restarts & 7) {
            return broken("a restart marker is missing or out of turn");
        }
        *restarts = restarts.wrapping_add(1);
        Ok(Bits::new(data, segments.pos))
    }

    /// Turns the collected coefficients into samples.
    fn transform(&mut self, stop: &dyn Fn() -> bool) -> Result<(), Trouble> {
        for (index, component) in self.components.iter_mut().enumerate() {
            let (across, down) = self.frame.blocks(&self.frame.components[index]);
            let Some(quantiser) = &component.quantiser else { return missing() };
            for by in 0..down {
                if stop() {
                    return Err(Trouble::Stopped);
                }
                let row = component.coefficients.get(by * component.stride..).unwrap_or_default();
                for (bx, block) in row.iter().take(across).enumerate() {
                    let flat = block[1..].iter().fold(0, |all, coefficient| all | coefficient) == 0;
                    place(&mut component.plane, self.side, bx, by, block, quantiser, flat);
                }
            }
            component.coefficients = Vec::new();
        }
        Ok(())
    }
}

#[cold]
fn missing<T>() -> Result<T, Trouble> {
    broken("one of its tables is missing")
}

#[cold]
fn bad_code() -> Trouble {
    Trouble::Broken("its data has a code that its tables do not have".to_owned())
}
