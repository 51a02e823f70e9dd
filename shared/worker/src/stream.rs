//! A stage's stream, polled shard by shard.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use tidemill_aws::{Station, read_shard, shards};
use tidemill_core::{Batch, Stop};

/// Records in a batch at most.
const BATCH: i32 = 1_000;

/// How often a shard is read: Kinesis allows five reads a second and shard, for all readers together.
const TICK: Duration = Duration::from_secs(1);

/// What an attempt may take: the stage's own timeout ends it sooner.
const LEFT: Duration = Duration::from_hours(24);

/// Reads a stream until `stop` is set, or until it was found at its end `idle_polls` times in a row.
pub(crate) async fn run(
    station: Arc<Station>,
    client: Client,
    stream: String,
    physical: String,
    stop: Stop,
    idle_polls: Option<u32>,
) {
    let mut ended: HashMap<String, bool> = HashMap::new();
    let mut idle = 0;
    while !stop.is_set() {
        let found = match shards(&client, &physical).await {
            Ok(found) => found,
            Err(error) => {
                station.complain("the stream cannot be listed", &error.to_string());
                tokio::time::sleep(TICK).await;
                continue;
            }
        };
        let mut moved = false;
        for shard in &found {
            // The order of a key holds across a split: its new shard waits for the one that it came from.
            let waits = |parent: &String| {
                found.iter().any(|other| other.id == *parent) && ended.get(parent) != Some(&true)
            };
            if ended.get(&shard.id) == Some(&true) || shard.parents.iter().any(waits) {
                continue;
            }
            match one(&station, &client, &stream, &physical, &shard.id, &stop).await {
                Ok((count, closed)) => {
                    moved |= count > 0;
                    ended.insert(shard.id.clone(), closed && count == 0);
                }
                Err(reason) => station.complain("the shard waits", &reason),
            }
        }
        if moved {
            idle = 0;
            continue;
        }
        idle += 1;
        if idle_polls.is_some_and(|most| idle >= most) {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Feeds a shard's next batch. Answers how many records there were, and whether the shard is closed.
async fn one(
    station: &Station,
    client: &Client,
    stream: &str,
    physical: &str,
    shard: &str,
    stop: &Stop,
) -> Result<(usize, bool), String> {
    let position = station.position(stream, shard).await?;
    let (records, closed) =
        read_shard(client, physical, shard, position, BATCH).await.map_err(|error| error.to_string())?;
    let count = records.len();
    if count > 0 {
        let batch = Batch { stream: stream.to_owned(), shard: shard.to_owned(), records };
        if station.feed(&batch, LEFT, stop).await.is_some() {
            return Err("a record cannot be decided now".to_owned());
        }
    }
    Ok((count, closed))
}
