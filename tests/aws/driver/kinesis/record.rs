//! A record as the mapping hands it over.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Record {
    /// The sequence number as the emulator has it.
    pub raw: String,
    pub key: String,
    pub arrival: SystemTime,
    data: Vec<u8>,
}

impl Record {
    pub(super) fn read(record: &aws_sdk_kinesis::types::Record) -> Self {
        let arrival = record.approximate_arrival_timestamp().unwrap().to_millis().unwrap();
        Self {
            raw: record.sequence_number().to_owned(),
            key: record.partition_key().unwrap().to_owned(),
            arrival: SystemTime::UNIX_EPOCH + Duration::from_millis(arrival.unsigned_abs()),
            data: record.data().as_ref().to_vec(),
        }
    }

    /// The sequence number as long as Kinesis makes it: the emulator's are of 30 digits, with zeros in front.
    pub fn number(&self) -> String {
        format!("4959033827{:0>46}", self.raw)
    }

    pub(super) fn describe(&self, shard: &str, arn: &str) -> Value {
        let number = self.number();
        let arrival = self.arrival.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": self.key,
                "sequenceNumber": number,
                "data": BASE64_STANDARD.encode(&self.data),
                "approximateArrivalTimestamp": arrival,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{shard}:{number}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::000000000000:role/test",
            "awsRegion": "us-east-1",
            "eventSourceARN": arn,
        })
    }
}
