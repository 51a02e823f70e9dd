//! The number of a record in its shard.

use std::fmt;
use std::str::FromStr;

/// A record's sequence number. Those of Kinesis have 56 decimal digits, which 128 bits do not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber([u64; 4]);

/// The largest power of ten in 64 bits.
const GROUP: u128 = 10_000_000_000_000_000_000;

impl SequenceNumber {
    /// All its bits as hexadecimal digits, 64 of them.
    pub(crate) fn hexadecimal(self) -> String {
        let [a, b, c, d] = self.0;
        format!("{a:016x}{b:016x}{c:016x}{d:016x}")
    }
}

/// A text that is not a decimal number, or too large a one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSequenceNumber;

impl fmt::Display for InvalidSequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a sequence number")
    }
}

impl std::error::Error for InvalidSequenceNumber {}

impl FromStr for SequenceNumber {
    type Err = InvalidSequenceNumber;

    fn from_str(text: &str) -> Result<Self, InvalidSequenceNumber> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidSequenceNumber);
        }
        let mut parts = [0_u64; 4];
        for digit in text.bytes() {
            let mut carry = u128::from(digit - b'0');
            for part in parts.iter_mut().rev() {
                let wide = u128::from(*part) * 10 + carry;
                *part = wide as u64;
                carry = wide >> 64;
            }
            if carry > 0 {
                return Err(InvalidSequenceNumber);
            }
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0;
        let mut groups = Vec::new();
        loop {
            let mut rest = 0;
            for part in &mut parts {
                let wide = rest << 64 | u128::from(*part);
                *part = (wide / GROUP) as u64;
                rest = wide % GROUP;
            }
            groups.push(rest);
            if parts == [0; 4] {
                break;
            }
        }
        let mut groups = groups.into_iter().rev();
        write!(f, "{}", groups.next().unwrap_or_default())?;
        groups.try_for_each(|group| write!(f, "{group:019}"))
    }
}

impl From<u64> for SequenceNumber {
    fn from(number: u64) -> Self {
        Self([0, 0, 0, number])
    }
}

impl From<u128> for SequenceNumber {
    fn from(number: u128) -> Self {
        Self([0, 0, (number >> 64) as u64, number as u64])
    }
}

impl TryFrom<SequenceNumber> for u64 {
    type Error = InvalidSequenceNumber;

    fn try_from(number: SequenceNumber) -> Result<Self, InvalidSequenceNumber> {
        match number.0 {
            [0, 0, 0, low] => Ok(low),
            _ => Err(InvalidSequenceNumber),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> SequenceNumber {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_of_kinesis_are_held_whole() {
        let texts = [
            "0",
            "9999999999999999999",
            "10000000000000000000",
            "340282366920938463463374607431768211456",
            "49590338271490256608559692538361571095921575989136588898",
            "49590338271490256608559692540925702759324208523137515618",
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
        ];
        for text in texts {
            assert_eq!(read(text).to_string(), text);
        }
        assert!(texts.windows(2).all(|pair| read(pair[0]) < read(pair[1])));
        let too_large = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for bad in ["", "-1", "1a", "+1", too_large] {
            assert_eq!(bad.parse::<SequenceNumber>(), Err(InvalidSequenceNumber), "{bad}");
        }
        assert_eq!(read("007"), SequenceNumber::from(7_u64));
    }

    proptest! {
        #[test]
        fn they_are_numbers(a: u128, b: u128) {
            let (wide, other) = (SequenceNumber::from(a), SequenceNumber::from(b));
            prop_assert_eq!(wide.to_string(), a.to_string());
            prop_assert_eq!(read(&a.to_string()), wide);
            prop_assert_eq!(wide.cmp(&other), a.cmp(&b));
            prop_assert_eq!(wide.hexadecimal(), format!("{a:064x}"));
            prop_assert_eq!(u64::try_from(wide).ok(), u64::try_from(a).ok());
        }
    }
}
