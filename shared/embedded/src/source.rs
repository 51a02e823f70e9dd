//! From what lies in a bucket to items in queues.
//!
//! A listing is compared with what was seen before; new, changed and removed objects draw their place in
//! history and go to every stage that listens, in the transaction that notes them as seen. So a change is
//! told exactly once, whatever dies in between.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tidemill_core::ports::StoreError;
use tidemill_core::{Data, Item, Object, Sequence};

use crate::bucket::{Bucket, Entry};
use crate::ports::{Route, now_micros};
use crate::queue;
use crate::state::{State, next_sequence};
use crate::summary::Ignored;

/// How many objects are compared in one transaction.
const CHUNK: usize = 512;

/// A stage that listens to a source.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) route: Route,
    /// The recipes of the stage and of everything below it: where they change, it is fed anew.
    pub(crate) recipes: String,
}

/// An S3 source on this machine.
#[derive(Clone)]
pub(crate) struct Uploads {
    /// `pipeline/source`: how its items are signed.
    pub(crate) signature: String,
    pub(crate) name: String,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) prefix: String,
    pub(crate) listeners: Arc<[Listener]>,
}

/// What a look at a source found.
#[derive(Default)]
pub(crate) struct Found {
    /// Objects that are new, changed, removed or to be done by another recipe.
    pub(crate) changed: u64,
    /// Items sent.
    pub(crate) queued: u64,
    /// Objects that nothing is to be done for.
    pub(crate) unchanged: u64,
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.changed += other.changed;
        self.queued += other.queued;
        self.unchanged += other.unchanged;
    }
}

/// A listing of a source.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// Objects, and folders that end in `/`, that may not be read, with the reason: nothing is known of
    /// them, so they count neither as there nor as gone.
    pub(crate) closed: Vec<(String, String)>,
    pub(crate) ignored: Vec<Ignored>,
}

impl Uploads {
    /// Whether `key` belongs to the source.
    pub(crate) fn holds(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && !crate::key::is_reserved(key) && crate::key::refused(key).is_none()
    }

    /// What is there now.
    pub(crate) fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let (entries, ignored, closed) = (&mut listing.entries, &mut listing.ignored, &mut listing.closed);
        self.bucket.list(
            &self.prefix,
            |entry| entries.push(entry),
            |path, reason| {
                ignored.push(Ignored {
                    bucket: self.bucket.name().to_owned(),
                    path,
                    reason: reason.to_owned(),
                });
            },
            |path, cause| closed.push((path, cause)),
        )?;
        Ok(listing)
    }

    /// Compares a whole listing, less the keys in `pending`, with what was seen before.
    pub(crate) async fn take_in(
        &self,
        state: &State,
        entries: Vec<Entry>,
        pending: HashSet<String>,
    ) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut there = pending;
        there.extend(entries.iter().map(|entry| entry.key.clone()));
        let mut entries = entries.into_iter().filter(|entry| self.holds(&entry.key)).peekable();
        while entries.peek().is_some() {
            let chunk: Vec<Entry> = entries.by_ref().take(CHUNK).collect();
            found.add(&self.created(state, chunk).await?);
        }
        let gone = self.gone(state, there).await?;
        for keys in gone.chunks(CHUNK) {
            found.add(&self.removed(state, keys.to_vec()).await?);
        }
        Ok(found)
    }

    /// The keys that were seen before and are not in `there`.
    ///
    /// A disk that is not mounted, or a `--bucket` that was forgotten, looks like a folder whose objects were
    /// all removed. So where all are gone and the folder is another one than before, that is no removal.
    async fn gone(&self, state: &State, there: HashSet<String>) -> Result<Vec<String>, StoreError> {
        let (bucket, prefix) = (self.bucket.name().to_owned(), self.prefix.clone());
        let unreadable = |error: io::Error| StoreError::Unavailable(error.to_string());
        let place = self.bucket.place(&self.prefix).map_err(unreadable)?;
        let name = format!("place of {}", self.name);
        let (gone, before) = state
            .call(move |connection| {
                let mut query = connection.prepare_cached(
                    "SELECT key FROM seen WHERE bucket = ?1 AND substr(key, 1, length(?2)) = ?2",
                )?;
                let keys = query.query_map([&bucket, &prefix], |row| row.get::<_, String>(0))?;
                let seen = keys.collect::<rusqlite::Result<Vec<_>>>()?;
                let before = seen.len();
                let closed: Vec<&String> = there.iter().filter(|path| path.ends_with('/')).collect();
                let is_gone = |key: &String| {
                    !there.contains(key) && !closed.iter().any(|folder| key.starts_with(folder.as_str()))
                };
                let gone: Vec<String> = seen.into_iter().filter(is_gone).collect();
                let known: Option<String> = connection
                    .query_row("SELECT value FROM about WHERE name = ?1", [&name], |row| row.get(0))
                    .optional()?;
                let all = !gone.is_empty() && gone.len() == before;
                let elsewhere = known.filter(|known| all && *known != place);
                if elsewhere.is_none() {
                    connection.execute("INSERT OR REPLACE INTO about VALUES (?1, ?2)", [&name, &place])?;
                }
                Ok((gone, elsewhere))
            })
            .await?;
        if let Some(before) = before {
            return Err(StoreError::Unavailable(format!(
                "the objects of the source `{}` lay in {before} before, and here is none of the {}: is the \
                 disk mounted, or was `--bucket` forgotten?",
                self.name,
                gone.len()
            )));
        }
        Ok(gone)
    }

    /// Compares objects that are there with what was seen before.
    pub(crate) async fn created(&self, state: &State, entries: Vec<Entry>) -> Result<Found, StoreError> {
        let source = self.clone();
        state
            .call(move |connection| {
                let mut found = Found::default();
                for entry in &entries {
                    found.add(&source.see(connection, entry)?);
                }
                Ok(found)
            })
            .await
    }

    fn see(&self, connection: &Connection, entry: &Entry) -> rusqlite::Result<Found> {
        let bucket = self.bucket.name();
        let known = connection
            .prepare_cached("SELECT etag, sequence, time FROM seen WHERE bucket = ?1 AND key = ?2")?
            .query_row([bucket, &entry.key], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let (sequence, time) = match known {
            Some((etag, sequence, time)) if etag == entry.etag => (sequence, time),
            _ => {
                let time = now_micros();
                let sequence = next_sequence(connection, time)?;
                connection
                    .prepare_cached("INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                    .execute(params![
                        bucket,
                        entry.key,
                        entry.etag,
                        entry.bytes.cast_signed(),
                        sequence,
                        time
                    ])?;
                (sequence, time)
            }
        };
        let mut found = Found::default();
        let mut wanted = false;
        for listener in &*self.listeners {
            let item = self.item(entry, sequence, time, Data::Created);
            if !listener.route.lets_through(&item) {
                continue;
            }
            wanted = true;
            let stage = &listener.route.stage;
            let fed = connection
                .prepare_cached(
                    "SELECT sequence, recipes FROM fed WHERE stage = ?1 AND source = ?2 AND key = ?3",
                )?
                .query_row([stage, &self.name, &entry.key], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
                })
                .optional()?;
            if fed.is_some_and(|(at, recipes)| at == sequence && recipes == listener.recipes) {
                continue;
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO fed VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![stage, self.name, entry.key, sequence, listener.recipes])?;
            queue::push(connection, stage, &item, now_micros(), now_micros())?;
            found.queued += 1;
        }
        // What no pattern lets through never becomes an item and is not counted.
        if found.queued > 0 {
            found.changed = 1;
        } else if wanted {
            found.unchanged = 1;
        }
        Ok(found)
    }

    /// Tells of objects that are gone.
    pub(crate) async fn removed(&self, state: &State, keys: Vec<String>) -> Result<Found, StoreError> {
        let source = self.clone();
        state
            .call(move |connection| {
                let mut found = Found::default();
                for key in keys {
                    // What is gone may have been a folder, and everything in it is gone with it.
                    let mut query = connection.prepare_cached(
                        "SELECT key FROM seen WHERE bucket = ?1 AND key > ?2 || '/' AND key < ?2 || '0'",
                    )?;
                    let below = query.query_map([source.bucket.name(), &key], |row| row.get(0))?;
                    let below = below.collect::<rusqlite::Result<Vec<String>>>()?;
                    for key in below.into_iter().filter(|key| matches!(source.bucket.entry(key), Ok(None))) {
                        found.add(&source.miss(connection, key)?);
                    }
                    found.add(&source.miss(connection, key)?);
                }
                Ok(found)
            })
            .await
    }

    fn miss(&self, connection: &Connection, key: String) -> rusqlite::Result<Found> {
        let bucket = self.bucket.name();
        let gone = connection
            .prepare_cached("DELETE FROM seen WHERE bucket = ?1 AND key = ?2")?
            .execute([bucket, &key])?;
        let time = now_micros();
        let sequence = next_sequence(connection, time)?;
        let entry = Entry { key, etag: String::new(), bytes: 0 };
        let item = self.item(&entry, sequence, time, Data::Removed);
        let mut found = Found { changed: gone as u64, ..Found::default() };
        for listener in &*self.listeners {
            let stage = &listener.route.stage;
            // Only who was given the object is told of its end.
            let fed = connection
                .prepare_cached("DELETE FROM fed WHERE stage = ?1 AND source = ?2 AND key = ?3")?
                .execute([stage, &self.name, &entry.key])?;
            if fed > 0 && listener.route.lets_through(&item) {
                queue::push(connection, stage, &item, time, time)?;
                found.queued += 1;
            }
        }
        Ok(found)
    }

    fn item(&self, entry: &Entry, sequence: i64, time: i64, data: fn(Object) -> Data) -> Item {
        let object = Object {
            bucket: self.bucket.name().to_owned(),
            key: entry.key.clone(),
            version: None,
            etag: entry.etag.clone(),
            bytes: entry.bytes,
            media_type: None,
        };
        let time = Timestamp::from_microsecond(time).unwrap_or(Timestamp::UNIX_EPOCH);
        Item::root(&self.signature, time, Sequence::new(sequence.cast_unsigned()), data(object))
    }
}
