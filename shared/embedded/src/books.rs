//! Questions to the state of a pipeline, and the way back for dead letters, also while it runs.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use tidemill_core::Item;

use crate::error::HostError;
use crate::ports::now_micros;
use crate::{lock, queue, state};

/// The state of a pipeline.
pub struct Books {
    folder: PathBuf,
    connection: Connection,
}

/// A dead letter.
#[derive(Clone, Debug, Serialize)]
pub struct DeadEntry {
    /// Names the dead letter.
    pub id: String,
    /// The stage that gave it up.
    pub stage: String,
    /// `bucket/key`, or stream, shard and sequence of a record.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub time: Timestamp,
    /// The item.
    pub item: Item,
}

/// Counts, depths and ages of one stage.
#[derive(Clone, Debug, Serialize)]
pub struct StageStatus {
    /// The stage.
    pub stage: String,
    /// Items in its queue.
    pub waiting: u64,
    /// Those of them that wait for another try.
    pub delayed: u64,
    /// The age of the oldest in seconds.
    pub oldest_seconds: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// Items and records ever done.
    pub done: u64,
    /// Items ever skipped.
    pub skipped: u64,
    /// Items ever superseded.
    pub superseded: u64,
}

/// Counts, depths and ages.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The pipeline.
    pub pipeline: String,
    /// The process that runs it now.
    pub running: Option<u32>,
    /// Each stage that ever ran, by name.
    pub stages: Vec<StageStatus>,
}

impl Books {
    /// Opens the state of the pipeline in `dir`; `state` where it was put elsewhere.
    pub fn open(dir: &Path, state: Option<&Path>) -> Result<Self, HostError> {
        let folder = state::folder(dir, state);
        let file = folder.join(state::FILE);
        if !file.is_file() {
            return Err(HostError::NoState { path: folder });
        }
        Ok(Self { connection: state::connect(&file)?, folder })
    }

    fn wrap(&self, error: &rusqlite::Error) -> HostError {
        HostError::State { path: self.folder.clone(), cause: error.to_string() }
    }

    /// All dead letters, oldest first.
    pub fn dead(&self) -> Result<Vec<DeadEntry>, HostError> {
        self.select("").map_err(|error| self.wrap(&error))
    }

    /// The dead letter whose id begins with `id`.
    pub fn dead_entry(&self, id: &str) -> Result<DeadEntry, HostError> {
        let mut found = self.select(id).map_err(|error| self.wrap(&error))?;
        match (found.pop(), found.len()) {
            (Some(entry), 0) if !id.is_empty() => Ok(entry),
            (None, _) => Err(HostError::DeadLetter { id: id.to_owned(), found: 0 }),
            (Some(_), more) => Err(HostError::DeadLetter { id: id.to_owned(), found: more + 1 }),
        }
    }

    fn select(&self, prefix: &str) -> rusqlite::Result<Vec<DeadEntry>> {
        let mut query = self.connection.prepare(
            "SELECT id, stage, reason, attempts, time, item FROM dead
             WHERE substr(id, 1, length(?1)) = ?1 ORDER BY time, id",
        )?;
        let rows = query.query_map([prefix], |row| {
            let text: String = row.get(5)?;
            let item: Item = serde_json::from_str(&text).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error))
            })?;
            Ok(DeadEntry {
                id: row.get(0)?,
                stage: row.get(1)?,
                subject: item.title(),
                reason: row.get(2)?,
                attempts: row.get(3)?,
                time: Timestamp::from_microsecond(row.get(4)?).unwrap_or(Timestamp::UNIX_EPOCH),
                item,
            })
        })?;
        rows.collect()
    }

    /// Puts dead letters back into their stages' queues, to be tried anew from the first attempt.
    pub fn retry(&self, ids: &[String]) -> Result<u64, HostError> {
        self.settle(ids, |connection, entry| {
            let item = Item { attempt: 0, reason: None, ..entry.item.clone() };
            queue::push(connection, &entry.stage, &item, now_micros(), now_micros())
        })
    }

    /// Drops dead letters for good.
    pub fn drop(&self, ids: &[String]) -> Result<u64, HostError> {
        self.settle(ids, |_, _| Ok(()))
    }

    /// Takes dead letters away, all or none, after `each` has done its part.
    fn settle(
        &self,
        ids: &[String],
        each: impl Fn(&Connection, &DeadEntry) -> rusqlite::Result<()>,
    ) -> Result<u64, HostError> {
        let entries = ids.iter().map(|id| self.dead_entry(id)).collect::<Result<Vec<_>, _>>()?;
        let settle = || -> rusqlite::Result<u64> {
            let transaction = self.connection.unchecked_transaction()?;
            let mut count = 0;
            for entry in &entries {
                let gone = transaction.execute("DELETE FROM dead WHERE id = ?1", [&entry.id])?;
                if gone > 0 {
                    each(&transaction, entry)?;
                    count += 1;
                }
            }
            transaction.commit()?;
            Ok(count)
        };
        settle().map_err(|error| self.wrap(&error))
    }

    /// Counts, depths and ages.
    pub fn status(&self) -> Result<Status, HostError> {
        self.read_status().map_err(|error| self.wrap(&error))
    }

    fn read_status(&self) -> rusqlite::Result<Status> {
        let now = now_micros();
        let mut stages = self.connection.prepare("SELECT stage FROM stages ORDER BY stage")?;
        let names = stages.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        let mut depth = self.connection.prepare(
            "SELECT count(*), coalesce(sum(due > ?2), 0), min(sent),
               (SELECT count(*) FROM dead WHERE dead.stage = ?1) FROM queue WHERE stage = ?1",
        )?;
        let mut total = self.connection.prepare(
            "SELECT (SELECT count(*) FROM ended WHERE stage = ?1 AND outcome = ?2)
                   + (SELECT coalesce(sum(count), 0) FROM totals WHERE stage = ?1 AND outcome = ?2)",
        )?;
        let mut stages = Vec::new();
        for stage in names {
            let (waiting, delayed, oldest, dead) = depth.query_row(params![stage, now], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?))
            })?;
            let mut total = |outcome: &str| total.query_row(params![stage, outcome], |row| row.get(0));
            stages.push(StageStatus {
                waiting,
                delayed,
                oldest_seconds: oldest.map(|sent| u64::try_from(now - sent).unwrap_or(0) / 1_000_000),
                dead,
                done: total("done")?,
                skipped: total("skipped")?,
                superseded: total("superseded")?,
                stage,
            });
        }
        let pipeline =
            self.connection
                .query_row("SELECT value FROM about WHERE name = 'pipeline'", [], |row| row.get(0));
        Ok(Status { pipeline: pipeline.unwrap_or_default(), running: lock::running(&self.folder), stages })
    }
}
