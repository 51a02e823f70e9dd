//! `attempts`: how often an item is tried before it is a dead letter.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::diagnostic::Sink;
use crate::fields::whole;
use crate::tree::Pair;

pub(crate) const RANGE: RangeInclusive<u64> = 1..=10;
pub(crate) const DEFAULT: u32 = 3;

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<u32> {
    whole(pair, RANGE, sink).and_then(|value| u32::try_from(value).ok())
}

pub(crate) fn schema() -> Value {
    json!({ "type": "integer", "minimum": RANGE.start(), "maximum": RANGE.end() })
}
