//! What the hosts of the conformance suite have in common: objects, their events, and what is at rest.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_core::Item;
use tidemill_events::{Found, Sources};

use crate::block_on;
use crate::conformance::{AtRest, Counts};
use crate::emulator::{ACCOUNT, Emulator, REGION};
use crate::functions::MANIFEST;
use crate::ground::Ground;

/// The stages, the first one first.
pub const STAGES: [&str; 2] = ["sets", "copies"];

/// The ground of one case.
pub struct Bench {
    pub ground: Ground,
    clock: u64,
}

impl Bench {
    pub async fn new(emulator: &Emulator) -> Self {
        Self { ground: Ground::new(emulator, MANIFEST, &[]).await, clock: 0 }
    }

    pub async fn send(&self, item: &Item) {
        self.ground.send(STAGES[0], &serde_json::to_string(item).unwrap()).await;
    }

    pub fn put(&mut self, key: &str, content: &str) -> Item {
        let tag = block_on(self.ground.put("uploads", key, content));
        self.event("Object Created", &json!({ "key": key, "size": content.len(), "etag": tag }))
    }

    pub fn remove(&mut self, key: &str) -> Item {
        let call = self.ground.clients.s3.delete_object().bucket(&self.ground.place.buckets["uploads"]);
        block_on(call.key(key).send()).unwrap();
        self.event("Object Deleted", &json!({ "key": key }))
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
            "account": ACCOUNT,
            "time": "2026-01-01T00:00:00Z",
            "region": REGION,
            "resources": [],
            "detail": { "version": "0", "bucket": { "name": self.ground.place.buckets["uploads"] }, "object": object },
        });
        let sources = Sources::new(&self.ground.stage_file(STAGES[0]), &self.ground.place).unwrap();
        match sources.items(&event.to_string()).unwrap().pop() {
            Some(Found::Item(item)) => *item,
            other => panic!("{other:?}"),
        }
    }

    /// What can be seen, with the lines that the host wrote.
    pub async fn at_rest(&self, lines: &[String]) -> AtRest {
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
            counts: counts(lines),
        }
    }
}

/// How the items of the first stage ended, each counted once, as its lines say.
fn counts(lines: &[String]) -> Counts {
    let mut last = BTreeMap::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        if let (Some("sets"), Some(item), Some(generation), Some(outcome)) = (
            line["stage"].as_str(),
            line["item"].as_str(),
            line["generation"].as_str(),
            line["outcome"].as_str(),
        ) {
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
