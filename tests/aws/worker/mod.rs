//! The worker: the promises, its heart-beat, its end.

mod host;
mod process;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

pub use process::{ORDERS, main};

use crate::conformance;
use crate::emulator::Emulator;
use crate::ground::Ground;
use crate::{Test, block_on};
use process::{Orders, Process};

pub const TESTS: &[Test] = &[
    ("worker_keeps_the_promises", keeps_the_promises),
    ("worker_keeps_a_slow_item_to_itself", keeps_a_slow_item),
    ("worker_gives_back_what_it_does_not_finish", gives_back),
];

/// How long something may take that follows by itself.
const PATIENCE: Duration = Duration::from_mins(1);

fn keeps_the_promises(emulator: &Arc<Emulator>) {
    conformance::suite(|| host::Worker::new(emulator));
}

/// A stage whose items take as long as they may.
const SLOW: &str = r#"
version: 1
name: slow
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
stages:
  sets:
    type: set
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    names: [one]
    attempts: 1
    timeout: 5s
"#;

/// One slow item in a queue.
struct Slow {
    ground: Ground,
    endpoint: String,
    folder: tempfile::TempDir,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Slow {
    async fn new(emulator: &Emulator, manifest: &str, hidden: u64) -> Self {
        let ground = Ground::new(emulator, manifest, &[]).await;
        let folder = tempfile::tempdir().unwrap();
        let orders = Orders { stages: vec![ground.stage_file("sets")], place: ground.place.clone(), hidden };
        std::fs::write(folder.path().join("orders.json"), serde_json::to_vec(&orders).unwrap()).unwrap();
        let tag = ground.put("uploads", "in/a", "sleep").await;
        let event = json!({
            "source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-01T00:00:00Z",
            "detail": {
                "bucket": { "name": ground.place.buckets["uploads"] },
                "object": { "key": "in/a", "size": 5, "etag": tag, "sequencer": "01" },
            },
        });
        ground.send("sets", &event.to_string()).await;
        Self { ground, endpoint: emulator.endpoint(), folder, lines: Arc::default() }
    }

    fn worker(&self) -> Process {
        Process::start(&self.folder.path().join("orders.json"), &self.endpoint, &self.lines)
    }

    /// How many messages are visible, and how many are under way.
    async fn depth(&self) -> (u64, u64) {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let queue = &self.ground.place.queues["sets"];
        let call = self.ground.clients.sqs.get_queue_attributes().queue_url(queue);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        let attributes = answer.attributes().unwrap();
        let [visible, under_way] = names.map(|name| attributes[&name].parse().unwrap());
        (visible, under_way)
    }

    async fn until(&self, depth: (u64, u64)) {
        let begun = Instant::now();
        while self.depth().await != depth {
            assert!(begun.elapsed() < PATIENCE, "{:#?}", self.lines.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How the item ended, each time that it did.
    fn ends(&self) -> Vec<(String, String)> {
        let lines = self.lines.lock().unwrap();
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lines
            .filter(|line| line["outcome"].is_string())
            .map(|line| (text(&line["outcome"]), text(&line["reason"])))
            .collect()
    }
}

/// An item takes longer than its message is hidden, and two workers look for messages.
fn keeps_a_slow_item(emulator: &Arc<Emulator>) {
    block_on(async {
        let slow = Slow::new(emulator, SLOW, 2).await;
        let workers = [slow.worker(), slow.worker()];
        slow.until((0, 1)).await;
        slow.until((0, 0)).await;
        for worker in workers {
            worker.kill().await;
        }
        assert_eq!(slow.ends(), [("dead".to_owned(), "took longer than 5 s".to_owned())]);
    });
}

/// What a stopped worker has under way goes back, untried, and the next one takes it.
fn gives_back(emulator: &Arc<Emulator>) {
    block_on(async {
        let slow = Slow::new(emulator, &SLOW.replace("5s", "10m"), 120).await;
        let worker = slow.worker();
        slow.until((0, 1)).await;
        worker.stop().await;
        assert_eq!(slow.depth().await, (1, 0), "it is there at once");
        assert_eq!(slow.ends(), [("unsettled".to_owned(), "stopped".to_owned())]);
        let next = slow.worker();
        slow.until((0, 1)).await;
        next.kill().await;
    });
}
