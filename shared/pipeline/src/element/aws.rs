//! `aws`: what is there already on AWS, and what holds for the whole deployment.

use serde_json::{Value, json};

use super::{Key, name, vpc};
use crate::aws::DEFAULT_LOG_RETENTION;
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text, whole};
use crate::near::quoted;
use crate::tree::{Pair, Span, Spanned};

/// The element, as far as it could be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aws {
    /// Names that the manifest should know, with physical names.
    pub(crate) buckets: Vec<(Spanned<String>, String)>,
    pub(crate) streams: Vec<(Spanned<String>, String)>,
    pub(crate) vpc: vpc::Vpc,
    pub(crate) kms_key: Option<String>,
    pub(crate) log_retention_days: Option<u32>,
}

/// What CloudWatch Logs keeps logs for, in days (`PutRetentionPolicy`, CloudWatch Logs API Reference).
const RETENTION: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "buckets",
        required: false,
        takes: "a map of names to physical names",
        default: "all are made",
        about: "Buckets that are there already and are used as they are.",
        schema: || json!({ "type": "object", "additionalProperties": name::resource_schema() }),
    },
    Key {
        name: "streams",
        required: false,
        takes: "a map of names to physical names",
        default: "all are made",
        about: "Streams that are there already and are used as they are.",
        schema: || json!({ "type": "object", "additionalProperties": name::stream_schema() }),
    },
    Key {
        name: "vpc",
        required: false,
        takes: "`{ subnets, security_groups }`",
        default: "none",
        about: "Where functions run that must reach something private, such as a database.",
        schema: vpc::schema,
    },
    Key {
        name: "kms_key",
        required: false,
        takes: "a key's ARN",
        default: "keys of AWS",
        about: "The KMS key that encrypts buckets, queues and streams.",
        schema: || json!({ "type": "string", "pattern": "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$" }),
    },
    Key {
        name: "log_retention",
        required: false,
        takes: "days, one of those that CloudWatch has",
        default: "`30`",
        about: "For how long logs are kept.",
        schema: || json!({ "enum": RETENTION, "default": DEFAULT_LOG_RETENTION }),
    },
];

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Aws> {
    let mut fields = Fields::of(&pair.value, "`aws`", pair.key.span, sink)?;
    fields.close(KEYS, sink);
    let mut names = |key: &str, check: fn(&str, &str, Span, &mut Sink) -> bool| {
        let Some(pair) = fields.pair(key) else { return Vec::new() };
        let Some(fields) = Fields::of(&pair.value, format!("`{key}`"), pair.key.span, sink) else {
            return Vec::new();
        };
        fields
            .pairs()
            .iter()
            .filter_map(|pair| {
                let physical = text(pair, sink)?;
                check(key.trim_end_matches('s'), &physical.value, physical.span, sink)
                    .then(|| (pair.key.clone(), physical.value))
            })
            .collect()
    };
    let buckets = names("buckets", name::check_resource);
    let streams = names("streams", name::check_stream);
    let vpc = fields.pair("vpc").and_then(|pair| vpc::read(pair, sink)).unwrap_or_default();
    let kms_key = fields.pair("kms_key").and_then(|pair| kms_key(pair, sink));
    let log_retention_days = fields.pair("log_retention").and_then(|pair| retention(pair, sink));
    Some(Aws { buckets, streams, vpc, kms_key, log_retention_days })
}

fn kms_key(pair: &Pair, sink: &mut Sink) -> Option<String> {
    let written = text(pair, sink)?;
    let parts: Vec<&str> = written.value.splitn(6, ':').collect();
    let fits = match parts.as_slice() {
        ["arn", partition, "kms", region, account, key] => {
            partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && key.strip_prefix("key/").is_some_and(|id| {
                    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
        }
        _ => false,
    };
    if !fits {
        let message = format!("`kms_key` is no key's ARN: {}", quoted(&written.value));
        let hint = "write it as `arn:aws:kms:REGION:ACCOUNT:key/ID`; an alias does not do in a policy";
        sink.report(Finding::new(written.span, message).hint(hint));
        return None;
    }
    Some(written.value)
}

fn retention(pair: &Pair, sink: &mut Sink) -> Option<u32> {
    let days = whole(pair, 1..=3_653, sink)?;
    let found = RETENTION.into_iter().find(|known| u64::from(*known) == days);
    if found.is_none() {
        let next = RETENTION.into_iter().find(|known| u64::from(*known) > days).unwrap_or(3_653);
        sink.report(
            Finding::new(pair.place(), format!("CloudWatch cannot keep logs for {days} days"))
                .hint(format!("the next time that it has is {next} days")),
        );
    }
    found
}

pub(crate) fn schema() -> Value {
    crate::schema::object(KEYS)
}
