//! One invocation: what kind of event it is, and what is done about it.

use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tidemill_aws::{Message, Settled, Station};
use tidemill_core::Stop;

use crate::answer::Partial;
use crate::http::Door;

/// How many messages of a batch are under way at once: while one waits for S3, another is at work.
const AT_ONCE: usize = 4;

/// What the process does with its invocations.
pub(crate) enum Host {
    /// The stage's own work.
    Stage(Box<Station>),
    /// The drain of its dead-letter queue.
    Drain(Box<Station>),
    /// Its HTTP source.
    Http(Box<Door>),
}

/// As much of an event as tells what it is.
#[derive(Deserialize)]
struct Look {
    #[serde(rename = "Records", default)]
    records: Option<Vec<LookRecord>>,
    #[serde(rename = "requestContext", default)]
    request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct LookRecord {
    #[serde(rename = "eventSource", default)]
    source: Option<String>,
}

impl Host {
    pub(crate) fn stage(station: Station) -> Self {
        Self::Stage(Box::new(station))
    }

    pub(crate) fn drain(station: Station) -> Self {
        Self::Drain(Box::new(station))
    }

    pub(crate) fn http(door: Door) -> Self {
        Self::Http(Box::new(door))
    }

    pub(crate) async fn invoke(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Error> {
        let begun = Instant::now();
        let given = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let left = || given.saturating_sub(begun.elapsed());
        let text = event.payload.get();
        match self {
            Self::Http(door) => Ok(door.answer(text).await),
            Self::Drain(station) => {
                let event: SqsEvent = serde_json::from_str(text)?;
                let mut partial = Partial::default();
                for message in &event.records {
                    if let Settled::Back(_) = station.drain(&read(message)).await {
                        partial.add(message.message_id.clone().unwrap_or_default());
                    }
                }
                Ok(partial.value())
            }
            Self::Stage(station) => {
                let look: Look = serde_json::from_str(text)?;
                if look.request.is_some() {
                    return Err("the stage takes no requests: call the pipeline's HTTP source".into());
                }
                let source = look.records.as_ref().and_then(|records| records.first());
                match source.and_then(|record| record.source.as_deref()) {
                    Some("aws:sqs") => messages(station, text, left).await,
                    Some("aws:kinesis") => records(station, text, left).await,
                    _ => direct(station, text, event.context.xray_trace_id.as_deref(), left()).await,
                }
            }
        }
    }
}

/// A batch of a queue: each message is settled or named in the answer.
async fn messages(station: &Station, text: &str, left: impl Fn() -> Duration) -> Result<Value, Error> {
    let event: SqsEvent = serde_json::from_str(text)?;
    let stop = Stop::default();
    let (left, stop) = (&left, &stop);
    let settled: Vec<(String, Settled)> = stream::iter(&event.records)
        .map(|message| async move {
            let id = message.message_id.clone().unwrap_or_default();
            (id, station.take(&read(message), left(), stop).await)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut partial = Partial::default();
    for (id, settled) in settled {
        if let Settled::Back(_) = settled {
            partial.add(id);
        }
    }
    Ok(partial.value())
}

/// A batch of a stream: the first record that is not decided is named, and all behind it come again.
async fn records(station: &Station, text: &str, left: impl Fn() -> Duration) -> Result<Value, Error> {
    let mut partial = Partial::default();
    for batch in station.sources().batches(text)? {
        if let Some(first) = station.feed(&batch, left(), &Stop::default()).await {
            partial.add(first.to_string());
        }
    }
    Ok(partial.value())
}

/// An event that came without a queue. There is nobody to give a part of it back to, so the invocation fails as
/// a whole where something in it is not decided.
async fn direct(station: &Station, text: &str, trace: Option<&str>, left: Duration) -> Result<Value, Error> {
    let message = Message { body: text, trace, sent: None };
    match station.take(&message, left, &Stop::default()).await {
        Settled::Gone => Ok(Value::Null),
        Settled::Back(reason) => Err(reason.into()),
    }
}

fn read(message: &SqsMessage) -> Message<'_> {
    let attribute = |name: &str| message.attributes.get(name).map(String::as_str);
    let sent = attribute("SentTimestamp").and_then(|text| text.parse().ok());
    Message {
        body: message.body.as_deref().unwrap_or_default(),
        trace: attribute("AWSTraceHeader"),
        sent: sent.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
    }
}
