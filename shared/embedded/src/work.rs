//! One delivery, or one batch of a shard, as a task.

use std::sync::Arc;

use tidemill_core::plan::StagePlan;
use tidemill_core::ports::Ports;
use tidemill_core::{
    End, Fault, Fed, Item, RecordStage, ShardHead, Stage, Stop, Usage, Work, batch_of, deliver, feed, give_up,
};

use crate::open::STATE_BUCKET;
use crate::shards::{self, RecordFile};
use crate::state::State;

/// A shard that feeds a stage.
#[derive(Clone)]
pub(crate) struct Shard {
    /// The stage's index.
    pub(crate) lane: usize,
    pub(crate) stream: String,
    pub(crate) source: ShardSource,
}

impl Shard {
    /// Whether it is the same shard for the same stage.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.lane, &self.stream, self.source.name()) == (other.lane, &other.stream, other.source.name())
    }
}

/// Where a shard's records lie.
#[derive(Clone)]
pub(crate) enum ShardSource {
    File(Arc<RecordFile>),
    Local(String),
}

impl ShardSource {
    /// The shard's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::File(file) => file.name(),
            Self::Local(name) => name,
        }
    }
}

/// How the reading of a shard goes on.
pub(crate) enum ShardEnd {
    /// There may be more records.
    More,
    /// There were none.
    Empty,
    /// They cannot be decided now, for a reason.
    Blocked(String),
}

/// Runs an item.
pub(crate) async fn run_item(
    plan: &Arc<StagePlan>,
    work: &Work,
    ports: &Ports,
    item: &Item,
    stop: &Stop,
) -> (End, Usage) {
    match work {
        Work::Function(function) => {
            let stage = Stage {
                plan: Arc::clone(plan),
                function: Arc::clone(function),
                state_bucket: STATE_BUCKET.into(),
            };
            deliver(&stage, ports, item, stop).await
        }
        Work::Records(function) => {
            // A dead record on its way back.
            let stage = RecordStage {
                plan: Arc::clone(plan),
                function: Arc::clone(function),
                state_bucket: STATE_BUCKET.into(),
            };
            let fed = match batch_of(item) {
                Ok(batch) => feed(&stage, ports, &batch, stop).await,
                Err(fault) => Err(fault),
            };
            match fed {
                Ok(fed) => {
                    let usage = Usage { bytes_in: fed.bytes_in, bytes_out: fed.bytes_out };
                    let end = match (fed.blocked, fed.progress.dead) {
                        (Some(reason), _) => End::Again(reason),
                        (None, 0) => End::Done,
                        (None, _) => End::Dead("the record was rejected again".to_owned()),
                    };
                    (end, usage)
                }
                Err(Fault::Rejected(reason)) => (give_up(plan, ports, item, reason).await, Usage::default()),
                Err(other) => (End::Again(other.to_string()), Usage::default()),
            }
        }
    }
}

/// Runs a shard's next batch.
pub(crate) async fn run_shard(
    plan: &Arc<StagePlan>,
    work: Work,
    ports: &Ports,
    shard: &Shard,
    state: &State,
    stop: &Stop,
    watching: bool,
) -> (Fed, ShardEnd) {
    let blocked = |reason: String| (Fed::default(), ShardEnd::Blocked(reason));
    let Work::Records(function) = work else { return blocked("the stage takes no records".to_owned()) };
    let stage = RecordStage { plan: Arc::clone(plan), function, state_bucket: STATE_BUCKET.into() };
    let key = ShardHead::key(&plan.signature(), &shard.stream, shard.source.name());
    let position = match ports.objects.get(STATE_BUCKET, &key).await {
        Ok(None) => None,
        Ok(Some((_, bytes))) => match serde_json::from_slice::<ShardHead>(&bytes) {
            Ok(head) => head.position,
            Err(error) => return blocked(error.to_string()),
        },
        Err(error) => return blocked(error.to_string()),
    };
    let batch = match &shard.source {
        ShardSource::File(file) => file.read(&shard.stream, position, watching),
        ShardSource::Local(name) => {
            let (stream, name) = (shard.stream.clone(), name.clone());
            let read = state.call(move |connection| shards::read_local(connection, &stream, &name, position));
            read.await.map_err(|error| error.to_string())
        }
    };
    let batch = match batch {
        Ok(batch) if batch.records.is_empty() => return (Fed::default(), ShardEnd::Empty),
        Ok(batch) => batch,
        Err(reason) => return blocked(reason),
    };
    match feed(&stage, ports, &batch, stop).await {
        Ok(mut fed) => {
            let end = fed.blocked.take().map_or(ShardEnd::More, ShardEnd::Blocked);
            (fed, end)
        }
        Err(fault) => blocked(fault.to_string()),
    }
}
