//! The driver itself, against scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::partial::{self, Partial};
use super::script::{Act, Script};
use super::{Function, Outcome, Program, Settings};
use crate::{Plain, block_on};

pub const TESTS: &[Plain] = &[
    ("driver_reads_answers_as_lambda_does", answers),
    ("driver_starts_again_what_has_ended", ends),
    ("driver_kills_what_is_late", late),
];

fn function(script: Script) -> Arc<Function> {
    let settings = Settings { name: "scripted".into(), megabytes: 128, timeout: Duration::from_millis(500) };
    Function::new(settings, Program::Script(script))
}

fn answers() {
    let known = ["a", "b"].map(str::to_owned);
    let failed = |names: &[&str]| Partial::Failed(names.iter().map(|name| (*name).to_owned()).collect());
    for (answer, expected) in [
        ("null", Partial::Success),
        ("{}", Partial::Success),
        (r#"{"batchItemFailures":null}"#, Partial::Success),
        (r#"{"batchItemFailures":[]}"#, Partial::Success),
        (r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, failed(&["b"])),
        (r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}"#, Partial::Failure),
        (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, Partial::Failure),
        (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, Partial::Failure),
        (r#"{"batchItemFailures":[{"itemidentifier":"a"}]}"#, Partial::Failure),
        (r#"{"batchItemFailures":["#, Partial::Failure),
        ("", Partial::Failure),
    ] {
        assert_eq!(partial::read(answer, &known), expected, "{answer}");
    }
}

fn ends() {
    let calls = AtomicUsize::new(0);
    let function = function(Arc::new(move |event| match calls.fetch_add(1, Ordering::SeqCst) {
        1 => Act::Exit,
        2 => Act::Error,
        _ => Act::Answer(event.to_string()),
    }));
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
    let function = function(Arc::new(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Act::Hang,
        _ => Act::Answer("null".into()),
    }));
    block_on(async {
        assert_eq!(function.invoke(&json!({})).await, Outcome::TimedOut);
        assert_eq!(function.invoke(&json!({})).await, Outcome::Answer("null".into()));
        assert_eq!(function.starts(), 2);
    });
}
