//! Segments between the entropy-coded data (T.81, annex B): markers, headers, tables.

use super::frame::Frame;
use super::{Trouble, broken};
use crate::jpeg::ZIGZAG;
use crate::jpeg::huffman::Table;

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

pub(super) struct Segments<'a> {
    pub(super) data: &'a [u8],
    pub(super) pos: usize,
}

impl<'a> Segments<'a> {
    /// The next marker. What lies before it is stepped over.
    pub(super) fn marker(&mut self) -> Result<u8, Trouble> {
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
    pub(super) fn body(&mut self) -> Result<&'a [u8], Trouble> {
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

pub(super) struct Tables {
    /// In rows.
    pub(super) quantisers: [Option<Box<[i16; 64]>>; 4],
    pub(super) dc: [Option<Table>; 4],
    pub(super) ac: [Option<Table>; 4],
    pub(super) restart: usize,
}

impl Tables {
    pub(super) fn quantisers(&mut self, mut body: &[u8]) -> Result<(), Trouble> {
        while let [head, rest @ ..] = body {
            let (wide, index) = (head >> 4, usize::from(head & 15));
            let length = if wide == 0 { 64 } else { 128 };
            let (Some(values), true, true) = (rest.get(..length), wide < 2, index < 4) else {
                return broken("one of its quantisation tables is wrong");
            };
            let mut table = Box::new([0; 64]);
            for (k, place) in ZIGZAG.iter().enumerate() {
                let entry = if wide == 0 {
                    u16::from(values[k])
                } else {
                    u16::from_be_bytes([values[2 * k], values[2 * k + 1]])
                };
                // More than any coefficient of 8-bit samples is beyond them all.
                table[usize::from(*place)] = entry.min(i16::MAX as u16) as i16;
            }
            self.quantisers[index] = Some(table);
            body = &rest[length..];
        }
        Ok(())
    }

    pub(super) fn codes(&mut self, mut body: &[u8]) -> Result<(), Trouble> {
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
pub(super) struct Scan {
    /// Index of the component, and its DC and AC tables.
    pub(super) parts: Vec<(usize, usize, usize)>,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) high: u32,
    pub(super) low: u32,
}

impl Scan {
    pub(super) fn parse(frame: &Frame, body: &[u8]) -> Result<Self, Trouble> {
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
