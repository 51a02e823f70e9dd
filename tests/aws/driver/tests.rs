//! The driver itself, against scripts.

mod kinesis;
mod sqs;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::script::{Act, Script};
use super::{Function, Outcome, Program, Settings, partial};
use crate::{Plain, Test, block_on};

pub const PLAIN: &[Plain] = &[
    ("driver_reads_answers_as_lambda_does", answers),
    ("driver_starts_again_what_has_ended", ends),
    ("driver_kills_what_is_late", late),
];

pub fn tests() -> Vec<Test> {
    [sqs::TESTS, kinesis::TESTS].concat()
}

fn function(script: impl Fn(&Value) -> Act + Send + Sync + 'static) -> Arc<Function> {
    let settings = Settings { name: "scripted".into(), megabytes: 128, timeout: Duration::from_secs(20) };
    let script: Script = Arc::new(script);
    Function::new(settings, Program::Script(script))
}

/// What a script was handed: for each invocation the texts of its records.
type Heard = Arc<Mutex<Vec<Vec<String>>>>;

/// A function that notes what it hears and then does what `script` says of the texts.
fn noting(
    heard: &Heard,
    texts: fn(&Value) -> Vec<String>,
    script: impl Fn(&[String], &Value) -> Act + Send + Sync + 'static,
) -> Arc<Function> {
    let heard = Arc::clone(heard);
    function(move |event| {
        let texts = texts(event);
        heard.lock().unwrap().push(texts.clone());
        script(&texts, event)
    })
}

fn success() -> Act {
    Act::Answer(r#"{"batchItemFailures":[]}"#.into())
}

fn failed(name: &str) -> Act {
    Act::Answer(json!({ "batchItemFailures": [{ "itemIdentifier": name }] }).to_string())
}

fn answers() {
    let batch = ["1", "2"].map(str::to_owned);
    let (none, all) = (&[][..], &batch[..]);
    for (answer, queue, shard) in [
        ("null", none, None),
        ("{}", none, None),
        (r#"{"batchItemFailures":null}"#, none, None),
        (r#"{"batchItemFailures":[]}"#, none, None),
        (r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#, &batch[1..], Some(1)),
        (r#"{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"1"}]}"#, all, Some(0)),
        (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, all, Some(0)),
        (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, all, Some(0)),
        (r#"{"batchItemFailures":[{"itemidentifier":"2"}]}"#, all, Some(0)),
        (r#"{"batchItemFailures":["#, all, Some(0)),
        ("", all, Some(0)),
    ] {
        let mut stay = partial::of_queue(answer, &batch);
        stay.sort();
        assert_eq!(stay, queue, "{answer}");
        assert_eq!(partial::of_shard(answer, &batch), shard, "{answer}");
    }
    let unknown = r#"{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"of nobody"}]}"#;
    assert_eq!(partial::of_queue(unknown, &batch), batch);
}

fn ends() {
    let calls = AtomicUsize::new(0);
    let function = function(move |event| match calls.fetch_add(1, Ordering::SeqCst) {
        1 => Act::Exit,
        2 => Act::Error,
        _ => Act::Answer(event.to_string()),
    });
    block_on(async {
        assert_eq!(function.invoke(&json!(1)).await, Outcome::Answer("1".into()));
        assert_eq!(function.invoke(&json!(2)).await, Outcome::Ended("the script ended".into()));
        assert!(matches!(function.invoke(&json!(3)).await, Outcome::Error(_)));
        assert_eq!(function.invoke(&json!(4)).await, Outcome::Answer("4".into()));
        assert_eq!(function.starts(), 2, "an error leaves the environment warm, an end does not");
        function.kill().await;
        assert_eq!(function.invoke(&json!(5)).await, Outcome::Answer("5".into()));
        assert_eq!(function.starts(), 3);
    });
}

fn late() {
    let calls = AtomicUsize::new(0);
    let settings = Settings { name: "late".into(), megabytes: 128, timeout: Duration::from_millis(500) };
    let script: Script = Arc::new(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Act::Hang,
        _ => Act::Answer("null".into()),
    });
    let function = Function::new(settings, Program::Script(script));
    block_on(async {
        assert_eq!(function.invoke(&json!({})).await, Outcome::TimedOut);
        assert_eq!(function.invoke(&json!({})).await, Outcome::Answer("null".into()));
        assert_eq!(function.starts(), 2);
    });
}
