//! What a stream hands over at once.

use bytes::Bytes;
use jiff::Timestamp;

use crate::generation::Sequence;

/// One record of a shard. Its identity is (shard, sequence, sub-sequence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The sequence number within the shard.
    pub sequence: u128,
    /// The place within an aggregated record, 0 otherwise.
    pub sub_sequence: u64,
    /// The partition key.
    pub key: String,
    /// When the stream took it.
    pub arrival: Timestamp,
    /// The payload.
    pub data: Bytes,
}

impl Record {
    /// Where the record stands in its shard.
    pub fn position(&self) -> Position {
        Position { sequence: self.sequence, sub_sequence: self.sub_sequence }
    }
}

/// A place in a shard: everything at or before it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The sequence number; as text in documents, since JSON readers lose digits.
    #[serde(with = "decimal")]
    pub sequence: u128,
    /// The place within an aggregated record.
    pub sub_sequence: u64,
}

impl Position {
    /// The position as the sequence of a generation: sub-sequences take the last 16 digits.
    pub fn generation(self) -> Sequence {
        format!("{:x}{:016x}", self.sequence, self.sub_sequence).parse().unwrap_or_default()
    }
}

mod decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Records of one shard, in the shard's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The stream's name.
    pub stream: String,
    /// The shard's name.
    pub shard: String,
    /// The records, in rising order of position.
    pub records: Vec<Record>,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its effects are in the state or among the outputs.
    Done,
    /// It belongs to a window that is closed.
    Late,
    /// The function has seen it before.
    Duplicate,
    /// It is bad and always will be: a dead letter.
    Rejected(String),
    /// Neither it nor those behind it could be decided now.
    Retry(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_order_as_generations() {
        let at = |sequence, sub_sequence| Position { sequence, sub_sequence };
        let rising = [at(1, 0), at(1, 9), at(2, 0), at(u128::from(u64::MAX), 1), at(u128::MAX, 0)];
        for pair in rising.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].generation() < pair[1].generation());
        }
    }

    #[test]
    fn a_position_keeps_all_its_digits() {
        let position = Position { sequence: u128::MAX, sub_sequence: 3 };
        let json = serde_json::to_string(&position).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    }
}
