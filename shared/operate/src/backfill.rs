//! Items for objects that were there before.
//!
//! They have the ids that events would have given. What the books know of a key already is only looked over: a
//! repeat finishes what is missing; a changed recipe has raised the stage's revision and makes everything anew; an
//! object whose event was lost, or one that is gone without an event, gets an item of the next repeat.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use tidemill_aws::{Listed, documents, place_in_history, send_all};
use tidemill_core::document::{Document, State};
use tidemill_core::key::RESERVED;
use tidemill_core::plan::Input;
use tidemill_core::{Data, Item, Object};
use tidemill_deploy::Problem;
use tidemill_pattern::Filter;
use tidemill_pipeline::{PlannedStage, Source};

use crate::environment::{Environment, store};

/// Which objects.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The source.
    pub source: String,
    /// What keys begin with, behind the source's own prefix.
    pub prefix: String,
    /// Only objects that were written at this time or later.
    pub since: Option<Timestamp>,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Objects that were looked at.
    pub objects: u64,
    /// Items sent for objects that are there.
    pub created: u64,
    /// Items sent for objects that are gone.
    pub removed: u64,
}

/// Sends items for the selected objects to every stage that takes the source. `tell` is called now and then
/// with what was sent so far.
pub async fn backfill(
    environment: &Environment,
    selection: &Selection,
    mut tell: impl FnMut(&Sent),
) -> Result<Sent, Problem> {
    let (bucket, prefix) = source(environment, &selection.source)?;
    let whole = format!("{prefix}{}", selection.prefix);
    let input = Input::Source(selection.source.clone());
    let signature = format!("{}/{}", environment.plan.name, selection.source);
    let mut sent = Sent::default();
    let mut listeners = Vec::new();
    for stage in environment.plan.consumers(&input) {
        listeners.push(Listener::read(environment, stage, bucket).await?);
    }
    let mut seen = BTreeSet::new();
    let mut next = None;
    loop {
        let page = environment.buckets.page(bucket, &whole, next.as_deref()).await;
        let page = page.map_err(|error| store(&error))?;
        let wanted = page.objects.iter().filter(|object| !object.key.starts_with(RESERVED));
        let wanted: Vec<&Listed> = wanted.collect();
        seen.extend(wanted.iter().map(|object| object.key.clone()));
        let chosen = |object: &&&Listed| selection.since.is_none_or(|since| object.modified >= since);
        let chosen: Vec<&&Listed> = wanted.iter().filter(chosen).collect();
        sent.objects += chosen.len() as u64;
        for listener in &listeners {
            let items = chosen.iter().map(|object| created(&signature, bucket, object, listener));
            sent.created += listener.send(environment, items).await?;
        }
        tell(&sent);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    // With a time to begin from, what is gone cannot be told from what is older.
    if selection.since.is_none() {
        for listener in &listeners {
            let gone = listener.known.values().filter(|document| {
                document.state != State::Removed
                    && document.item.subject().1.starts_with(&whole)
                    && !seen.contains(document.item.subject().1)
            });
            let items = gone.filter_map(|document| removed(&signature, document));
            sent.removed += listener.send(environment, items).await?;
        }
        tell(&sent);
    }
    Ok(sent)
}

/// The bucket and prefix of a source.
pub(crate) fn source<'a>(environment: &'a Environment, name: &str) -> Result<(&'a str, &'a str), Problem> {
    match environment.plan.source(name).map(|source| &source.source) {
        Some(Source::S3 { bucket, prefix, .. }) => Ok((bucket, prefix)),
        Some(_) => Err(Problem::new(
            format!("the source `{name}` is no bucket"),
            "only objects can be gone through again; a stream's records stay in the stream",
        )),
        None => {
            let known = environment.plan.sources.iter().map(|source| source.name.as_str());
            let known: Vec<&str> = known.collect();
            Err(Problem::new(
                format!("there is no source `{name}`"),
                format!("there are: {}", known.join(", ")),
            ))
        }
    }
}

/// A stage that takes the source, and what its books know.
struct Listener<'a> {
    stage: &'a PlannedStage,
    filter: Filter,
    known: HashMap<String, Document>,
}

impl<'a> Listener<'a> {
    async fn read(environment: &Environment, stage: &'a PlannedStage, bucket: &str) -> Result<Self, Problem> {
        let output = stage.plan.output.as_ref().map(|output| output.bucket.as_str());
        let found = documents(&environment.buckets, &stage.plan.signature(), output).await;
        let known = found.map_err(|error| store(&error))?.into_iter().filter_map(|document| {
            let (of, key) = document.item.subject();
            (of == bucket).then(|| (key.to_owned(), document.clone()))
        });
        Ok(Self { stage, filter: Filter::new(stage.when.clone()), known: known.collect() })
    }

    async fn send(
        &self,
        environment: &Environment,
        items: impl Iterator<Item = Item>,
    ) -> Result<u64, Problem> {
        let through = items
            .filter(|item| self.filter.lets_through(item.is_removal(), || serde_json::to_value(item).ok()));
        let bodies: Vec<String> = through.filter_map(|item| serde_json::to_string(&item).ok()).collect();
        let queue = environment.queue(&self.stage.plan.name);
        let sent = send_all(&environment.clients.sqs, queue, &bodies).await;
        sent.map(|sent| sent as u64).map_err(|error| store(&error))
    }
}

fn created(signature: &str, bucket: &str, object: &Listed, listener: &Listener<'_>) -> Item {
    let known = listener.known.get(&object.key);
    // A listing knows no version. Where the event named one, the books do, and the ETag says that it is the same.
    let before = known.and_then(|document| document.item.object());
    let same = before.is_some_and(|before| before.etag == object.etag)
        && known.is_some_and(|document| document.state != State::Removed);
    let subject = Object {
        bucket: bucket.to_owned(),
        key: object.key.clone(),
        version: before.filter(|_| same).and_then(|before| before.version.clone()),
        etag: object.etag.clone(),
        bytes: object.bytes,
        media_type: None,
    };
    let place = place_in_history(known, same);
    let mut item = Item::root(signature, object.modified, place.sequence, Data::Created(subject));
    item.repeat = place.repeat;
    item
}

fn removed(signature: &str, document: &Document) -> Option<Item> {
    let place = place_in_history(Some(document), false);
    let object = document.item.object()?.clone();
    let mut item = Item::root(signature, Timestamp::now(), place.sequence, Data::Removed(object));
    item.repeat = place.repeat;
    Some(item)
}
