//! What a host provides. Ports promise behaviour, not one vendor's calls.
//!
//! Every method returns a boxed future, since hosts are chosen at run time.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::item::{Item, Object};
use crate::limits::Cost;
use crate::mark::Mark;

/// What a port's method returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Nothing of that name, or no longer that version of it.
    Missing,
    /// A condition did not hold, or another writer was at it: look again (HTTP 409, 412).
    Conflict,
    /// The store can never hold this, and says why.
    Refused(String),
    /// The store cannot answer now. A write may have happened all the same.
    Unavailable(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("not there"),
            Self::Conflict => f.write_str("changed by another writer"),
            Self::Refused(reason) | Self::Unavailable(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for StoreError {}

/// What is known of an object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entity tag. It tells bytes apart, not generations.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The media type.
    pub media_type: Option<String>,
    /// The lineage, if a stage wrote it.
    pub mark: Option<Mark>,
    /// SHA-256 of the bytes in hexadecimal, where the store knows it.
    pub checksum: Option<String>,
}

/// What is stored beside an object's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The media type.
    pub media_type: String,
    /// The lineage; documents of the host have none.
    pub mark: Option<Mark>,
    /// SHA-256 of the bytes in hexadecimal.
    pub checksum: String,
}

/// An object's bytes, in the chunks in which they were written. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Body(pub Vec<Bytes>);

impl Body {
    /// The size in bytes.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(vec![bytes])
    }
}

/// When a write may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Only if there is no such object (If-None-Match: *).
    Absent,
    /// Only if the object has this entity tag (If-Match).
    Match(String),
}

/// An object, open and pinned: whatever happens to its key, these are the bytes that were asked for.
pub trait Source: Send + Sync {
    /// What is known of it.
    fn head(&self) -> &Head;

    /// Reads up to `length` bytes at `offset`; fewer only at the end. `Missing` if the object was
    /// changed in place meanwhile.
    fn read_at(&self, offset: u64, length: usize) -> Answer<'_, Result<Bytes, StoreError>>;
}

/// Buckets.
pub trait Objects: Send + Sync {
    /// Opens exactly the version that `object` names, else `Missing`.
    fn open<'a>(&'a self, object: &'a Object) -> Answer<'a, Result<Box<dyn Source>, StoreError>>;

    /// What is known of the current object at `key`.
    fn head<'a>(&'a self, bucket: &'a str, key: &'a str) -> Answer<'a, Result<Option<Head>, StoreError>>;

    /// A small document, whole, with its entity tag.
    fn get<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<(String, Bytes)>, StoreError>>;

    /// Writes an object, whole or not at all, if `condition` holds (else `Conflict`, or `Missing` if the
    /// object to match is gone). Answers the new entity tag.
    fn put<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        body: &'a Body,
        meta: &'a Meta,
        condition: Condition,
    ) -> Answer<'a, Result<String, StoreError>>;

    /// Removes the object at `key` if it has the entity tag `etag`.
    fn remove<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        etag: &'a str,
    ) -> Answer<'a, Result<(), StoreError>>;
}

/// Where a sent item goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// To every stage that has this one among its inputs.
    Items,
    /// To every stage that listens to how this stage's inputs end.
    Outcomes,
    /// To this stage's own queue, as a repair.
    Own,
}

/// The queues behind a stage. The host knows who listens and what their `when` lets through.
pub trait Outbox: Send + Sync {
    /// Sends `item`, at least once.
    fn send<'a>(&'a self, port: Port, item: &'a Item) -> Answer<'a, Result<(), StoreError>>;
}

/// An item or a record that was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The stage that gave it up.
    pub stage: String,
    /// The item as it was; for a record, an item whose value holds shard, sequence and payload.
    pub item: Item,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// Where dead letters are kept.
pub trait DeadLetters: Send + Sync {
    /// Keeps a dead letter; a repeat of the same item and generation replaces it.
    fn bury<'a>(&'a self, letter: &'a DeadLetter) -> Answer<'a, Result<(), StoreError>>;
}

/// The time, and waiting.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Comes back after `duration`.
    fn sleep(&self, duration: Duration) -> Answer<'static, ()>;
}

/// Hands over the result of some work.
pub type Reply = Box<dyn FnOnce() + Send>;

/// Threads for work that keeps a processor busy.
pub trait Cpu: Send + Sync {
    /// Runs `work` away from the threads that serve I/O, then the reply that it gives: what a host wants to
    /// note of the work, such as the time it took, it notes in between.
    fn spawn(&self, work: Box<dyn FnOnce() -> Reply + Send>);
}

/// Lets work begin only when there is room for what it costs.
pub trait Admission: Send + Sync {
    /// Comes back when there is room, which is given back when the permit is dropped; or says why there
    /// can never be.
    fn admit(&self, cost: Cost) -> Answer<'_, Result<Box<dyn Send + Sync>, String>>;
}

/// Everything that a host provides to a stage.
#[derive(Clone)]
pub struct Ports {
    /// Buckets.
    pub objects: std::sync::Arc<dyn Objects>,
    /// Queues.
    pub outbox: std::sync::Arc<dyn Outbox>,
    /// Dead letters.
    pub dead: std::sync::Arc<dyn DeadLetters>,
    /// Time.
    pub clock: std::sync::Arc<dyn Clock>,
    /// Threads.
    pub cpu: std::sync::Arc<dyn Cpu>,
    /// Room.
    pub admission: std::sync::Arc<dyn Admission>,
}

/// The value of an outcome event (the port `outcomes`).
pub(crate) fn outcome_value(stage: &str, item: &Item, outcome: &str, reason: Option<&str>) -> Value {
    let mut value = serde_json::json!({
        "stage": stage,
        "item": item.id,
        "sequence": item.sequence,
        "repeat": item.repeat,
        "outcome": outcome,
        "attempts": item.attempt + 1,
    });
    if let Some(object) = item.object() {
        value["bucket"] = object.bucket.clone().into();
        value["key"] = object.key.clone().into();
        value["etag"] = object.etag.clone().into();
        value["bytes"] = object.bytes.into();
    }
    if let Some(reason) = reason {
        value["reason"] = reason.into();
    }
    value
}
