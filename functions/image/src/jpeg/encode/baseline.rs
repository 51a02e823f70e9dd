//! One interleaved scan (T.81, annex F).
//!
//! Symbols are gathered while blocks are transformed, then written with tables made for them.

use super::code::{Code, Counts};
use super::write::{Band, Writer};
use super::{Blocks, category};
use crate::jpeg::ZIGZAG;

/// A symbol with its extra bits: `class << 24 | symbol << 16 | bits`. The class is DC or AC, luma or chroma.
type Token = u32;

struct Tokens {
    list: Vec<Token>,
    counts: [Counts; 4],
}

impl Tokens {
    #[inline]
    fn push(&mut self, class: u32, symbol: u32, bits: u32) {
        self.counts[class as usize][symbol as usize] += 1;
        self.list.push(class << 24 | symbol << 16 | bits);
    }

    /// One quantised block (F.1.2), and which of its coefficients are not zero.
    fn block(&mut self, (block, present): &([i16; 64], u64), previous: &mut i32, class: u32) {
        let dc = i32::from(block[0]);
        let (size, bits) = category(dc - *previous);
        *previous = dc;
        self.push(class, size, bits);
        let mut present = in_zigzag(*present) & !1;
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

/// The bits of a block's rows in zigzag order.
#[inline]
fn in_zigzag(rows: u64) -> u64 {
    /// Where the bits of each half row go.
    const HALVES: [[u64; 16]; 16] = {
        let mut halves = [[0; 16]; 16];
        let mut k = 0;
        while k < 64 {
            let place = ZIGZAG[k] as usize;
            let mut bits = 0;
            while bits < 16 {
                if bits >> (place % 4) & 1 == 1 {
                    halves[place / 4][bits] |= 1 << k;
                }
                bits += 1;
            }
            k += 1;
        }
        halves
    };
    HALVES.iter().enumerate().fold(0, |all, (half, table)| all | table[(rows >> (4 * half)) as usize & 15])
}

/// Symbols that are gathered per pixel before tables are made of them: two bytes a pixel. Photos at sensible
/// qualities have fewer; the rest of a picture that has more is written with the tables of its first part.
const PER_PIXEL: (usize, usize) = (1, 2);

/// Symbols that a unit of six blocks may have.
const UNIT: usize = 6 * 64;

pub(super) fn encode(blocks: &Blocks<'_>, mut file: Writer, stop: &dyn Fn() -> bool) -> Option<Vec<u8>> {
    let most = (blocks.planes[0].data.len() * PER_PIXEL.0 / PER_PIXEL.1).max(1 << 12);
    // Room for one more unit, so that the list never grows: what is not used is never touched.
    let mut tokens = Tokens { list: Vec::with_capacity(most + UNIT), counts: [[0; 257]; 4] };
    let mut codes: Option<[Code; 4]> = None;
    let mut previous = [0i32; 3];
    let (across, down) = blocks.units();
    for y in 0..down {
        if stop() {
            return None;
        }
        for x in 0..across {
            for (component, previous) in previous.iter_mut().take(blocks.planes.len()).enumerate() {
                for (bx, by) in blocks.of_unit(component, x, y) {
                    let class = if component == 0 { 0 } else { 2 };
                    tokens.block(&blocks.quantised(component, bx, by), previous, class);
                }
            }
            if tokens.list.len() > most {
                let codes = codes.get_or_insert_with(|| {
                    // What comes may need any symbol there is.
                    for (class, counts) in tokens.counts.iter_mut().enumerate() {
                        for symbol in legal(class) {
                            counts[usize::from(symbol)] += 1;
                        }
                    }
                    begin(blocks, &mut file, &tokens.counts)
                });
                write(&mut file, codes, &tokens.list);
                tokens.list.clear();
            }
        }
    }
    let codes = codes.unwrap_or_else(|| begin(blocks, &mut file, &tokens.counts));
    write(&mut file, &codes, &tokens.list);
    file.end_of_scan();
    Some(file.finish())
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

/// Tables and the scan's header.
fn begin(blocks: &Blocks<'_>, file: &mut Writer, counts: &[Counts; 4]) -> [Code; 4] {
    let codes = counts.each_ref().map(Code::new);
    let components = blocks.planes.len();
    for (index, code) in codes.iter().take(if components == 3 { 4 } else { 2 }).enumerate() {
        file.table(index as u8 & 1, index as u8 >> 1, code);
    }
    file.scan(&[0, 1, 2][..components], &Band { first: 0, last: 63, high: 0, low: 0 });
    codes
}

fn write(file: &mut Writer, codes: &[Code; 4], tokens: &[Token]) {
    for token in tokens {
        let (class, symbol, bits) = (token >> 24, (token >> 16) & 0xff, token & 0xffff);
        let code = codes[class as usize & 3].codes[symbol as usize];
        let (length, extra) = (code >> 16, symbol & 15);
        file.bits(((code & 0xffff) << extra) | bits, length + extra);
    }
}
