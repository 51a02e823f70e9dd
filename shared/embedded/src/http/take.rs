//! A request's item goes into the queues, once.

use rusqlite::{Connection, OptionalExtension, params};
use tidemill_core::Item;
use tidemill_core::ports::StoreError;

use crate::ports::{Route, now_micros, step};
use crate::probe::{Probe, Step};
use crate::queue;
use crate::state::State;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the queues of so many stages.
    Queued(u64),
    /// It was taken before.
    Known,
    /// Too much waits already.
    Busy,
}

/// Queues an item for everyone who lets it through, and comes back when it is safe on disk. Where its caller `named`
/// it, that is noted in the same transaction, so that it is taken once, whatever dies in between and however long ago
/// it was.
pub(super) async fn take(
    state: &State,
    probe: Option<&Probe>,
    listeners: &[Route],
    item: Item,
    named: bool,
    most_waiting: u64,
) -> Result<Taken, StoreError> {
    let listening = listeners.iter().filter(|route| route.lets_through(&item));
    let stages: Vec<String> = listening.map(|route| route.stage.clone()).collect();
    for stage in &stages {
        step(probe, Step::Send(stage))?;
    }
    state.call(move |connection| queue_once(connection, &stages, &item, named, most_waiting)).await
}

fn queue_once(
    connection: &Connection,
    stages: &[String],
    item: &Item,
    named: bool,
    most_waiting: u64,
) -> rusqlite::Result<Taken> {
    let now = now_micros();
    if named {
        let known = connection
            .prepare_cached("SELECT 1 FROM requests WHERE id = ?1")?
            .query_row([&item.id], |_| Ok(()))
            .optional()?;
        if known.is_some() {
            return Ok(Taken::Known);
        }
    }
    let (waiting, _) = queue::outlook(connection, now)?;
    if waiting >= most_waiting {
        return Ok(Taken::Busy);
    }
    if named {
        connection
            .prepare_cached("INSERT INTO requests (id, time) VALUES (?1, ?2)")?
            .execute(params![item.id, now])?;
    }
    for stage in stages {
        queue::push(connection, stage, item, now, now)?;
    }
    Ok(Taken::Queued(stages.len() as u64))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tidemill_core::{Data, Sequence};

    use super::*;

    #[test]
    fn once_for_each_name_and_never_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let connection = crate::state::connect(&folder.path().join(crate::state::FILE)).unwrap();
        let stages = ["a".to_owned(), "b".to_owned()];
        let item = |id: &str| {
            let data = Data::Value(serde_json::json!({}));
            let item = Item::root("p/s", Timestamp::UNIX_EPOCH, Sequence::default(), data);
            Item { id: id.to_owned(), ..item }
        };
        let take = |id: &str, named| queue_once(&connection, &stages, &item(id), named, 6).unwrap();
        assert_eq!(take("1", true), Taken::Queued(2));
        assert_eq!(take("1", true), Taken::Known);
        assert_eq!(take("2", false), Taken::Queued(2));
        connection.execute("DELETE FROM queue", []).unwrap();
        assert_eq!(take("1", true), Taken::Known, "also when it is done");
        assert_eq!([take("3", true), take("4", true), take("5", true)], [Taken::Queued(2); 3]);
        assert_eq!(take("6", true), Taken::Busy);
        assert_eq!(take("5", true), Taken::Known, "it would not wait any longer for it");
        connection.execute("DELETE FROM queue", []).unwrap();
        assert_eq!(take("6", true), Taken::Queued(2), "what was refused was not noted");
    }
}
