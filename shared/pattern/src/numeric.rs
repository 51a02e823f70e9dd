//! Numbers, compared by value: exact for every integer that JSON text yields (`i64`, `u64`) and for floats.
//!
//! An integer is never turned into a float, so 9007199254740993 and 9007199254740992 differ, while 1, 1.0 and
//! 1e0 are one number. Integers beyond `u64` are floats already when `serde_json` hands them over.

use serde_json::Number;
use std::cmp::Ordering;

/// A number by value. Floats without a fraction that fit are integers here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exact {
    Int(i128),
    Float(f64),
}

/// 2^64 and -2^63: what lies outside is neither an `i64` nor a `u64`.
const ABOVE: f64 = 18_446_744_073_709_551_616.0;
const BELOW: f64 = -9_223_372_036_854_775_808.0;

impl Exact {
    pub(crate) fn of(number: &Number) -> Option<Self> {
        if let Some(int) = number.as_i64() {
            return Some(Self::Int(int.into()));
        }
        if let Some(int) = number.as_u64() {
            return Some(Self::Int(int.into()));
        }
        let float = number.as_f64().filter(|float| float.is_finite())?;
        if (BELOW..ABOVE).contains(&float) && float.fract() == 0.0 {
            return Some(Self::Int(float as i128));
        }
        Some(Self::Float(float))
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Int(int), Self::Float(float)) => against_float(int, float),
            (Self::Float(float), Self::Int(int)) => against_float(int, float).reverse(),
            // Both are finite, and a zero is an integer, so the total order is the order of values.
            (Self::Float(a), Self::Float(b)) => a.total_cmp(&b),
        }
    }

    pub(crate) fn int(self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(int),
            Self::Float(_) => None,
        }
    }
}

/// Compares an integer of `i64` or `u64` with a float that has a fraction or lies outside their range.
fn against_float(int: i128, float: f64) -> Ordering {
    if float >= ABOVE {
        Ordering::Less
    } else if float < BELOW {
        Ordering::Greater
    } else {
        // Within the range `floor` is exact as an integer, and the float lies above it by its fraction.
        int.cmp(&(float.floor() as i128)).then(Ordering::Less)
    }
}

/// The `numeric` operator: between bounds, each with or without its own value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) low: Option<Bound>,
    pub(crate) high: Option<Bound>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) value: Exact,
    pub(crate) inclusive: bool,
}

impl Range {
    pub(crate) fn contains(&self, number: Exact) -> bool {
        let within = |bound: Option<Bound>, outside: Ordering| {
            bound.is_none_or(|bound| match number.compare(bound.value) {
                Ordering::Equal => bound.inclusive,
                order => order != outside,
            })
        };
        within(self.low, Ordering::Less) && within(self.high, Ordering::Greater)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str) -> Exact {
        Exact::of(&serde_json::from_str(text).unwrap()).unwrap()
    }

    fn check(a: &str, b: &str, expected: Ordering) {
        assert_eq!(exact(a).compare(exact(b)), expected, "{a} and {b}");
        assert_eq!(exact(b).compare(exact(a)), expected.reverse(), "{b} and {a}");
    }

    #[test]
    fn compares_by_value() {
        use Ordering::{Equal, Less};
        check("1", "1.0", Equal);
        check("1", "1e0", Equal);
        check("100", "1E+2", Equal);
        check("0", "-0.0", Equal);
        check("0.1", "0.10", Equal);
        check("0.1", "1e-1", Equal);
        check("0.30000000000000004", "0.3", Equal.reverse().then(Ordering::Greater));
        check("1", "1.5", Less);
        check("-1.5", "-1", Less);
        check("-2", "-1.5", Less);
        check("-1e300", "-1", Less);
        check("18446744073709551615", "1e300", Less);
    }

    #[test]
    fn has_no_precision_traps() {
        use Ordering::{Equal, Less};
        check("9007199254740992", "9007199254740993", Less);
        check("9007199254740992.0", "9007199254740993", Less);
        check("9007199254740992.0", "9007199254740992", Equal);
        check("18446744073709551614", "18446744073709551615", Less);
        check("18446744073709551615", "18446744073709551616", Less);
        check("-9223372036854775808", "-9223372036854775807", Less);
        check("-9223372036854775808", "-9223372036854775808.0", Equal);
        check("9223372036854775807", "9223372036854775808", Less);
        check("9223372036854775807", "9223372036854775808.0", Less);
        check("5000000000", "5000000001", Less);
        check("2251799813685249", "2251799813685249.5", Less);
        check("2251799813685249.5", "2251799813685250", Less);
    }

    proptest! {
        /// A float and an integer compare as their difference says, worked out in whole halves.
        #[test]
        fn halves(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000) {
            let half = |n: i64| exact(&if n % 2 == 0 { format!("{}", n / 2) } else { format!("{:?}", n as f64 / 2.0) });
            prop_assert_eq!(half(a).compare(half(b)), a.cmp(&b));
        }

        #[test]
        fn integers(a: i64, b: u64) {
            let order = exact(&a.to_string()).compare(exact(&b.to_string()));
            prop_assert_eq!(order, i128::from(a).cmp(&i128::from(b)));
        }
    }
}
