//! Reads a JPEG: segments first, then scans into planes (T.81, annexes B, E, F and G).
//!
//! What is wrong with a file ends it: a scan that stops early, a restart marker out of turn, a code that no
//! table has. Garbage between segments and after the end of the picture is stepped over. A file that ends
//! before its picture does is [`Trouble::Truncated`]; if only the closing marker of a picture that is whole
//! is missing, it is read (a progressive one may lack detail then, and is refused).

use super::ZIGZAG;
use super::huffman::{Bits, Table};
use super::transform;
use crate::pixels::Plane;

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

/// One colour component, as the frame header has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Sampling factors, across and down: 1 to 4.
    pub(crate) h: u8,
    pub(crate) v: u8,
    table: u8,
}

/// The frame header: what is known of a picture before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) progressive: bool,
    pub(crate) components: Vec<Component>,
}

impl Frame {
    fn parse(marker: u8, body: &[u8]) -> Result<Self, Trouble> {
        let [depth, h1, h0, w1, w0, count, rest @ ..] = body else {
            return broken("its frame header is too short");
        };
        let what = match marker {
            0xc0..=0xc2 if *depth == 8 => None,
            0xc0..=0xc2 => Some(format!("a JPEG of {depth} bits a sample")),
            0xc3 | 0xc7 | 0xcb | 0xcf => Some("a lossless JPEG".to_owned()),
            0xc9 | 0xca => Some("an arithmetic-coded JPEG".to_owned()),
            _ => Some("a hierarchical JPEG".to_owned()),
        };
        if let Some(what) = what {
            return Err(Trouble::Unsupported(what));
        }
        let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
        if height == 0 {
            return Err(Trouble::Unsupported("a JPEG that tells its height after the picture".to_owned()));
        }
        if width == 0 {
            return broken("its header says 0 pixels wide");
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Trouble::Unsupported(format!("a JPEG of {count} components")));
        }
        if rest.len() != usize::from(*count) * 3 {
            return broken("its frame header has the wrong length");
        }
        let mut components = Vec::with_capacity(4);
        for part in rest.as_chunks::<3>().0 {
            let [id, factors, table] = *part;
            let (h, v) = (factors >> 4, factors & 15);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || table > 3 {
                return broken("its header has a sampling factor or a table that does not exist");
            }
            if components.iter().any(|other: &Component| other.id == id) {
                return broken("two of its components have one name");
            }
            components.push(Component { id, h, v, table });
        }
        Ok(Self { width, height, progressive: marker == 0xc2, components })
    }

    fn most(&self) -> (u8, u8) {
        let h = self.components.iter().map(|c| c.h).max().unwrap_or(1);
        let v = self.components.iter().map(|c| c.v).max().unwrap_or(1);
        (h, v)
    }

    /// A component's samples per pixel, across and down, if each block becomes `side` samples wide.
    fn scale(&self, component: &Component, side: usize) -> (f64, f64) {
        let (h, v) = self.most();
        let part = side as f64 / 8.0;
        (f64::from(component.h) / f64::from(h) * part, f64::from(component.v) / f64::from(v) * part)
    }

    /// A component's blocks that hold picture, across and down.
    fn blocks(&self, component: &Component) -> (usize, usize) {
        let (h, v) = self.most();
        let samples =
            |side: u16, own: u8, most: u8| (usize::from(side) * usize::from(own)).div_ceil(usize::from(most));
        (samples(self.width, component.h, h).div_ceil(8), samples(self.height, component.v, v).div_ceil(8))
    }

    /// Minimum coded units of an interleaved scan, across and down.
    fn units(&self) -> (usize, usize) {
        let (h, v) = self.most();
        (
            usize::from(self.width).div_ceil(8 * usize::from(h)),
            usize::from(self.height).div_ceil(8 * usize::from(v)),
        )
    }

    /// Bytes that [`decode`] takes for planes, and for the coefficients of a progressive file.
    pub(crate) fn memory(&self, side: usize) -> (u64, u64) {
        let (across, down) = self.units();
        let (mut bytes, mut coefficients) = (0, 0);
        for component in &self.components {
            let (h, v) = self.scale(component, side);
            let samples = |pixels: u16, scale: f64| (f64::from(pixels) * scale).ceil() as u64;
            bytes += samples(self.width, h) * samples(self.height, v);
            if self.progressive {
                let blocks = across * down * usize::from(component.h) * usize::from(component.v);
                coefficients += blocks as u64 * 128;
            }
        }
        (bytes, coefficients)
    }
}

/// What all segments before the first scan tell.
#[derive(Debug, Default)]
pub(crate) struct Head<'a> {
    pub(crate) frame: Option<Frame>,
    /// The colour transform of Adobe's marker.
    pub(crate) adobe: Option<u8>,
    pub(crate) jfif: bool,
    /// The TIFF structure of the Exif segment.
    pub(crate) exif: Option<&'a [u8]>,
    /// The colour profile in parts, each after its number and their count (ICC.1, B.4).
    pub(crate) icc: Vec<&'a [u8]>,
}

/// Walks the segments up to the first scan.
pub(crate) fn head(data: &[u8]) -> Result<Head<'_>, Trouble> {
    let mut segments = Segments { data, pos: 2 };
    let mut head = Head::default();
    loop {
        match segments.marker()? {
            0xd8 | 0x01 | 0xd0..=0xd7 => {}
            0xd9 => return broken("it has no picture"),
            0xda => break,
            marker => {
                let body = segments.body()?;
                match marker {
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        let frame = Frame::parse(marker, body)?;
                        if head.frame.replace(frame).is_some() {
                            return broken("it has two frame headers");
                        }
                    }
                    0xe0 if body.starts_with(b"JFIF\0") => head.jfif = true,
                    0xe1 => {
                        if let Some(exif) = body.strip_prefix(b"Exif\0\0") {
                            head.exif.get_or_insert(exif);
                        }
                    }
                    0xe2 => head.icc.extend(body.strip_prefix(b"ICC_PROFILE\0")),
                    0xee => {
                        if let Some(rest) = body.strip_prefix(b"Adobe") {
                            head.adobe = rest.get(6).copied();
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    if head.frame.is_none() {
        return broken("it has a scan without a frame header");
    }
    Ok(head)
}

struct Segments<'a> {
    data: &'a [u8],
    pos: usize,
}

impl<'a> Segments<'a> {
    /// The next marker. What lies before it is stepped over.
    fn marker(&mut self) -> Result<u8, Trouble> {
        loop {
            let rest = self.data.get(self.pos..).unwrap_or_default();
            let Some(at) = rest.iter().position(|byte| *byte == 0xff) else {
                self.pos = self.data.len();
                return Err(Trouble::Truncated);
            };
            match rest.get(at + 1) {
                None => return Err(Trouble::Truncated),
                Some(0xff) => self.pos += at + 1,
                Some(0x00) => self.pos += at + 2,
                Some(marker) => {
                    self.pos += at + 2;
                    return Ok(*marker);
                }
            }
        }
    }

    /// The segment after the marker.
    fn body(&mut self) -> Result<&'a [u8], Trouble> {
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk::<2>().ok_or(Trouble::Truncated)?));
        if length < 2 {
            return broken("one of its segments has no length");
        }
        let body = rest.get(2..length).ok_or(Trouble::Truncated)?;
        self.pos += length;
        Ok(body)
    }
}

/// Picture and tables while scans are read.
struct Component2 {
    quantiser: Option<Box<[u16; 64]>>,
    plane: Plane,
    /// Coefficients of a progressive picture, in zigzag order; blocks in rows of `stride`.
    coefficients: Vec<[i16; 64]>,
    stride: usize,
    seen: bool,
}

/// How large a decoded block is: 8, 4, 2 or 1 samples a side.
pub(crate) type Side = usize;

struct Tables {
    quantisers: [Option<Box<[u16; 64]>>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart: usize,
}

impl Tables {
    fn quantisers(&mut self, mut body: &[u8]) -> Result<(), Trouble> {
        while let [head, rest @ ..] = body {
            let (wide, index) = (head >> 4, usize::from(head & 15));
            let length = if wide == 0 { 64 } else { 128 };
            let (Some(values), true, true) = (rest.get(..length), wide < 2, index < 4) else {
                return broken("one of its quantisation tables is wrong");
            };
            let mut table = Box::new([0u16; 64]);
            for (k, entry) in table.iter_mut().enumerate() {
                *entry = if wide == 0 {
                    u16::from(values[k])
                } else {
                    u16::from_be_bytes([values[2 * k], values[2 * k + 1]])
                };
            }
            self.quantisers[index] = Some(table);
            body = &rest[length..];
        }
        Ok(())
    }

    fn codes(&mut self, mut body: &[u8]) -> Result<(), Trouble> {
        while !body.is_empty() {
            let wrong = || Trouble::Broken("one of its Huffman tables is wrong".to_owned());
            let (head, rest) = body.split_first().ok_or_else(wrong)?;
            let counts = rest.first_chunk::<16>().ok_or_else(wrong)?;
            let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let symbols = rest.get(16..16 + total).ok_or_else(wrong)?;
            let table = Table::new(counts, symbols).ok_or_else(wrong)?;
            let index = usize::from(head & 15);
            match head >> 4 {
                0 => *self.dc.get_mut(index).ok_or_else(wrong)? = Some(table),
                1 => *self.ac.get_mut(index).ok_or_else(wrong)? = Some(table),
                _ => return Err(wrong()),
            }
            body = &rest[16 + total..];
        }
        Ok(())
    }
}

/// One scan's header (T.81, B.2.3).
struct Scan {
    /// Index of the component, and its DC and AC tables.
    parts: Vec<(usize, usize, usize)>,
    first: usize,
    last: usize,
    high: u32,
    low: u32,
}

impl Scan {
    fn parse(frame: &Frame, body: &[u8]) -> Result<Self, Trouble> {
        let wrong = || Trouble::Broken("one of its scan headers is wrong".to_owned());
        let (count, rest) = body.split_first().ok_or_else(wrong)?;
        let count = usize::from(*count);
        if !(1..=4).contains(&count) || rest.len() != count * 2 + 3 {
            return Err(wrong());
        }
        let mut parts = Vec::with_capacity(count);
        for part in rest[..count * 2].as_chunks::<2>().0 {
            let index = frame.components.iter().position(|c| c.id == part[0]).ok_or_else(wrong)?;
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if dc > 3 || ac > 3 || parts.iter().any(|(other, _, _)| *other == index) {
                return Err(wrong());
            }
            parts.push((index, dc, ac));
        }
        let [first, last, approximation] = rest[count * 2..] else { return Err(wrong()) };
        let (first, last) = (usize::from(first), usize::from(last));
        let (high, low) = (u32::from(approximation >> 4), u32::from(approximation & 15));
        if frame.progressive {
            let dc = first == 0;
            if last > 63 || first > last || low > 13 || (high != 0 && high != low + 1) {
                return Err(wrong());
            }
            // DC and AC come in scans of their own, AC one component at a time (G.1.1.1.1).
            if (dc && last != 0) || (!dc && count != 1) {
                return Err(wrong());
            }
            Ok(Self { parts, first, last, high, low })
        } else {
            // Some writers leave these fields empty in sequential files; they mean nothing there.
            Ok(Self { parts, first: 0, last: 63, high: 0, low: 0 })
        }
    }
}

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
    components: Vec<Component2>,
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
                Component2 {
                    quantiser: None,
                    plane,
                    coefficients: vec![[0; 64]; blocks],
                    stride,
                    seen: false,
                }
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
                            let last = sequential(&mut bits, dc, ac, prediction, quantiser, &mut block)?;
                            place(&mut component.plane, self.side, bx, by, &block, last);
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
                for (bx, coefficients) in row.iter().take(across).enumerate() {
                    let mut block = [0i16; 64];
                    let mut last = 0;
                    for (k, coefficient) in coefficients.iter().enumerate() {
                        if *coefficient != 0 {
                            block[usize::from(ZIGZAG[k])] = scaled(i32::from(*coefficient), quantiser[k]);
                            last = k;
                        }
                    }
                    place(&mut component.plane, self.side, bx, by, &block, last);
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

#[inline]
fn scaled(coefficient: i32, quantiser: u16) -> i16 {
    coefficient.wrapping_mul(i32::from(quantiser)).clamp(-32768, 32767) as i16
}

/// One block of a sequential scan (F.2.2), dequantised. Answers the zigzag index of the last coefficient.
#[inline]
fn sequential(
    bits: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    prediction: &mut i32,
    quantiser: &[u16; 64],
    block: &mut [i16; 64],
) -> Result<usize, Trouble> {
    bits.refill();
    let size = u32::from(dc.symbol(bits).ok_or_else(bad_code)?);
    if size > 0 {
        if size > 15 {
            return Err(bad_code());
        }
        *prediction = prediction.wrapping_add(bits.signed(size));
    }
    block[0] = scaled((*prediction).clamp(-32768, 32767), quantiser[0]);
    let (mut k, mut last) = (1, 0);
    while k < 64 {
        bits.refill();
        let entry = ac.ac(bits);
        let (run, value) = if entry == 0 {
            let symbol = ac.symbol(bits).ok_or_else(bad_code)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            (run, if size == 0 { 0 } else { bits.signed(size) })
        } else {
            bits.skip((entry & 0xff) as u32);
            ((entry >> 8 & 15) as usize, entry >> 16)
        };
        if value == 0 {
            if run < 15 {
                break;
            }
            k += 16;
            continue;
        }
        k += run;
        if k > 63 {
            return Err(bad_code());
        }
        block[usize::from(ZIGZAG[k] & 63)] = scaled(value, quantiser[k]);
        last = k;
        k += 1;
    }
    Ok(last)
}

/// One block of a progressive scan (G.1.2, G.2).
fn progressive(
    bits: &mut Bits<'_>,
    scan: &Scan,
    dc: Option<&Table>,
    ac: Option<&Table>,
    prediction: &mut i32,
    skip: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), Trouble> {
    let low = scan.low;
    if scan.first == 0 {
        if scan.high > 0 {
            if bits.bit() {
                block[0] |= 1 << low;
            }
            return Ok(());
        }
        let Some(dc) = dc else { return missing() };
        bits.refill();
        let size = u32::from(dc.symbol(bits).ok_or_else(bad_code)?);
        if size > 0 {
            if size > 15 {
                return Err(bad_code());
            }
            *prediction = prediction.wrapping_add(bits.signed(size));
        }
        block[0] = (*prediction << low).clamp(-32768, 32767) as i16;
        return Ok(());
    }
    let Some(ac) = ac else { return missing() };
    if scan.high > 0 {
        return refine(bits, scan, ac, skip, block);
    }
    if *skip > 0 {
        *skip -= 1;
        return Ok(());
    }
    let mut k = scan.first;
    while k <= scan.last {
        bits.refill();
        let symbol = ac.symbol(bits).ok_or_else(bad_code)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                *skip = (1 << run) - 1;
                if run > 0 {
                    *skip += bits.take(run as u32);
                }
                break;
            }
            k += 16;
            continue;
        }
        k += run;
        if k > 63 {
            return Err(bad_code());
        }
        block[k] = (bits.signed(size) << low).clamp(-32768, 32767) as i16;
        k += 1;
    }
    Ok(())
}

/// One more bit for the coefficients of a band (G.1.2.3).
fn refine(
    bits: &mut Bits<'_>,
    scan: &Scan,
    ac: &Table,
    skip: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), Trouble> {
    let bit = 1i16 << scan.low;
    /// A coefficient that is known already takes a bit of correction.
    #[inline]
    fn correct(bits: &mut Bits<'_>, coefficient: &mut i16, bit: i16) {
        if bits.bit() && *coefficient & bit == 0 {
            *coefficient = coefficient.saturating_add(if *coefficient > 0 { bit } else { -bit });
        }
    }
    let mut k = scan.first;
    if *skip == 0 {
        while k <= scan.last {
            bits.refill();
            let symbol = ac.symbol(bits).ok_or_else(bad_code)?;
            let (mut run, size) = (u32::from(symbol >> 4), symbol & 15);
            let mut value = 0;
            match size {
                0 if run < 15 => {
                    *skip = 1 << run;
                    if run > 0 {
                        *skip += bits.take(run);
                    }
                    break;
                }
                0 => {}
                1 => value = if bits.bit() { bit } else { -bit },
                _ => return Err(bad_code()),
            }
            // Step over `run` coefficients that are still zero; those that are not are corrected on the way.
            while k <= scan.last {
                if block[k] != 0 {
                    correct(bits, &mut block[k], bit);
                } else if run == 0 {
                    block[k] = value;
                    k += 1;
                    break;
                } else {
                    run -= 1;
                }
                k += 1;
            }
        }
    }
    if *skip > 0 {
        for coefficient in block.get_mut(k..=scan.last).unwrap_or_default() {
            if *coefficient != 0 {
                correct(bits, coefficient, bit);
            }
        }
        *skip -= 1;
    }
    Ok(())
}

/// Transforms a block and writes what of it lies inside the plane.
#[inline]
fn place(plane: &mut Plane, side: Side, bx: usize, by: usize, block: &[i16; 64], last: usize) {
    if last == 0 {
        let value = transform::flat(block[0]);
        match side {
            8 => write(plane, bx, by, &[[value; 8]; 8]),
            4 => write(plane, bx, by, &[[value; 4]; 4]),
            2 => write(plane, bx, by, &[[value; 2]; 2]),
            _ => write(plane, bx, by, &[[value; 1]; 1]),
        }
        return;
    }
    match side {
        8 => write(plane, bx, by, &transform::inverse_8(block)),
        4 => write(plane, bx, by, &transform::inverse_4(block)),
        2 => write(plane, bx, by, &transform::inverse_2(block)),
        _ => write(plane, bx, by, &[[transform::flat(block[0])]]),
    }
}

#[inline]
fn write<const N: usize>(plane: &mut Plane, bx: usize, by: usize, samples: &[[u8; N]; N]) {
    let (x, y) = (bx * N, by * N);
    if x >= plane.width {
        return;
    }
    let count = N.min(plane.width - x);
    let mut at = y * plane.width + x;
    for samples in samples {
        // Past the last row there is nothing.
        let Some(row) = plane.data.get_mut(at..at + count) else { return };
        match row.first_chunk_mut::<N>() {
            Some(row) => *row = *samples,
            None => row.copy_from_slice(&samples[..count]),
        }
        at += plane.width;
    }
}
