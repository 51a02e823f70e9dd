//! Huffman tables and the bits they are read from (T.81, annexes C and F).

/// Bits that one look-up resolves.
const LOOK: u32 = 10;

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// A decoding table.
pub(super) struct Table {
    /// Per prefix of `LOOK` bits: symbol, and the code's length in the upper byte; 0 where the code is longer.
    look: Box<[u16; 1 << LOOK]>,
    /// Per prefix: coefficient (upper 16 bits), run (4 bits at 8) and the bits of both code and coefficient
    /// (lower 8 bits), where those fit; 0 where they do not.
    ac: Box<[i32; 1 << LOOK]>,
    /// Largest code of each length, left-aligned to 16 bits, exclusive.
    limit: [u32; 18],
    /// What to add to a code of each length to get its index.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the 16 counts and the symbols of a DHT segment. `None` if they are no prefix code.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut look = Box::new([0u16; 1 << LOOK]);
        let mut ac = Box::new([0i32; 1 << LOOK]);
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
                    let entry = (length << 8) as u16 | u16::from(symbols[index]);
                    look[first..first + (1 << (LOOK - length))].fill(entry);
                }
                code += 1;
                index += 1;
            }
            limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        limit[17] = u32::MAX;
        for (prefix, entry) in look.iter().enumerate() {
            let (length, symbol) = (u32::from(entry >> 8), i32::from(entry & 0xff));
            let (run, size) = (symbol >> 4, (symbol & 15) as u32);
            if length == 0 || length + size > LOOK {
                continue;
            }
            let bits = (prefix as i32 >> (LOOK - length - size)) & mask(size);
            let value = if size == 0 { 0 } else { extend(bits, size) };
            ac[prefix] = (value << 16) | (run << 8) | (length + size) as i32;
        }
        Some(Self { look, ac, limit, offset, symbols: symbols.to_vec() })
    }

    /// The next symbol. Needs 16 bits.
    #[inline]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let entry = self.look[bits.peek(LOOK) as usize];
        if entry != 0 {
            bits.skip(u32::from(entry >> 8));
            return Some(entry as u8);
        }
        self.long_symbol(bits)
    }

    #[cold]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let prefix = bits.peek(16);
        let length = (LOOK + 1..=16).find(|length| prefix < self.limit[*length as usize])?;
        bits.skip(length);
        let index = (prefix >> (16 - length)) as i32 + self.offset[length as usize];
        self.symbols.get(usize::try_from(index).ok()?).copied()
    }

    /// The entry for the next AC coefficient, if one look-up tells all of it. Needs `LOOK` bits.
    #[inline]
    pub(super) fn ac(&self, bits: &Bits<'_>) -> i32 {
        self.ac[bits.peek(LOOK) as usize]
    }
}

/// The lowest `size` bits.
fn mask(size: u32) -> i32 {
    (1 << size) - 1
}

/// T.81, figure F.12.
#[inline]
fn extend(bits: i32, size: u32) -> i32 {
    if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits }
}

/// The bits of an entropy-coded segment. Past its end come zeros, and [`Bits::overrun`] says so.
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
        self.refill_slowly();
    }

    #[cold]
    #[inline(never)]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.pos..).unwrap_or_default() {
                [0xff, 0x00, ..] => {
                    self.pos += 2;
                    0xff
                }
                [0xff, 0xff, ..] => {
                    self.pos += 1;
                    continue;
                }
                [] | [0xff, ..] => {
                    self.made_up += 8;
                    0
                }
                [byte, ..] => {
                    self.pos += 1;
                    *byte
                }
            };
            self.acc |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.acc >> (64 - count)) as u32
    }

    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
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

    /// A signed number of `size` bits, 1 to 16 (T.81, F.2.2.1).
    #[inline]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        extend(self.take(size) as i32, size)
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
