//! `lambda`: what a stage gets on AWS. One machine pays no attention to it, but checks it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Key, choice, duration, storage};
use crate::aws::{Architecture, LambdaSettings};
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, whole};
use crate::tree::Pair;

/// The quotas of the Lambda Developer Guide: memory in MB, and the longest run.
const MEMORY: std::ops::RangeInclusive<u64> = 128..=10_240;
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);
/// The default quota of an account.
const CONCURRENCY: std::ops::RangeInclusive<u64> = 1..=1_000;
/// Less than a mapping could hand over: each item takes its time, and all share the function's.
const BATCH: std::ops::RangeInclusive<u64> = 1..=100;

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
    Key {
        name: "architecture",
        required: false,
        takes: "`x86_64` or `arm64`",
        default: "",
        about: "Its processors.",
        schema: || json!({ "enum": ["x86_64", "arm64"] }),
    },
    Key {
        name: "batch",
        required: false,
        takes: "a whole number from 1 to 100",
        default: "",
        about: "The most items or records that one call is handed.",
        schema: || json!({ "type": "integer", "minimum": BATCH.start(), "maximum": BATCH.end() }),
    },
];

/// The settings; what is wrong is left away, once it is reported.
pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<LambdaSettings> {
    let mut fields = Fields::of(&pair.value, "`lambda`", pair.key.span, sink)?;
    fields.close(KEYS, sink);
    let architectures = [Architecture::X86_64, Architecture::Arm64].map(|one| (one.name(), one));
    Some(LambdaSettings {
        memory: fields.pair("memory").and_then(|pair| whole(pair, MEMORY, sink)),
        timeout: fields.pair("timeout").and_then(|pair| timeout(pair, sink)),
        concurrency: fields.pair("concurrency").and_then(|pair| whole(pair, CONCURRENCY, sink)),
        storage: fields.pair("storage").and_then(|pair| storage::read(pair, sink)),
        architecture: fields.pair("architecture").and_then(|pair| choice::read(pair, &architectures, sink)),
        batch: fields.pair("batch").and_then(|pair| whole(pair, BATCH, sink)),
    })
}

fn timeout(pair: &Pair, sink: &mut Sink) -> Option<Duration> {
    let timeout = duration::read(pair, &TIMEOUT, sink)?;
    if timeout.subsec_millis() != 0 {
        sink.report(
            Finding::new(pair.value.span, "`timeout` is not in whole seconds")
                .hint(format!("write `{}s`", timeout.as_secs() + 1)),
        );
        return None;
    }
    Some(timeout)
}

pub(crate) fn schema() -> Value {
    crate::schema::object(KEYS)
}
