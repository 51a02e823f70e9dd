//! Every form of event, as its documentation shows it (`data`), and what comes of it.
//!
//! The samples are those of: Amazon S3 User Guide, "EventBridge event message structure" and "Event message
//! structure"; Amazon SNS Developer Guide, "HTTP/HTTPS notification JSON format"; AWS Lambda Developer Guide on
//! Amazon SNS, Amazon Kinesis and scheduled events. Bucket, stream and keys are ours. `@name` in a sample stands
//! for another sample as text.

#![expect(clippy::unwrap_used, reason = "a test says why it fails by where it fails")]
#![expect(clippy::disallowed_methods, reason = "the crate opens nothing, its samples are files")]

#[path = "shop/mod.rs"]
mod shop;

use std::path::Path;

use serde_json::json;
use tidemill_core::{Data, Item, Object, Sequence};
use tidemill_events::{Found, Trace};

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    match text.split_once("\"@") {
        None => text,
        Some((before, rest)) => {
            let (other, after) = rest.split_once('"').unwrap();
            format!("{before}{}{after}", serde_json::to_string(&sample(other)).unwrap())
        }
    }
}

fn items(name: &str) -> Vec<Item> {
    let found = shop::sources(None).items(&sample(name)).unwrap();
    found
        .into_iter()
        .map(|found| match found {
            Found::Item(item) => *item,
            Found::Aside(reason) => panic!("{name}: {reason}"),
        })
        .collect()
}

fn aside(name: &str) -> String {
    match shop::sources(None).items(&sample(name)).unwrap().pop() {
        Some(Found::Aside(reason)) => reason,
        other => panic!("{name}: {other:?}"),
    }
}

fn object(key: &str, version: Option<&str>, etag: &str, bytes: u64) -> Object {
    Object {
        bucket: "uploads".into(),
        key: key.into(),
        version: version.map(str::to_owned),
        etag: etag.into(),
        bytes,
        media_type: None,
    }
}

/// A root item of the source `uploads`.
fn root(time: &str, sequence: &str, data: Data) -> Item {
    Item::root("shop/uploads", time.parse().unwrap(), sequence.parse().unwrap(), data)
}

const KEY: &str = "in/a+b %2B ä.jpg";

#[test]
fn s3_through_eventbridge() {
    let version = Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e");
    let created = object(KEY, version, "b1946ac92492d2347c6235b4d2611184", 5);
    let expected = root("2021-11-12T00:00:00Z", "617f08299329d189", Data::Created(created));
    assert_eq!(items("eventbridge-created.json"), [expected]);
    let version = Some("1QW9g1Z99LUNbvaaYVpW9xDlOLU.qxgF");
    let removed = object(KEY, version, "d41d8cd98f00b204e9800998ecf8427e", 0);
    let expected = root("2021-11-12T00:00:01Z", "617f0837b476e463", Data::Removed(removed));
    assert_eq!(items("eventbridge-deleted.json"), [expected]);
    let expired = items("eventbridge-expired.json").remove(0);
    assert!(expired.is_removal() && expired.subject() == ("uploads", "in/old.jpg"));
    assert!(aside("eventbridge-tagged.json").contains("no change of an object's content"));
}

/// Keys are encoded here, and were not above; the item is the same but for what S3 says of it.
fn notified() -> Item {
    let version = Some("096fKKXTRTtl3on89fVO.nfljtsv6qko");
    let created = object(KEY, version, "d41d8cd98f00b204e9800998ecf8427e", 1024);
    root("1970-01-01T00:00:00Z", "0055AED6DCD90281E5", Data::Created(created))
}

#[test]
fn s3_by_notification() {
    assert_eq!(items("notification-created.json"), [notified()]);
    let two = items("notification-two.json");
    assert!(two.iter().all(Item::is_removal), "{two:?}");
    let keys: Vec<&str> = two.iter().map(|item| item.subject().1).collect();
    assert_eq!(keys, ["in/gone.jpg", "in/old.jpg"]);
    assert!(two[0].sequence < two[1].sequence);
    assert_eq!(aside("notification-test.json"), "S3 tries the way");
}

#[test]
fn s3_by_sns() {
    assert_eq!(items("sns-in-sqs.json"), [notified()]);
    assert_eq!(items("sns-direct.json"), [notified()]);
    assert_eq!(aside("sns-subscription.json"), "SNS speaks of the subscription");
}

#[test]
fn a_scheduled_event() {
    let tick = items("scheduled.json").remove(0);
    let rule = "arn:aws:events:us-east-1:123456789012:rule/my-scheduled-rule";
    assert_eq!(tick.data, Data::Value(json!({ "schedule": rule, "time": "2015-10-08T16:53:06Z" })));
    assert_eq!((tick.source.as_str(), &tick.sequence), ("shop/schedule", &Sequence::default()));
    assert_eq!(items("scheduled.json").remove(0).id, tick.id, "a repeat has the same id");
}

#[test]
fn an_item_of_a_stage() {
    let text = sample("item.json");
    let item = items("item.json").remove(0);
    assert_eq!(item, serde_json::from_str(&text).unwrap());
    assert_eq!((item.attempt, item.hops, item.reason.as_deref()), (2, 1, Some("S3 did not answer")));
    let trace = Trace::from_w3c(item.trace.as_deref().unwrap()).unwrap();
    assert_eq!(trace.xray(), "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
}

#[test]
fn a_batch_of_a_stream() {
    let batches = shop::sources(None).batches(&sample("kinesis.json")).unwrap();
    assert_eq!(batches.len(), 1);
    assert_eq!((batches[0].stream.as_str(), batches[0].shard.as_str()), ("visits", "shardId-000000000006"));
    let texts: Vec<&[u8]> = batches[0].records.iter().map(|record| record.data.as_ref()).collect();
    assert_eq!(texts, [b"Hello, this is a test.".as_ref(), b"This is only a test."]);
    let first = &batches[0].records[0];
    assert_eq!(
        first.sequence.to_string(),
        "49590338271490256608559692538361571095921575989136588898",
        "all 56 digits, which are what a partial answer names"
    );
    assert_eq!((first.key.as_str(), first.arrival.as_millisecond()), ("1", 1_545_084_650_987));
}

#[test]
fn what_the_stage_excludes_is_put_aside() {
    let pattern = json!({ "data": { "key": [{ "suffix": ".csv" }] } });
    for name in ["eventbridge-created.json", "notification-created.json", "sns-in-sqs.json"] {
        let found = shop::sources(Some(&pattern)).items(&sample(name)).unwrap();
        assert!(matches!(&found[..], [Found::Aside(_)]), "{name}: {found:?}");
    }
}
