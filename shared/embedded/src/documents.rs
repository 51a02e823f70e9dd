//! The host's own documents: result documents and shard heads, as rows of the state file.
//!
//! On S3 they are small objects under a reserved prefix. Here they share the state file's transactions, so
//! that one sync to disk serves the documents of many items, and buckets hold nothing but outputs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use tidemill_core::ports::{Body, Condition, Meta, StoreError};

use crate::error::HostError;
use crate::state::{self, State};

/// Documents by bucket and reserved key.
pub(crate) struct Documents {
    state: Arc<State>,
    /// Reading waits for nobody's transaction.
    reader: Mutex<Connection>,
}

fn unavailable(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("the state file: {error}"))
}

impl Documents {
    /// The documents in the state file at `path`.
    pub(crate) fn open(state: Arc<State>, path: &Path) -> Result<Self, HostError> {
        Ok(Self { state, reader: Mutex::new(state::connect(path)?) })
    }

    /// A document with its entity tag.
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Result<Option<(String, Bytes)>, StoreError> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || -> rusqlite::Result<Option<(String, Bytes)>> {
            reader
                .prepare_cached("SELECT etag, body FROM documents WHERE bucket = ?1 AND key = ?2")?
                .query_row([bucket, key], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?.into())))
                .optional()
        };
        read().map_err(|error| unavailable(&error))
    }

    /// Writes a document if `condition` holds. As in S3, its entity tag tells bytes and nothing else.
    pub(crate) async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: &Body,
        meta: &Meta,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let (bucket, key, etag) = (bucket.to_owned(), key.to_owned(), meta.checksum.clone());
        let body = body.0.concat();
        let written = self.state.call(move |connection| {
            let changed = match condition {
                Condition::Absent => connection
                    .prepare_cached("INSERT INTO documents VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?
                    .execute(params![bucket, key, etag, body])?,
                Condition::Match(expected) => connection
                    .prepare_cached(
                        "UPDATE documents SET etag = ?3, body = ?4 WHERE bucket = ?1 AND key = ?2 AND etag = ?5",
                    )?
                    .execute(params![bucket, key, etag, body, expected])?,
            };
            Ok((changed > 0).then_some(etag))
        });
        written.await?.ok_or(StoreError::Conflict)
    }
}
