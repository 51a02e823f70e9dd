//! The event source mapping of a stream.

mod failures;
mod record;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ShardIteratorType;
use futures_util::future::join_all;
use serde_json::{Value, json};

pub use failures::Failures;
pub use record::Record;
use window::Window;

use super::function::{Function, Outcome};
use super::partial;

/// How long [`KinesisMapping::settle`] goes on at most.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long it waits before it tries a batch again.
const PAUSE: Duration = Duration::from_millis(20);

pub struct KinesisMapping {
    pub client: Client,
    pub stream: String,
    pub function: Arc<Function>,
    /// `BatchSize`.
    pub batch: usize,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// Whether `FunctionResponseTypes` holds `ReportBatchItemFailures`.
    pub report: bool,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `MaximumRetryAttempts`; `None` is without end.
    pub retries: Option<u32>,
    /// `MaximumRecordAgeInSeconds`.
    pub age: Option<Duration>,
    /// `ParallelizationFactor`.
    pub factor: usize,
    /// `TumblingWindowInSeconds`.
    pub tumbling: Option<Duration>,
    /// `OnFailure`.
    pub failures: Option<Failures>,
    /// Delivers each batch twice: a mapping does so now and then.
    pub double: bool,
    shards: Mutex<BTreeMap<String, Shard>>,
}

/// Where the mapping stands in a shard. It begins at `TRIM_HORIZON`.
#[derive(Clone, Default)]
struct Shard {
    after: Option<String>,
    window: Option<Window>,
}

/// What became of a batch.
enum Delivered {
    Whole,
    /// Nothing from this record on.
    Until(usize),
    Failed,
}

impl KinesisMapping {
    /// A mapping as Tidemill asks for it.
    pub fn new(client: &Client, stream: &str, function: &Arc<Function>) -> Self {
        Self {
            client: client.clone(),
            stream: stream.to_owned(),
            function: Arc::clone(function),
            batch: 100,
            window: Duration::ZERO,
            report: true,
            bisect: true,
            retries: None,
            age: None,
            factor: 1,
            tumbling: None,
            failures: None,
            double: false,
            shards: Mutex::default(),
        }
    }

    /// Turns until there is nothing new.
    pub async fn settle(&self) {
        let begun = Instant::now();
        while self.turn().await > 0 {
            assert!(begun.elapsed() < PATIENCE, "{} does not come to rest", self.stream);
        }
    }

    /// Delivers what there is in each shard, a batch of each, until it is done or given up. Answers how many
    /// records that were.
    pub async fn turn(&self) -> usize {
        let answer = self.client.list_shards().stream_name(&self.stream).send().await.unwrap();
        let mut sum = 0;
        for shard in answer.shards() {
            sum += self.shard(shard.shard_id()).await;
        }
        sum
    }

    async fn shard(&self, shard: &str) -> usize {
        let records = self.gather(shard).await;
        let Some(last) = records.last().map(|record| record.raw.clone()) else {
            self.close(shard, SystemTime::now()).await;
            return 0;
        };
        let count = records.len();
        // What shares a partition key stays in order.
        let mut lanes: BTreeMap<usize, Vec<Record>> = BTreeMap::new();
        for record in records {
            let sum: usize = record.key.bytes().map(usize::from).sum();
            lanes.entry(sum % self.factor).or_default().push(record);
        }
        join_all(lanes.into_values().map(|lane| self.lane(shard, lane))).await;
        self.shards.lock().unwrap().entry(shard.to_owned()).or_default().after = Some(last);
        count
    }

    /// Records of one order, in batches, until each is done or given up.
    async fn lane(&self, shard: &str, records: Vec<Record>) {
        let mut todo: VecDeque<(Vec<Record>, u32)> =
            self.cut(records).into_iter().map(|batch| (batch, 0)).collect();
        while let Some((batch, tries)) = todo.pop_front() {
            let batch = self.discard_old(shard, batch).await;
            let Some(first) = batch.first() else { continue };
            if let Some(tumbling) = self.tumbling {
                self.close(shard, first.arrival).await;
                let mut shards = self.shards.lock().unwrap();
                let window = &mut shards.entry(shard.to_owned()).or_default().window;
                window.get_or_insert_with(|| Window::around(first.arrival, tumbling));
            }
            match self.deliver(shard, &batch).await {
                Delivered::Whole => {}
                Delivered::Until(from) => {
                    let rest = batch[from..].to_vec();
                    // A bisect at the record that was named; the batch is smaller then.
                    let tries = if self.bisect && from > 0 { tries } else { tries + 1 };
                    self.again(shard, rest, tries, &mut todo).await;
                }
                Delivered::Failed if self.bisect && batch.len() > 1 => {
                    let (left, right) = batch.split_at(batch.len() / 2);
                    todo.push_front((right.to_vec(), tries));
                    todo.push_front((left.to_vec(), tries));
                }
                Delivered::Failed => self.again(shard, batch, tries + 1, &mut todo).await,
            }
        }
    }

    /// Tries `batch` once more, unless that is too often.
    async fn again(
        &self,
        shard: &str,
        batch: Vec<Record>,
        tries: u32,
        todo: &mut VecDeque<(Vec<Record>, u32)>,
    ) {
        if self.retries.is_some_and(|retries| tries > retries) {
            self.discard(shard, &batch, Some("RetryAttemptsExhausted"), tries).await;
        } else {
            tokio::time::sleep(PAUSE).await;
            todo.push_front((batch, tries));
        }
    }

    /// Without the records that have become too old.
    async fn discard_old(&self, shard: &str, batch: Vec<Record>) -> Vec<Record> {
        let Some(age) = self.age else { return batch };
        let is_old = |record: &Record| record.arrival.elapsed().is_ok_and(|elapsed| elapsed > age);
        let (old, young): (Vec<Record>, Vec<Record>) = batch.into_iter().partition(is_old);
        if !old.is_empty() {
            self.discard(shard, &old, None, 0).await;
        }
        young
    }

    async fn discard(&self, shard: &str, batch: &[Record], condition: Option<&str>, invocations: u32) {
        if let Some(failures) = &self.failures {
            let event = self.event(shard, batch);
            failures.put(&self.stream, shard, batch, condition, invocations, &event).await;
        }
    }

    async fn deliver(&self, shard: &str, batch: &[Record]) -> Delivered {
        let mut event = self.event(shard, batch);
        let window = self.shards.lock().unwrap().get(shard).and_then(|shard| shard.window.clone());
        if let Some(window) = &window {
            window.describe(&mut event, shard, &self.arn(), false);
        }
        if self.double {
            let _ = self.function.invoke(&event).await;
        }
        let Outcome::Answer(answer) = self.function.invoke(&event).await else { return Delivered::Failed };
        if window.is_some() {
            let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
            let Some(state) = answer.get("state") else { return Delivered::Failed };
            let mut shards = self.shards.lock().unwrap();
            if let Some(window) = shards.get_mut(shard).and_then(|shard| shard.window.as_mut()) {
                window.state = state.clone();
            }
        }
        if !self.report {
            return Delivered::Whole;
        }
        let numbers: Vec<String> = batch.iter().map(Record::number).collect();
        partial::of_shard(&answer, &numbers).map_or(Delivered::Whole, Delivered::Until)
    }

    /// The last invocation of a window that ends at `now` or before, until it succeeds.
    async fn close(&self, shard: &str, now: SystemTime) {
        let window = self.shards.lock().unwrap().get(shard).and_then(|shard| shard.window.clone());
        let Some(window) = window.filter(|window| window.end <= now) else { return };
        let mut event = self.event(shard, &[]);
        window.describe(&mut event, shard, &self.arn(), true);
        while !matches!(self.function.invoke(&event).await, Outcome::Answer(_)) {
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(shard) = self.shards.lock().unwrap().get_mut(shard) {
            shard.window = None;
        }
    }

    /// New records until there are enough, or the batching window is over.
    async fn gather(&self, shard: &str) -> Vec<Record> {
        let after = self.shards.lock().unwrap().get(shard).and_then(|shard| shard.after.clone());
        let call = self.client.get_shard_iterator().stream_name(&self.stream).shard_id(shard);
        let call = match after {
            Some(after) => call
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(after),
            None => call.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let mut iterator = call.send().await.unwrap().shard_iterator;
        let (mut records, enough, begun) = (Vec::new(), self.batch * self.factor, Instant::now());
        while let Some(at) = iterator {
            let limit = (enough - records.len()) as i32;
            let answer = self.client.get_records().shard_iterator(at).limit(limit).send().await.unwrap();
            records.extend(answer.records().iter().map(Record::read));
            if records.len() >= enough || begun.elapsed() >= self.window {
                break;
            }
            iterator = answer.next_shard_iterator;
            tokio::time::sleep(PAUSE).await;
        }
        records
    }

    /// Batches of at most `batch` records, each of one tumbling window.
    fn cut(&self, records: Vec<Record>) -> Vec<Vec<Record>> {
        let mut batches: Vec<Vec<Record>> = Vec::new();
        for record in records {
            let together = batches.last_mut().filter(|batch| {
                batch.len() < self.batch
                    && self.tumbling.is_none_or(|size| {
                        Window::around(batch[0].arrival, size).end == Window::around(record.arrival, size).end
                    })
            });
            match together {
                Some(batch) => batch.push(record),
                None => batches.push(vec![record]),
            }
        }
        batches
    }

    /// The event of the next batch of `shard`, which stays where it is.
    pub async fn next_event(&self, shard: &str) -> Value {
        let records = self.gather(shard).await;
        self.event(shard, &records)
    }

    fn arn(&self) -> String {
        format!("arn:aws:kinesis:us-east-1:000000000000:stream/{}", self.stream)
    }

    fn event(&self, shard: &str, batch: &[Record]) -> Value {
        let records: Vec<Value> = batch.iter().map(|record| record.describe(shard, &self.arn())).collect();
        json!({ "Records": records })
    }
}
