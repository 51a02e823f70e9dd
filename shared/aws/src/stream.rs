//! Kinesis, read shard by shard, for hosts that poll.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ShardIteratorType;
use jiff::Timestamp;
use tidemill_core::batch::{Position, Record};
use tidemill_core::ports::StoreError;

use crate::fault::store_error;

/// A shard, and the ones that it was split or merged from: they come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The ids of those that it came from.
    pub parents: Vec<String>,
}

/// The shards of the stream `name`.
pub async fn shards(client: &Client, name: &str) -> Result<Vec<Shard>, StoreError> {
    let mut found = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let call = client.list_shards();
        // A page is asked for by its token alone.
        let call = match next.take() {
            Some(token) => call.next_token(token),
            None => call.stream_name(name),
        };
        let page = call.send().await.map_err(|error| store_error("kinesis:ListShards", name, &error))?;
        found.extend(page.shards().iter().map(|shard| {
            Shard {
                id: shard.shard_id().to_owned(),
                parents: [shard.parent_shard_id(), shard.adjacent_parent_shard_id()]
                    .into_iter()
                    .flatten()
                    .map(str::to_owned)
                    .collect(),
            }
        }));
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(found);
        }
    }
}

/// Up to `limit` records of a shard behind `position`, and whether the shard is closed and read to its end.
pub async fn read_shard(
    client: &Client,
    name: &str,
    shard: &str,
    position: Option<Position>,
    limit: i32,
) -> Result<(Vec<Record>, bool), StoreError> {
    let call = client.get_shard_iterator().stream_name(name).shard_id(shard);
    let call = match position {
        // Records of one sequence number can have sub-sequences: those that are known already are told apart
        // by their position.
        Some(position) => call
            .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
            .starting_sequence_number(position.sequence.to_string()),
        None => call.shard_iterator_type(ShardIteratorType::TrimHorizon),
    };
    let begun = call.send().await.map_err(|error| store_error("kinesis:GetShardIterator", name, &error))?;
    let Some(iterator) = begun.shard_iterator() else { return Ok((Vec::new(), true)) };
    let call = client.get_records().shard_iterator(iterator).limit(limit);
    let answer = call.send().await.map_err(|error| store_error("kinesis:GetRecords", name, &error))?;
    let records: Result<Vec<Record>, StoreError> = answer
        .records()
        .iter()
        .map(|record| {
            let sequence = record.sequence_number();
            let arrival = record.approximate_arrival_timestamp();
            let arrival = arrival.and_then(|time| time.to_millis().ok()).unwrap_or_default();
            Ok(Record {
                sequence: sequence
                    .parse()
                    .map_err(|_| StoreError::Unavailable(format!("`{sequence}` is no sequence number")))?,
                sub_sequence: 0,
                key: record.partition_key().unwrap_or_default().to_owned(),
                arrival: Timestamp::from_millisecond(arrival).unwrap_or(Timestamp::UNIX_EPOCH),
                data: record.data().as_ref().to_vec().into(),
            })
        })
        .collect();
    Ok((records?, answer.next_shard_iterator().is_none()))
}
