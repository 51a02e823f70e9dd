//! An object that comes in piece by piece, of any size: it appears at its key whole and safe on disk, or not at all.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use cap_std::fs::Dir;
use tidemill_core::ports::StoreError;

use super::{Bucket, TEMPORARY_COUNTER, is_in_the_way, parent_of};
use crate::draft::Draft;
use crate::key;
use crate::probe::Step;

/// An object on its way.
pub(crate) struct Arrival<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    parent: Dir,
    draft: Draft<'a>,
}

impl Bucket {
    /// Begins a new object at `key`.
    pub(crate) fn arrive<'a>(&'a self, key: &'a str) -> Result<Arrival<'a>, StoreError> {
        if let Some(reason) = key::refused(key) {
            return Err(StoreError::Refused(reason));
        }
        if key::is_reserved(key) {
            return Err(StoreError::Refused(format!("the key `{key}` is the host's own")));
        }
        let Some(folder) = &self.temporary else {
            return Err(StoreError::Refused(format!("the bucket `{}` is only read from", self.name)));
        };
        let begin = || -> io::Result<(Dir, Draft<'a>)> {
            let parent = self.parent(key)?;
            self.step(Step::MakeTemporary(key))?;
            let spare = format!("{}{}", self.process, TEMPORARY_COUNTER.fetch_add(1, Ordering::Relaxed));
            let draft = Draft::begin(&parent, folder, spare, self.nameless)?;
            Ok((parent, draft))
        };
        let (parent, draft) = begin().map_err(|error| self.unavailable("write", key, &error))?;
        Ok(Arrival { bucket: self, key, parent, draft })
    }
}

impl Arrival<'_> {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.bucket.step(Step::Write(self.key)).and_then(|()| self.draft.file.write_all(bytes));
        written.map_err(|error| self.bucket.unavailable("write", self.key, &error))
    }

    /// Gives the object its name, where there must be none, and comes back when it outlives a power cut.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        let Self { bucket, key, .. } = self;
        match self.name() {
            Ok(true) => bucket.settle(),
            Ok(false) => Err(StoreError::Conflict),
            Err(error) => Err(bucket.unavailable("write", key, &error)),
        }
    }

    fn name(mut self) -> io::Result<bool> {
        let (bucket, key) = (self.bucket, self.key);
        bucket.step(Step::SyncFile(key))?;
        self.draft.file.sync_all()?;
        let _guard = bucket.lock(key);
        if bucket.folds_case && bucket.names_another(key)? {
            return Ok(false);
        }
        let base = key.rsplit_once('/').map_or(key, |(_, base)| base);
        // The directory may have been emptied and removed meanwhile.
        for _ in 0..16 {
            bucket.step(Step::Name(key))?;
            match self.draft.name_new(&self.parent, base) {
                Ok(()) => {
                    bucket.note_unsynced(parent_of(key));
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.parent = bucket.parent(key)?,
                Err(error) if is_in_the_way(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("its directory vanishes again and again"))
    }
}
