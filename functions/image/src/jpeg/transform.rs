//! The cosine transforms, in whole numbers: forward 8x8, inverse 8x8, and inverse at reduced size.
//!
//! The 8-point transforms are the accurate integer form of Loeffler, Ligtenberg and Moschytz ("Practical fast
//! 1-D DCT algorithms with 11 multiplications", ICASSP 1989) with 13 fractional bits. The reduced ones are
//! exact 4-, 2- and 1-point transforms of the lowest coefficients, which is an ideal low-pass filter. Each
//! works on eight columns at once, so that the compiler can use what vectors the machine has; every operation
//! is exact, so the result is the same on each. Arithmetic wraps: only nonsense coefficients get that far.
#![expect(clippy::inline_always, reason = "a pass that is called instead of inlined costs more than it does")]
#![expect(clippy::many_single_char_names, reason = "the names are those of the papers and of the standard")]

const BITS: u32 = 13;
/// Fractional bits kept between the passes.
const PASS: u32 = 2;

const fn fix(x: f64) -> i32 {
    (x * 8192.0 + 0.5) as i32
}

/// Eight numbers that are worked on together.
#[derive(Clone, Copy)]
struct Lanes([i32; 8]);

impl Lanes {
    #[inline(always)]
    fn map(mut self, f: impl Fn(i32) -> i32) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }
    #[inline(always)]
    fn shift(self, by: u32) -> Self {
        self.map(|x| x.wrapping_shl(by))
    }
    /// Divides by a power of two and rounds.
    #[inline(always)]
    fn descale(self, by: u32) -> Self {
        self.map(|x| x.wrapping_add(1 << (by - 1)) >> by)
    }
    /// Keeps a value in 16 bits, as it does not leave them in a sane file.
    #[inline(always)]
    fn narrow(self) -> Self {
        self.map(|x| x.clamp(-32768, 32767))
    }
}

impl std::ops::Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x = x.wrapping_add(y);
        }
        self
    }
}

impl std::ops::Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x = x.wrapping_sub(y);
        }
        self
    }
}

impl std::ops::Mul<i32> for Lanes {
    type Output = Self;
    #[inline(always)]
    fn mul(self, by: i32) -> Self {
        self.map(|x| x.wrapping_mul(by))
    }
}

#[inline(always)]
fn transpose(rows: [Lanes; 8]) -> [Lanes; 8] {
    let mut out = [Lanes([0; 8]); 8];
    for (i, row) in rows.iter().enumerate() {
        for (out, x) in out.iter_mut().zip(row.0) {
            out.0[i] = x;
        }
    }
    out
}

/// One inverse pass over eight columns; the result has `BITS` more fractional bits.
#[inline(always)]
fn inverse(c: [Lanes; 8]) -> [Lanes; 8] {
    let z1 = (c[2] + c[6]) * fix(0.541_196_100);
    let t2 = z1 - c[6] * fix(1.847_759_065);
    let t3 = z1 + c[2] * fix(0.765_366_865);
    let t0 = (c[0] + c[4]).shift(BITS);
    let t1 = (c[0] - c[4]).shift(BITS);
    let (e0, e3, e1, e2) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);

    let (a, b, d, e) = (c[7], c[5], c[3], c[1]);
    let z5 = (a + d + b + e) * fix(1.175_875_602);
    let z1 = (a + e) * -fix(0.899_976_223);
    let z2 = (b + d) * -fix(2.562_915_447);
    let z3 = (a + d) * -fix(1.961_570_560) + z5;
    let z4 = (b + e) * -fix(0.390_180_644) + z5;
    let o0 = a * fix(0.298_631_336) + z1 + z3;
    let o1 = b * fix(2.053_119_869) + z2 + z4;
    let o2 = d * fix(3.072_711_026) + z2 + z3;
    let o3 = e * fix(1.501_321_110) + z1 + z4;
    [e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3]
}

#[inline(always)]
fn byte(x: i32) -> u8 {
    (x + 128).clamp(0, 255) as u8
}

/// Eight rows of eight samples from dequantised coefficients in rows.
pub(super) fn inverse_8(block: &[i16; 64]) -> [[u8; 8]; 8] {
    let mut rows = [Lanes([0; 8]); 8];
    for (row, block) in rows.iter_mut().zip(block.as_chunks::<8>().0) {
        for (x, coefficient) in row.0.iter_mut().zip(block) {
            *x = i32::from(*coefficient);
        }
    }
    let mut first = inverse(rows);
    for lanes in &mut first {
        *lanes = lanes.descale(BITS - PASS).narrow();
    }
    let second = transpose(inverse(transpose(first)));
    let mut out = [[0; 8]; 8];
    for (out, lanes) in out.iter_mut().zip(second) {
        let lanes = lanes.descale(BITS + PASS + 3);
        for (out, x) in out.iter_mut().zip(lanes.0) {
            *out = byte(x);
        }
    }
    out
}

/// A block that has nothing but its mean.
#[inline]
pub(super) fn flat(dc: i16) -> u8 {
    byte((i32::from(dc) + 4) >> 3)
}

/// Four rows of four samples: the picture at half size.
pub(super) fn inverse_4(block: &[i16; 64]) -> [[u8; 4]; 4] {
    #[inline(always)]
    fn pass(c: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
        let mut out = [[0i32; 4]; 4];
        for i in 0..4 {
            let e0 = c[0][i].wrapping_add(c[2][i]).wrapping_shl(BITS);
            let e1 = c[0][i].wrapping_sub(c[2][i]).wrapping_shl(BITS);
            let z = c[1][i].wrapping_add(c[3][i]).wrapping_mul(fix(0.541_196_100));
            let o0 = z.wrapping_add(c[1][i].wrapping_mul(fix(0.765_366_865)));
            let o1 = z.wrapping_sub(c[3][i].wrapping_mul(fix(1.847_759_065)));
            out[0][i] = e0.wrapping_add(o0);
            out[1][i] = e1.wrapping_add(o1);
            out[2][i] = e1.wrapping_sub(o1);
            out[3][i] = e0.wrapping_sub(o0);
        }
        out
    }
    #[inline(always)]
    fn turn(c: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
        std::array::from_fn(|i| std::array::from_fn(|j| c[j][i]))
    }
    let rows = std::array::from_fn(|i| std::array::from_fn(|j| i32::from(block[i * 8 + j])));
    let first = pass(rows).map(|row| {
        row.map(|x| (x.wrapping_add(1 << (BITS - PASS - 1)) >> (BITS - PASS)).clamp(-32768, 32767))
    });
    let second = turn(pass(turn(first)));
    second.map(|row| row.map(|x| byte(x.wrapping_add(1 << (BITS + PASS + 2)) >> (BITS + PASS + 3))))
}

/// Two rows of two samples: the picture at a quarter of its size.
pub(super) fn inverse_2(block: &[i16; 64]) -> [[u8; 2]; 2] {
    let at = |i: usize| i32::from(block[i]);
    let (a, b, c, d) = (at(0), at(1), at(8), at(9));
    let round = |x: i32| byte((x + 4) >> 3);
    [[round(a + b + c + d), round(a - b + c - d)], [round(a + b - c - d), round(a - b - c + d)]]
}

/// One forward pass over eight columns, after the same source; the result of the even part has `up` more
/// fractional bits, that of the odd part is descaled to match.
#[inline(always)]
fn forward(s: [Lanes; 8], even: impl Fn(Lanes) -> Lanes, odd: impl Fn(Lanes) -> Lanes) -> [Lanes; 8] {
    let (t0, t7) = (s[0] + s[7], s[0] - s[7]);
    let (t1, t6) = (s[1] + s[6], s[1] - s[6]);
    let (t2, t5) = (s[2] + s[5], s[2] - s[5]);
    let (t3, t4) = (s[3] + s[4], s[3] - s[4]);
    let (t10, t13) = (t0 + t3, t0 - t3);
    let (t11, t12) = (t1 + t2, t1 - t2);
    let z1 = (t12 + t13) * fix(0.541_196_100);

    let z5 = (t4 + t6 + t5 + t7) * fix(1.175_875_602);
    let a = (t4 + t7) * -fix(0.899_976_223);
    let b = (t5 + t6) * -fix(2.562_915_447);
    let c = (t4 + t6) * -fix(1.961_570_560) + z5;
    let d = (t5 + t7) * -fix(0.390_180_644) + z5;
    [
        even(t10 + t11),
        odd(t7 * fix(1.501_321_110) + a + d),
        odd(z1 + t13 * fix(0.765_366_865)),
        odd(t6 * fix(3.072_711_026) + b + c),
        even(t10 - t11),
        odd(t5 * fix(2.053_119_869) + b + d),
        odd(z1 - t12 * fix(1.847_759_065)),
        odd(t4 * fix(0.298_631_336) + a + c),
    ]
}

/// The forward transform of samples less 128, in rows; coefficients come out eight times too large.
pub(super) fn forward_8(samples: &[[u8; 8]; 8]) -> [i16; 64] {
    let mut rows = [Lanes([0; 8]); 8];
    for (row, samples) in rows.iter_mut().zip(samples) {
        for (x, sample) in row.0.iter_mut().zip(samples) {
            *x = i32::from(*sample) - 128;
        }
    }
    let first = transpose(forward(transpose(rows), |x| x.shift(PASS), |x| x.descale(BITS - PASS)));
    let second = forward(first, |x| x.descale(PASS), |x| x.descale(BITS + PASS));
    let mut out = [0; 64];
    for (out, row) in out.as_chunks_mut::<8>().0.iter_mut().zip(second) {
        for (out, x) in out.iter_mut().zip(row.0) {
            *out = x as i16;
        }
    }
    out
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
        check(8, |block| inverse_8(block).concat());
        check(4, |block| inverse_4(block).concat());
        check(2, |block| inverse_2(block).concat());
        check(1, |block| vec![flat(block[0])]);
    }

    #[test]
    fn forward_then_inverse_is_the_picture() {
        for seed in 0..400 {
            let mut random = noise(seed);
            let samples: [[u8; 8]; 8] =
                std::array::from_fn(|_| std::array::from_fn(|_| random.next().unwrap_or(0) as u8));
            let coefficients = forward_8(&samples).map(|x| (x + 4) >> 3);
            for (was, is) in samples.concat().iter().zip(inverse_8(&coefficients).concat()) {
                assert!(was.abs_diff(is) <= 4, "{seed}");
            }
        }
    }

    #[test]
    fn nonsense_does_not_panic() {
        for value in [i16::MIN, i16::MAX] {
            inverse_8(&[value; 64]);
            inverse_4(&[value; 64]);
            inverse_2(&[value; 64]);
            flat(value);
        }
    }
}
