//! Every form in which AWS tells of an object, a record or an item, as items and batches.
//!
//! - In: the body of a queue's message, or the event of a Lambda invocation, as text.
//! - Out: [`Found`] items, or [`Batch`]es; or [`Unreadable`], which says whether a newer program could.
//! - Forms: S3 through EventBridge; S3 notifications, direct, through SQS, and through SNS, raw or wrapped;
//!   the items that stages send one another; Kinesis; a scheduled event. `s3:TestEvent` and what SNS says of
//!   its own subscriptions are found and put aside.
//! - Sources: the Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure";
//!   the Amazon SNS Developer Guide, "Parsing message formats"; the AWS Lambda Developer Guide on each event
//!   source.
//!
//! Nothing here speaks to AWS.

#![forbid(unsafe_code)]

mod kinesis;
mod message;
mod object;
mod trace;

use tidemill_core::deployment::{Place, StageFile, StageSource};
use tidemill_core::{Batch, Item};
use tidemill_pattern::Filter;

pub use message::{Found, Unreadable};
pub use trace::Trace;

/// The sources of a stage, by their physical names, and what the stage lets through.
#[derive(Debug)]
pub struct Sources {
    pipeline: String,
    objects: Vec<Objects>,
    streams: Vec<Stream>,
    filter: Filter,
}

/// A source of objects.
#[derive(Debug)]
struct Objects {
    signature: String,
    bucket: String,
    physical: String,
    prefix: String,
}

/// A source of records.
#[derive(Debug)]
struct Stream {
    stream: String,
    physical: String,
}

impl Sources {
    /// The sources of the stage that `file` describes, where `place` puts it.
    pub fn new(file: &StageFile, place: &Place) -> Result<Self, String> {
        let filter = Filter::of(file.plan.when.as_ref())?;
        let physical = |names: &std::collections::BTreeMap<String, String>, name: &str| {
            names.get(name).cloned().ok_or_else(|| format!("nothing says where `{name}` lies"))
        };
        let (mut objects, mut streams) = (Vec::new(), Vec::new());
        for source in &file.sources {
            match source {
                StageSource::S3 { name, bucket, prefix } => objects.push(Objects {
                    signature: format!("{}/{name}", file.plan.pipeline),
                    bucket: bucket.clone(),
                    physical: physical(&place.buckets, bucket)?,
                    prefix: prefix.clone(),
                }),
                StageSource::Kinesis { stream, .. } => streams
                    .push(Stream { stream: stream.clone(), physical: physical(&place.streams, stream)? }),
                StageSource::Http { .. } => {}
            }
        }
        let pipeline = file.plan.pipeline.clone();
        Ok(Self { pipeline, objects, streams, filter })
    }

    /// Whether the stage's own pattern lets an item of a source through.
    fn lets_through(&self, item: &Item) -> bool {
        self.filter.lets_through(item.is_removal(), || serde_json::to_value(item).ok())
    }

    /// The batches in the event of a Kinesis event source mapping, one for each shard.
    pub fn batches(&self, event: &str) -> Result<Vec<Batch>, String> {
        kinesis::batches(self, event)
    }

    /// The items in the body of a queue's message, or in an event that came without a queue.
    pub fn items(&self, body: &str) -> Result<Vec<Found>, Unreadable> {
        message::items(self, body)
    }
}
