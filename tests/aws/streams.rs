//! Records of a real stream through the Lambda host: each counted once, whatever the mapping does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use serde_json::{Value, json};
use tidemill_aws::Letter;
use tidemill_core::Data;
use tidemill_core::deployment::Task;

use crate::driver::kinesis::KinesisMapping;
use crate::driver::sqs::SqsMapping;
use crate::driver::{Function, Outcome};
use crate::emulator::Emulator;
use crate::ground::Ground;
use crate::proxy::{Act, Proxy};
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("stream_counts_each_record_once", once),
    ("stream_counts_once_through_a_death_at_each_call", deaths),
    ("stream_buries_what_kills_its_runs", poison),
    ("stream_waits_for_what_is_unavailable", waits),
    ("stream_takes_a_dead_record_back_by_its_queue", retried),
    ("stream_comes_again_for_what_it_could_not_send", unsent),
];

const MANIFEST: &str = r#"
version: 1
name: streams
sources:
  events: { type: kinesis, stream: events }
stages:
  tallies:
    type: tally
    inputs: [events]
    output: { bucket: counts, key: "{key}/{rendition}.{ext}" }
    timeout: 1s
  trail:
    type: keep
    inputs: [tallies.outcomes]
    output: { bucket: trail, key: "{id}/{rendition}.{ext}" }
"#;

const SHARD: &str = "shardId-000000000000";

/// How long an invocation may take: far more than any of these needs.
const TIMEOUT: Duration = Duration::from_mins(1);

struct Stream {
    ground: Ground,
    proxy: Proxy,
    function: Arc<Function>,
    mapping: KinesisMapping,
}

impl Stream {
    async fn new(emulator: &Emulator, texts: &[&str]) -> Self {
        let ground = Ground::new(emulator, MANIFEST, &["gates"]).await;
        let proxy = Proxy::open(emulator.address()).await;
        let function = ground.function("tallies", Task::Stage, &proxy.endpoint(), TIMEOUT);
        proxy.steps().of(vec![Arc::clone(&function)]);
        let mapping =
            KinesisMapping::new(&ground.clients.kinesis(), &ground.place.streams["events"], &function);
        let stream = Self { ground, proxy, function, mapping };
        stream.put(texts).await;
        stream
    }

    async fn put(&self, texts: &[&str]) {
        for text in texts {
            let call =
                self.mapping.client.put_record().stream_name(&self.mapping.stream).partition_key("key");
            call.data(Blob::new(*text)).send().await.unwrap();
        }
    }

    /// What the shard's output says.
    async fn counts(&self) -> BTreeMap<String, u64> {
        let contents = self.ground.contents("counts").await;
        let counts = contents.get(&format!("events/{SHARD}/counts.json"));
        counts.map(|counts| serde_json::from_str(counts).unwrap()).unwrap_or_default()
    }

    /// How many words of outcomes are in the queue of those who listen.
    async fn words(&self) -> usize {
        let queue = &self.ground.place.queues["trail"];
        SqsMapping::new(&self.ground.clients.sqs, queue, &self.function).depth().await
    }

    async fn letters(&self) -> Vec<Letter> {
        tidemill_aws::letters(&self.ground.buckets(), "streams/tallies", Some("counts")).await.unwrap()
    }
}

fn counted(texts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    texts.iter().map(|(text, count)| ((*text).to_owned(), *count)).collect()
}

fn once(emulator: &Arc<Emulator>) {
    block_on(async {
        let texts: Vec<&str> = ["a", "b", "reject", "a", "c"].into_iter().cycle().take(40).collect();
        let mut stream = Stream::new(emulator, &texts).await;
        stream.mapping.batch = 7;
        stream.mapping.double = true;
        stream.mapping.settle().await;
        assert_eq!(stream.counts().await, counted(&[("a", 16), ("b", 8), ("c", 8)]));
        assert_eq!(stream.letters().await.len(), 8);
        // Another mapping begins at the horizon again.
        let kinesis = stream.ground.clients.kinesis();
        stream.mapping = KinesisMapping::new(&kinesis, &stream.mapping.stream, &stream.function);
        stream.put(&["a"]).await;
        stream.mapping.settle().await;
        assert_eq!(stream.counts().await, counted(&[("a", 17), ("b", 8), ("c", 8)]));
        assert_eq!(stream.letters().await.len(), 8);
    });
}

fn deaths(emulator: &Arc<Emulator>) {
    block_on(async {
        let mut names = Vec::new();
        for step in 0.. {
            let stream = Stream::new(emulator, &["a", "reject", "a", "b"]).await;
            stream.proxy.steps().arm(step);
            stream.mapping.settle().await;
            let Some(name) = stream.proxy.steps().disarm() else { break };
            assert_eq!(stream.counts().await, counted(&[("a", 2), ("b", 1)]), "after a death {name}");
            let reasons: Vec<String> =
                stream.letters().await.into_iter().map(|letter| letter.reason).collect();
            assert_eq!(reasons, ["it says so"], "after a death {name}");
            assert!(stream.words().await > 0, "after a death {name}");
            names.push(name);
        }
        for point in
            ["before head", "after head", "before output", "after output", "after letter", "before send"]
        {
            assert!(names.iter().any(|name| name.starts_with(point)), "no death {point}: {names:?}");
        }
    });
}

fn poison(emulator: &Arc<Emulator>) {
    for word in ["panic", "sleep", "abort"] {
        block_on(async {
            let stream = Stream::new(emulator, &["a", "b", word, "c"]).await;
            stream.mapping.settle().await;
            assert_eq!(stream.counts().await, counted(&[("a", 1), ("b", 1), ("c", 1)]), "beside {word}");
            let letters = stream.letters().await;
            assert_eq!(letters.len(), 1, "{word}");
            assert_eq!(letters[0].reason, "3 runs died on this record");
            let Data::Value(place) = &letters[0].item.data else { panic!("{:?}", letters[0].item) };
            assert_eq!((&place["stream"], &place["shard"]), (&json!("events"), &json!(SHARD)));
            assert_eq!(place["payload"]["text"], word);
            assert_eq!(place["sequence"].as_str().unwrap().len(), 56, "{place}");
        });
    }
}

fn waits(emulator: &Arc<Emulator>) {
    block_on(async {
        let stream = Stream::new(emulator, &["a", "wait", "b"]).await;
        let event = stream.mapping.next_event(SHARD).await;
        let Outcome::Answer(answer) = stream.function.invoke(&event).await else { panic!("no answer") };
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let second = &event["Records"][1]["kinesis"]["sequenceNumber"];
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": second }] }));
        assert_eq!(stream.counts().await, counted(&[("a", 1)]), "what is before it is decided");
        let opened = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            stream.ground.put("gates", "open", "").await;
        };
        tokio::join!(stream.mapping.settle(), opened);
        assert_eq!(stream.counts().await, counted(&[("a", 1), ("b", 1), ("wait", 1)]));
        assert!(stream.letters().await.is_empty());
    });
}

fn retried(emulator: &Arc<Emulator>) {
    block_on(async {
        let stream = Stream::new(emulator, &["a", "gated"]).await;
        stream.mapping.settle().await;
        let letter = stream.letters().await.pop().unwrap();
        assert_eq!(letter.reason, "the gate is shut");
        stream.ground.put("gates", "open", "").await;
        stream.ground.send("tallies", &serde_json::to_string(&letter.item).unwrap()).await;
        let queue = &stream.ground.place.queues["tallies"];
        SqsMapping::new(&stream.ground.clients.sqs, queue, &stream.function).settle().await;
        let contents = stream.ground.contents("counts").await;
        let key = format!("events/retried/{}/counts.json", letter.item.id);
        assert_eq!(contents[&key], r#"{"gated":1}"#);
        assert_eq!(stream.counts().await, counted(&[("a", 1)]), "the shard has gone on without it");
    });
}

fn unsent(emulator: &Arc<Emulator>) {
    block_on(async {
        let stream = Stream::new(emulator, &["a", "reject"]).await;
        stream.proxy.rule(
            |call| {
                if call.name == "send" { Act::Refuse(500, "InternalFailure") } else { Act::Pass }
            },
        );
        let event = stream.mapping.next_event(SHARD).await;
        let Outcome::Answer(answer) = stream.function.invoke(&event).await else { panic!("no answer") };
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(1), "{answer}");
        stream.proxy.rule(|_| Act::Pass);
        stream.mapping.settle().await;
        assert_eq!((stream.counts().await, stream.words().await), (counted(&[("a", 1)]), 1));
    });
}
