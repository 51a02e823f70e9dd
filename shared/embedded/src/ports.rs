//! The ports of core on one machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::params;
use tidemill_core::ports::{
    Answer, Body, Condition, DeadLetter, DeadLetters, Head, Meta, Objects, Outbox, Port, Source, StoreError,
};
use tidemill_core::{Item, Object, digest};
use tidemill_pattern::{Filter, Pattern};

use crate::bucket::{Bucket, Buckets};
use crate::documents::Documents;
use crate::key::is_reserved;
use crate::probe::{Probe, Step};
use crate::queue;
use crate::state::State;

/// Directories as buckets, and the host's own documents beside them.
pub(crate) struct Directories {
    pub(crate) buckets: Buckets,
    pub(crate) documents: Documents,
    pub(crate) probe: Option<Probe>,
}

impl Directories {
    fn bucket(&self, name: &str) -> Result<&Arc<Bucket>, StoreError> {
        let missing = || StoreError::Refused(format!("the pipeline has no bucket `{name}`"));
        self.buckets.get(name).ok_or_else(missing)
    }
}

impl Directories {
    /// Makes everything that was written and removed so far outlive a power cut.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        self.buckets.values().try_for_each(|bucket| bucket.settle())
    }
}

impl Objects for Directories {
    fn open<'a>(&'a self, object: &'a Object) -> Answer<'a, Result<Box<dyn Source>, StoreError>> {
        Box::pin(async move { self.bucket(&object.bucket)?.open_pinned(&object.key, &object.etag) })
    }

    fn head<'a>(&'a self, bucket: &'a str, key: &'a str) -> Answer<'a, Result<Option<Head>, StoreError>> {
        Box::pin(async move { self.bucket(bucket)?.head(key) })
    }

    fn get<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<(String, Bytes)>, StoreError>> {
        // Only documents are read whole, and all of them lie under reserved keys.
        Box::pin(async move { self.documents.get(bucket, key) })
    }

    fn put<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        body: &'a Body,
        meta: &'a Meta,
        condition: Condition,
    ) -> Answer<'a, Result<String, StoreError>> {
        Box::pin(async move {
            if is_reserved(key) {
                // A document speaks of what was written before it, which must not be lost if it is not.
                self.settle()?;
                step(self.probe.as_ref(), Step::Document(key))?;
                return self.documents.put(bucket, key, body, meta, condition).await;
            }
            self.bucket(bucket)?.put(key, body, meta, &condition)
        })
    }

    fn remove<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        etag: &'a str,
    ) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move { self.bucket(bucket)?.remove(key, etag) })
    }
}

/// Who listens to a port, and what they let through.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) stage: String,
    filter: Filter,
}

impl Route {
    pub(crate) fn new(stage: &str, when: Option<Pattern>) -> Self {
        Self { stage: stage.to_owned(), filter: Filter::new(when) }
    }

    pub(crate) fn lets_through(&self, item: &Item) -> bool {
        self.filter.lets_through(item.is_removal(), || serde_json::to_value(item).ok())
    }
}

/// Queues in the state file.
pub(crate) struct Queues {
    pub(crate) state: Arc<State>,
    pub(crate) own: Route,
    pub(crate) items: Vec<Route>,
    pub(crate) outcomes: Vec<Route>,
    pub(crate) probe: Option<Probe>,
    pub(crate) sent: Arc<AtomicU64>,
}

/// Passes a step of the host by the tests' probe.
pub(crate) fn step(probe: Option<&Probe>, step: Step<'_>) -> Result<(), StoreError> {
    probe.map_or(Ok(()), |probe| probe(step)).map_err(|error| StoreError::Unavailable(error.to_string()))
}

impl Outbox for Queues {
    fn send<'a>(&'a self, port: Port, item: &'a Item) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let routes = match port {
                Port::Items => self.items.as_slice(),
                Port::Outcomes => &self.outcomes,
                Port::Own => std::slice::from_ref(&self.own),
            };
            let repair = port == Port::Own;
            let listening = routes.iter().filter(|route| repair || route.lets_through(item));
            let stages: Vec<String> = listening.map(|route| route.stage.clone()).collect();
            if stages.is_empty() {
                return Ok(());
            }
            for stage in &stages {
                step(self.probe.as_ref(), Step::Send(stage))?;
            }
            let (item, now) = (item.clone(), now_micros());
            let count = stages.len() as u64;
            self.state
                .call(move |connection| {
                    stages.iter().try_for_each(|stage| queue::push(connection, stage, &item, now, now))
                })
                .await?;
            if !repair {
                self.sent.fetch_add(count, Ordering::Relaxed);
            }
            Ok(())
        })
    }
}

/// Dead letters in the state file.
pub(crate) struct Graveyard {
    pub(crate) state: Arc<State>,
    pub(crate) probe: Option<Probe>,
}

impl DeadLetters for Graveyard {
    fn bury<'a>(&'a self, letter: &'a DeadLetter) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            step(self.probe.as_ref(), Step::Bury(&letter.stage))?;
            let letter = letter.clone();
            self.state
                .call(move |connection| {
                    let item = serde_json::to_string(&letter.item)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                    let (bucket, key) = letter.item.subject();
                    let id =
                        digest::name_of(&[&letter.stage, &letter.item.id, &letter.item.sequence.to_string()]);
                    let sequence = queue::number(&letter.item.sequence);
                    let mut insert = connection.prepare_cached(
                        "INSERT OR REPLACE INTO dead VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    )?;
                    insert.execute(params![
                        &id[..16],
                        letter.stage,
                        bucket,
                        key,
                        sequence,
                        item,
                        letter.reason,
                        letter.attempts,
                        now_micros()
                    ])?;
                    Ok(())
                })
                .await
        })
    }
}

/// Now, as the state file has it.
pub(crate) fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
