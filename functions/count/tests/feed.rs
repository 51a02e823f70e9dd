//! The function behind the protocol that every host uses: verdicts, the state, the document.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context as Poller, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tidemill_core::batch::{Batch, Record};
use tidemill_core::function::Shape;
use tidemill_core::key::KeyTemplate;
use tidemill_core::plan::{OnRemove, OutputPlan, StagePlan};
use tidemill_core::ports::{
    Admission, Answer, Body, Clock, Condition, Cpu, DeadLetter, DeadLetters, Head, Meta, Objects, Outbox,
    Port, Ports, Reply, Source, StoreError,
};
use tidemill_core::{Cost, Entry, Fed, Item, Limits, Object, RecordStage, Stop, Work, feed};
use tidemill_count::Count;

const ENTRY: Entry = Entry::records::<Count>();

/// A bucket in memory, and everything else that a host provides, at its simplest.
#[derive(Default)]
struct World {
    objects: Mutex<BTreeMap<String, (Head, Bytes)>>,
    dead: Mutex<Vec<DeadLetter>>,
}

fn ready<T: Send + 'static>(value: T) -> Answer<'static, T> {
    Box::pin(std::future::ready(value))
}

impl Objects for World {
    fn open<'a>(&'a self, _: &'a Object) -> Answer<'a, Result<Box<dyn Source>, StoreError>> {
        ready(Err(StoreError::Missing))
    }

    fn head<'a>(&'a self, _: &'a str, key: &'a str) -> Answer<'a, Result<Option<Head>, StoreError>> {
        ready(Ok(self.objects.lock().unwrap().get(key).map(|(head, _)| head.clone())))
    }

    fn get<'a>(
        &'a self,
        _: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<(String, Bytes)>, StoreError>> {
        let objects = self.objects.lock().unwrap();
        ready(Ok(objects.get(key).map(|(head, bytes)| (head.etag.clone(), bytes.clone()))))
    }

    fn put<'a>(
        &'a self,
        _: &'a str,
        key: &'a str,
        body: &'a Body,
        meta: &'a Meta,
        condition: Condition,
    ) -> Answer<'a, Result<String, StoreError>> {
        let mut objects = self.objects.lock().unwrap();
        let there = objects.get(key).map(|(head, _)| head.etag.clone());
        let holds = match &condition {
            Condition::Absent => there.is_none(),
            Condition::Match(etag) => there.as_ref() == Some(etag),
        };
        if !holds {
            return ready(Err(StoreError::Conflict));
        }
        let head = Head {
            etag: meta.checksum.clone(),
            bytes: body.len(),
            media_type: Some(meta.media_type.clone()),
            mark: meta.mark.clone(),
            checksum: Some(meta.checksum.clone()),
        };
        let etag = head.etag.clone();
        objects.insert(key.to_owned(), (head, body.0.concat().into()));
        ready(Ok(etag))
    }

    fn remove<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str) -> Answer<'a, Result<(), StoreError>> {
        ready(Err(StoreError::Missing))
    }
}

impl Outbox for World {
    fn send<'a>(&'a self, _: Port, _: &'a Item) -> Answer<'a, Result<(), StoreError>> {
        ready(Ok(()))
    }
}

impl DeadLetters for World {
    fn bury<'a>(&'a self, letter: &'a DeadLetter) -> Answer<'a, Result<(), StoreError>> {
        self.dead.lock().unwrap().push(letter.clone());
        ready(Ok(()))
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> Answer<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Cpu for World {
    fn spawn(&self, work: Box<dyn FnOnce() -> Reply + Send>) {
        work()();
    }
}

impl Admission for World {
    fn admit(&self, _: Cost) -> Answer<'_, Result<Box<dyn Send + Sync>, String>> {
        ready(Ok(Box::new(())))
    }
}

struct Bench {
    world: Arc<World>,
    stage: RecordStage,
}

impl Bench {
    fn new(config: Value) -> Self {
        Self { world: Arc::default(), stage: stage(config) }
    }

    /// Feeds the payloads as a batch that begins at `sequence`.
    fn feed(&self, sequence: u128, payloads: &[&str]) -> Fed {
        let world = &self.world;
        let ports = Ports {
            objects: Arc::clone(world) as _,
            outbox: Arc::clone(world) as _,
            dead: Arc::clone(world) as _,
            clock: Arc::clone(world) as _,
            cpu: Arc::clone(world) as _,
            admission: Arc::clone(world) as _,
        };
        let record = |(sequence, payload): (u128, &&str)| Record {
            sequence: sequence.into(),
            sub_sequence: 0,
            key: String::new(),
            arrival: Timestamp::UNIX_EPOCH,
            data: Bytes::from((*payload).to_owned()),
        };
        let records = (sequence..).zip(payloads).map(record).collect();
        let batch = Batch { stream: "visits".into(), shard: "0".into(), records };
        let stop = Stop::default();
        let mut work = Box::pin(feed(&self.stage, &ports, &batch, &stop));
        match work.as_mut().poll(&mut Poller::from_waker(Waker::noop())) {
            Poll::Ready(fed) => fed.unwrap(),
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    fn document(&self) -> Value {
        let objects = self.world.objects.lock().unwrap();
        let (head, bytes) = &objects["visits/0/counts.json"];
        assert_eq!(head.media_type.as_deref(), Some("application/json"));
        serde_json::from_slice(bytes).unwrap()
    }
}

fn stage(config: Value) -> RecordStage {
    let built = (ENTRY.build)(config.clone()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let Work::Records(function) = built.work else { panic!("it takes records") };
    assert_eq!(built.outputs.len(), 1);
    let plan = StagePlan {
        pipeline: "p".into(),
        name: "countries".into(),
        function: ENTRY.name.into(),
        inputs: Vec::new(),
        when: None,
        output: Some(OutputPlan {
            bucket: "reports".into(),
            key: KeyTemplate::parse("{key}/{rendition}.{ext}").unwrap(),
        }),
        on_remove: OnRemove::Keep,
        attempts: 3,
        timeout: Duration::from_secs(30),
        limits: Limits::default(),
        config,
        recipe: String::new(),
        revision: 0,
    };
    RecordStage { plan: Arc::new(plan), function, state_bucket: "reports".into() }
}

#[test]
fn counts_on_from_batch_to_batch() {
    let bench = Bench::new(json!({ "by": "c" }));
    bench.feed(1, &[r#"{"c":"de"}"#, r#"{"c":"fr"}"#]);
    bench.feed(3, &[r#"{"c":"fr"}"#, "{}"]);
    assert_eq!(
        bench.document(),
        json!({
            "by": "c", "records": 4, "values": 2, "missing": 1, "other": 0,
            "counts": [{ "value": "fr", "count": 2 }, { "value": "de", "count": 1 }],
        })
    );
}

#[test]
fn a_repeat_counts_nothing_twice() {
    let bench = Bench::new(json!({ "by": "c" }));
    let records = [r#"{"c":1}"#, r#"{"c":2}"#, r#"{"c":1}"#];
    bench.feed(1, &records[..2]);
    let fed = bench.feed(1, &records);
    assert_eq!((fed.repeated, fed.progress.done), (2, 1));
    assert_eq!(bench.document()["records"], 3);
}

#[test]
fn the_cut_of_batches_does_not_show() {
    let records = [r#"{"c":1}"#, "?", r#"{"c":2}"#, r#"{"c":3}"#, r#"{"c":2}"#];
    let whole = Bench::new(json!({ "by": "c", "limit": 2 }));
    whole.feed(1, &records);
    let cut = Bench::new(json!({ "by": "c", "limit": 2 }));
    for (sequence, record) in (1..).zip(records) {
        cut.feed(sequence, &[record]);
    }
    assert_eq!(whole.document(), cut.document());
    assert_eq!(whole.document()["other"], 1);
}

#[test]
fn a_broken_record_is_a_dead_letter_and_its_neighbours_count() {
    let bench = Bench::new(json!({ "by": "c" }));
    let fed = bench.feed(1, &[r#"{"c":1}"#, r#"{"c":"#, r#"{"c":1}"#]);
    assert_eq!((fed.progress.done, fed.progress.dead), (2, 1));
    let dead = bench.world.dead.lock().unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, "not JSON: EOF while parsing a value at column 5");
    assert_eq!(bench.document()["records"], 2);
}

#[test]
fn another_field_counts_anew() {
    let mut bench = Bench::new(json!({ "by": "c" }));
    bench.feed(1, &[r#"{"c":1,"d":2}"#]);
    bench.stage = stage(json!({ "by": "d" }));
    bench.feed(2, &[r#"{"c":1,"d":2}"#]);
    assert_eq!(bench.document()["by"], "d");
    assert_eq!(bench.document()["records"], 1);
}

#[test]
fn is_in_the_table_as_a_records_function() {
    assert_eq!((ENTRY.name, ENTRY.shape), ("count", Shape::Records));
    let errors = (ENTRY.build)(json!({ "by": "" })).err().unwrap();
    assert_eq!(errors[0].pointer, "/by");
}

#[test]
fn the_readme_shows_what_it_does() {
    let bench = Bench::new(json!({ "by": "user.country" }));
    let of = |country| json!({ "user": { "country": country } }).to_string();
    let (de, fr) = (of("de"), of("fr"));
    bench.feed(1, &[&de, &fr, &de, "{}", &de, &fr, &de]);
    let readme = include_str!("../README.md");
    let shown = readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let objects = bench.world.objects.lock().unwrap();
    assert_eq!(std::str::from_utf8(&objects["visits/0/counts.json"].1).unwrap(), shown);
}

#[test]
fn the_readme_names_every_key_with_its_default() {
    let schema = serde_json::to_value(schemars::schema_for!(tidemill_count::config::Config)).unwrap();
    for (key, about) in schema["properties"].as_object().unwrap() {
        let default = about.get("default").map(Value::to_string).unwrap_or_default();
        let row = format!("| `{key}` | {default} |").replace("|  |", "| |");
        assert!(include_str!("../README.md").contains(&row), "no row {row}");
    }
}
