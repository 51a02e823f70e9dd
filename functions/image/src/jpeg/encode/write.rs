//! The file as it grows: segments, and bits with their stuffing (T.81, B.1.1 and F.1.2.3).

use super::code::Code;
use super::quantise;
use crate::pixels::Plane;

/// One in each byte.
const ONES: u32 = 0x0101_0101;

/// The scan header's part that tells which coefficients come, and which of their bits.
pub(super) struct Band {
    pub(super) first: u8,
    pub(super) last: u8,
    /// The lowest bit that was written before; 0 if none was.
    pub(super) high: u8,
    /// The lowest bit that is written now.
    pub(super) low: u8,
}

#[derive(Default)]
pub(super) struct Writer {
    out: Vec<u8>,
    acc: u64,
    count: u32,
}

impl Writer {
    /// A file up to its frame header. Chroma has the second quantisation table, and half the size.
    pub(super) fn new(planes: &[Plane], tables: &[[u8; 64]; 2], progressive: bool) -> Self {
        let mut this = Self::default();
        this.out.extend([0xff, 0xd8]);
        this.segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        let classes = if planes.len() == 3 { 2 } else { 1 };
        for (index, table) in tables.iter().take(classes).enumerate() {
            let mut body = vec![index as u8];
            body.extend(quantise::in_zigzag(table));
            this.segment(0xdb, &body);
        }
        let mut body = vec![8];
        body.extend((planes[0].height as u16).to_be_bytes());
        body.extend((planes[0].width as u16).to_be_bytes());
        body.push(planes.len() as u8);
        for index in 0..planes.len() as u8 {
            let factors = if index == 0 && planes.len() == 3 { 0x22 } else { 0x11 };
            body.extend([index + 1, factors, u8::from(index > 0)]);
        }
        this.segment(if progressive { 0xc2 } else { 0xc0 }, &body);
        this
    }

    fn segment(&mut self, marker: u8, body: &[u8]) {
        self.out.extend([0xff, marker]);
        self.out.extend((body.len() as u16 + 2).to_be_bytes());
        self.out.extend(body);
    }

    /// A Huffman table: for DC (`class` 0) or AC (1), at place `index`.
    pub(super) fn table(&mut self, class: u8, index: u8, code: &Code) {
        let mut body = vec![class << 4 | index];
        body.extend(code.counts);
        body.extend(&code.symbols);
        self.segment(0xc4, &body);
    }

    /// A scan header. Luma uses the first tables, chroma the second.
    pub(super) fn scan(&mut self, components: &[usize], band: &Band) {
        let mut body = vec![components.len() as u8];
        for index in components {
            body.extend([*index as u8 + 1, if *index == 0 { 0 } else { 0x11 }]);
        }
        body.extend([band.first, band.last, band.high << 4 | band.low]);
        self.segment(0xda, &body);
    }

    /// Appends the lowest `count` of `bits`, at most 32; the others are zero.
    #[inline]
    pub(super) fn bits(&mut self, bits: u32, count: u32) {
        self.acc = (self.acc << count) | u64::from(bits);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.acc >> self.count) as u32;
            let inverted = !word;
            if inverted.wrapping_sub(ONES) & !inverted & (ONES << 7) == 0 {
                self.out.extend(word.to_be_bytes());
            } else {
                for byte in word.to_be_bytes() {
                    self.stuffed(byte);
                }
            }
        }
    }

    fn stuffed(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xff {
            self.out.push(0);
        }
    }

    /// Ends the data of a scan: ones fill its last byte.
    pub(super) fn end_of_scan(&mut self) {
        let fill = (8 - self.count % 8) % 8;
        self.bits((1 << fill) - 1, fill);
        while self.count > 0 {
            self.count -= 8;
            self.stuffed((self.acc >> self.count) as u8);
        }
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.extend([0xff, 0xd9]);
        self.out
    }
}
