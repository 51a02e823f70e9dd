//! The cosine transforms, in whole numbers: forward 8x8, inverse 8x8, and inverse at reduced size.
//!
//! The 8-point transforms are those of Loeffler, Ligtenberg and Moschytz ("Practical fast 1-D DCT algorithms
//! with 11 multiplications", ICASSP 1989). The reduced ones are exact 4-, 2- and 1-point transforms of the
//! lowest coefficients, which is an ideal low-pass filter. Each works on eight columns at once, in lanes of 16
//! bits, which every machine has instructions for; every operation is exact, so the result is the same on each.
//! Numbers carry as many fractional bits as their range leaves room for, which puts the rounding of a pass far
//! below that of the samples. What is too large saturates: only nonsense coefficients get that far.
#![expect(clippy::inline_always, reason = "a pass that is called instead of inlined costs more than it does")]
#![expect(clippy::many_single_char_names, reason = "the names are those of the papers and of the standard")]

use wide::{i16x8, u8x16, u16x8};

/// A factor with 16 fractional bits.
const fn fix(x: f64) -> i32 {
    if x < 0.0 { (x * 65536.0 - 0.5) as i32 } else { (x * 65536.0 + 0.5) as i32 }
}

/// Eight numbers that are worked on together.
#[derive(Clone, Copy)]
struct Lanes(i16x8);

impl Lanes {
    #[inline(always)]
    fn all(x: i16) -> Self {
        Self(i16x8::splat(x))
    }

    /// Multiplies by a factor: its whole part by adding, the rest of at most a half by the upper half of a
    /// product.
    #[inline(always)]
    fn times<const FACTOR: i32>(self) -> Self {
        let whole = (FACTOR + 0x8000) >> 16;
        let part = Self(self.0.mul_keep_high(i16x8::splat((FACTOR - (whole << 16)) as i16)));
        match whole {
            -3 => part - self - self - self,
            -2 => part - self - self,
            -1 => part - self,
            1 => part + self,
            2 => part + self + self,
            3 => part + self + self + self,
            _ => part,
        }
    }
}

impl std::ops::Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[inline(always)]
fn transpose(rows: [Lanes; 8]) -> [Lanes; 8] {
    let mut turned = [u16x8::splat(0); 8];
    for (turned, row) in turned.iter_mut().zip(rows) {
        *turned = bytemuck::cast(row.0);
    }
    let mut out = rows;
    for (out, turned) in out.iter_mut().zip(u16x8::transpose(turned)) {
        *out = Lanes(bytemuck::cast(turned));
    }
    out
}

/// One inverse pass over eight columns.
#[inline(always)]
fn inverse(c: [Lanes; 8]) -> [Lanes; 8] {
    let z1 = (c[2] + c[6]).times::<{ fix(0.541_196_100) }>();
    let t2 = z1 - c[6].times::<{ fix(1.847_759_065) }>();
    let t3 = z1 + c[2].times::<{ fix(0.765_366_865) }>();
    let (t0, t1) = (c[0] + c[4], c[0] - c[4]);
    let (e0, e3, e1, e2) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);

    let (a, b, d, e) = (c[7], c[5], c[3], c[1]);
    let z5 = ((a + d) + (b + e)).times::<{ fix(1.175_875_602) }>();
    let z1 = (a + e).times::<{ fix(-0.899_976_223) }>();
    let z2 = (b + d).times::<{ fix(-2.562_915_447) }>();
    let z3 = z5 + (a + d).times::<{ fix(-1.961_570_560) }>();
    let z4 = z5 + (b + e).times::<{ fix(-0.390_180_644) }>();
    let o0 = a.times::<{ fix(0.298_631_336) }>() + z1 + z3;
    let o1 = b.times::<{ fix(2.053_119_869) }>() + z2 + z4;
    let o2 = d.times::<{ fix(3.072_711_026) }>() + z2 + z3;
    let o3 = e.times::<{ fix(1.501_321_110) }>() + z1 + z4;
    [e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3]
}

/// Fractional bits of an inverse transform.
const FINE: i32 = 3;

/// What is added to the mean, so that the shift at the end rounds, and samples are not signed.
const BIAS: i16 = (128 << (FINE + 3)) + (1 << (FINE + 2));

/// A row of coefficients, dequantised.
#[inline(always)]
fn row(block: &[i16; 64], quantiser: &[i16; 64], index: usize) -> Lanes {
    let load = |block: &[i16; 64]| i16x8::new(block.as_chunks::<8>().0[index]);
    Lanes((load(block) * load(quantiser)) << FINE)
}

/// Eight rows of eight samples from quantised coefficients in rows.
#[inline]
pub(super) fn inverse_8(block: &[i16; 64], quantiser: &[i16; 64]) -> [[u8; 8]; 8] {
    let mut rows: [Lanes; 8] = std::array::from_fn(|index| row(block, quantiser, index));
    rows[0] = rows[0] + Lanes(i16x8::new([BIAS, 0, 0, 0, 0, 0, 0, 0]));
    let done = transpose(inverse(transpose(inverse(rows))));
    let mut out = [[0; 8]; 8];
    for (out, [a, b]) in out.as_chunks_mut::<2>().0.iter_mut().zip(done.as_chunks::<2>().0) {
        *out = bytemuck::cast(u8x16::narrow_i16x8(a.0 >> (FINE + 3), b.0 >> (FINE + 3)));
    }
    out
}

/// A block that has nothing but its mean.
#[inline]
pub(super) fn flat(block: &[i16; 64], quantiser: &[i16; 64]) -> u8 {
    byte((i32::from(block[0].wrapping_mul(quantiser[0])) + 4) >> 3)
}

#[inline(always)]
fn byte(x: i32) -> u8 {
    (x + 128).clamp(0, 255) as u8
}

/// Four rows of four samples: the picture at half size.
#[inline]
pub(super) fn inverse_4(block: &[i16; 64], quantiser: &[i16; 64]) -> [[u8; 4]; 4] {
    #[inline(always)]
    fn pass(c: [Lanes; 4]) -> [Lanes; 4] {
        let (e0, e1) = (c[0] + c[2], c[0] - c[2]);
        let z = (c[1] + c[3]).times::<{ fix(0.541_196_100) }>();
        let o0 = z + c[1].times::<{ fix(0.765_366_865) }>();
        let o1 = z - c[3].times::<{ fix(1.847_759_065) }>();
        [e0 + o0, e1 + o1, e1 - o1, e0 - o0]
    }
    /// Of four rows the first four lanes count.
    #[inline(always)]
    fn turn(rows: [Lanes; 4]) -> [Lanes; 4] {
        let nothing = Lanes::all(0);
        let [a, b, c, d] = rows;
        let [a, b, c, d, ..] = transpose([a, b, c, d, nothing, nothing, nothing, nothing]);
        [a, b, c, d]
    }
    let mut rows: [Lanes; 4] = std::array::from_fn(|index| row(block, quantiser, index));
    rows[0] = rows[0] + Lanes(i16x8::new([BIAS, 0, 0, 0, 0, 0, 0, 0]));
    let [a, b, c, d] = turn(pass(turn(pass(rows))));
    let [a, b, c, d] = [a.0 >> (FINE + 3), b.0 >> (FINE + 3), c.0 >> (FINE + 3), d.0 >> (FINE + 3)];
    let top: [[u8; 4]; 4] = bytemuck::cast(u8x16::narrow_i16x8(a, b));
    let bottom: [[u8; 4]; 4] = bytemuck::cast(u8x16::narrow_i16x8(c, d));
    [top[0], top[2], bottom[0], bottom[2]]
}

/// Two rows of two samples: the picture at a quarter of its size.
pub(super) fn inverse_2(block: &[i16; 64], quantiser: &[i16; 64]) -> [[u8; 2]; 2] {
    let at = |i: usize| i32::from(block[i].wrapping_mul(quantiser[i]));
    let (a, b, c, d) = (at(0), at(1), at(8), at(9));
    let round = |x: i32| byte((x + 4) >> 3);
    [[round(a + b + c + d), round(a - b + c - d)], [round(a + b - c - d), round(a - b - c + d)]]
}

/// One forward pass over eight columns, after the same source.
#[inline(always)]
fn forward(s: [Lanes; 8]) -> [Lanes; 8] {
    let (t0, t7) = (s[0] + s[7], s[0] - s[7]);
    let (t1, t6) = (s[1] + s[6], s[1] - s[6]);
    let (t2, t5) = (s[2] + s[5], s[2] - s[5]);
    let (t3, t4) = (s[3] + s[4], s[3] - s[4]);
    let (t10, t13) = (t0 + t3, t0 - t3);
    let (t11, t12) = (t1 + t2, t1 - t2);
    let z1 = (t12 + t13).times::<{ fix(0.541_196_100) }>();

    let z5 = ((t4 + t6) + (t5 + t7)).times::<{ fix(1.175_875_602) }>();
    let a = (t4 + t7).times::<{ fix(-0.899_976_223) }>();
    let b = (t5 + t6).times::<{ fix(-2.562_915_447) }>();
    let c = z5 + (t4 + t6).times::<{ fix(-1.961_570_560) }>();
    let d = z5 + (t5 + t7).times::<{ fix(-0.390_180_644) }>();
    [
        t10 + t11,
        t7.times::<{ fix(1.501_321_110) }>() + a + d,
        z1 + t13.times::<{ fix(0.765_366_865) }>(),
        t6.times::<{ fix(3.072_711_026) }>() + b + c,
        t10 - t11,
        t5.times::<{ fix(2.053_119_869) }>() + b + d,
        z1 - t12.times::<{ fix(1.847_759_065) }>(),
        t4.times::<{ fix(0.298_631_336) }>() + a + c,
    ]
}

/// The forward transform of samples less 128, in rows; coefficients come out sixteen times too large.
#[inline]
pub(super) fn forward_8(samples: &[[u8; 8]; 8]) -> [i16x8; 8] {
    let mut rows = [Lanes::all(0); 8];
    for (row, samples) in rows.iter_mut().zip(samples) {
        let [a, b, c, d, e, f, g, h] = *samples;
        let samples = i16x8::from_u8x16_low(u8x16::new([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0]));
        *row = Lanes((samples - i16x8::splat(128)) << 4);
    }
    // Four fractional bits after the first pass; one is what the second has room for.
    rows = forward(rows);
    for row in &mut rows {
        *row = Lanes((*row + Lanes::all(4)).0 >> 3);
    }
    let [a, b, c, d, e, f, g, h] = transpose(forward(transpose(rows)));
    [a.0, b.0, c.0, d.0, e.0, f.0, g.0, h.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn noise(seed: u32) -> impl Iterator<Item = u32> {
        let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        })
    }

    /// The definition (T.81, A.3.3) for an output of `n` by `n`, by the lowest `n` by `n` coefficients.
    fn slow(block: &[i16; 64], n: usize) -> Vec<f64> {
        let norm = |k: usize| if k == 0 { 0.5f64.sqrt() } else { 1.0 };
        let cos = |i: usize, k: usize| ((2 * i + 1) as f64 * k as f64 * PI / (2 * n) as f64).cos();
        let mut out = Vec::new();
        for y in 0..n {
            for x in 0..n {
                let mut sum = 0.0;
                for v in 0..n {
                    for u in 0..n {
                        sum += norm(u) * norm(v) * f64::from(block[v * 8 + u]) * cos(x, u) * cos(y, v);
                    }
                }
                out.push((sum / 4.0 + 128.0).clamp(0.0, 255.0));
            }
        }
        out
    }

    fn check(n: usize, fast: impl Fn(&[i16; 64]) -> Vec<u8>) {
        for seed in 0..400 {
            let mut random = noise(seed);
            let mut block = [0i16; 64];
            let many = random.next().unwrap_or(0) % 64 + 1;
            for _ in 0..many {
                let (at, value) = (random.next().unwrap_or(0), random.next().unwrap_or(0));
                block[at as usize % 64] = (value % 400) as i16 - 200;
            }
            for (fast, slow) in fast(&block).iter().zip(slow(&block, n)) {
                assert!((f64::from(*fast) - slow).abs() < 1.0, "{n} {seed}: {fast} is not {slow}");
            }
        }
    }

    #[test]
    fn inverse_is_what_the_standard_defines() {
        check(8, |block| inverse_8(block, &[1; 64]).concat());
        check(4, |block| inverse_4(block, &[1; 64]).concat());
        check(2, |block| inverse_2(block, &[1; 64]).concat());
        check(1, |block| vec![flat(block, &[1; 64])]);
    }

    /// The samples that reach furthest: black and white, in the patterns of the 64 waves and at random, with
    /// what coarse quantisation adds.
    #[test]
    fn the_largest_coefficients_have_room() {
        let cos = |i: usize, k: usize| ((2 * i + 1) as f64 * k as f64 * PI / 16.0).cos();
        let mut random = noise(3);
        let mut patterns: Vec<[bool; 64]> = (0..64usize)
            .map(|wave| std::array::from_fn(|i| cos(i % 8, wave % 8) * cos(i / 8, wave / 8) >= 0.0))
            .collect();
        patterns.extend((0..64).map(|_| std::array::from_fn(|_| random.next().unwrap_or(0) & 1 == 1)));
        for pattern in patterns {
            for step in [1, 2, 16, 99, 255] {
                let block: [i16; 64] = std::array::from_fn(|at| {
                    let (u, v) = (at % 8, at / 8);
                    let norm = |k: usize| if k == 0 { 0.5f64.sqrt() } else { 1.0 };
                    let sum = (0..64).map(|i| {
                        let sample = if pattern[i] { 127.0 } else { -128.0 };
                        sample * cos(i % 8, u) * cos(i / 8, v)
                    });
                    (sum.sum::<f64>() * norm(u) * norm(v) / 4.0 / f64::from(step)).round() as i16
                });
                let exact = block.map(|x| x * step);
                let check = |n: usize, fast: Vec<u8>| {
                    for (fast, slow) in fast.iter().zip(slow(&exact, n)) {
                        assert!((f64::from(*fast) - slow).abs() < 1.0, "{n} {step}: {fast} is not {slow}");
                    }
                };
                check(8, inverse_8(&block, &[step; 64]).concat());
                check(4, inverse_4(&block, &[step; 64]).concat());
                check(2, inverse_2(&block, &[step; 64]).concat());
            }
        }
    }

    #[test]
    fn forward_then_inverse_is_the_picture() {
        for seed in 0..400 {
            let mut random = noise(seed);
            let samples: [[u8; 8]; 8] =
                std::array::from_fn(|_| std::array::from_fn(|_| random.next().unwrap_or(0) as u8));
            let coefficients: Vec<i16> =
                forward_8(&samples).iter().flat_map(|row| row.to_array()).map(|x| (x + 8) >> 4).collect();
            let coefficients = coefficients.try_into().expect("there are 64");
            for (was, is) in samples.concat().iter().zip(inverse_8(&coefficients, &[1; 64]).concat()) {
                assert!(was.abs_diff(is) <= 4, "{seed}");
            }
        }
    }

    #[test]
    fn nonsense_does_not_panic() {
        for value in [i16::MIN, i16::MAX] {
            inverse_8(&[value; 64], &[value; 64]);
            inverse_4(&[value; 64], &[value; 64]);
            inverse_2(&[value; 64], &[value; 64]);
            flat(&[value; 64], &[value; 64]);
        }
    }
}
