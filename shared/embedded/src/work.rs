//! One batch of a shard, as a task.

use std::sync::Arc;

use tidemill_core::plan::StagePlan;
use tidemill_core::ports::Ports;
use tidemill_core::{Fed, RecordStage, ShardHead, Stop, Work, feed};

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
