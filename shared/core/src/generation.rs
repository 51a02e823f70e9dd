//! The order of what happened to one key.
//!
//! Queues reorder and repeat, so arrival says nothing. Every item therefore carries its place in the
//! history of its key, and whoever writes compares generations instead of clocks.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A hexadecimal number of any width, as in S3's `sequencer`.
///
/// Event forms differ in width, so numbers are compared as if padded on the left with zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequence(String);

impl Sequence {
    /// The number `value`.
    pub fn new(value: u64) -> Self {
        if value == 0 { Self::default() } else { Self(format!("{value:X}")) }
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A text that is not a hexadecimal number, or not a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidGeneration(String);

impl fmt::Display for InvalidGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a generation", self.0)
    }
}

impl std::error::Error for InvalidGeneration {}

impl FromStr for Sequence {
    type Err = InvalidGeneration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > 128 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidGeneration(text.chars().take(140).collect()));
        }
        Ok(Self(text.trim_start_matches('0').to_ascii_uppercase()))
    }
}

impl TryFrom<String> for Sequence {
    type Error = InvalidGeneration;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Sequence> for String {
    fn from(sequence: Sequence) -> Self {
        sequence.to_string()
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "0" } else { &self.0 })
    }
}

/// The place of an item in the history of its key: sequence, then revision, then repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Generation {
    /// The place of the root event among all events of its key.
    pub sequence: Sequence,
    /// Raised when the recipe of the stage, or of one above it, changes.
    pub revision: u64,
    /// Raised by a backfill of another version.
    pub repeat: u64,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.sequence, self.revision, self.repeat)
    }
}

impl FromStr for Generation {
    type Err = InvalidGeneration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidGeneration(text.chars().take(140).collect());
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or_else(invalid);
        let generation = Self {
            sequence: next()?.parse()?,
            revision: next()?.parse().map_err(|_| invalid())?,
            repeat: next()?.parse().map_err(|_| invalid())?,
        };
        if parts.next().is_some() { Err(invalid()) } else { Ok(generation) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn widths_do_not_matter() {
        let narrow: Sequence = "0055AED6DCD90281E5".parse().unwrap();
        let wide: Sequence = "000000000000000055aed6dcd90281e6".parse().unwrap();
        assert!(narrow < wide);
        assert_eq!("000".parse::<Sequence>().unwrap(), Sequence::new(0));
        assert!("".parse::<Sequence>().is_err());
        assert!("0x1".parse::<Sequence>().is_err());
    }

    proptest! {
        #[test]
        fn sequences_order_as_numbers(a: u64, b: u64, pad in 0usize..8) {
            let padded: Sequence = format!("{}{a:x}", "0".repeat(pad)).parse().unwrap();
            prop_assert_eq!(padded.cmp(&Sequence::new(b)), a.cmp(&b));
        }

        #[test]
        fn generations_survive_text(sequence: u64, revision: u64, repeat: u64) {
            let generation = Generation { sequence: Sequence::new(sequence), revision, repeat };
            prop_assert_eq!(generation.to_string().parse::<Generation>().unwrap(), generation);
        }

        #[test]
        fn parsing_never_panics(text: String) {
            let _ = text.parse::<Generation>();
        }
    }
}
