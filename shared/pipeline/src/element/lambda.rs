//! `lambda`: what a stage gets on AWS. One machine pays no attention to it, but checks it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Key, duration, storage};
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, whole};
use crate::tree::Pair;

/// The quotas of the Lambda Developer Guide: memory in MB, and the longest run.
const MEMORY: std::ops::RangeInclusive<u64> = 128..=10_240;
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);
/// The default quota of an account.
const CONCURRENCY: std::ops::RangeInclusive<u64> = 1..=1_000;

pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "memory",
        required: false,
        takes: "a whole number from 128 to 10240",
        default: "",
        about: "Memory in MB; CPU grows with it, one full processor at 1769.",
        schema: || json!({ "type": "integer", "minimum": MEMORY.start(), "maximum": MEMORY.end() }),
    },
    Key {
        name: "timeout",
        required: false,
        takes: "a duration from `1s` to `15m`, in whole seconds",
        default: "",
        about: "How long the function may run.",
        schema: duration::schema,
    },
    Key {
        name: "concurrency",
        required: false,
        takes: "a whole number from 1 to 1000",
        default: "",
        about: "How many run at once at most.",
        schema: || json!({ "type": "integer", "minimum": CONCURRENCY.start(), "maximum": CONCURRENCY.end() }),
    },
    Key {
        name: "storage",
        required: false,
        takes: "a size from `512MB` to `10240MB`",
        default: "",
        about: "The size of `/tmp`.",
        schema: storage::schema,
    },
];

/// The map as it was written, once it is checked.
pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Map<String, Value>> {
    let mut fields = Fields::of(&pair.value, "`lambda`", pair.key.span, sink)?;
    fields.close(KEYS, sink);
    if let Some(pair) = fields.pair("memory") {
        whole(pair, MEMORY, sink);
    }
    if let Some(pair) = fields.pair("timeout")
        && let Some(timeout) = duration::read(pair, &TIMEOUT, sink)
        && timeout.subsec_millis() != 0
    {
        sink.report(
            Finding::new(pair.value.span, "`timeout` is not in whole seconds")
                .hint(format!("write `{}s`", timeout.as_secs() + 1)),
        );
    }
    if let Some(pair) = fields.pair("concurrency") {
        whole(pair, CONCURRENCY, sink);
    }
    if let Some(pair) = fields.pair("storage") {
        storage::read(pair, sink);
    }
    match pair.value.json() {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

pub(crate) fn schema() -> Value {
    crate::schema::object(KEYS)
}
