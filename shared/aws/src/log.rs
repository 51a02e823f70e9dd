//! One line of JSON for each item, which is its metrics too.
//!
//! CloudWatch reads figures out of a log line that describes them (CloudWatch Logs, "Specification: Embedded
//! metric format"), so no call is made for a metric.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidemill_core::deployment::Place;
use tidemill_core::plan::StagePlan;
use tidemill_core::{End, Fed, Item, Usage};
use tidemill_events::Trace;

/// What a line is about.
pub(crate) struct Line<'a> {
    pub(crate) plan: &'a StagePlan,
    pub(crate) place: &'a Place,
    /// How long the work took.
    pub(crate) wall: Duration,
    /// How long it had waited in its queue, where that is known.
    pub(crate) age: Option<Duration>,
}

/// Figures, by name and unit.
type Figures<'a> = Vec<(&'a str, &'a str, f64)>;

impl Line<'_> {
    fn write(&self, mut fields: Map<String, Value>, mut figures: Figures<'_>) {
        figures.push(("duration", "Milliseconds", self.wall.as_secs_f64() * 1_000.0));
        if let Some(age) = self.age {
            figures.push(("queue_age", "Milliseconds", age.as_secs_f64() * 1_000.0));
        }
        let metrics: Vec<Value> =
            figures.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
        fields.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": Timestamp::now().as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": "Tidemill",
                    "Dimensions": [["pipeline", "environment", "stage"]],
                    "Metrics": metrics,
                }],
            }),
        );
        fields.insert("pipeline".to_owned(), self.plan.pipeline.clone().into());
        fields.insert("environment".to_owned(), self.place.environment.clone().into());
        fields.insert("stage".to_owned(), self.plan.name.clone().into());
        for (name, _, figure) in figures {
            let whole = figure.fract() == 0.0;
            let figure = (figure * 1_000.0).round() / 1_000.0;
            fields.insert(name.to_owned(), if whole { (figure as u64).into() } else { figure.into() });
        }
        say(&Value::Object(fields));
    }

    /// How a delivery of `item` ended.
    pub(crate) fn delivery(&self, item: &Item, span: &Trace, end: &End, usage: Usage) {
        let (outcome, reason) = match end {
            End::Done => ("done", None),
            End::Skipped(reason) => ("skipped", Some(reason)),
            End::Superseded => ("superseded", None),
            End::Dead(reason) => ("dead", Some(reason)),
            End::Again(reason) => ("again", Some(reason)),
            End::Unsettled(reason) => ("unsettled", Some(reason)),
        };
        let level = match end {
            End::Dead(_) => "ERROR",
            End::Again(_) | End::Unsettled(_) => "WARN",
            _ => "INFO",
        };
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("level", level.into());
        put("message", outcome.into());
        put("outcome", outcome.into());
        if let Some(reason) = reason {
            put("reason", reason.clone().into());
        }
        put("item", item.id.clone().into());
        put("root", item.root.clone().into());
        put("generation", self.plan.generation(item).to_string().into());
        put("attempt", item.attempt.into());
        if let Some(object) = item.object() {
            put("bucket", object.bucket.clone().into());
            put("key", object.key.clone().into());
        }
        put("trace_id", span.trace.clone().into());
        put("span_id", span.span.clone().into());
        let figures = vec![
            (outcome, "Count", 1.0),
            ("bytes_in", "Bytes", usage.bytes_in as f64),
            ("bytes_out", "Bytes", usage.bytes_out as f64),
        ];
        self.write(fields, figures);
    }

    /// What came of a batch of a shard.
    pub(crate) fn batch(&self, stream: &str, shard: &str, fed: &Fed) {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("level", if fed.blocked.is_some() { "WARN" } else { "INFO" }.into());
        put("message", if fed.blocked.is_some() { "blocked" } else { "fed" }.into());
        if let Some(reason) = &fed.blocked {
            put("reason", reason.clone().into());
        }
        put("stream", stream.into());
        put("shard", shard.into());
        if !fed.dead.is_empty() {
            let dead: Vec<Value> = fed
                .dead
                .iter()
                .map(|(at, reason)| json!({ "sequence": at.sequence.to_string(), "reason": reason }))
                .collect();
            put("dead_records", dead.into());
        }
        let count = |figure: u64| figure as f64;
        let figures = vec![
            ("done", "Count", count(fed.progress.done)),
            ("late", "Count", count(fed.progress.late)),
            ("duplicate", "Count", count(fed.progress.duplicate)),
            ("dead", "Count", count(fed.progress.dead)),
            ("repeated", "Count", count(fed.repeated)),
            ("bytes_in", "Bytes", count(fed.bytes_in)),
            ("bytes_out", "Bytes", count(fed.bytes_out)),
        ];
        self.write(fields, figures);
    }
}

/// Something to know that is about no item.
pub(crate) fn note(plan: &StagePlan, level: &str, message: &str, reason: &str) {
    say(&json!({
        "level": level,
        "message": message,
        "reason": reason,
        "pipeline": plan.pipeline,
        "stage": plan.name,
        "time": Timestamp::now(),
    }));
}

/// Writes a line to stdout, whole: lines of several items must not run into each other.
fn say(line: &Value) {
    let text = format!("{line}\n");
    // There is nobody left to tell if this fails.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
