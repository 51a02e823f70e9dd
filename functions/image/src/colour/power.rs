//! Powers that are the same on every machine.
//!
//! A C library's `pow` may differ in its last bit from one processor to the next, and outputs must not. These
//! take nothing but the four operations, by the usual series, and are right to about 1e-15.

use std::f64::consts::{LN_2, SQRT_2};

/// The natural logarithm of a positive normal number.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52 & 0x7ff) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh s, and |s| < 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..11).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    2.0 * s * series + f64::from(exponent) * LN_2
}

/// e to the power of x, for results that are normal numbers.
fn exp(x: f64) -> f64 {
    let whole = (x / LN_2).round();
    let rest = x - whole * LN_2;
    // |rest| < 0.35, so the fifteenth term is below 1e-18.
    let series = (1..15).rev().fold(1.0, |sum, k| 1.0 + sum * rest / f64::from(k));
    let exponent = whole.clamp(-1022.0, 1023.0) as i64 + 1023;
    series * f64::from_bits((exponent as u64) << 52)
}

/// `base` to the power of `exponent`; 0 for bases of 0 and below, and for those too small to matter.
pub(super) fn power(base: f64, exponent: f64) -> f64 {
    if base.is_nan() || base < 1e-200 || !exponent.is_finite() {
        return 0.0;
    }
    exp((ln(base) * exponent).clamp(-700.0, 700.0))
}

#[cfg(test)]
mod tests {
    use super::power;

    #[test]
    fn agrees_with_the_library() {
        for exponent in [0.0, 0.3, 1.0 / 2.4, 1.0, 1.8, 2.2, 2.4, 3.0, 7.5, -1.5] {
            for step in 1..3000 {
                let base = f64::from(step) / 1000.0;
                let (ours, theirs) = (power(base, exponent), base.powf(exponent));
                assert!(
                    (ours - theirs).abs() <= 1e-13 * theirs.max(1e-3),
                    "{base}^{exponent}: {ours}, {theirs}"
                );
            }
        }
        for base in [0.0, -1.0, f64::NAN] {
            assert!(power(base, 2.2).abs() < f64::MIN_POSITIVE, "{base}");
        }
        assert!(power(1e300, 1e300).is_finite());
    }
}
