//! What an event source mapping hands over of a stream.

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use jiff::Timestamp;
use tidemill_core::Batch;
use tidemill_core::batch::Record;

use crate::Sources;

pub(crate) fn batches(sources: &Sources, event: &str) -> Result<Vec<Batch>, String> {
    let event: KinesisEvent = serde_json::from_str(event).map_err(|error| error.to_string())?;
    let mut batches: Vec<Batch> = Vec::new();
    for record in event.records {
        let (stream, shard) = origin(sources, &record)?;
        let record = read(record)?;
        match batches.iter_mut().find(|batch| batch.stream == stream && batch.shard == shard) {
            Some(batch) => batch.records.push(record),
            None => batches.push(Batch { stream, shard, records: vec![record] }),
        }
    }
    for batch in &mut batches {
        batch.records.sort_by_key(Record::position);
        batch.records.dedup_by_key(|record| record.position());
    }
    Ok(batches)
}

/// The stream, by its name in the manifest, and the shard.
fn origin(sources: &Sources, record: &KinesisEventRecord) -> Result<(String, String), String> {
    // arn:aws:kinesis:REGION:ACCOUNT:stream/NAME, with /consumer/... behind it where there is one.
    let arn = record.event_source_arn.as_deref().unwrap_or_default();
    let name = arn.split(":stream/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let stream = sources.streams.iter().find(|stream| stream.physical == name);
    let stream = stream.ok_or_else(|| format!("`{arn}` is none of the stage's streams"))?;
    // shardId-000000000000:SEQUENCE
    let id = record.event_id.as_deref().unwrap_or_default();
    let (shard, _) = id.split_once(':').ok_or_else(|| format!("`{id}` names no shard"))?;
    Ok((stream.stream.clone(), shard.to_owned()))
}

fn read(record: KinesisEventRecord) -> Result<Record, String> {
    let kinesis = record.kinesis;
    let sequence = &kinesis.sequence_number;
    let arrival = kinesis.approximate_arrival_timestamp.timestamp_millis();
    Ok(Record {
        sequence: sequence.parse().map_err(|_| format!("`{sequence}` is no sequence number"))?,
        sub_sequence: 0,
        key: kinesis.partition_key,
        arrival: Timestamp::from_millisecond(arrival).map_err(|error| error.to_string())?,
        data: kinesis.data.0.into(),
    })
}
