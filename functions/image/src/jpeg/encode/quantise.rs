//! Quantisation: the tables of a quality, and division by them.

use wide::{i16x8, u8x16, u16x8};

use crate::jpeg::ZIGZAG;

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

/// The table of luma and that of chroma, in rows.
pub(super) fn tables(quality: u8) -> [[u8; 64]; 2] {
    [table(&LUMA, quality), table(&CHROMA, quality)]
}

/// The scale that the Independent JPEG Group gave to quality, 1 to 100.
fn table(base: &[u8; 64], quality: u8) -> [u8; 64] {
    let quality = i32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5000 / quality } else { 200 - quality * 2 };
    base.map(|entry| ((i32::from(entry) * scale + 50) / 100).clamp(1, 255) as u8)
}

/// A table as its segment has it.
pub(super) fn in_zigzag(table: &[u8; 64]) -> [u8; 64] {
    ZIGZAG.map(|place| table[usize::from(place)])
}

/// What a coefficient's table entry is multiplied by: coefficients come sixteen times too large.
const SCALE: u32 = 16;

/// Division by a table's entries times [`SCALE`], rounded, without dividing.
pub(super) struct Quantiser {
    /// Added before the multiplication.
    bias: [u16x8; 8],
    /// The reciprocal, and a power of two that says where its point is.
    factor: [u16x8; 8],
    shift: [u16x8; 8],
}

impl Quantiser {
    pub(super) fn new(table: &[u8; 64]) -> Self {
        let (mut biases, mut factors, mut shifts) = ([0u16; 64], [0u16; 64], [0u16; 64]);
        for (i, entry) in table.iter().enumerate() {
            let divisor = u32::from(*entry) * SCALE;
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
            biases[i] = bias as u16;
            factors[i] = factor as u16;
            shifts[i] = (1u32 << (32 - bits)) as u16;
        }
        let rows =
            |all: [u16; 64]| std::array::from_fn(|i| u16x8::new(std::array::from_fn(|j| all[i * 8 + j])));
        Self { bias: rows(biases), factor: rows(factors), shift: rows(shifts) }
    }

    /// Answers the quantised coefficients in rows, and which of them are not zero: the first is the lowest bit.
    #[inline]
    pub(super) fn apply(&self, block: &[i16x8; 8]) -> ([i16; 64], u64) {
        let mut out = [[0; 8]; 8];
        let mut present = 0;
        for pair in 0..4 {
            let sizes = [2 * pair, 2 * pair + 1].map(|i| {
                let sign = block[i] >> 15;
                let size: u16x8 = bytemuck::cast((block[i] ^ sign) - sign);
                let size = (size + self.bias[i]).mul_keep_high(self.factor[i]).mul_keep_high(self.shift[i]);
                let size: i16x8 = bytemuck::cast(size);
                let signed: i16x8 = (size ^ sign) - sign;
                out[i] = signed.to_array();
                size
            });
            let zero = u8x16::narrow_i16x8(sizes[0], sizes[1]).simd_eq(u8x16::splat(0));
            present |= u64::from(!zero.to_bitmask() & 0xffff) << (16 * pair);
        }
        (bytemuck::cast(out), present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_without_dividing_is_division() {
        for entry in 1..=255u8 {
            let quantiser = Quantiser::new(&[entry; 64]);
            let divisor = i32::from(entry) * SCALE as i32;
            for x in (-24_000i32..24_000).step_by(7) {
                let expected = (x.abs() + divisor / 2) / divisor * x.signum();
                let (block, present) = quantiser.apply(&[i16x8::splat(x as i16); 8]);
                assert!(block.iter().all(|is| i32::from(*is) == expected), "{x} by {divisor}");
                assert_eq!(present, if expected == 0 { 0 } else { u64::MAX }, "{x} by {divisor}");
            }
        }
    }
}
