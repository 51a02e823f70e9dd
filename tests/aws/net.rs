//! What ends without an answer: the deadline, a death, too little memory. Nothing is lost, and the queue's net
//! turns what never comes to an end into a dead letter.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use tidemill_core::deployment::Task;

use crate::driver::sqs::SqsMapping;
use crate::driver::{Function, Outcome, Program, Settings};
use crate::emulator::Emulator;
use crate::ground::Ground;
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("lambda_gives_back_what_it_has_no_time_for", no_time),
    ("lambda_goes_on_after_the_deadline_killed_it", killed),
    ("lambda_buries_what_its_queue_gave_up", drained),
    ("lambda_says_why_it_cannot_start", no_start),
];

const MANIFEST: &str = r#"
version: 1
name: net
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
stages:
  eater:
    type: eat
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
"#;

/// The event of a new object whose content is `content`.
async fn upload(ground: &Ground, key: &str, content: &str) -> Value {
    let tag = ground.put("uploads", key, content).await;
    json!({
        "source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-01T00:00:00Z",
        "version": "0", "id": "0", "account": "000000000000", "region": "us-east-1", "resources": [],
        "detail": {
            "bucket": { "name": ground.place.buckets["uploads"] },
            "object": { "key": key, "size": content.len(), "etag": tag, "sequencer": "01" },
        },
    })
}

fn no_time(emulator: &Arc<Emulator>) {
    block_on(async {
        let ground = Ground::new(emulator, MANIFEST, &[]).await;
        let function = ground.function("eater", Task::Stage, &emulator.endpoint(), Duration::from_secs(4));
        let event = upload(&ground, "in/a", "1").await;
        ground.send("eater", &event.to_string()).await;
        let mapping = SqsMapping::new(&ground.clients.sqs, &ground.place.queues["eater"], &function);
        assert_eq!(mapping.turn().await, (1, 0), "it is not begun, and stays");
        assert!(ground.contents("media").await.is_empty());
        let patient = ground.function("eater", Task::Stage, &emulator.endpoint(), Duration::from_mins(1));
        SqsMapping::new(&ground.clients.sqs, &ground.place.queues["eater"], &patient).settle().await;
        assert_eq!(ground.contents("media").await.len(), 1);
    });
}

/// A function that does not even let its host answer is killed at the deadline, and the next start goes on.
fn killed(emulator: &Arc<Emulator>) {
    block_on(async {
        let ground = Ground::new(emulator, MANIFEST, &[]).await;
        let function = ground.function("eater", Task::Stage, &emulator.endpoint(), Duration::from_secs(8));
        let mut mapping = SqsMapping::new(&ground.clients.sqs, &ground.place.queues["eater"], &function);
        mapping.batch = 1;
        let (stuck, good) =
            (upload(&ground, "in/stuck", "stuck").await, upload(&ground, "in/good", "1").await);
        ground.send("eater", &stuck.to_string()).await;
        assert_eq!(mapping.turn().await, (1, 0), "it stays in the queue");
        assert_eq!(function.invoke(&json!({ "Records": [] })).await, Outcome::Answer("null".into()));
        assert_eq!(function.starts(), 2);
        ground.clients.sqs.purge_queue().queue_url(&mapping.queue).send().await.unwrap();
        ground.send("eater", &good.to_string()).await;
        mapping.settle().await;
        assert_eq!(ground.contents("media").await.into_keys().collect::<Vec<_>>(), ["in/good/size.txt"]);
    });
}

/// A process with too little memory for one of two items dies again and again, the other item is done, and the
/// drain of the dead-letter queue makes a dead letter of the first.
fn drained(emulator: &Arc<Emulator>) {
    block_on(async {
        let ground = Ground::new(emulator, MANIFEST, &[]).await;
        let (sqs, queue) = (&ground.clients.sqs, &ground.place.queues["eater"]);
        let dead = sqs.create_queue().queue_name(emulator.name("net-dead")).send().await.unwrap();
        let dead = dead.queue_url.unwrap();
        let name = dead.rsplit('/').next().unwrap();
        let redrive = json!({
            "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:000000000000:{name}"), "maxReceiveCount": 3,
        });
        let call = sqs.set_queue_attributes().queue_url(queue);
        call.attributes(QueueAttributeName::RedrivePolicy, redrive.to_string()).send().await.unwrap();
        let mut binary = ground.binary("eater", Task::Stage, &emulator.endpoint());
        binary.address_space = Some(2 << 30);
        let settings = Settings { name: "eater".into(), megabytes: 10_240, timeout: Duration::from_mins(1) };
        let function = Function::new(settings, Program::Binary(binary));
        let (large, small) =
            (upload(&ground, "in/large", "4096").await, upload(&ground, "in/small", "1").await);
        ground.send("eater", &large.to_string()).await;
        let mut mapping = SqsMapping::new(sqs, queue, &function);
        mapping.batch = 1;
        mapping.turn().await;
        ground.send("eater", &small.to_string()).await;
        mapping.settle().await;
        assert_eq!(function.starts(), 4, "three deaths");
        let contents = ground.contents("media").await;
        assert_eq!(contents.into_keys().collect::<Vec<_>>(), ["in/small/size.txt"]);
        let drain = ground.function("eater", Task::Drain, &emulator.endpoint(), Duration::from_mins(1));
        SqsMapping::new(sqs, &dead, &drain).settle().await;
        let letters = tidemill_aws::letters(&ground.buckets(), "net/eater", Some("media")).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].item.object().unwrap().key, "in/large");
        assert!(letters[0].reason.contains("too little memory"), "{}", letters[0].reason);
    });
}

fn no_start(emulator: &Arc<Emulator>) {
    block_on(async {
        let ground = Ground::new(emulator, MANIFEST, &[]).await;
        let function = ground.function("eater", Task::Stage, &emulator.endpoint(), Duration::from_mins(1));
        let root = ground.binary("eater", Task::Stage, &emulator.endpoint()).root;
        std::fs::remove_file(root.join("stage.json")).unwrap();
        let outcome = function.invoke(&json!({})).await;
        assert!(matches!(outcome, Outcome::Ended(_) | Outcome::Error(_)), "{outcome:?}");
        let lines = function.lines().join("\n");
        assert!(lines.contains("cannot start") && lines.contains("stage.json"), "{lines}");
    });
}
