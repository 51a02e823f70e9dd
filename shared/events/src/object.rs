//! What S3 tells of an object, by EventBridge or by a notification of the bucket.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::s3::{S3Event, S3EventRecord};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{Data, Item, Object, Sequence};

use crate::message::{Found, Unreadable, broken};
use crate::{Objects, Sources};

/// The `detail` of an event that S3 sends to EventBridge.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Detail {
    bucket: Bucket,
    object: Described,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Bucket {
    name: String,
}

/// Keys stand as they are here; in notifications they are URL-encoded.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Described {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    etag: String,
    #[serde(default)]
    version_id: Option<String>,
    #[serde(default)]
    sequencer: Option<String>,
}

#[derive(Clone, Copy)]
enum Change {
    Created,
    Removed,
}

pub(crate) fn bridged(sources: &Sources, event: Value) -> Result<Vec<Found>, Unreadable> {
    let event: EventBridgeEvent<Detail> = serde_json::from_value(event).map_err(broken)?;
    let change = match event.detail_type.as_str() {
        "Object Created" => Change::Created,
        "Object Deleted" => Change::Removed,
        other => return Ok(vec![Found::Aside(format!("`{other}` is no change of an object's content"))]),
    };
    let time = event.time.and_then(|time| Timestamp::from_millisecond(time.timestamp_millis()).ok());
    let time = time.ok_or_else(|| broken("the event has no time"))?;
    let Detail { bucket, object } = event.detail;
    found(sources, &bucket.name, change, time, object).map(|found| vec![found])
}

pub(crate) fn notified(sources: &Sources, event: Value) -> Result<Vec<Found>, Unreadable> {
    let event: S3Event = serde_json::from_value(event).map_err(broken)?;
    event.records.into_iter().map(|record| one(sources, record)).collect()
}

fn one(sources: &Sources, record: S3EventRecord) -> Result<Found, Unreadable> {
    let name = record.event_name.unwrap_or_default();
    let name = name.strip_prefix("s3:").unwrap_or(&name);
    let change = if name.starts_with("ObjectCreated:") {
        Change::Created
    } else if name.starts_with("ObjectRemoved:") || name.starts_with("LifecycleExpiration:") {
        Change::Removed
    } else {
        return Ok(Found::Aside(format!("`{name}` is no change of an object's content")));
    };
    let time = Timestamp::from_millisecond(record.event_time.timestamp_millis()).map_err(broken)?;
    let bucket = record.s3.bucket.name.ok_or_else(|| broken("the event names no bucket"))?;
    let object = record.s3.object;
    let key = object.key.ok_or_else(|| broken("the event names no key"))?;
    let described = Described {
        key: decoded(&key)?,
        size: object.size.unwrap_or_default().try_into().map_err(|_| broken("a size below zero"))?,
        etag: object.e_tag.unwrap_or_default(),
        version_id: object.version_id,
        sequencer: object.sequencer,
    };
    found(sources, &bucket, change, time, described)
}

fn found(
    sources: &Sources,
    bucket: &str,
    change: Change,
    time: Timestamp,
    object: Described,
) -> Result<Found, Unreadable> {
    let listens = |source: &&Objects| source.physical == bucket && object.key.starts_with(&source.prefix);
    let Some(source) = sources.objects.iter().find(listens) else {
        return Ok(Found::Aside(format!("`{bucket}/{}` is in none of the stage's sources", object.key)));
    };
    if object.key.starts_with(tidemill_core::key::RESERVED) {
        return Ok(Found::Aside("a document of the host".to_owned()));
    }
    // Without it nothing says which of two events of a key came first.
    let sequencer = object.sequencer.ok_or_else(|| broken("the event has no sequencer"))?;
    let sequence: Sequence = sequencer.parse().map_err(broken)?;
    let subject = Object {
        bucket: source.bucket.clone(),
        key: object.key,
        version: object.version_id.filter(|version| !version.is_empty() && version != "null"),
        etag: object.etag.trim_matches('"').to_owned(),
        bytes: object.size,
        media_type: None,
    };
    let data = match change {
        Change::Created => Data::Created(subject),
        Change::Removed => Data::Removed(subject),
    };
    let item = Item::root(&source.signature, time, sequence, data);
    Ok(if sources.lets_through(&item) {
        Found::Item(Box::new(item))
    } else {
        Found::Aside("the stage's `when` excludes it".to_owned())
    })
}

/// A key as notifications write it (form encoding: `+` is a space, `%` and two hexadecimal digits a byte).
fn decoded(key: &str) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(broken(format!("the key `{key}` is not URL-encoded"))),
                }
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| broken(format!("the key `{key}` is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_decoded() {
        assert_eq!(decoded("in/a+b%2Bc%25.txt").unwrap(), "in/a b+c%.txt");
        for bad in ["a%", "a%4", "a%zz", "%ff"] {
            assert!(decoded(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(key: String) {
            let encoded: String = key.bytes().map(|byte| match byte {
                b' ' => "+".to_owned(),
                byte if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            }).collect();
            prop_assert_eq!(decoded(&encoded).unwrap(), key);
        }
    }
}
