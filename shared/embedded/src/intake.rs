//! Takes in what lies in the sources: at the beginning of a run, while watching, and once more at its end.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tidemill_core::ports::StoreError;

use crate::bucket::{Entry, cause};
use crate::mill::Mill;
use crate::source::{Found, Listing, Uploads};
use crate::summary::{Ignored, Summary};

/// How long a file that was changed a moment ago is observed before it is taken for finished.
const SETTLE: Duration = Duration::from_millis(300);

/// How long a run without `--watch` waits for files that are being written.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

impl Mill {
    /// Takes in everything that lies in the sources. Files changed a moment ago are looked at once more
    /// before, so that one that is being written is not read half.
    pub(crate) async fn look(&mut self) -> Result<(), StoreError> {
        for index in 0..self.uploads.len() {
            let source = self.uploads[index].clone();
            let begun = Instant::now();
            let mut listing = list(&source)?;
            loop {
                let fresh = fresh(&source, &listing.entries);
                if fresh.is_empty() || self.shared.stop.is_set() {
                    break;
                }
                tokio::time::sleep(SETTLE).await;
                let before = std::mem::replace(&mut listing, list(&source)?);
                let known: HashMap<&str, &str> =
                    before.entries.iter().map(|entry| (entry.key.as_str(), entry.etag.as_str())).collect();
                let changing: HashSet<String> = listing
                    .entries
                    .iter()
                    .filter(|entry| fresh.contains(&entry.key))
                    .filter(|entry| known.get(entry.key.as_str()).is_some_and(|etag| *etag != entry.etag))
                    .map(|entry| entry.key.clone())
                    .collect();
                if changing.is_empty() {
                    break;
                }
                if begun.elapsed() > SETTLE_LIMIT {
                    for key in &changing {
                        listing.ignored.push(Ignored {
                            bucket: source.bucket.name().to_owned(),
                            path: key.clone(),
                            reason: "it is still being written".to_owned(),
                        });
                    }
                    listing.entries.retain(|entry| !changing.contains(&entry.key));
                    self.take(&source, listing, changing).await?;
                    return Ok(());
                }
            }
            self.take(&source, listing, HashSet::new()).await?;
        }
        Ok(())
    }

    /// Compares a listing, less the keys in `pending`, with what was seen before.
    async fn take(
        &mut self,
        source: &Uploads,
        listing: Listing,
        mut pending: HashSet<String>,
    ) -> Result<(), StoreError> {
        for (path, cause) in listing.closed {
            let blocked = format!("{}/{path}: it cannot be read: {cause}", source.bucket.name());
            if !self.summary.blocked.contains(&blocked) {
                self.summary.blocked.push(blocked);
            }
            pending.insert(path);
        }
        let found = source.take_in(&self.shared.state, listing.entries, pending).await?;
        self.note(source, &found, listing.ignored);
        Ok(())
    }

    /// The same while watching: files changed a moment ago are left to the watch.
    pub(crate) async fn look_and_watch(&mut self) -> Result<(), StoreError> {
        for index in 0..self.uploads.len() {
            let source = self.uploads[index].clone();
            let mut listing = list(&source)?;
            let fresh = fresh(&source, &listing.entries);
            listing.entries.retain(|entry| !fresh.contains(&entry.key));
            for key in &fresh {
                if let Some(watch) = &self.watch {
                    watch.look_again(index, key.clone());
                }
            }
            self.take(&source, listing, fresh).await?;
        }
        Ok(())
    }

    /// At the end of a run: whether sources have changed since, as superseded items suggest.
    pub(crate) async fn look_again(&mut self) -> Result<bool, StoreError> {
        if !std::mem::take(&mut self.overtaken) {
            return Ok(false);
        }
        let changes = |summary: &Summary| summary.found.values().sum::<u64>();
        let (before, unchanged) = (changes(&self.summary), self.summary.unchanged);
        self.look().await?;
        self.summary.unchanged = unchanged;
        Ok(changes(&self.summary) > before)
    }

    pub(crate) async fn take_changes(&mut self) -> Result<(), StoreError> {
        let Some(watch) = &self.watch else { return Ok(()) };
        let ready = watch.ready();
        let mut by_source: HashMap<usize, (Vec<Entry>, Vec<String>)> = HashMap::new();
        for (index, key) in ready.keys {
            let (there, gone) = by_source.entry(index).or_default();
            match self.uploads[index].bucket.entry(&key) {
                Ok(Some(entry)) => there.push(entry),
                Ok(None) => gone.push(key),
                Err(_) => watch.look_again(index, key),
            }
        }
        for (index, (there, gone)) in by_source {
            let source = self.uploads[index].clone();
            let mut found = source.created(&self.shared.state, there).await?;
            let removed = source.removed(&self.shared.state, gone).await?;
            found.changed += removed.changed;
            found.queued += removed.queued;
            found.unchanged = 0;
            self.note(&source, &found, Vec::new());
        }
        if ready.list_anew {
            let unchanged = self.summary.unchanged;
            self.look_and_watch().await?;
            self.summary.unchanged = unchanged;
        }
        Ok(())
    }

    fn note(&mut self, source: &Uploads, found: &Found, ignored: Vec<Ignored>) {
        *self.summary.found.entry(source.name.clone()).or_default() += found.changed;
        self.summary.unchanged += found.unchanged;
        for ignored in ignored {
            if !self.summary.ignored.contains(&ignored) {
                self.summary.ignored.push(ignored);
            }
        }
        self.shared.sent.fetch_add(found.queued, Ordering::Relaxed);
        self.tell_of_sent();
    }
}

fn list(source: &Uploads) -> Result<Listing, StoreError> {
    source.list().map_err(|error| {
        StoreError::Unavailable(format!(
            "cannot list the bucket `{}`: {}",
            source.bucket.name(),
            cause(&error)
        ))
    })
}

/// The keys of files that were changed a moment ago.
fn fresh(source: &Uploads, entries: &[Entry]) -> HashSet<String> {
    let is_fresh = |entry: &&Entry| source.bucket.age(&entry.key).is_some_and(|age| age < SETTLE * 3);
    entries.iter().filter(is_fresh).map(|entry| entry.key.clone()).collect()
}
