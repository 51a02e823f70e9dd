//! What an event source mapping hands over of a stream.

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use jiff::Timestamp;
use serde_json::Value;
use tidemill_core::Batch;
use tidemill_core::batch::Record;

use crate::Sources;

pub(crate) fn batches(sources: &Sources, event: &str) -> Result<Vec<Batch>, String> {
    let mut event: Value = serde_json::from_str(event).map_err(|error| error.to_string())?;
    let arrivals = take_arrivals(&mut event)?;
    let event: KinesisEvent = serde_json::from_value(event).map_err(|error| error.to_string())?;
    let mut batches: Vec<Batch> = Vec::new();
    for (record, arrival) in event.records.into_iter().zip(arrivals) {
        let (stream, shard) = origin(sources, &record)?;
        let record = read(record, arrival)?;
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

/// Takes the times of arrival, seconds with a fraction, out of an event and leaves zeros.
///
/// The event's type would read the digits behind the point as a count of milliseconds (`.9` as 9,
/// not as 900), and panics where there are too many of them.
fn take_arrivals(event: &mut Value) -> Result<Vec<Timestamp>, String> {
    let records = event.get_mut("Records").and_then(Value::as_array_mut).ok_or("no `Records`")?;
    let take = |record: &mut Value| {
        // An object all the way: derived types would take an array in its place.
        let kinesis = record.as_object_mut().and_then(|record| record.get_mut("kinesis")?.as_object_mut());
        let time = kinesis.and_then(|kinesis| kinesis.get_mut("approximateArrivalTimestamp"));
        let time = std::mem::replace(
            time.ok_or("a record without `kinesis.approximateArrivalTimestamp`")?,
            0.into(),
        );
        let seconds = match &time {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let millis =
            seconds.filter(|seconds: &f64| seconds.is_finite()).map(|seconds| (seconds * 1e3).round());
        let arrival = millis.and_then(|millis| Timestamp::from_millisecond(millis as i64).ok());
        arrival.ok_or_else(|| format!("`{time}` is no time of arrival"))
    };
    records.iter_mut().map(take).collect()
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

fn read(record: KinesisEventRecord, arrival: Timestamp) -> Result<Record, String> {
    let kinesis = record.kinesis;
    let sequence = &kinesis.sequence_number;
    Ok(Record {
        sequence: sequence.parse().map_err(|_| format!("`{sequence}` is no sequence number"))?,
        sub_sequence: 0,
        key: kinesis.partition_key,
        arrival,
        data: kinesis.data.0.into(),
    })
}
