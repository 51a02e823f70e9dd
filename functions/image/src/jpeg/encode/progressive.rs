//! Many scans, from coarse to fine (T.81, annex G).
//!
//! All coefficients are kept until the last scan is written: two bytes for each sample. A scan is gone through
//! twice, once to count its symbols and once to write them with the tables made of the counts, so it needs no
//! memory of its own.

use super::code::{Code, Counts};
use super::write::{Band, Writer};
use super::{Blocks, category};
use crate::jpeg::ZIGZAG;

/// What one scan tells: of which components, which coefficients, and which of their bits.
struct Scan {
    components: &'static [usize],
    band: Band,
}

const fn scan(components: &'static [usize], first: u8, last: u8, high: u8, low: u8) -> Scan {
    Scan { components, band: Band { first, last, high, low } }
}

/// The script that the Independent JPEG Group's software has, which others follow: a picture after the first
/// scan, its colours early, the last bit last.
const COLOUR: &[Scan] = &[
    scan(&[0, 1, 2], 0, 0, 0, 1),
    scan(&[0], 1, 5, 0, 2),
    scan(&[2], 1, 63, 0, 1),
    scan(&[1], 1, 63, 0, 1),
    scan(&[0], 6, 63, 0, 2),
    scan(&[0], 1, 63, 2, 1),
    scan(&[0, 1, 2], 0, 0, 1, 0),
    scan(&[2], 1, 63, 1, 0),
    scan(&[1], 1, 63, 1, 0),
    scan(&[0], 1, 63, 1, 0),
];
const GREY: &[Scan] = &[
    scan(&[0], 0, 0, 0, 1),
    scan(&[0], 1, 5, 0, 2),
    scan(&[0], 6, 63, 0, 2),
    scan(&[0], 1, 63, 2, 1),
    scan(&[0], 0, 0, 1, 0),
    scan(&[0], 1, 63, 1, 0),
];

/// Quantised coefficients of one component, each block in zigzag order.
struct Component {
    blocks: Vec<[i16; 64]>,
    /// Blocks in a row, those that only fill units included.
    stride: usize,
}

pub(super) fn encode(blocks: &Blocks<'_>, mut file: Writer, stop: &dyn Fn() -> bool) -> Option<Vec<u8>> {
    let (across, down) = blocks.units();
    let mut components = Vec::with_capacity(3);
    for component in 0..blocks.planes.len() {
        let side = blocks.side(component);
        let mut all = Vec::with_capacity(across * down * side * side);
        for by in 0..down * side {
            if stop() {
                return None;
            }
            for bx in 0..across * side {
                let (block, _) = blocks.quantised(component, bx, by);
                all.push(ZIGZAG.map(|place| block[usize::from(place)]));
            }
        }
        components.push(Component { blocks: all, stride: across * side });
    }
    for scan in if blocks.planes.len() == 3 { COLOUR } else { GREY } {
        let mut counts = [[0; 257]; 2];
        walk(blocks, &components, scan, &mut Counting { counts: &mut counts }, stop)?;
        let codes = counts.each_ref().map(Code::new);
        // Corrections of the mean have no symbols, and other bands one table.
        for (index, code) in codes.iter().enumerate().filter(|(_, code)| !code.symbols.is_empty()) {
            file.table(u8::from(scan.band.first > 0), index as u8, code);
        }
        file.scan(scan.components, &scan.band);
        walk(blocks, &components, scan, &mut Writing { codes: &codes, file: &mut file }, stop)?;
        file.end_of_scan();
    }
    Some(file.finish())
}

/// Where the symbols and bits of a scan go. The table is that of luma (0) or chroma (1).
trait Sink {
    fn symbol(&mut self, table: usize, symbol: u32);
    fn bits(&mut self, bits: u32, count: u32);
}

struct Counting<'a> {
    counts: &'a mut [Counts; 2],
}

impl Sink for Counting<'_> {
    fn symbol(&mut self, table: usize, symbol: u32) {
        self.counts[table][symbol as usize] += 1;
    }
    fn bits(&mut self, _: u32, _: u32) {}
}

struct Writing<'a> {
    codes: &'a [Code; 2],
    file: &'a mut Writer,
}

impl Sink for Writing<'_> {
    fn symbol(&mut self, table: usize, symbol: u32) {
        let code = self.codes[table].codes[symbol as usize];
        self.file.bits(code & 0xffff, code >> 16);
    }
    fn bits(&mut self, bits: u32, count: u32) {
        self.file.bits(bits, count);
    }
}

fn walk(
    blocks: &Blocks<'_>,
    components: &[Component],
    scan: &Scan,
    sink: &mut impl Sink,
    stop: &dyn Fn() -> bool,
) -> Option<()> {
    let &Scan { components: indices, ref band } = scan;
    if band.first == 0 {
        let mut previous = [0; 3];
        let (across, down) = blocks.units();
        for y in 0..down {
            if stop() {
                return None;
            }
            for x in 0..across {
                for index in indices {
                    let component = &components[*index];
                    for (bx, by) in blocks.of_unit(*index, x, y) {
                        let dc = i32::from(component.blocks[by * component.stride + bx][0]);
                        mean(dc, band, usize::from(*index > 0), &mut previous[*index], sink);
                    }
                }
            }
        }
        return Some(());
    }
    for index in indices {
        let component = &components[*index];
        // Blocks that only fill units are not in a scan of one component (A.2.2).
        let plane = &blocks.planes[*index];
        let mut rest =
            Rest { table: usize::from(*index > 0), blocks: 0, corrections: Vec::new(), own: Vec::new() };
        for row in component.blocks.chunks_exact(component.stride).take(plane.height.div_ceil(8)) {
            if stop() {
                return None;
            }
            for block in &row[..plane.width.div_ceil(8)] {
                if band.high == 0 {
                    begin(block, band, &mut rest, sink);
                } else {
                    refine(block, band, &mut rest, sink);
                }
            }
        }
        rest.flush(sink);
    }
    Some(())
}

/// The mean of a block: its upper bits as a difference, or one more bit (G.1.2.1).
fn mean(dc: i32, band: &Band, table: usize, previous: &mut i32, sink: &mut impl Sink) {
    let value = dc >> band.low;
    if band.high > 0 {
        sink.bits(value as u32 & 1, 1);
        return;
    }
    let (size, bits) = category(value - *previous);
    *previous = value;
    sink.symbol(table, size);
    sink.bits(bits, size);
}

/// Blocks that have nothing new in the rest of this band, until they are written.
struct Rest {
    table: usize,
    blocks: u32,
    /// The corrections within them.
    corrections: Vec<u8>,
    /// Those of the block at hand since its last symbol.
    own: Vec<u8>,
}

impl Rest {
    fn flush(&mut self, sink: &mut impl Sink) {
        if self.blocks == 0 {
            return;
        }
        let size = self.blocks.ilog2();
        sink.symbol(self.table, size << 4);
        sink.bits(self.blocks & ((1 << size) - 1), size);
        self.blocks = 0;
        correct(&mut self.corrections, sink);
    }

    /// A symbol of the block at hand, with its extra bits.
    fn symbol(&mut self, symbol: u32, bits: u32, count: u32, sink: &mut impl Sink) {
        self.flush(sink);
        sink.symbol(self.table, symbol);
        sink.bits(bits, count);
        correct(&mut self.own, sink);
    }

    /// The block at hand has nothing new in its rest. The number of such blocks has 15 bits (G.1.2.2), and
    /// corrections are not hoarded.
    fn end_of_block(&mut self, sink: &mut impl Sink) {
        self.blocks += 1;
        self.corrections.append(&mut self.own);
        if self.blocks == 0x7fff || self.corrections.len() > 900 {
            self.flush(sink);
        }
    }
}

/// Writes corrections, and forgets them.
fn correct(corrections: &mut Vec<u8>, sink: &mut impl Sink) {
    for bit in corrections.drain(..) {
        sink.bits(u32::from(bit), 1);
    }
}

/// The upper bits of a band (G.1.2.2).
fn begin(block: &[i16; 64], band: &Band, rest: &mut Rest, sink: &mut impl Sink) {
    let mut run = 0;
    for value in &block[usize::from(band.first)..=usize::from(band.last)] {
        // Towards zero, other than the mean (G.1.2.1).
        let value = i32::from(*value) / (1 << band.low);
        if value == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            rest.symbol(0xf0, 0, 0, sink);
            run -= 16;
        }
        let (size, bits) = category(value);
        rest.symbol(run << 4 | size, bits, size, sink);
        run = 0;
    }
    if run > 0 {
        rest.end_of_block(sink);
    }
}

/// One more bit of a band (G.1.2.3): of coefficients that are known, corrections; of the others, those that
/// appear now.
fn refine(block: &[i16; 64], band: &Band, rest: &mut Rest, sink: &mut impl Sink) {
    let part = &block[usize::from(band.first)..=usize::from(band.last)];
    let size = |value: &i16| value.unsigned_abs() >> band.low;
    let last_new = part.iter().rposition(|value| size(value) == 1);
    let mut run = 0;
    for (k, value) in part.iter().enumerate() {
        let size = size(value);
        if size == 0 {
            run += 1;
            continue;
        }
        // Zeros after which nothing new comes belong to the end of the block.
        while run > 15 && last_new.is_some_and(|last| k <= last) {
            rest.symbol(0xf0, 0, 0, sink);
            run -= 16;
        }
        if size > 1 {
            rest.own.push((size & 1) as u8);
            continue;
        }
        rest.symbol(run << 4 | 1, u32::from(*value > 0), 1, sink);
        run = 0;
    }
    if run > 0 || !rest.own.is_empty() {
        rest.end_of_block(sink);
    }
}
