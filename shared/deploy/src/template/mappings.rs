//! Event source mappings: who is handed what, how much at once, and what becomes of the rest.
//!
//! None has filter criteria: a mapping's filter deletes what it cannot parse, without a word.

use serde_json::{Value, json};

use super::logical;
use super::scope::{Placed, Scope, bucket_arn};
use super::sheet::Sheet;
use crate::names::sub;
use crate::settings::ONE_RECEIVE;

/// A stream keeps its records for at least 24 hours; a record is given up an hour earlier, while it can still be
/// read.
const MOST_RECORD_AGE: u64 = 82_800;

/// Drains are seldom busy.
const DRAINS: u64 = 2;

/// The mapping of a stage's queue, and of each of its streams.
pub(crate) fn add(scope: &Scope<'_>, placed: &Placed<'_>, sheet: &mut Sheet) {
    let settings = &placed.settings;
    let function = format!("{}Function", placed.id);
    let mut queue = of_queue(&function, &format!("{}Queue", placed.id), settings.batch);
    if let Some(most) = settings.concurrency {
        queue["ScalingConfig"] = json!({ "MaximumConcurrency": most });
    }
    mapping(sheet, placed, &format!("{}Mapping", placed.id), &queue);
    for (source, stream) in scope.streams(placed.stage) {
        let properties = json!({
            "FunctionName": { "Ref": function },
            "EventSourceArn": sub(super::scope::stream_arn(&scope.stream(stream))),
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": settings.records,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": true,
            // Without end: a stream blocks rather than lose its order, and the age alarm rises.
            "MaximumRetryAttempts": -1,
            "MaximumRecordAgeInSeconds": MOST_RECORD_AGE,
            // The head of a shard is one place in it, so one batch of a shard is under way at a time.
            "ParallelizationFactor": 1,
            "DestinationConfig": { "OnFailure": { "Destination": sub(bucket_arn(&scope.names.state())) } },
        });
        mapping(sheet, placed, &format!("{}{}StreamMapping", placed.id, logical::id(source)), &properties);
    }
}

/// The mapping of a stage's dead-letter queue to its drain.
pub(crate) fn add_drain(placed: &Placed<'_>, sheet: &mut Sheet) {
    let (function, queue) = (format!("{}DrainFunction", placed.id), format!("{}DeadQueue", placed.id));
    let mut properties = of_queue(&function, &queue, ONE_RECEIVE);
    properties["ScalingConfig"] = json!({ "MaximumConcurrency": DRAINS });
    mapping(sheet, placed, &format!("{}DrainMapping", placed.id), &properties);
}

fn of_queue(function: &str, queue: &str, batch: u64) -> Value {
    json!({
        "FunctionName": { "Ref": function },
        "EventSourceArn": { "Fn::GetAtt": [queue, "Arn"] },
        "BatchSize": batch,
        // A larger batch than one receive gives has to be waited for (Lambda API Reference,
        // `CreateEventSourceMapping`).
        "MaximumBatchingWindowInSeconds": u64::from(batch > ONE_RECEIVE),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    })
}

fn mapping(sheet: &mut Sheet, placed: &Placed<'_>, id: &str, properties: &Value) {
    let mapping = json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": properties });
    sheet.resource(&placed.owner, id, mapping);
}
