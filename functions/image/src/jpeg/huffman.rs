//! Huffman tables and the bits they are read from (T.81, annexes C and F).

/// Bits that one look-up resolves.
const LOOK: u32 = 10;

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// What a code says: `symbol << 16 | length << 8 | length with the extra bits that follow`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    pub(super) const NONE: Self = Self(0);

    fn new(length: u32, symbol: u8) -> Self {
        let symbol = u32::from(symbol);
        Self(symbol << 16 | length << 8 | (length + (symbol & 15)))
    }

    #[inline]
    pub(super) fn symbol(self) -> u32 {
        self.0 >> 16
    }

    /// Zero coefficients before the next that is not: the symbol's upper half.
    #[inline]
    pub(super) fn run(self) -> u32 {
        self.0 >> 20
    }

    /// Extra bits: the symbol's lower half.
    #[inline]
    pub(super) fn size(self) -> u32 {
        self.0 >> 16 & 15
    }
}

/// A decoding table.
pub(super) struct Table {
    /// Per prefix of `LOOK` bits; none where the code is longer.
    look: Box<[Entry; 1 << LOOK]>,
    /// Largest code of each length, left-aligned to 16 bits, exclusive.
    limit: [u32; 18],
    /// What to add to a code of each length to get its index.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the 16 counts and the symbols of a DHT segment. `None` if they are no prefix code.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut look = Box::new([Entry::NONE; 1 << LOOK]);
        let mut limit = [0u32; 18];
        let mut offset = [0i32; 17];
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            offset[length as usize] = index as i32 - code as i32;
            for _ in 0..counts[length as usize - 1] {
                if code >= 1 << length {
                    return None;
                }
                if length <= LOOK {
                    let first = (code << (LOOK - length)) as usize;
                    look[first..first + (1 << (LOOK - length))].fill(Entry::new(length, symbols[index]));
                }
                code += 1;
                index += 1;
            }
            limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        limit[17] = u32::MAX;
        Some(Self { look, limit, offset, symbols: symbols.to_vec() })
    }

    /// By the next 16 bits.
    #[cold]
    #[inline(never)]
    fn long(&self, prefix: u32) -> Entry {
        let found = (LOOK + 1..=16).find(|length| prefix < self.limit[*length as usize]).and_then(|length| {
            let index = (prefix >> (16 - length)) as i32 + self.offset[length as usize];
            self.symbols.get(usize::try_from(index).ok()?).map(|symbol| Entry::new(length, *symbol))
        });
        found.unwrap_or(Entry::NONE)
    }
}

/// The bits of an entropy-coded segment. Past its end come zeros, and [`Bits::overrun`] says so.
///
/// A copy costs nothing: a loop works on its own, which then stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    pos: usize,
    /// Left-aligned. What is below the `count` bits is either zero or already what will come there.
    acc: u64,
    count: u32,
    /// How many of the bits taken in were made up.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], pos: usize) -> Self {
        Self { data, pos, acc: 0, count: 0, made_up: 0 }
    }

    /// Makes sure of at least 32 bits.
    #[inline]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(next) = self.data.get(self.pos..).and_then(|rest| rest.first_chunk::<8>()) {
            let next = u64::from_be_bytes(*next);
            // No byte of it is 0xff: no stuffing, no marker.
            let inverted = !next;
            let zero = inverted.wrapping_sub(ONES) & !inverted & (ONES << 7);
            if zero == 0 {
                self.acc |= next >> self.count;
                self.pos += ((63 - self.count) >> 3) as usize;
                self.count |= 0b11_1000;
                return;
            }
        }
        let slow = slowly(self.data.get(self.pos..).unwrap_or_default(), self.acc, self.count);
        self.acc = slow.0;
        self.pos += (slow.1 >> 8) as usize;
        self.made_up += slow.1 as u32 & 0xff;
        self.count |= 0b11_1000;
    }

    /// The next code, which stays; [`Entry::NONE`] if the table has none such. Needs 16 bits.
    #[inline]
    pub(super) fn code(&self, table: &Table) -> Entry {
        let entry = table.look[self.peek(LOOK) as usize];
        if entry == Entry::NONE { table.long(self.peek(16)) } else { entry }
    }

    /// Takes a code and its extra bits, one or more. Answers the signed number that those are (T.81, F.2.2.1).
    #[inline]
    pub(super) fn signed(&mut self, entry: Entry) -> i32 {
        let aligned = self.acc << (entry.0 >> 8 & 31);
        // Without the first bit it is the complement of a number below zero.
        let flip = !(aligned as i64 >> 63);
        let size = (aligned ^ flip as u64) >> ((64 - entry.size()) & 63);
        self.skip(entry.0 & 63);
        (size as i32 ^ flip as i32).wrapping_sub(flip as i32)
    }

    /// Takes a code alone.
    #[inline]
    pub(super) fn skip_code(&mut self, entry: Entry) {
        self.skip(entry.0 >> 8 & 31);
    }

    #[inline]
    fn peek(&self, count: u32) -> u32 {
        (self.acc >> (64 - count)) as u32
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.acc <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// `count` bits, 1 to 16.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// One bit. Refills by itself.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// Whether bits were used that are not in the file.
    #[inline]
    pub(super) fn overrun(&self) -> bool {
        self.count < self.made_up
    }

    /// Whether the file, and not only the segment, has no more bytes.
    pub(super) fn at_end_of_file(&self) -> bool {
        self.data.get(self.pos..).unwrap_or_default().len() <= 1
    }

    /// Where the segment's next unread byte is: never past a marker.
    pub(super) fn position(&self) -> usize {
        self.pos
    }
}

/// Fills up to more than 55 bits byte by byte. Answers them, and how far it went: `bytes << 8 | bits made up`.
///
/// It is handed numbers and answers numbers, so that those of the caller need not be in memory.
#[cold]
#[inline(never)]
fn slowly(rest: &[u8], mut acc: u64, mut count: u32) -> (u64, u64) {
    let (mut pos, mut made_up) = (0, 0);
    while count < 56 {
        let byte = match rest.get(pos..).unwrap_or_default() {
            [0xff, 0x00, ..] => {
                pos += 2;
                0xff
            }
            [0xff, 0xff, ..] => {
                pos += 1;
                continue;
            }
            [] | [0xff, ..] => {
                made_up += 8;
                0
            }
            [byte, ..] => {
                pos += 1;
                *byte
            }
        };
        // What is there already below the `count` bits is the same byte.
        acc |= u64::from(byte) << (56 - count);
        count += 8;
    }
    (acc, (pos as u64) << 8 | made_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_undo_stuffing_and_stop_at_markers() {
        let data = [0xab, 0xff, 0x00, 0x12, 0xff, 0xff, 0xd9, 0x77];
        let mut bits = Bits::new(&data, 0);
        bits.refill();
        assert_eq!(bits.take(8), 0xab);
        assert_eq!(bits.take(16), 0xff12);
        assert!(!bits.overrun());
        bits.refill();
        assert_eq!(bits.take(8), 0);
        assert!(bits.overrun());
        assert_eq!(bits.position(), 5);
        assert!(!bits.at_end_of_file());
    }

    #[test]
    fn long_runs_of_bits_come_out_whole() {
        let data: Vec<u8> = (0..250u8).collect();
        let mut bits = Bits::new(&data, 0);
        for expected in 0..250u32 {
            bits.refill();
            let high = bits.take(3);
            assert_eq!(high << 5 | bits.take(5), expected);
        }
        assert!(!bits.overrun());
        assert!(bits.at_end_of_file());
    }

    #[test]
    fn tables_that_are_no_prefix_code_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(Table::new(&counts, &[1, 2]).is_some());
    }
}
