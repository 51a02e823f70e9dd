//! The far end: from XYZ under D50, the space in which profiles meet, to 8 bits of sRGB (IEC 61966-2-1).

use std::sync::LazyLock;

use super::power::power;

/// XYZ under D50 to linear sRGB: the inverse of sRGB's colorants, adapted to D50 by Bradford.
pub(super) const FROM_XYZ: [[f64; 3]; 3] = [
    [3.133_856_1, -1.616_866_7, -0.490_614_6],
    [-0.978_768_4, 1.916_141_5, 0.033_454_0],
    [0.071_945_3, -0.228_991_4, 1.405_242_7],
];

/// The white of that space (ICC.1:2022, 7.2.16).
pub(super) const D50: [f64; 3] = [0.9642, 1.0, 0.8249];

/// Light of 0 to 1, in steps of 1/65535, as a byte: at its steepest the curve rises by 0.05 a step.
static BYTES: LazyLock<Box<[u8; 65536]>> = LazyLock::new(|| {
    let mut table = vec![0u8; 65536];
    let mut from = 0;
    for byte in 0..=255u8 {
        // As far as the light that lies half-way to the next byte.
        let to =
            if byte == 255 { 65536 } else { (light((f64::from(byte) + 0.5) / 255.0) * 65535.0) as usize + 1 };
        table[from..to].fill(byte);
        from = to;
    }
    table.try_into().unwrap_or_else(|_| Box::new([0; 65536]))
});

/// The light of a sample, both 0 to 1.
fn light(sample: f64) -> f64 {
    if sample <= 0.04045 { sample / 12.92 } else { power((sample + 0.055) / 1.055, 2.4) }
}

/// Writes light as bytes. Get one for a picture, and use it for all of its pixels.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    bytes: &'static [u8; 65536],
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { bytes: &BYTES }
    }

    /// The byte of a light; what lies outside 0 to 1 is clipped.
    pub(super) fn byte(self, light: f32) -> u8 {
        // A cast saturates, and makes zero of what is no number.
        self.bytes[usize::from((light * 65535.0 + 0.5) as u16)]
    }

    /// The sRGB of a colour in XYZ.
    pub(super) fn of_xyz(self, [x, y, z]: [f64; 3]) -> [u8; 3] {
        FROM_XYZ.map(|row| self.byte((row[0] * x + row[1] * y + row[2] * z) as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let writer = Writer::new();
        for byte in 0..=255 {
            assert_eq!(writer.byte(light(f64::from(byte) / 255.0) as f32), byte);
        }
        assert_eq!(writer.byte(-1.0), 0);
        assert_eq!(writer.byte(9.0), 255);
        assert_eq!(writer.byte(f32::NAN), 0);
        assert_eq!(writer.of_xyz(D50), [255; 3]);
        assert_eq!(writer.of_xyz([0.0; 3]), [0; 3]);
    }
}
