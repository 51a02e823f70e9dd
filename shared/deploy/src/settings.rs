//! What a stage's function gets: what the manifest says, else what suits its shape.

use std::time::Duration;

use tidemill_core::function::Shape;
use tidemill_pipeline::{Architecture, PlannedStage, RunsOn};

use crate::Problem;

/// One full processor (Lambda Developer Guide, "Configure memory").
const ITEMS_MEMORY: u64 = 1_769;
const RECORDS_MEMORY: u64 = 512;

/// What a function needs beside the attempt itself: to begin, to write what came of it, and to send an item back.
const MARGIN: Duration = Duration::from_secs(15);

/// The longest that a function may run (Lambda Developer Guide, "Lambda quotas").
const MOST: Duration = Duration::from_mins(15);

/// The most that SQS hides a message for (`SetQueueAttributes`).
const MOST_HIDDEN: u64 = 43_200;

/// How often a mapping's queue must hide a message for longer than the function runs (Lambda Developer Guide,
/// "Configuring a queue to use with Lambda").
pub(crate) const HIDDEN_FACTOR: u64 = 6;

/// A worker prolongs what it works on, so this is only how long an item waits when a worker died.
const WORKER_HIDDEN: u64 = 300;

/// The fewest that a mapping takes as its most (Lambda API Reference, `ScalingConfig`).
const FEWEST_CONCURRENT: u64 = 2;

/// The most messages that one receive gives: more of them need a window.
pub(crate) const ONE_RECEIVE: u64 = 10;

/// The records of a stream that one call is handed.
const RECORDS: u64 = 100;

/// A function's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Memory in MB.
    pub memory: u64,
    /// How long it may run, in seconds.
    pub timeout: u64,
    /// The size of `/tmp` in MB, if it is not Lambda's own 512.
    pub storage: Option<u64>,
    /// Its processors.
    pub architecture: Architecture,
    /// The most messages of its queue that one call is handed.
    pub batch: u64,
    /// The most records of a stream that one call is handed.
    pub records: u64,
    /// How many calls the queue's mapping makes at once at most.
    pub concurrency: Option<u64>,
    /// For how many seconds the queue hides a message that is worked on.
    pub hidden: u64,
}

impl Settings {
    /// The settings of a stage.
    pub fn of(stage: &PlannedStage) -> Result<Self, Problem> {
        let lambda = &stage.lambda;
        let timeout = timeout(stage)?;
        let records = stage.shape == Shape::Records;
        let hidden = match stage.runs_on {
            RunsOn::Lambda => (timeout * HIDDEN_FACTOR).min(MOST_HIDDEN),
            RunsOn::Worker => WORKER_HIDDEN,
        };
        Ok(Self {
            memory: lambda.memory.unwrap_or(if records { RECORDS_MEMORY } else { ITEMS_MEMORY }),
            timeout,
            storage: lambda.storage,
            architecture: architecture(stage),
            // What comes back from a stream's dead letters is light; an item may be anything.
            batch: if records { ONE_RECEIVE } else { lambda.batch.unwrap_or(1) },
            records: lambda.batch.unwrap_or(RECORDS),
            concurrency: lambda.concurrency.map(|most| most.max(FEWEST_CONCURRENT)),
            hidden,
        })
    }
}

/// The processors that a stage is built for.
pub(crate) fn architecture(stage: &PlannedStage) -> Architecture {
    stage.lambda.architecture.unwrap_or(Architecture::X86_64)
}

fn timeout(stage: &PlannedStage) -> Result<u64, Problem> {
    let attempt = stage.plan.timeout;
    if stage.runs_on == RunsOn::Worker {
        return Ok(MOST.as_secs());
    }
    if let Some(timeout) = stage.lambda.timeout {
        return Ok(timeout.as_secs());
    }
    if attempt > Duration::from_secs(870) {
        return Err(Problem::new(
            format!(
                "stage `{}` may take {} s for one attempt, and a Lambda function ends after {} s",
                stage.plan.name,
                attempt.as_secs(),
                MOST.as_secs()
            ),
            "give the stage a `timeout` of at most `870s`, or `runs_on: worker`",
        ));
    }
    let whole = Duration::from_secs(attempt.as_millis().div_ceil(1_000) as u64);
    Ok((whole + MARGIN).min(MOST).as_secs())
}
