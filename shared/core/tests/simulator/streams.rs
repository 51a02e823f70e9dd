//! Records of one shard, handed over in batches that are cut anew each time, by hosts that die.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use jiff::Timestamp;
use serde_json::Value;
use tidemill_core::batch::{Batch, Record, Verdict};
use tidemill_core::key::RESERVED;
use tidemill_core::{
    ConfigError, Context, Fault, OutputName, RecordStage, Records, ShardHead, Stop, Verdicts, feed,
};

use crate::world::{Shared, plan, ports, world};

/// Adds up its records. `bad` is rejected, `poison` panics, and where `busy` stands nothing can be decided
/// for a while.
struct Sum;

impl Records for Sum {
    type Config = ();
    const NAME: &'static str = "sum";
    const ABOUT: &'static str = "adds up numbers";
    const OUTPUT_VERSION: u32 = 1;

    fn new((): ()) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    async fn handle(&self, batch: &Batch, cx: &Context) -> Result<Verdicts, Fault> {
        let mut sum = cx.state().and_then(Value::as_u64).unwrap_or(0);
        let mut verdicts = Vec::new();
        for record in &batch.records {
            let text = std::str::from_utf8(&record.data).unwrap();
            assert_ne!(text, "poison", "a poisonous record");
            verdicts.push(match text.parse::<u64>() {
                Ok(number) => {
                    sum += number;
                    Verdict::Done
                }
                Err(_) if text == "busy" && cx.now() < Timestamp::UNIX_EPOCH => Verdict::Retry("busy".into()),
                Err(_) => Verdict::Rejected("not a number".into()),
            });
        }
        cx.set_state(sum.into());
        cx.create(OutputName::new("sum", "txt"), "text/plain")?.write(sum.to_string())?;
        Ok(Verdicts(verdicts))
    }
}

fn records() -> Vec<Record> {
    let text = |n: u32| match n {
        7 | 23 => "bad".to_owned(),
        12 => "poison".to_owned(),
        n => (1_u64 << n).to_string(),
    };
    let record = |n: u32| Record {
        sequence: (u128::from(n) + (1 << 90)).into(),
        sub_sequence: u64::from(n % 2),
        key: String::new(),
        arrival: Timestamp::UNIX_EPOCH,
        data: text(n).into(),
    };
    (0..40).map(record).collect()
}

fn head(world: &Shared) -> Option<ShardHead> {
    let key = ShardHead::key("p/sum", "stream", "shard");
    let world = world.lock().unwrap();
    let stored = world.objects.get(&("state".to_owned(), key))?;
    Some(serde_json::from_slice(&stored.bytes).unwrap())
}

fn simulate(seed: u64, faults: u64, crashes: u64) {
    let (world, records) = (world(seed, faults, false), records());
    let stage = RecordStage {
        plan: Arc::new(plan("sum", "media")),
        function: Arc::new(Sum),
        state_bucket: "state".into(),
    };
    let last = records.last().map(Record::position);
    for round in 0.. {
        assert!(round < 10_000, "seed {seed}: the shard stands still");
        let position = head(&world).and_then(|head| head.position);
        if position == last && world.lock().unwrap().random.percent(50) {
            break;
        }
        // A batch that begins at or before what is undecided, and ends anywhere behind.
        let next = records.partition_point(|record| Some(record.position()) <= position);
        let (from, to) = {
            let random = &mut world.lock().unwrap().random;
            let from = next.saturating_sub(random.below(6) as usize);
            (from, (next + 1 + random.below(9) as usize).min(records.len()))
        };
        let batch =
            Batch { stream: "stream".into(), shard: "shard".into(), records: records[from..to].to_vec() };
        let ports = ports(&world, 0, 0);
        let stop = Stop::default();
        let mut task = pin!(feed(&stage, &ports, &batch, &stop));
        loop {
            // A host that dies drops everything but what the store holds. Deaths end some time.
            if round < 300 && world.lock().unwrap().random.percent(crashes) {
                break;
            }
            if round == 300 {
                world.lock().unwrap().faults = 0;
            }
            match task.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
                Poll::Pending => {}
                Poll::Ready(_) => break,
            }
        }
    }
    let head = head(&world).unwrap();
    let state = world.lock().unwrap();
    let dead: BTreeSet<&str> =
        state.dead.values().map(|letter| letter.reason.split(' ').next().unwrap()).collect();
    let places: BTreeSet<String> = state
        .dead
        .values()
        .map(|letter| letter.item.object().map_or(String::new(), |o| o.key.clone()))
        .collect();
    assert!(places.len() <= 1, "records have no keys");
    assert!(dead.contains("not"), "seed {seed}: {dead:?}");
    // Which records died is seen from the sum: each number is a bit of its own.
    let expected: u64 = (0..40).filter(|n| ![7, 12, 23].contains(n)).map(|n| 1_u64 << n).sum();
    assert_eq!(head.state, Some(expected.into()), "seed {seed}");
    assert_eq!((head.progress.done, head.progress.dead), (37, 3), "seed {seed}");
    assert_eq!(state.dead.len(), 3, "seed {seed}");
    let mut outputs =
        state.objects.iter().filter(|((bucket, key), _)| bucket == "media" && !key.starts_with(RESERVED));
    let (_, sum) = outputs.next().unwrap();
    assert_eq!(sum.bytes, expected.to_string(), "seed {seed}");
    assert!(outputs.next().is_none(), "one document");
}

#[test]
fn each_record_counts_once() {
    (0..300).for_each(|seed| simulate(seed, 0, 0));
}

/// Failing writes are rare enough here that no run counts as dead three times in a row.
#[test]
fn each_record_counts_once_though_writes_fail() {
    (0..300).for_each(|seed| simulate(seed, 8, 0));
}

/// Deaths are rare enough here that no innocent record is run three times alone by hosts that die.
#[test]
fn each_record_counts_once_though_hosts_die() {
    (0..300).for_each(|seed| simulate(seed, 0, 1));
}
