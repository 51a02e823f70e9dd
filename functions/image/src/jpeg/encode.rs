//! Writes a baseline JPEG with optimised Huffman tables (T.81, annexes F and K).
//!
//! All components share one interleaved scan: some decoders misread what comes in scans of its own. Symbols
//! are gathered while blocks are transformed, then written with tables made for them.

use super::ZIGZAG;
use super::transform;
use crate::pixels::Plane;

/// One in each byte.
const ONES: u32 = 0x0101_0101;

/// T.81, tables K.1 and K.2, in rows.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// The scale that the Independent JPEG Group gave to quality, 1 to 100.
fn table(base: &[u8; 64], quality: u8) -> [u8; 64] {
    let quality = i32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5000 / quality } else { 200 - quality * 2 };
    base.map(|entry| ((i32::from(entry) * scale + 50) / 100).clamp(1, 255) as u8)
}

/// Division by a table's entries times eight, rounded, without dividing.
struct Quantiser {
    /// Added before the multiplication.
    bias: [u16; 64],
    /// The reciprocal, and a power of two that says where its point is.
    factor: [u16; 64],
    shift: [u16; 64],
}

impl Quantiser {
    fn new(table: &[u8; 64]) -> Self {
        let mut this = Self { bias: [0; 64], factor: [0; 64], shift: [0; 64] };
        for (i, entry) in table.iter().enumerate() {
            let divisor = u32::from(*entry) * 8;
            let log2 = divisor.ilog2();
            let mut bits = 16 + log2;
            let mut factor = (1u32 << bits) / divisor;
            let rest = (1u32 << bits) % divisor;
            let mut bias = divisor / 2;
            if rest == 0 {
                factor >>= 1;
                bits -= 1;
            } else if rest <= divisor / 2 {
                bias += 1;
            } else {
                factor += 1;
            }
            this.bias[i] = bias as u16;
            this.factor[i] = factor as u16;
            this.shift[i] = (1u32 << (32 - bits)) as u16;
        }
        this
    }

    #[inline]
    fn apply(&self, block: &[i16; 64]) -> [i16; 64] {
        let mut out = [0; 64];
        for i in 0..64 {
            let sign = block[i] >> 15;
            let size = ((block[i] ^ sign).wrapping_sub(sign) as u16).wrapping_add(self.bias[i]);
            let size = ((u32::from(size) * u32::from(self.factor[i])) >> 16) as u16;
            let size = ((u32::from(size) * u32::from(self.shift[i])) >> 16) as i16;
            out[i] = (size ^ sign).wrapping_sub(sign);
        }
        out
    }
}

/// A symbol with its extra bits: `class << 24 | symbol << 16 | bits`. The class is DC or AC, luma or chroma.
type Token = u32;

struct Tokens {
    list: Vec<Token>,
    counts: [[u32; 257]; 4],
}

impl Tokens {
    #[inline]
    fn push(&mut self, class: u32, symbol: u32, bits: u32) {
        self.counts[class as usize][symbol as usize] += 1;
        self.list.push(class << 24 | symbol << 16 | bits);
    }

    /// One quantised block (F.1.2).
    fn block(&mut self, block: &[i16; 64], previous: &mut i32, class: u32) {
        /// How many bits a value needs, and those bits.
        #[inline]
        fn category(value: i32) -> (u32, u32) {
            let size = 32 - value.unsigned_abs().leading_zeros();
            let bits = if value < 0 { value - 1 } else { value };
            (size, bits as u32 & ((1 << size) - 1))
        }
        let dc = i32::from(block[0]);
        let (size, bits) = category(dc - *previous);
        *previous = dc;
        self.push(class, size, bits);
        let mut present = 0u64;
        for (k, place) in ZIGZAG.iter().enumerate() {
            present |= u64::from(block[usize::from(*place)] != 0) << k;
        }
        present &= !1;
        let mut last = 0;
        while present != 0 {
            let k = present.trailing_zeros();
            present &= present - 1;
            let mut run = k - last - 1;
            while run > 15 {
                self.push(class + 1, 0xf0, 0);
                run -= 16;
            }
            let (size, bits) = category(i32::from(block[usize::from(ZIGZAG[k as usize])]));
            self.push(class + 1, run << 4 | size, bits);
            last = k;
        }
        if last < 63 {
            self.push(class + 1, 0, 0);
        }
    }
}

/// The 8x8 samples at a block's place; what lies outside the plane repeats its edge.
#[inline]
fn fetch(plane: &Plane, bx: usize, by: usize) -> [[u8; 8]; 8] {
    let (x, y) = (bx * 8, by * 8);
    let mut out = [[0; 8]; 8];
    for (line, out) in out.iter_mut().enumerate() {
        let start = (y + line).min(plane.height - 1) * plane.width;
        let row = &plane.data[start..start + plane.width];
        if let Some(samples) = row.get(x..).and_then(|rest| rest.first_chunk::<8>()) {
            *out = *samples;
        } else {
            for (column, out) in out.iter_mut().enumerate() {
                *out = row[(x + column).min(plane.width - 1)];
            }
        }
    }
    out
}

/// Symbols that are gathered per pixel before tables are made of them: two bytes a pixel. Photos at sensible
/// qualities have fewer; the rest of a picture that has more is written with the tables of its first part.
const PER_PIXEL: (usize, usize) = (1, 2);

/// Symbols that a unit of six blocks may have.
const UNIT: usize = 6 * 64;

/// Encodes a picture of one plane, or of three whose chroma has half the luma's size, rounded up.
///
/// `stop` is asked once a row of blocks; `None` says that it said so.
pub(crate) fn encode(planes: &[Plane], quality: u8, stop: &dyn Fn() -> bool) -> Option<Vec<u8>> {
    let luma = planes.first()?;
    let colour = planes.len() == 3;
    let tables = [table(&LUMA, quality), table(&CHROMA, quality)];
    let quantisers = tables.each_ref().map(Quantiser::new);
    let most = (luma.data.len() * PER_PIXEL.0 / PER_PIXEL.1).max(1 << 12);
    // Room for one more unit, so that the list never grows: what is not used is never touched.
    let mut tokens = Tokens { list: Vec::with_capacity(most + UNIT), counts: [[0; 257]; 4] };
    let mut writer: Option<Writer> = None;
    let mut previous = [0i32; 3];
    let unit = if colour { 16 } else { 8 };
    let blocks = unit / 8;
    for y in 0..luma.height.div_ceil(unit) {
        if stop() {
            return None;
        }
        for x in 0..luma.width.div_ceil(unit) {
            for block in 0..blocks * blocks {
                let samples = fetch(luma, x * blocks + block % blocks, y * blocks + block / blocks);
                let block = quantisers[0].apply(&transform::forward_8(&samples));
                tokens.block(&block, &mut previous[0], 0);
            }
            for (plane, previous) in planes.iter().zip(&mut previous).skip(1) {
                let block = quantisers[1].apply(&transform::forward_8(&fetch(plane, x, y)));
                tokens.block(&block, previous, 2);
            }
            if tokens.list.len() > most {
                let writer = writer.get_or_insert_with(|| {
                    // What comes may need any symbol there is.
                    for (class, counts) in tokens.counts.iter_mut().enumerate() {
                        for symbol in legal(class) {
                            counts[usize::from(symbol)] += 1;
                        }
                    }
                    Writer::new(planes, &tables, &tokens.counts)
                });
                writer.write(&tokens.list);
                tokens.list.clear();
            }
        }
    }
    let mut writer = writer.unwrap_or_else(|| Writer::new(planes, &tables, &tokens.counts));
    writer.write(&tokens.list);
    Some(writer.finish())
}

/// The symbols that blocks of 8 bits a sample may need (F.1.2.1.3, F.1.2.2.3).
fn legal(class: usize) -> impl Iterator<Item = u8> {
    (0..=255u8).filter(move |symbol| {
        let (run, size) = (symbol >> 4, symbol & 15);
        if class.is_multiple_of(2) {
            *symbol <= 11
        } else {
            size <= 10 && (size > 0 || run == 0 || run == 15)
        }
    })
}

/// A Huffman code made for its symbols.
struct Code {
    counts: [u8; 16],
    symbols: Vec<u8>,
    /// `length << 16 | code` of each symbol.
    codes: [u32; 256],
}

impl Code {
    /// T.81, K.2: no code longer than 16 bits, none of ones alone.
    fn new(frequencies: &[u32; 257]) -> Self {
        let mut frequencies = frequencies.map(u64::from);
        frequencies[256] = 1;
        let mut sizes = [0usize; 257];
        let mut next = [None::<usize>; 257];
        let least = |frequencies: &[u64; 257], but: Option<usize>| {
            let candidates = (0..257).filter(|i| frequencies[*i] > 0 && Some(*i) != but);
            // The last of equals, as the standard has it.
            candidates.min_by_key(|i| (frequencies[*i], 256 - *i))
        };
        while let Some(a) = least(&frequencies, None) {
            let Some(b) = least(&frequencies, Some(a)) else { break };
            frequencies[a] += frequencies[b];
            frequencies[b] = 0;
            let mut end = a;
            sizes[end] += 1;
            while let Some(following) = next[end] {
                end = following;
                sizes[end] += 1;
            }
            next[end] = Some(b);
            let mut end = b;
            sizes[end] += 1;
            while let Some(following) = next[end] {
                end = following;
                sizes[end] += 1;
            }
        }
        let mut bits = [0u32; 258];
        for size in sizes.iter().filter(|size| **size > 0) {
            bits[*size] += 1;
        }
        for i in (17..258).rev() {
            while bits[i] > 0 {
                let mut j = i - 2;
                while bits[j] == 0 {
                    j -= 1;
                }
                bits[i] -= 2;
                bits[i - 1] += 1;
                bits[j + 1] += 2;
                bits[j] -= 1;
            }
        }
        // The reserved symbol has the longest code.
        if let Some(longest) = (1..=16).rev().find(|i| bits[*i] > 0) {
            bits[longest] -= 1;
        }
        let mut symbols: Vec<u8> = (0..=255u8).filter(|symbol| sizes[usize::from(*symbol)] > 0).collect();
        symbols.sort_by_key(|symbol| sizes[usize::from(*symbol)]);
        let counts = std::array::from_fn(|i| bits[i + 1] as u8);
        let mut codes = [0; 256];
        let (mut code, mut index) = (0u32, 0);
        for length in 1..=16u32 {
            for _ in 0..bits[length as usize] {
                if let Some(symbol) = symbols.get(index) {
                    codes[usize::from(*symbol)] = length << 16 | code;
                }
                code += 1;
                index += 1;
            }
            code <<= 1;
        }
        Self { counts, symbols, codes }
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend([0xff, marker]);
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
}

fn head(out: &mut Vec<u8>, planes: &[Plane], tables: &[[u8; 64]; 2], codes: &[Code; 4]) {
    out.extend([0xff, 0xd8]);
    segment(out, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let classes = if planes.len() == 3 { 2 } else { 1 };
    for (index, table) in tables.iter().take(classes).enumerate() {
        let mut body = vec![index as u8];
        body.extend(ZIGZAG.iter().map(|place| table[usize::from(*place)]));
        segment(out, 0xdb, &body);
    }
    let mut body = vec![8];
    body.extend((planes[0].height as u16).to_be_bytes());
    body.extend((planes[0].width as u16).to_be_bytes());
    body.push(planes.len() as u8);
    for index in 0..planes.len() as u8 {
        let factors = if index == 0 && planes.len() == 3 { 0x22 } else { 0x11 };
        body.extend([index + 1, factors, u8::from(index > 0)]);
    }
    segment(out, 0xc0, &body);
    for (index, code) in codes.iter().take(classes * 2).enumerate() {
        let mut body = vec![(index as u8 & 1) << 4 | index as u8 >> 1];
        body.extend(code.counts);
        body.extend(&code.symbols);
        segment(out, 0xc4, &body);
    }
    let mut body = vec![planes.len() as u8];
    for index in 0..planes.len() as u8 {
        body.extend([index + 1, if index == 0 { 0 } else { 0x11 }]);
    }
    body.extend([0, 63, 0]);
    segment(out, 0xda, &body);
}

/// The file as it grows.
struct Writer {
    out: Vec<u8>,
    codes: [Code; 4],
    acc: u64,
    count: u32,
}

impl Writer {
    fn new(planes: &[Plane], tables: &[[u8; 64]; 2], counts: &[[u32; 257]; 4]) -> Self {
        let codes = counts.each_ref().map(Code::new);
        let mut out = Vec::new();
        head(&mut out, planes, tables, &codes);
        Self { out, codes, acc: 0, count: 0 }
    }

    fn write(&mut self, tokens: &[Token]) {
        let (mut acc, mut count) = (self.acc, self.count);
        for token in tokens {
            let (class, symbol, bits) = (token >> 24, (token >> 16) & 0xff, token & 0xffff);
            let code = self.codes[class as usize & 3].codes[symbol as usize];
            let (length, extra) = (code >> 16, symbol & 15);
            acc = (acc << (length + extra)) | u64::from(((code & 0xffff) << extra) | bits);
            count += length + extra;
            if count >= 32 {
                count -= 32;
                let word = (acc >> count) as u32;
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
        (self.acc, self.count) = (acc, count);
    }

    fn stuffed(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xff {
            self.out.push(0);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        // Ones fill the last byte (F.1.2.3).
        let fill = (8 - self.count % 8) % 8;
        self.acc = (self.acc << fill) | ((1 << fill) - 1);
        self.count += fill;
        while self.count > 0 {
            self.count -= 8;
            self.stuffed((self.acc >> self.count) as u8);
        }
        self.out.extend([0xff, 0xd9]);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::decode::decode;

    fn noise(width: usize, height: usize, scale: (f64, f64), amplitude: u32) -> Plane {
        let mut state = 1u32;
        let data = (0..width * height).map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((i / 7 % 200) as u32 + (state >> 16) % amplitude).min(255) as u8
        });
        Plane { width, height, scale, data: data.collect() }
    }

    fn check(width: usize, height: usize, quality: u8, amplitude: u32, tolerance: f64) {
        let half = (width.div_ceil(2), height.div_ceil(2));
        let planes = [
            noise(width, height, (1.0, 1.0), amplitude),
            noise(half.0, half.1, (0.5, 0.5), amplitude),
            noise(half.0, half.1, (0.5, 0.5), amplitude),
        ];
        for planes in [&planes[..], &planes[..1]] {
            let file = encode(planes, quality, &|| false).expect("nobody says stop");
            let back = decode(&file, 8, 1, &|| false).expect("it is a JPEG");
            for (was, is) in planes.iter().zip(&back) {
                assert_eq!((was.width, was.height), (is.width, is.height));
                let sum: f64 =
                    was.data.iter().zip(&is.data).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
                let error = (sum / was.data.len() as f64).sqrt();
                assert!(error < tolerance, "{width}x{height} at {quality}: off by {error}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (width, height) in [(1, 1), (7, 9), (16, 16), (17, 33), (250, 99)] {
            check(width, height, 100, 40, 1.0);
            check(width, height, 90, 2, 8.0);
        }
    }

    #[test]
    fn pictures_with_more_symbols_than_are_gathered_are_whole() {
        check(700, 300, 100, 255, 1.0);
    }

    #[test]
    fn division_without_dividing_is_division() {
        for entry in 1..=255u8 {
            let quantiser = Quantiser::new(&[entry; 64]);
            let divisor = i32::from(entry) * 8;
            for x in (-16_000i32..16_000).step_by(7) {
                let block = [x as i16; 64];
                let expected = (x.abs() + divisor / 2) / divisor * x.signum();
                assert_eq!(i32::from(quantiser.apply(&block)[0]), expected, "{x} by {divisor}");
            }
        }
    }

    #[test]
    fn stops_when_told() {
        assert_eq!(encode(&[noise(64, 64, (1.0, 1.0), 2)], 80, &|| true), None);
    }
}
