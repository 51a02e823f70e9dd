//! The queues of all stages, in the state file.

use rusqlite::{Connection, params};
use tidemill_core::{Item, Sequence};

/// After so many hosts died while they ran an item, it runs last and alone, so that it takes no neighbour
/// along.
pub(crate) const SUSPECT_DEATHS: u32 = 3;

/// After so many deaths it is a dead letter (the net under attempts, as `maxReceiveCount` is on SQS). High,
/// since a process is also killed for reasons of its own.
pub(crate) const MAX_DEATHS: u32 = 100;

/// An item in a stage's queue.
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) stage: String,
    pub(crate) item: Item,
    pub(crate) deaths: u32,
}

/// Puts an item into a stage's queue.
pub(crate) fn push(
    connection: &Connection,
    stage: &str,
    item: &Item,
    due: i64,
    now: i64,
) -> rusqlite::Result<()> {
    let text = serde_json::to_string(item)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection
        .prepare_cached("INSERT INTO queue (stage, item, due, sent) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![stage, text, due, now])?;
    Ok(())
}

/// Takes up to `limit` items that are due: oldest first, those that hosts died on last.
pub(crate) fn take(connection: &Connection, now: i64, limit: usize) -> rusqlite::Result<Vec<Message>> {
    let mut query = connection.prepare_cached(
        "UPDATE queue SET running = 1 WHERE id IN (
           SELECT id FROM queue WHERE running = 0 AND due <= ?1 ORDER BY deaths, due, id LIMIT ?2)
         RETURNING id, stage, item, deaths",
    )?;
    let rows = query.query_map(params![now, limit as i64], |row| {
        let text: String = row.get(2)?;
        // An item of a newer format stays where it is: a newer program can read it.
        let item = serde_json::from_str(&text).ok();
        let (id, stage, deaths) = (row.get(0)?, row.get(1)?, row.get(3)?);
        Ok(item.map(|item| Message { id, stage, item, deaths }))
    })?;
    let mut taken: Vec<Message> = rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?;
    taken.sort_by_key(|message| (message.deaths, message.id));
    Ok(taken)
}

/// How many items there are, and when the first that is not due yet will be.
pub(crate) fn outlook(connection: &Connection, now: i64) -> rusqlite::Result<(u64, Option<i64>)> {
    let mut query =
        connection.prepare_cached("SELECT count(*), min(CASE WHEN due > ?1 THEN due END) FROM queue")?;
    query.query_row([now], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Notes that an item is being run.
pub(crate) fn begin(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE queue SET running = 2 WHERE id = ?1")?.execute([id]).map(|_| ())
}

/// Gives all items back untouched, at the clean end of a host.
pub(crate) fn release(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE queue SET running = 0 WHERE running > 0", []).map(|_| ())
}

/// Gives back what a host took that died, and counts its death against what it was running.
pub(crate) fn recover(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE queue SET deaths = deaths + 1 WHERE running = 2", [])?;
    release(connection)
}

/// Takes an item out of its queue for good. Dead letters of the same or an older generation of its key are
/// settled by an end that is not itself one.
pub(crate) fn acknowledge(connection: &Connection, message: &Message, outcome: &str) -> rusqlite::Result<()> {
    let taken = connection.prepare_cached("DELETE FROM queue WHERE id = ?1")?.execute([message.id])?;
    if taken == 0 {
        return Ok(());
    }
    let sequence = number(&message.item.sequence);
    connection
        .prepare_cached(
            "INSERT INTO ended VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET outcome = excluded.outcome WHERE outcome = 'dead'",
        )?
        .execute(params![message.stage, message.item.id, sequence, outcome])?;
    if outcome == "done" || outcome == "skipped" {
        let (bucket, key) = message.item.subject();
        connection
            .prepare_cached(
                "DELETE FROM dead WHERE stage = ?1 AND bucket = ?2 AND key = ?3 AND sequence <= ?4",
            )?
            .execute(params![message.stage, bucket, key, sequence])?;
    }
    Ok(())
}

/// Sends an item again, later.
pub(crate) fn again(
    connection: &Connection,
    message: &Message,
    item: &Item,
    due: i64,
    now: i64,
) -> rusqlite::Result<()> {
    let taken = connection.prepare_cached("DELETE FROM queue WHERE id = ?1")?.execute([message.id])?;
    if taken > 0 { push(connection, &message.stage, item, due, now) } else { Ok(()) }
}

/// Adds to a stage's total of records.
pub(crate) fn count(connection: &Connection, stage: &str, outcome: &str, by: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO totals VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![stage, outcome, by.cast_signed()])?;
    Ok(())
}

/// A sequence of this host as the number that it was drawn as.
pub(crate) fn number(sequence: &Sequence) -> i64 {
    i64::from_str_radix(&sequence.to_string(), 16).unwrap_or(i64::MAX)
}
