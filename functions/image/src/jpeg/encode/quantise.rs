//! Quantisation: the tables of a quality, and division by them.

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

/// Division by a table's entries times eight, rounded, without dividing.
pub(super) struct Quantiser {
    /// Added before the multiplication.
    bias: [u16; 64],
    /// The reciprocal, and a power of two that says where its point is.
    factor: [u16; 64],
    shift: [u16; 64],
}

impl Quantiser {
    pub(super) fn new(table: &[u8; 64]) -> Self {
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
    pub(super) fn apply(&self, block: &[i16; 64]) -> [i16; 64] {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
