//! One item through a stage of either shape.

use std::sync::Arc;

use crate::context::Stop;
use crate::deliver::{End, Stage, Usage, deliver, give_up};
use crate::fault::Fault;
use crate::function::Work;
use crate::item::Item;
use crate::plan::StagePlan;
use crate::ports::Ports;
use crate::records::{RecordStage, batch_of, feed};

/// Takes `item` through the stage that `plan` and `work` are. `state_bucket` is for documents that belong to
/// no output bucket.
pub async fn run(
    plan: &Arc<StagePlan>,
    work: &Work,
    state_bucket: &str,
    ports: &Ports,
    item: &Item,
    stop: &Stop,
) -> (End, Usage) {
    match work {
        Work::Function(function) => {
            let stage = Stage {
                plan: Arc::clone(plan),
                function: Arc::clone(function),
                state_bucket: state_bucket.into(),
            };
            deliver(&stage, ports, item, stop).await
        }
        Work::Records(function) => {
            // A dead record on its way back.
            let stage = RecordStage {
                plan: Arc::clone(plan),
                function: Arc::clone(function),
                state_bucket: state_bucket.into(),
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
