//! The body of a message: which form it has, and the items in it.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tidemill_core::{Data, Item, Sequence, digest};

use crate::{Sources, object};

/// How deep a message may be wrapped: SNS in SQS, and what SNS carries.
const WRAPPERS: usize = 3;

/// Something that a message holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// An item for the stage.
    Item(Box<Item>),
    /// Nothing for the stage, for a reason.
    Aside(String),
}

/// A message that holds no item that can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A newer program can read it: leave it where it is.
    Newer(String),
    /// Nobody can: give it up.
    Broken(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(reason) | Self::Broken(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Unreadable {}

/// `error` as a permanent reason.
pub(crate) fn broken(error: impl fmt::Display) -> Unreadable {
    Unreadable::Broken(error.to_string())
}

pub(crate) fn items(sources: &Sources, body: &str) -> Result<Vec<Found>, Unreadable> {
    read(sources, body, WRAPPERS)
}

fn read(sources: &Sources, body: &str, wrappers: usize) -> Result<Vec<Found>, Unreadable> {
    let event: Value = serde_json::from_str(body).map_err(|error| broken(format!("not JSON: {error}")))?;
    let text = |key: &str| event[key].as_str();
    if event.get("specversion").is_some() {
        return own(event).map(|item| vec![Found::Item(Box::new(item))]);
    }
    if let Some(kind) = text("detail-type") {
        return match (text("source"), kind) {
            (Some("aws.s3"), _) => object::bridged(sources, event),
            (Some("aws.events" | "aws.scheduler"), "Scheduled Event") => scheduled(sources, &event),
            (source, _) => Err(broken(format!(
                "an event `{kind}` of `{}` is nothing that a stage takes",
                source.unwrap_or("nobody")
            ))),
        };
    }
    if text("Event") == Some("s3:TestEvent") {
        return Ok(vec![Found::Aside("S3 tries the way".to_owned())]);
    }
    match (text("Type"), text("Message")) {
        (Some("Notification"), Some(message)) if wrappers > 0 => {
            return read(sources, message, wrappers - 1);
        }
        (Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"), _) => {
            return Ok(vec![Found::Aside("SNS speaks of the subscription".to_owned())]);
        }
        _ => {}
    }
    let Some(records) = event["Records"].as_array() else {
        return Err(broken("neither an item nor an event of AWS that a stage takes"));
    };
    let source = |record: &Value| {
        record["eventSource"].as_str().or(record["EventSource"].as_str()).unwrap_or_default().to_owned()
    };
    match records.first().map(source).as_deref() {
        None => Ok(Vec::new()),
        Some("aws:s3") => object::notified(sources, event),
        Some("aws:sns") if wrappers > 0 => published(sources, event, wrappers - 1),
        Some(other) => Err(broken(format!("records of `{other}` are nothing that a stage takes here"))),
    }
}

/// An item that a stage sent.
fn own(event: Value) -> Result<Item, Unreadable> {
    #[derive(Deserialize)]
    struct Format {
        tmformat: u64,
    }
    if let Ok(Format { tmformat }) = Format::deserialize(&event)
        && tmformat > u64::from(tidemill_core::item::FORMAT)
    {
        return Err(Unreadable::Newer(format!("item format {tmformat} is newer than this program")));
    }
    serde_json::from_value(event).map_err(broken)
}

/// What SNS hands to a function itself.
fn published(sources: &Sources, event: Value, wrappers: usize) -> Result<Vec<Found>, Unreadable> {
    let event: aws_lambda_events::sns::SnsEvent = serde_json::from_value(event).map_err(broken)?;
    let mut found = Vec::new();
    for record in event.records {
        found.extend(read(sources, &record.sns.message, wrappers)?);
    }
    Ok(found)
}

/// A tick of the clock, as a value that says which rule ticked and when.
fn scheduled(sources: &Sources, event: &Value) -> Result<Vec<Found>, Unreadable> {
    let time: Timestamp = event["time"]
        .as_str()
        .ok_or_else(|| broken("the scheduled event has no time"))?
        .parse()
        .map_err(broken)?;
    let rule = event["resources"][0].as_str().unwrap_or_default();
    let signature = format!("{}/schedule", sources.pipeline);
    let value = json!({ "schedule": rule, "time": time });
    let mut item = Item::root(&signature, time, Sequence::default(), Data::Value(value));
    if let Some(id) = event["id"].as_str() {
        item.id = digest::name_of(&[&signature, id]);
        item.root.clone_from(&item.id);
    }
    Ok(vec![if sources.lets_through(&item) {
        Found::Item(Box::new(item))
    } else {
        Found::Aside("the stage's `when` excludes it".to_owned())
    }])
}
