//! `runs_on`: what runs a stage on AWS.

use serde_json::{Value, json};
use tidemill_core::function::Shape;

use super::choice;
use crate::aws::RunsOn;
use crate::diagnostic::{Finding, Sink};
use crate::tree::Pair;

pub(crate) fn read(pair: &Pair, shape: Option<Shape>, sink: &mut Sink) -> Option<RunsOn> {
    let choices = [("lambda", RunsOn::Lambda), ("worker", RunsOn::Worker)];
    let runs_on = choice::read(pair, &choices, sink)?;
    if runs_on == RunsOn::Worker && shape == Some(Shape::Records) {
        sink.report(
            Finding::new(pair.place(), "a worker polls queues, and this stage reads a stream")
                .hint("write `runs_on: lambda`, or leave the key away"),
        );
        return None;
    }
    Some(runs_on)
}

pub(crate) fn schema() -> Value {
    json!({ "enum": ["lambda", "worker"] })
}
