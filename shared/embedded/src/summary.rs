//! What a run tells: while it goes on, and at its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tidemill_core::{End, Usage};

/// Something that happened during a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// So many items were found in sources or sent by stages since the last such event.
    Queued(u64),
    /// Requests are taken (`--watch`).
    Listening {
        /// Where.
        address: SocketAddr,
        /// By which sources, in the order of their names.
        endpoints: Vec<Endpoint>,
    },
    /// A delivery ended.
    Ended(Ended),
    /// Everything that was there is done; the run waits for changes (`--watch`).
    Idle,
    /// An item is tried again after a delay.
    Waiting {
        /// The stage.
        stage: String,
        /// The key, or the item's id.
        subject: String,
        /// Why the last attempt failed.
        reason: String,
        /// How long it waits.
        delay: Duration,
    },
}

/// A source that takes requests, at the path that is its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name.
    pub source: String,
    /// The name of the secret that requests are signed with, if they are.
    pub secret: Option<String>,
}

/// A delivery that ended for good, or records that were decided.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The stage.
    pub stage: String,
    /// The key, or the item's id, or the shard.
    pub subject: String,
    /// How it ended.
    pub end: End,
    /// How many items or records ended so.
    pub count: u64,
    /// What it read and wrote.
    pub usage: Usage,
    /// How long it took.
    pub wall: Duration,
    /// How much processor time its function took.
    pub cpu: Duration,
}

/// Who wants to know.
pub trait Observer: Send + Sync {
    /// Called from the thread that drives the run: it must not block.
    fn event(&self, event: &Event);
}

/// The figures of one stage.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct StageSummary {
    /// Its name.
    pub stage: String,
    /// Items or records whose effects are complete.
    pub done: u64,
    /// Items that were none of its business.
    pub skipped: u64,
    /// Items overtaken by something newer.
    pub superseded: u64,
    /// Items given up.
    pub dead: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// The median time of a delivery in milliseconds.
    pub p50_ms: f64,
    /// The 95th percentile in milliseconds.
    pub p95_ms: f64,
    /// Processor time of the function in seconds.
    pub cpu_seconds: f64,
}

/// A file in a bucket that is no object.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Ignored {
    /// The bucket.
    pub bucket: String,
    /// Its path, as far as it can be written.
    pub path: String,
    /// Why it is none.
    pub reason: String,
}

/// The end of a run.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct Summary {
    /// The pipeline.
    pub pipeline: String,
    /// Items found in sources in this run, per source.
    pub found: BTreeMap<String, u64>,
    /// Items that an earlier run left in queues, or that were put back into them.
    pub resumed: u64,
    /// Objects that were there and had been done before.
    pub unchanged: u64,
    /// Files that are no objects.
    pub ignored: Vec<Ignored>,
    /// Each stage, in the manifest's order of flow.
    pub stages: Vec<StageSummary>,
    /// Items left in queues: the run was stopped, or they wait for another try.
    pub waiting: u64,
    /// Shards that wait, and objects and folders that may not be read, with the reason.
    pub blocked: Vec<String>,
    /// Whether the run was stopped before its end.
    pub stopped: bool,
    /// How long it took in seconds.
    pub seconds: f64,
}

impl Summary {
    /// The sum of a figure over all stages.
    pub fn total(&self, figure: impl Fn(&StageSummary) -> u64) -> u64 {
        self.stages.iter().map(figure).sum()
    }
}

/// Gathers the figures of one stage.
#[derive(Default)]
pub(crate) struct Tally {
    figures: StageSummary,
    cpu: Duration,
    millis: Vec<f32>,
}

impl Tally {
    pub(crate) fn add(&mut self, ended: &Ended) {
        let figures = &mut self.figures;
        match ended.end {
            End::Done => figures.done += ended.count,
            End::Skipped(_) => figures.skipped += ended.count,
            End::Superseded => figures.superseded += ended.count,
            End::Dead(_) => figures.dead += ended.count,
            End::Again(_) | End::Unsettled(_) => return,
        }
        figures.bytes_in += ended.usage.bytes_in;
        figures.bytes_out += ended.usage.bytes_out;
        self.cpu += ended.cpu;
        self.millis.push(ended.wall.as_secs_f32() * 1e3);
    }

    pub(crate) fn summary(&self, stage: &str) -> StageSummary {
        let mut millis = self.millis.clone();
        millis.sort_by(f32::total_cmp);
        let rank = |share: f64| {
            let index = ((millis.len() as f64 * share).ceil() as usize).saturating_sub(1);
            millis.get(index).map_or(0.0, |value| f64::from(*value))
        };
        StageSummary {
            stage: stage.to_owned(),
            p50_ms: rank(0.5),
            p95_ms: rank(0.95),
            cpu_seconds: self.cpu.as_secs_f64(),
            ..self.figures.clone()
        }
    }
}
