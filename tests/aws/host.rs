//! The Lambda host as a host under test: real processes of the functions, real queues and buckets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use tidemill_core::Item;
use tidemill_core::deployment::Task;
use tidemill_events::{Found, Sources};

use crate::conformance::{self, AtRest, Counts, Host};
use crate::driver::Function;
use crate::driver::sqs::SqsMapping;
use crate::emulator::Emulator;
use crate::functions::MANIFEST;
use crate::ground::Ground;
use crate::proxy::Proxy;
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("lambda_keeps_the_promises", keeps_the_promises),
    ("lambda_bears_late_and_doubled_deliveries", late_and_doubled),
];

/// The stages, the first one first.
const STAGES: [&str; 2] = ["sets", "copies"];

/// How long an invocation may take: far more than any of these needs.
const TIMEOUT: Duration = Duration::from_secs(30);

fn keeps_the_promises(emulator: &Arc<Emulator>) {
    conformance::suite(|| Lambda::new(emulator));
}

/// An older event is held back until a newer one has been delivered, each of them twice.
fn late_and_doubled(emulator: &Arc<Emulator>) {
    let mut host = Lambda::new(emulator);
    let older = host.put("in/a", "A one two");
    let newer = host.put("in/a", "B two three");
    block_on(async {
        host.send(&older).await;
        let slow = SqsMapping { delay: Duration::from_secs(2), double: true, ..host.mapping(0) };
        let quick = SqsMapping { double: true, ..host.mapping(0) };
        let rest = async {
            // The slow one has it by then.
            while slow.in_flight().await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            host.send(&newer).await;
            assert_eq!(quick.turn().await, (1, 1));
        };
        let (turned, ()) = tokio::join!(slow.turn(), rest);
        assert_eq!(turned, (1, 1));
        host.settle().await;
    });
    let at_rest = host.at_rest();
    let expected = [("in/a/three.txt", "B"), ("in/a/two.txt", "B")];
    assert!(at_rest.media.iter().map(|(key, content)| (key.as_str(), content.as_str())).eq(expected));
    assert_eq!((at_rest.counts["done"], at_rest.counts["superseded"]), (1, 1));
}

struct Lambda {
    ground: Ground,
    proxy: Proxy,
    functions: Vec<Arc<Function>>,
    clock: u64,
}

impl Lambda {
    fn new(emulator: &Arc<Emulator>) -> Self {
        block_on(async {
            let ground = Ground::new(emulator, MANIFEST, &[]).await;
            let proxy = Proxy::open(emulator.address()).await;
            let functions: Vec<Arc<Function>> = STAGES
                .iter()
                .map(|stage| ground.function(stage, Task::Stage, &proxy.endpoint(), TIMEOUT))
                .collect();
            proxy.steps().of(functions.clone());
            Self { ground, proxy, functions, clock: 0 }
        })
    }

    fn mapping(&self, stage: usize) -> SqsMapping {
        let queue = &self.ground.place.queues[STAGES[stage]];
        let mapping = SqsMapping::new(&self.ground.clients.sqs, queue, &self.functions[stage]);
        SqsMapping { steps: Some(Arc::clone(self.proxy.steps())), ..mapping }
    }

    /// Lets everything follow from what is in the queues.
    async fn settle(&self) {
        let mappings = [self.mapping(0), self.mapping(1)];
        loop {
            for mapping in &mappings {
                mapping.settle().await;
            }
            // A repair may have gone back to the first.
            if mappings[0].depth().await == 0 {
                return;
            }
        }
    }

    async fn send(&self, item: &Item) {
        self.ground.send(STAGES[0], &serde_json::to_string(item).unwrap()).await;
    }

    /// The item that S3's event of a change gives, by way of EventBridge.
    fn event(&mut self, kind: &str, object: &Value) -> Item {
        self.clock += 1;
        let mut object = object.clone();
        object["sequencer"] = format!("{:018X}", self.clock).into();
        let event = json!({
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": kind,
            "source": "aws.s3",
            "account": "000000000000",
            "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": { "version": "0", "bucket": { "name": self.ground.place.buckets["uploads"] }, "object": object },
        });
        let sources = Sources::new(&self.ground.stage_file(STAGES[0]), &self.ground.place).unwrap();
        match sources.items(&event.to_string()).unwrap().pop() {
            Some(Found::Item(item)) => *item,
            other => panic!("{other:?}"),
        }
    }

    /// How the items of the first stage ended, each counted once, as its lines say.
    fn counts(&self) -> Counts {
        let mut last = BTreeMap::new();
        for line in self.functions[0].lines() {
            let line: Value = serde_json::from_str(&line).unwrap();
            if let (Some(item), Some(generation), Some(outcome)) =
                (line["item"].as_str(), line["generation"].as_str(), line["outcome"].as_str())
            {
                last.insert((item.to_owned(), generation.to_owned()), outcome.to_owned());
            }
        }
        let mut counts: Counts = ["done", "skipped", "superseded"].map(|name| (name.to_owned(), 0)).into();
        for outcome in last.into_values() {
            if let Some(count) = counts.get_mut(&outcome) {
                *count += 1;
            }
        }
        counts
    }
}

impl Host for Lambda {
    fn put(&mut self, key: &str, content: &str) -> Item {
        let tag = block_on(self.ground.put("uploads", key, content));
        self.event("Object Created", &json!({ "key": key, "size": content.len(), "etag": tag }))
    }

    fn remove(&mut self, key: &str) -> Item {
        let call = self.ground.clients.s3.delete_object().bucket(&self.ground.place.buckets["uploads"]);
        block_on(call.key(key).send()).unwrap();
        self.event("Object Deleted", &json!({ "key": key }))
    }

    fn put_output(&mut self, key: &str, content: &str) {
        block_on(self.ground.put("media", key, content));
    }

    fn deliver(&mut self, items: &[&Item]) {
        block_on(async {
            for item in items {
                self.send(item).await;
                self.settle().await;
            }
        });
    }

    fn keeps_unknown(&mut self, raw: &str) -> bool {
        block_on(async {
            self.ground.send(STAGES[0], raw).await;
            let mapping = self.mapping(0);
            assert_eq!(mapping.turn().await, (1, 0));
            let queue = &self.ground.place.queues[STAGES[0]];
            let kept = self.ground.clients.sqs.receive_message().queue_url(queue).send().await.unwrap();
            self.ground.clients.sqs.purge_queue().queue_url(queue).send().await.unwrap();
            kept.messages().iter().map(|message| message.body().unwrap()).eq([raw])
        })
    }

    fn deliver_and_die(&mut self, items: &[&Item], step: usize) -> Option<String> {
        self.proxy.steps().arm(step);
        block_on(async {
            for item in items {
                self.send(item).await;
            }
            self.settle().await;
        });
        self.proxy.steps().disarm()
    }

    fn at_rest(&self) -> AtRest {
        block_on(async {
            assert_eq!(self.mapping(0).depth().await, 0, "nothing is at rest while items wait");
            let buckets = self.ground.buckets();
            let letters = tidemill_aws::letters(&buckets, "conformance/sets", Some("media")).await.unwrap();
            let mut dead: Vec<(String, String)> = letters
                .into_iter()
                .map(|letter| (letter.item.object().unwrap().key.clone(), letter.reason))
                .collect();
            dead.sort();
            AtRest {
                media: self.ground.contents("media").await,
                copies: self.ground.contents("final").await,
                dead,
                counts: self.counts(),
            }
        })
    }
}
