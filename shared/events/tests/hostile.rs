//! Events that nobody should send: each is answered with a reason, and none with a panic.

#![expect(clippy::unwrap_used, reason = "a test says why it fails by where it fails")]

#[path = "shop/mod.rs"]
mod shop;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidemill_events::{Found, Unreadable};

fn items(event: &Value) -> Result<Vec<Found>, Unreadable> {
    shop::sources(None).items(&event.to_string())
}

fn broken(event: &Value) -> String {
    match items(event) {
        Err(Unreadable::Broken(reason)) => reason,
        other => panic!("{event}: {other:?}"),
    }
}

fn created() -> Value {
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
        "source": "aws.s3", "account": "111122223333", "time": "2021-11-12T00:00:00Z", "region": "ca-central-1",
        "resources": [],
        "detail": {
            "bucket": { "name": "shop-test-b-uploads" },
            "object": { "key": "in/a", "size": 5, "etag": "e", "sequencer": "617f08299329d189" },
        },
    })
}

fn record(key: &str) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-west-2",
        "eventTime": "1970-01-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": "p" }, "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "c",
            "bucket": { "name": "shop-test-b-uploads", "ownerIdentity": { "principalId": "o" }, "arn": "arn" },
            "object": { "key": key, "size": 1, "eTag": "e", "sequencer": "01" },
        },
    })
}

fn stream_record() -> Value {
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0", "partitionKey": "1", "sequenceNumber": "4959033827149025660855969253836",
            "data": "YQ==", "approximateArrivalTimestamp": 1_545_084_650.987,
        },
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "shardId-000000000000:4959",
        "eventName": "aws:kinesis:record", "invokeIdentityArn": "arn", "awsRegion": "us-east-2",
        "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/shop-test-s-visits",
    })
}

/// The value with the member at `pointer` changed by `change`.
fn with(mut event: Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
    change(event.pointer_mut(pointer).unwrap());
    event
}

/// The value without the member `name` of what is at `pointer`.
fn without(event: Value, pointer: &str, name: &str) -> Value {
    with(event, pointer, |at| drop(at.as_object_mut().unwrap().remove(name)))
}

#[test]
fn fields_that_are_missing_are_named() {
    let cases = [
        (without(created(), "", "time"), "time"),
        (without(created(), "", "detail"), "detail"),
        (without(created(), "/detail", "bucket"), "bucket"),
        (without(created(), "/detail/bucket", "name"), "name"),
        (without(created(), "/detail/object", "key"), "key"),
        (without(created(), "/detail/object", "sequencer"), "sequencer"),
        (with(created(), "/detail/object/sequencer", |at| *at = json!("xyz")), "xyz"),
        (with(created(), "/detail/object/size", |at| *at = json!(-1)), "-1"),
        (json!({ "Records": [without(record("in/a"), "", "s3")] }), "s3"),
        (json!({ "Records": [without(record("in/a"), "/s3/object", "key")] }), "key"),
        (json!({ "Records": [without(record("in/a"), "/s3/object", "sequencer")] }), "sequencer"),
        (json!({ "Records": [with(record("in/a"), "/s3/object/size", |at| *at = json!(-1))] }), "size"),
        (json!({ "specversion": "1.0" }), "id"),
        (json!({ "Records": [{ "eventSource": "aws:dynamodb" }] }), "aws:dynamodb"),
        (json!({ "Records": [{ "eventSource": "aws:kinesis" }] }), "aws:kinesis"),
        (json!({ "detail-type": "EC2 Instance State-change", "source": "aws.ec2" }), "aws.ec2"),
        (json!({}), "neither an item nor an event"),
        (json!([1, 2]), "neither an item nor an event"),
        (json!("text"), "neither an item nor an event"),
        (json!(null), "neither an item nor an event"),
    ];
    for (event, named) in cases {
        let reason = broken(&event);
        assert!(reason.contains(named), "`{named}` is not in `{reason}`, of {event}");
    }
    assert!(matches!(shop::sources(None).items("{"), Err(Unreadable::Broken(_))));
    assert!(matches!(shop::sources(None).items(""), Err(Unreadable::Broken(_))));
}

#[test]
fn keys_that_are_encoded_badly_are_named() {
    for key in ["in/%", "in/%4", "in/%zz", "in/%FF%FE", "in/%C3"] {
        assert!(broken(&json!({ "Records": [record(key)] })).contains(key), "{key}");
    }
    let decoded = |key: &str| match items(&json!({ "Records": [record(key)] })).unwrap().pop() {
        Some(Found::Item(item)) => item.subject().1.to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(decoded("in/a+b"), "in/a b");
    assert_eq!(decoded("in/a%2Bb%25"), "in/a+b%");
    assert_eq!(decoded("in/%E2%98%83%00"), "in/☃\0");
    // Where nothing is encoded, nothing is decoded.
    let plain = with(created(), "/detail/object/key", |at| *at = json!("in/a+b%2Bc%"));
    assert!(matches!(&items(&plain).unwrap()[..], [Found::Item(item)] if item.subject().1 == "in/a+b%2Bc%"));
}

#[test]
fn what_is_not_for_the_stage_is_put_aside() {
    for event in [
        with(created(), "/detail/object/key", |at| *at = json!("out/a")),
        with(created(), "/detail/bucket/name", |at| *at = json!("another")),
        json!({ "Records": [record("out%2Fa")] }),
        json!({ "Records": [with(record("in/a"), "/eventName", |at| *at = json!("ObjectRestore:Post"))] }),
        json!({ "Records": [with(record("in/a"), "/eventName", |at| *at = json!(null))] }),
    ] {
        assert!(matches!(&items(&event).unwrap()[..], [Found::Aside(_)]), "{event}");
    }
    assert_eq!(items(&json!({ "Records": [] })), Ok(Vec::new()));
}

#[test]
fn a_batch_of_ten_thousand_is_read() {
    let records: Vec<Value> = (0..10_000).map(|number| record(&format!("in/{number}"))).collect();
    assert_eq!(items(&json!({ "Records": records })).unwrap().len(), 10_000);
    let records: Vec<Value> = (0..10_000)
        .map(|number| with(stream_record(), "/kinesis/sequenceNumber", |at| *at = json!(format!("{number}"))))
        .collect();
    let batches = shop::sources(None).batches(&json!({ "Records": records }).to_string()).unwrap();
    assert_eq!((batches.len(), batches[0].records.len()), (1, 10_000));
}

#[test]
fn records_of_a_stream_that_cannot_be_read_are_named() {
    let batches = |record: Value| shop::sources(None).batches(&json!({ "Records": [record] }).to_string());
    assert!(batches(stream_record()).is_ok());
    for (record, named) in [
        (with(stream_record(), "/kinesis/data", |at| *at = json!("%%%")), ""),
        (with(stream_record(), "/kinesis/sequenceNumber", |at| *at = json!("-1")), "-1"),
        (with(stream_record(), "/kinesis/sequenceNumber", |at| *at = json!("9".repeat(100))), "999"),
        (with(stream_record(), "/eventID", |at| *at = json!("nonsense")), "nonsense"),
        (
            with(stream_record(), "/eventSourceARN", |at| *at = json!("arn:aws:kinesis:::stream/other")),
            "other",
        ),
        (without(stream_record(), "", "kinesis"), "kinesis"),
    ] {
        let reason = batches(record).unwrap_err();
        assert!(reason.contains(named), "`{named}` is not in `{reason}`");
    }
}

#[test]
fn two_shards_and_repeats_in_one_batch_are_told_apart() {
    let at = |shard: u32, number: u32| {
        let record = with(stream_record(), "/kinesis/sequenceNumber", |at| *at = json!(number.to_string()));
        with(record, "/eventID", |at| *at = json!(format!("shardId-{shard}:{number}")))
    };
    let event = json!({ "Records": [at(1, 9), at(0, 10), at(1, 10), at(1, 9)] });
    let batches = shop::sources(None).batches(&event.to_string()).unwrap();
    let sizes: Vec<(&str, usize)> =
        batches.iter().map(|batch| (batch.shard.as_str(), batch.records.len())).collect();
    assert_eq!(sizes, [("shardId-1", 2), ("shardId-0", 1)]);
    assert!(batches[0].records[0].sequence < batches[0].records[1].sequence);
}

#[test]
fn a_newer_format_is_left_for_a_newer_program() {
    let event = json!({ "specversion": "1.0", "tmformat": 99, "whatever": { "it": "says" } });
    assert!(matches!(items(&event), Err(Unreadable::Newer(_))));
    let wrapped = json!({ "Type": "Notification", "Message": event.to_string() });
    assert!(matches!(items(&wrapped), Err(Unreadable::Newer(_))));
    let too_large = json!({ "specversion": "1.0", "tmformat": 1e30 });
    assert!(items(&too_large).is_err());
}

#[test]
fn wrapping_and_nesting_come_to_an_end() {
    let mut event = created();
    for _ in 0..10 {
        event = json!({ "Type": "Notification", "Message": event.to_string() });
    }
    assert!(broken(&event).contains("neither an item nor an event"));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(matches!(shop::sources(None).items(&deep), Err(Unreadable::Broken(_))));
        assert!(shop::sources(None).batches(&deep).is_err());
    }
}

#[test]
fn times_of_arrival_are_seconds_with_a_fraction() {
    let pointer = "/Records/0/kinesis/approximateArrivalTimestamp";
    let arrival = |time: Value| {
        let event = with(json!({ "Records": [stream_record()] }), pointer, |at| *at = time);
        let batches = shop::sources(None).batches(&event.to_string());
        batches.map(|batches| batches[0].records[0].arrival.to_string())
    };
    assert_eq!(arrival(json!(1_545_084_650)).unwrap(), "2018-12-17T22:10:50Z");
    assert_eq!(arrival(json!(1_545_084_650.9)).unwrap(), "2018-12-17T22:10:50.9Z");
    assert_eq!(arrival(json!("1545084650.98")).unwrap(), "2018-12-17T22:10:50.98Z");
    for time in
        [json!(null), json!([7.309_501_672_018_021e-213]), json!(1e30), json!("NaN"), json!("inf"), json!("")]
    {
        assert!(arrival(time.clone()).unwrap_err().contains("no time of arrival"), "{time}");
    }
    let listed =
        with(json!({ "Records": [stream_record()] }), "/Records/0/kinesis", |at| *at = json!([7.3e-213]));
    assert!(shop::sources(None).batches(&listed.to_string()).is_err());
}

/// Values that look like parts of events.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~ä☃%+]{0,12}".prop_map(Value::from),
        prop_oneof![Just("aws:s3"), Just("aws:sns"), Just("aws.s3"), Just("Notification"), Just("in/a")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![
            Just("Records".to_owned()),
            Just("detail".to_owned()),
            Just("detail-type".to_owned()),
            Just("Message".to_owned()),
            Just("Type".to_owned()),
            Just("specversion".to_owned()),
            Just("s3".to_owned()),
            Just("object".to_owned()),
            "[a-z]{1,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(text: String, value in anything()) {
        let sources = shop::sources(None);
        let _ = sources.items(&text);
        let _ = sources.batches(&text);
        let _ = sources.items(&value.to_string());
        let _ = sources.batches(&value.to_string());
    }

    /// A good event with one member replaced by anything.
    #[test]
    fn nothing_panics_near_a_good_event(at in 0_usize..6, value in anything()) {
        let places = [
            ("/detail/object/key", created()),
            ("/detail/object", created()),
            ("/time", created()),
            ("/Records/0/s3/object", json!({ "Records": [record("in/a")] })),
            ("/Records/0/s3/object/key", json!({ "Records": [record("in/a")] })),
            ("/Records/0/kinesis", json!({ "Records": [stream_record()] })),
        ];
        let (pointer, event) = places[at].clone();
        let event = with(event, pointer, |at| *at = value);
        let _ = shop::sources(None).items(&event.to_string());
        let _ = shop::sources(None).batches(&event.to_string());
    }
}
