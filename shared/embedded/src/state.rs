//! The host's own state: one SQLite file in WAL mode.
//!
//! One thread owns the connection. Whatever requests arrive while it works become its next transaction, so
//! that one sync to disk serves many items.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use tidemill_core::ports::StoreError;
use tokio::sync::oneshot;

use crate::error::HostError;

/// The file's name in the state folder.
pub(crate) const FILE: &str = "state.sqlite";

/// The format that this version writes.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
-- Each stage's recipe as it was last run, and how often it changed.
CREATE TABLE stages (stage TEXT PRIMARY KEY, recipe TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
-- The objects of sources as they were last seen.
CREATE TABLE seen (
  bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, bytes INTEGER NOT NULL,
  sequence INTEGER NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
-- What each stage was given of them, and by which recipes of it and the stages below.
CREATE TABLE fed (
  stage TEXT NOT NULL, source TEXT NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL, recipes TEXT NOT NULL,
  PRIMARY KEY (stage, source, key)) WITHOUT ROWID;
CREATE TABLE queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT, stage TEXT NOT NULL, item TEXT NOT NULL, due INTEGER NOT NULL,
  -- 0 free, 1 taken by the host, 2 run by it.
  running INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL);
CREATE INDEX free ON queue (due, id) WHERE running = 0;
CREATE TABLE dead (
  id TEXT PRIMARY KEY, stage TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL,
  item TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, time INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX dead_of_key ON dead (stage, bucket, key);
-- Result documents and shard heads, by the bucket and reserved key that they have on S3.
CREATE TABLE documents (
  bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (bucket, key));
-- How each item ended, so that a repeat is not counted again.
CREATE TABLE ended (
  stage TEXT NOT NULL, id TEXT NOT NULL, sequence INTEGER NOT NULL, outcome TEXT NOT NULL,
  PRIMARY KEY (stage, id, sequence)) WITHOUT ROWID;
-- How many records ended how.
CREATE TABLE totals (
  stage TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (stage, outcome)) WITHOUT ROWID;
-- The local stream: an append-only log per shard.
CREATE TABLE records (
  stream TEXT NOT NULL, shard TEXT NOT NULL, sequence INTEGER NOT NULL, key TEXT NOT NULL,
  arrival INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (stream, shard, sequence)) WITHOUT ROWID;
";

/// What was added since to the format, which older programs pay no attention to.
const ADDED: &str = "
-- Items that their callers named, so that a repeat is not done again.
CREATE TABLE IF NOT EXISTS requests (id TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID;
";

/// The state folder of the pipeline in `dir`; `elsewhere` where it was put there.
pub(crate) fn folder(dir: &Path, elsewhere: Option<&Path>) -> PathBuf {
    elsewhere.map_or_else(|| dir.join(crate::STATE_FOLDER), Path::to_owned)
}

/// Opens the file at `path`, making it if it is not there.
pub(crate) fn connect(path: &Path) -> Result<Connection, HostError> {
    let wrap = |error: rusqlite::Error| HostError::State { path: path.to_owned(), cause: error.to_string() };
    let mut connection = Connection::open(path).map_err(wrap)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(wrap)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(wrap)?;
    connection.pragma_update(None, "synchronous", "full").map_err(wrap)?;
    let begun =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(wrap)?;
    let format: i64 = begun.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(wrap)?;
    if format == 0 {
        begun.execute_batch(SCHEMA).map_err(wrap)?;
        begun.execute_batch(ADDED).map_err(wrap)?;
        begun.pragma_update(None, "user_version", FORMAT).map_err(wrap)?;
        begun.commit().map_err(wrap)?;
    } else if format > FORMAT {
        return Err(HostError::NewerState { path: path.to_owned() });
    } else {
        begun.execute_batch(ADDED).map_err(wrap)?;
        begun.commit().map_err(wrap)?;
    }
    Ok(connection)
}

type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<Box<dyn Any + Send>> + Send>;
type Reply = oneshot::Sender<Result<Box<dyn Any + Send>, String>>;

struct Job {
    work: Work,
    reply: Option<Reply>,
}

/// The thread that owns the connection.
pub(crate) struct State {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl State {
    pub(crate) fn start(connection: Connection) -> Self {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::spawn(move || serve(&connection, &queue));
        Self { jobs: Some(jobs), thread: Some(thread) }
    }

    fn post(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The thread ends only when this sender does.
            let _ = jobs.send(job);
        }
    }

    /// Runs `work` in a transaction and comes back when it is on disk.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |connection| Ok(Box::new(work(connection)?)));
        self.post(Job { work, reply: Some(reply) });
        let unavailable = |cause: &str| StoreError::Unavailable(format!("the state file: {cause}"));
        let value = answer.await.map_err(|_| unavailable("its thread is gone"))?;
        let value = value.map_err(|cause| unavailable(&cause))?;
        value.downcast().map(|value| *value).map_err(|_| unavailable("an answer of another kind"))
    }

    /// Runs `work` some time soon, in the order of requests. For what a crash may take back.
    pub(crate) fn tell(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) {
        let work: Work = Box::new(move |connection| Ok(Box::new(work(connection)?)));
        self.post(Job { work, reply: None });
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, queue: &mpsc::Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut replies = Vec::new();
        let transact = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for job in std::iter::once(first).chain(queue.try_iter().take(512)) {
                connection.execute_batch("SAVEPOINT job")?;
                let result = (job.work)(connection);
                connection.execute_batch(if result.is_ok() {
                    "RELEASE job"
                } else {
                    "ROLLBACK TO job; RELEASE job"
                })?;
                replies.push((job.reply, result));
            }
            connection.execute_batch("COMMIT")
        };
        let committed = transact();
        if committed.is_err() && !connection.is_autocommit() {
            // The transaction is lost, and every request of it is told so.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for (reply, result) in replies {
            if let Some(reply) = reply {
                let answer = match (&committed, result) {
                    (Ok(()), Ok(value)) => Ok(value),
                    (Err(error), _) => Err(error.to_string()),
                    (Ok(()), Err(error)) => Err(error.to_string()),
                };
                let _ = reply.send(answer);
            }
        }
    }
}

/// The next place in the history of all keys: a counter that never lies behind the clock, so that it goes
/// on rising when the state folder is lost and what was written before is still there.
pub(crate) fn next_sequence(connection: &Connection, now_micros: i64) -> rusqlite::Result<i64> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT value FROM about WHERE name = 'sequence'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let next = last.map_or(now_micros, |last| now_micros.max(last + 1));
    connection
        .prepare_cached("INSERT OR REPLACE INTO about (name, value) VALUES ('sequence', ?1)")?
        .execute([next])?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_rises_whatever_the_clock_does() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join(FILE)).unwrap();
        let drawn: Vec<i64> =
            [100, 100, 50, 200].iter().map(|now| next_sequence(&connection, *now).unwrap()).collect();
        assert_eq!(drawn, [100, 101, 102, 200]);
    }

    #[test]
    fn a_newer_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        connect(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(connect(&path), Err(HostError::NewerState { .. })));
    }

    #[test]
    fn a_failing_request_leaves_its_neighbours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::start(connect(&folder.path().join(FILE)).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let insert = "INSERT INTO totals VALUES ('s', 'done', 1)";
        runtime.block_on(async {
            let first = state.call(move |c| c.execute(insert, []));
            let second = state.call(move |c| c.execute(insert, []));
            let (first, second) = tokio::join!(first, second);
            assert_eq!(first, Ok(1));
            assert!(matches!(second, Err(StoreError::Unavailable(_))));
            let count =
                state.call(|c| c.query_row("SELECT count(*) FROM totals", [], |r| r.get::<_, i64>(0)));
            assert_eq!(count.await, Ok(1));
        });
    }
}
