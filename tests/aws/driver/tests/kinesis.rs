//! The rules of a stream's mapping, on a real stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Act, Heard, failed, noting, success};
use crate::driver::kinesis::{Failures, KinesisMapping};
use crate::emulator::Emulator;
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("kinesis_goes_on_at_the_lowest_number_named", partial),
    ("kinesis_halves_a_failed_batch", bisect),
    ("kinesis_gives_up_after_its_retries", retries),
    ("kinesis_gives_up_what_is_too_old", age),
    ("kinesis_keeps_the_order_of_a_partition_key", factor),
    ("kinesis_fills_batches_for_as_long_as_the_window", window),
    ("kinesis_hands_on_the_state_of_a_tumbling_window", tumbling),
];

fn records(event: &Value) -> &[Value] {
    event["Records"].as_array().unwrap()
}

fn text(record: &Value) -> String {
    let data = record["kinesis"]["data"].as_str().unwrap();
    String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

fn texts(event: &Value) -> Vec<String> {
    records(event).iter().map(text).collect()
}

fn number_of(event: &Value, wanted: &str) -> String {
    let found = records(event).iter().find(|record| text(record) == wanted).unwrap();
    found["kinesis"]["sequenceNumber"].as_str().unwrap().to_owned()
}

async fn put(mapping: &KinesisMapping, key: &str, texts: &[&str]) {
    for text in texts {
        let call = mapping.client.put_record().stream_name(&mapping.stream).partition_key(key);
        call.data(Blob::new(*text)).send().await.unwrap();
    }
}

/// A mapping of a new stream with `texts` in it.
async fn mapping(
    emulator: &Emulator,
    heard: &Heard,
    texts_of_stream: &[&str],
    script: impl Fn(&[String], &Value) -> Act + Send + Sync + 'static,
) -> KinesisMapping {
    let client = emulator.clients().await.kinesis();
    let name = emulator.name("rules");
    client.create_stream().stream_name(&name).shard_count(1).send().await.unwrap();
    let mapping = KinesisMapping::new(&client, &name, &noting(heard, texts, script));
    put(&mapping, "key", texts_of_stream).await;
    mapping
}

/// What lies in the on-failure destination.
async fn given_up(failures: &Failures) -> Vec<Value> {
    let listed = failures.client.list_objects_v2().bucket(&failures.bucket).send().await.unwrap();
    let mut found = Vec::new();
    for object in listed.contents() {
        let key = object.key().unwrap();
        assert!(key.starts_with(&format!("aws/lambda/{}/shardId-000000000000/", failures.mapping)), "{key}");
        let got = failures.client.get_object().bucket(&failures.bucket).key(key).send().await.unwrap();
        found.push(serde_json::from_slice(&got.body.collect().await.unwrap().to_vec()).unwrap());
    }
    found
}

async fn failures(emulator: &Emulator) -> Failures {
    let (clients, bucket) = (emulator.clients().await, emulator.name("failures"));
    clients.s3.create_bucket().bucket(&bucket).send().await.unwrap();
    Failures::new(&clients.s3, &bucket)
}

fn partial(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mapping = mapping(emulator, &heard, &["a", "b", "c", "d"], |texts, event| {
            if texts.len() == 4 {
                let names = ["d", "c"].map(|text| json!({ "itemIdentifier": number_of(event, text) }));
                return Act::Answer(json!({ "batchItemFailures": names }).to_string());
            }
            success()
        });
        let mapping = mapping.await;
        mapping.settle().await;
        put(&mapping, "key", &["e"]).await;
        mapping.settle().await;
    });
    assert_eq!(*heard.lock().unwrap(), [vec!["a", "b", "c", "d"], vec!["c", "d"], vec!["e"]]);
}

fn bisect(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mut mapping = mapping(emulator, &heard, &["a", "bad", "c", "d"], |texts, _| {
            if texts.len() > 1 && texts.contains(&"bad".to_owned()) { Act::Error } else { success() }
        })
        .await;
        // Splitting is no retry.
        mapping.retries = Some(0);
        mapping.settle().await;
    });
    let expected = [vec!["a", "bad", "c", "d"], vec!["a", "bad"], vec!["a"], vec!["bad"], vec!["c", "d"]];
    assert_eq!(*heard.lock().unwrap(), expected);
}

fn retries(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mut mapping = mapping(emulator, &heard, &["a", "bad"], |texts, event| {
            if texts.contains(&"bad".to_owned()) { failed(&number_of(event, "bad")) } else { success() }
        })
        .await;
        mapping.retries = Some(2);
        mapping.failures = Some(failures(emulator).await);
        mapping.settle().await;
        put(&mapping, "key", &["c"]).await;
        mapping.settle().await;
        let given_up = given_up(mapping.failures.as_ref().unwrap()).await;
        assert_eq!(given_up.len(), 1);
        assert_eq!(given_up[0]["requestContext"]["condition"], "RetryAttemptsExhausted");
        let about = &given_up[0]["KinesisBatchInfo"];
        assert_eq!((&about["shardId"], &about["batchSize"]), (&json!("shardId-000000000000"), &json!(1)));
        assert_eq!(about["startSequenceNumber"], about["endSequenceNumber"]);
        let payload: Value = serde_json::from_str(given_up[0]["payload"].as_str().unwrap()).unwrap();
        assert_eq!(texts(&payload), ["bad"]);
    });
    let expected = [vec!["a", "bad"], vec!["bad"], vec!["bad"], vec!["bad"], vec!["c"]];
    assert_eq!(*heard.lock().unwrap(), expected);
}

fn age(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mut mapping = mapping(emulator, &heard, &["a", "b"], |_, _| Act::Error).await;
        mapping.bisect = false;
        mapping.age = Some(Duration::from_millis(1_500));
        mapping.failures = Some(failures(emulator).await);
        mapping.settle().await;
        let given_up = given_up(mapping.failures.as_ref().unwrap()).await;
        let sizes =
            given_up.iter().map(|document| document["KinesisBatchInfo"]["batchSize"].as_u64().unwrap());
        assert_eq!(sizes.sum::<u64>(), 2);
    });
}

fn factor(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mut mapping = mapping(emulator, &heard, &[], |_, _| success()).await;
        mapping.factor = 2;
        mapping.batch = 3;
        for round in 0..3 {
            for key in ["a", "b"] {
                put(&mapping, key, &[&format!("{key}{round}")]).await;
            }
        }
        mapping.settle().await;
    });
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    assert_eq!(heard, [vec!["a0", "a1", "a2"], vec!["b0", "b1", "b2"]]);
}

fn window(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mut mapping = mapping(emulator, &heard, &["a"], |_, _| success()).await;
        mapping.batch = 2;
        mapping.window = Duration::from_mins(1);
        let late = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            put(&mapping, "key", &["b"]).await;
        };
        // The batch is full before the window is over.
        assert_eq!(tokio::join!(mapping.turn(), late).0, 2);
    });
    assert_eq!(*heard.lock().unwrap(), [vec!["a", "b"]]);
}

fn tumbling(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    let (without_state, finals) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&finals);
    block_on(async {
        let mapping = mapping(emulator, &heard, &[], move |texts, event| {
            if event["isFinalInvokeForWindow"] == true {
                let sum = event["state"]["sum"].as_u64().unwrap() as usize;
                counted.fetch_add(sum, Ordering::SeqCst);
            } else if without_state.fetch_add(1, Ordering::SeqCst) == 0 {
                // No state is a failed invocation.
                return success();
            }
            assert!(event["window"]["start"].is_string() && event["shardId"].is_string());
            let sum = event["state"]["sum"].as_u64().unwrap_or_default() + texts.len() as u64;
            Act::Answer(json!({ "state": { "sum": sum }, "batchItemFailures": [] }).to_string())
        });
        let mut mapping = mapping.await;
        mapping.tumbling = Some(Duration::from_secs(1));
        mapping.batch = 2;
        for texts in [["a", "b", "c"], ["d", "e", "f"]] {
            put(&mapping, "key", &texts).await;
            mapping.settle().await;
            tokio::time::sleep(Duration::from_millis(1_100)).await;
        }
        mapping.settle().await;
    });
    assert_eq!(finals.load(Ordering::SeqCst), 6, "every record is in the last state of one window");
}
