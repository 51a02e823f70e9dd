//! What a stream hands over at once.

use bytes::Bytes;
use jiff::Timestamp;

use crate::generation::Sequence;
pub use crate::sequence_number::{InvalidSequenceNumber, SequenceNumber};

/// One record of a shard. Its identity is (shard, sequence, sub-sequence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The sequence number within the shard.
    pub sequence: SequenceNumber,
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
    pub sequence: SequenceNumber,
    /// The place within an aggregated record.
    pub sub_sequence: u64,
}

impl Position {
    /// The position as the sequence of a generation: sub-sequences take the last 16 digits.
    pub fn generation(self) -> Sequence {
        format!("{}{:016x}", self.sequence.hexadecimal(), self.sub_sequence).parse().unwrap_or_default()
    }
}

mod decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::SequenceNumber;

    pub(super) fn serialize<S: Serializer>(value: &SequenceNumber, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SequenceNumber, D::Error> {
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
        let at = |sequence: u128, sub_sequence| Position { sequence: sequence.into(), sub_sequence };
        let rising = [at(1, 0), at(1, 9), at(2, 0), at(u128::from(u64::MAX), 1), at(u128::MAX, 0)];
        for pair in rising.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].generation() < pair[1].generation());
        }
    }

    #[test]
    fn a_position_keeps_all_its_digits() {
        let number = "49590338271490256608559692538361571095921575989136588898";
        let position = Position { sequence: number.parse().unwrap(), sub_sequence: 3 };
        let json = serde_json::to_string(&position).unwrap();
        assert!(json.contains(number), "{json}");
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    }
}
