//! The rules of a queue's mapping, on a real queue.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Act, Heard, failed, noting, success};
use crate::driver::sqs::SqsMapping;
use crate::emulator::Emulator;
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("sqs_deletes_only_what_succeeded", partial),
    ("sqs_deletes_nothing_of_a_failed_batch", whole),
    ("sqs_fills_batches_for_as_long_as_the_window", window),
    ("sqs_reads_answers_only_if_it_is_told_to", unread),
];

fn texts(event: &Value) -> Vec<String> {
    let records = event["Records"].as_array().unwrap();
    let mut texts: Vec<String> =
        records.iter().map(|record| record["body"].as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

/// A mapping of a new queue that holds `bodies`.
async fn mapping(
    emulator: &Emulator,
    heard: &Heard,
    bodies: &[&str],
    script: impl Fn(&[String], &Value) -> Act + Send + Sync + 'static,
) -> SqsMapping {
    let clients = emulator.clients().await;
    let made = clients.sqs.create_queue().queue_name(emulator.name("rules")).send().await.unwrap();
    let queue = made.queue_url.unwrap();
    for body in bodies {
        clients.sqs.send_message().queue_url(&queue).message_body(*body).send().await.unwrap();
    }
    SqsMapping::new(&clients.sqs, &queue, &noting(heard, texts, script))
}

fn id_of(event: &Value, body: &str) -> String {
    let records = event["Records"].as_array().unwrap();
    let found = records.iter().find(|record| record["body"] == body).unwrap();
    found["messageId"].as_str().unwrap().to_owned()
}

fn partial(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mapping = mapping(emulator, &heard, &["a", "b", "c"], |texts, event| {
            if texts.len() == 3 { failed(&id_of(event, "b")) } else { success() }
        });
        let mapping = mapping.await;
        assert_eq!(mapping.turn().await, (3, 2));
        assert_eq!(mapping.turn().await, (1, 1));
        assert_eq!(mapping.depth().await, 0);
    });
    assert_eq!(*heard.lock().unwrap(), [vec!["a", "b", "c"], vec!["b"]]);
}

fn whole(emulator: &Arc<Emulator>) {
    let bad: [fn() -> Act; 5] = [
        || Act::Error,
        || Act::Exit,
        || failed("of nobody"),
        || Act::Answer(r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#.into()),
        || Act::Answer("no JSON".into()),
    ];
    for act in bad {
        let heard = Heard::default();
        block_on(async {
            let mapping = mapping(emulator, &heard, &["a", "b"], move |_, _| act()).await;
            assert_eq!(mapping.turn().await, (2, 0));
            assert_eq!(mapping.depth().await, 2);
        });
    }
}

fn window(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let bodies: Vec<String> = (0..12).map(|number| format!("{number:02}")).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let mut mapping = mapping(emulator, &heard, &bodies, |_, _| success()).await;
        // One call gives ten at most; with a window there is time for a second one.
        mapping.batch = 25;
        mapping.window = Duration::from_secs(1);
        assert_eq!(mapping.turn().await, (12, 12));
    });
    assert_eq!(heard.lock().unwrap().len(), 1);
}

fn unread(emulator: &Arc<Emulator>) {
    let heard = Heard::default();
    block_on(async {
        let mut mapping = mapping(emulator, &heard, &["a"], |_, event| failed(&id_of(event, "a"))).await;
        mapping.report = false;
        assert_eq!(mapping.turn().await, (1, 1));
    });
}
