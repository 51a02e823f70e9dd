//! A batch of one shard through one stage, each record exactly once however batches are cut.
//!
//! Each (stage, shard) has one head document: the last decided position, the function's state up to it,
//! and what is still to be sent. It is replaced by compare-and-set, so a repeat finds its records at or
//! below the position. Before a batch runs, the head notes its start; a start without an end (the host
//! died) is run again record by record, and a record on which three runs died is a dead letter.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::batch::{Batch, Position, Record, Verdict};
use crate::context::{Context, Staging, Stop};
use crate::deliver::in_time;
use crate::digest;
use crate::fault::Fault;
use crate::function::DynRecords;
use crate::generation::{Generation, Sequence};
use crate::item::{Data, FORMAT, Item};
use crate::key::RESERVED;
use crate::mark::Mark;
use crate::plan::StagePlan;
use crate::ports::{Condition, DeadLetter, Meta, Port, Ports, StoreError, outcome_value};

/// How many runs may die on one record before it is given up.
const RUNS: u32 = 3;

/// A stage whose function takes records.
#[derive(Clone)]
pub struct RecordStage {
    /// What it is to do.
    pub plan: Arc<StagePlan>,
    /// What does it.
    pub function: Arc<dyn DynRecords>,
    /// The bucket for the head documents.
    pub state_bucket: Arc<str>,
}

/// A run that was begun and has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Started {
    first: Position,
    last: Position,
    runs: u32,
}

/// How many records of a shard ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Counted, or otherwise in the state or the outputs.
    pub done: u64,
    /// Behind a closed window.
    pub late: u64,
    /// Seen before by the function.
    pub duplicate: u64,
    /// Among the dead letters.
    pub dead: u64,
}

/// The head document of one (stage, shard).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardHead {
    format: u32,
    counter: u64,
    /// Everything at or before it is decided.
    pub position: Option<Position>,
    /// The function's state up to the position.
    pub state: Option<Value>,
    /// How the records so far ended.
    pub progress: Progress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<Started>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Item>,
}

impl ShardHead {
    /// The reserved key of the head of (stage, stream, shard).
    pub fn key(signature: &str, stream: &str, shard: &str) -> String {
        format!("{RESERVED}{signature}/heads/{}.json", digest::name_of(&[stream, shard]))
    }

    fn new() -> Self {
        Self {
            format: FORMAT,
            counter: 0,
            position: None,
            state: None,
            progress: Progress::default(),
            started: None,
            pending: Vec::new(),
        }
    }
}

/// What came of feeding a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    /// How the batch's records ended; those at or below the head's position not counted.
    pub progress: Progress,
    /// How many records were at or below the head's position already.
    pub repeated: u64,
    /// The size of the payloads in bytes.
    pub bytes_in: u64,
    /// The size of the outputs in bytes.
    pub bytes_out: u64,
    /// The records given up, each with its reason.
    pub dead: Vec<(Position, String)>,
    /// Why the rest could not be decided now, if so: the shard waits.
    pub blocked: Option<String>,
}

/// Feeds a batch of one shard to `stage`. What is decided when it comes back stays decided.
pub async fn feed(stage: &RecordStage, ports: &Ports, batch: &Batch, stop: &Stop) -> Result<Fed, Fault> {
    let mut feed = Feed {
        stage,
        ports,
        batch,
        stop,
        tag: None,
        head: ShardHead::new(),
        noted: None,
        fed: Fed::default(),
    };
    feed.read().await?;
    match feed.run().await {
        Ok(()) => Ok(feed.fed),
        Err(Fault::Unavailable(cause)) => {
            feed.withdraw().await;
            feed.fed.blocked = Some(cause);
            Ok(feed.fed)
        }
        Err(other) => Err(other),
    }
}

struct Feed<'a> {
    stage: &'a RecordStage,
    ports: &'a Ports,
    batch: &'a Batch,
    stop: &'a Stop,
    tag: Option<String>,
    head: ShardHead,
    /// The start that this run has noted and not ended.
    noted: Option<Started>,
    fed: Fed,
}

fn fault(error: StoreError) -> Fault {
    match error {
        StoreError::Refused(reason) => Fault::Rejected(reason),
        StoreError::Conflict | StoreError::Missing => Fault::unavailable("another host is at this shard"),
        StoreError::Unavailable(cause) => Fault::Unavailable(cause),
    }
}

impl Feed<'_> {
    fn key(&self) -> String {
        ShardHead::key(&self.stage.plan.signature(), &self.batch.stream, &self.batch.shard)
    }

    async fn read(&mut self) -> Result<(), Fault> {
        let found = self.ports.objects.get(&self.stage.state_bucket, &self.key()).await.map_err(fault)?;
        if let Some((tag, bytes)) = found {
            let head: ShardHead = serde_json::from_slice(&bytes)
                .map_err(|error| Fault::Unavailable(format!("shard head: {error}")))?;
            if head.format > FORMAT {
                return Err(Fault::unavailable("shard head is of a format newer than this program"));
            }
            (self.tag, self.head) = (Some(tag), head);
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), Fault> {
        self.head.counter += 1;
        let bytes = bytes::Bytes::from(serde_json::to_vec(&self.head).unwrap_or_default());
        let meta = Meta {
            media_type: "application/json".to_owned(),
            mark: None,
            checksum: digest::checksum([bytes.as_ref()]),
        };
        let condition = self.tag.take().map_or(Condition::Absent, Condition::Match);
        let (key, body) = (self.key(), bytes.into());
        let put = self.ports.objects.put(&self.stage.state_bucket, &key, &body, &meta, condition);
        self.tag = Some(put.await.map_err(fault)?);
        Ok(())
    }

    /// Takes back the note of a start, since this host has not died. If the store fails here too, the run
    /// counts as one that died, which costs a record only after three in a row.
    async fn withdraw(&mut self) {
        let noted = self.noted.take();
        if noted.is_some() && self.read().await.is_ok() && self.head.started == noted {
            if let Some(started) = &mut self.head.started {
                started.runs = started.runs.saturating_sub(1);
            }
            let _ = self.write().await;
        }
    }

    async fn run(&mut self) -> Result<(), Fault> {
        self.send_pending().await?;
        let new = self.batch.records.partition_point(|r| Some(r.position()) <= self.head.position);
        self.fed.repeated = new as u64;
        let mut rest = &self.batch.records[new..];
        while let Some(first) = rest.first() {
            if self.stop.is_set() {
                return Err(Fault::unavailable("stopped"));
            }
            // Where a run died, its records go one by one until the one that kills is found.
            let alone = self.head.started.as_ref().is_some_and(|s| s.last >= first.position());
            let (chunk, after) = if alone { rest.split_at(1) } else { (rest, &rest[rest.len()..]) };
            match self.chunk(chunk).await? {
                Step::Through => rest = after,
                // The same records again, one by one.
                Step::Split => {}
            }
        }
        Ok(())
    }

    async fn chunk(&mut self, records: &[Record]) -> Result<Step, Fault> {
        let (first, last) = (records[0].position(), records[records.len() - 1].position());
        let before = self.head.started.clone();
        let died = before.as_ref().filter(|s| s.first == first && s.last == first).map_or(0, |s| s.runs);
        if died >= RUNS {
            let reason = format!("{died} runs died on this record");
            self.decide(&records[..1], &[Verdict::Rejected(reason)], Staging::default(), before).await?;
            return Ok(Step::Through);
        }
        // While single records run, the note keeps the end of the batch that died.
        let until = before.as_ref().map_or(last, |s| s.last.max(last));
        let runs = if records.len() == 1 { died + 1 } else { 1 };
        let started = Started { first, last, runs };
        self.head.started = Some(started.clone());
        // Before it is written: an answer may be lost after the write happened.
        self.noted = Some(started);
        self.write().await?;
        let rest = (until > last).then_some(Started { first: until, last: until, runs: 0 });
        let stop = self.stop.child();
        let context = Context::new(self.ports, self.stage.plan.limits.clone(), stop.clone())
            .with_state(self.head.state.clone());
        let batch = Batch {
            stream: self.batch.stream.clone(),
            shard: self.batch.shard.clone(),
            records: records.to_vec(),
        };
        let work = self.stage.function.handle(&batch, &context);
        let verdicts = match in_time(work, self.stage.plan.timeout, self.ports, &stop).await {
            Ok(verdicts) => verdicts.0,
            Err(Fault::Rejected(reason)) if records.len() == 1 => vec![Verdict::Rejected(reason)],
            Err(Fault::Unavailable(cause)) if self.died(&stop, &cause) => {
                // The note stays: the next look at these records takes them one by one.
                self.noted = None;
                return Ok(Step::Split);
            }
            Err(Fault::Rejected(_)) => return Ok(Step::Split),
            Err(other) => {
                self.head.started = rest;
                self.write().await?;
                return Err(other);
            }
        };
        if verdicts.len() != records.len() {
            let cause = format!("{} verdicts for {} records", verdicts.len(), records.len());
            self.head.started = rest;
            self.write().await?;
            return Err(Fault::Unavailable(cause));
        }
        if let Some(undecided) = verdicts.iter().position(|v| matches!(v, Verdict::Retry(_))) {
            let Verdict::Retry(cause) = verdicts[undecided].clone() else { return Ok(Step::Split) };
            if undecided > 0 {
                // The state speaks for the whole batch, so the decided records run again on their own.
                Box::pin(self.chunk(&records[..undecided])).await?;
            }
            self.head.started = rest;
            self.write().await?;
            return Err(Fault::Unavailable(cause));
        }
        self.decide(records, &verdicts, context.take(), rest).await?;
        Ok(Step::Through)
    }

    /// Whether a run ended as if its host had died: a panic or the deadline, not the host's own stop.
    fn died(&self, stop: &Stop, cause: &str) -> bool {
        !self.stop.is_set() && (stop.is_set() || cause.starts_with("the function panicked"))
    }

    /// Commits verdicts: dead letters and outputs first, then the head, then what is to be sent.
    async fn decide(
        &mut self,
        records: &[Record],
        verdicts: &[Verdict],
        staging: Staging,
        started: Option<Started>,
    ) -> Result<(), Fault> {
        let plan = &self.stage.plan;
        let mut progress = Progress::default();
        let last = records[records.len() - 1].position();
        let (mut pending, mut dead) = (Vec::new(), Vec::new());
        for (record, verdict) in records.iter().zip(verdicts) {
            self.fed.bytes_in += record.data.len() as u64;
            match verdict {
                Verdict::Done => progress.done += 1,
                Verdict::Late => progress.late += 1,
                Verdict::Duplicate => progress.duplicate += 1,
                Verdict::Rejected(reason) => {
                    progress.dead += 1;
                    dead.push((record.position(), reason.clone()));
                    pending.push(self.bury(record, reason).await?);
                }
                Verdict::Retry(_) => return Err(Fault::unavailable("a record is undecided")),
            }
        }
        for (index, value) in staging.values.into_iter().enumerate() {
            let position = format!("{}/{}", last.sequence, last.sub_sequence);
            let parts =
                [&plan.signature(), &self.batch.stream, &self.batch.shard, &position, &index.to_string()];
            let id = digest::name_of(&parts.map(String::as_str));
            let sequence = last.generation();
            let mut item =
                Item::root(&plan.signature(), self.ports.clock.now(), sequence, Data::Value(value));
            item.id.clone_from(&id);
            item.root = id;
            pending.push(item);
        }
        for output in &staging.outputs {
            let name = (&output.name, output.media_type.as_str());
            self.fed.bytes_out += self.put(name, &output.body, last).await?;
        }
        self.head.position = Some(last);
        if let Some(state) = staging.state {
            self.head.state = Some(state);
        }
        self.head.progress = add(self.head.progress, progress);
        self.head.started = started;
        self.head.pending = pending;
        self.write().await?;
        self.noted = None;
        self.fed.progress = add(self.fed.progress, progress);
        self.fed.dead.extend(dead);
        self.send_pending().await
    }

    /// Writes one output. What is there already at this position or a later one was made from the same
    /// records by a run whose head was never written, and is right or will be overwritten.
    async fn put(
        &self,
        (name, media_type): (&crate::key::OutputName, &str),
        body: &crate::ports::Body,
        last: Position,
    ) -> Result<u64, Fault> {
        let plan = &self.stage.plan;
        let Some(output) = &plan.output else {
            return Err(Fault::rejected("the function writes, but its stage has no `output`"));
        };
        let shard = format!("{}/{}", self.batch.stream, self.batch.shard);
        let root = digest::name_of(&[&plan.signature(), &shard]);
        let key = output.key.expand(&shard, &root, name);
        let generation = Generation { sequence: last.generation(), revision: plan.revision, repeat: 0 };
        let meta = Meta {
            media_type: media_type.to_owned(),
            mark: Some(Mark { stage: plan.signature(), root, generation: generation.clone(), hops: 1 }),
            checksum: digest::checksum(body.0.iter().map(AsRef::as_ref)),
        };
        loop {
            let head = self.ports.objects.head(&output.bucket, &key).await.map_err(fault)?;
            let condition = match head {
                None => Condition::Absent,
                Some(head) => match head.mark {
                    Some(mark) if mark.stage == plan.signature() => {
                        if mark.generation >= generation {
                            return Ok(0);
                        }
                        Condition::Match(head.etag)
                    }
                    _ => {
                        return Err(Fault::unavailable(format!(
                            "`{}/{key}` exists and was not written by this stage; move it away or change \
                             the stage's output key",
                            output.bucket
                        )));
                    }
                },
            };
            match self.ports.objects.put(&output.bucket, &key, body, &meta, condition).await {
                Ok(_) => return Ok(body.len()),
                Err(StoreError::Conflict | StoreError::Missing) => {}
                Err(error) => return Err(fault(error)),
            }
        }
    }

    /// Keeps a record as a dead letter, and gives the outcome event that tells of it.
    async fn bury(&self, record: &Record, reason: &str) -> Result<Item, Fault> {
        let plan = &self.stage.plan;
        let item = item_of(&plan.signature(), &self.batch.stream, &self.batch.shard, record);
        let letter = DeadLetter { stage: plan.name.clone(), item, reason: reason.to_owned(), attempts: 1 };
        self.ports.dead.bury(&letter).await.map_err(fault)?;
        let id = digest::name_of(&[&plan.signature(), "outcome", &letter.item.id, "dead"]);
        let value = outcome_value(&plan.name, &letter.item, "dead", Some(reason));
        Ok(letter.item.child(&plan.signature(), id, self.ports.clock.now(), Data::Outcome(value)))
    }

    async fn send_pending(&self) -> Result<(), Fault> {
        for item in &self.head.pending {
            let port = if matches!(item.data, Data::Outcome(_)) { Port::Outcomes } else { Port::Items };
            self.ports.outbox.send(port, item).await.map_err(fault)?;
        }
        Ok(())
    }
}

enum Step {
    Through,
    Split,
}

fn add(a: Progress, b: Progress) -> Progress {
    Progress {
        done: a.done + b.done,
        late: a.late + b.late,
        duplicate: a.duplicate + b.duplicate,
        dead: a.dead + b.dead,
    }
}

/// A record as an item, for its dead letter: text as it is, other bytes in Base64.
fn item_of(signature: &str, stream: &str, shard: &str, record: &Record) -> Item {
    let payload = match std::str::from_utf8(&record.data) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "base64": BASE64_STANDARD.encode(&record.data) }),
    };
    let place = json!({
        "stream": stream,
        "shard": shard,
        "sequence": record.sequence.to_string(),
        "sub_sequence": record.sub_sequence,
        "key": record.key,
        "payload": payload,
    });
    Item::root(signature, record.arrival, Sequence::new(0), Data::Value(place))
}

/// A dead record that is tried again: it comes back through the stage's queue as a batch of its own, with
/// a head of its own, since its shard has gone on.
pub fn batch_of(item: &Item) -> Result<Batch, Fault> {
    let Data::Value(place) = &item.data else {
        return Err(Fault::rejected("the stage takes records, and this is none"));
    };
    let text = |key: &str| place[key].as_str().unwrap_or_default().to_owned();
    let data = match (&place["payload"]["text"], &place["payload"]["base64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(encoded)) => {
            BASE64_STANDARD.decode(encoded).map_err(|error| Fault::Rejected(format!("payload: {error}")))?
        }
        _ => return Err(Fault::rejected("the stage takes records, and this is none")),
    };
    let record = Record {
        sequence: text("sequence").parse().unwrap_or_default(),
        sub_sequence: place["sub_sequence"].as_u64().unwrap_or_default(),
        key: text("key"),
        arrival: item.time,
        data: data.into(),
    };
    Ok(Batch { stream: text("stream"), shard: format!("retried/{}", item.id), records: vec![record] })
}
