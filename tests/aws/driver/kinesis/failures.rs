//! The on-failure destination of a stream's mapping: a bucket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Record;

pub struct Failures {
    pub client: Client,
    pub bucket: String,
    /// The mapping's UUID.
    pub mapping: String,
    count: AtomicUsize,
}

impl Failures {
    pub fn new(client: &Client, bucket: &str) -> Self {
        let mapping = "2b733bdc-8ac3-cdf5-af3a-1827b3b11284".to_owned();
        Self { client: client.clone(), bucket: bucket.to_owned(), mapping, count: AtomicUsize::new(0) }
    }

    /// Writes what is known of a batch that is given up.
    pub(super) async fn put(
        &self,
        stream: &str,
        shard: &str,
        batch: &[Record],
        condition: Option<&str>,
        invocations: u32,
        event: &Value,
    ) {
        let now = Timestamp::now();
        let text = |time: SystemTime| Timestamp::try_from(time).unwrap().to_string();
        let (first, last) = (&batch[0], &batch[batch.len() - 1]);
        let document = json!({
            "requestContext": {
                "requestId": "c9b8fa9f-5a7f-4e0c-af9c-0c604cde93a5",
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:test",
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": now.to_string(),
            "KinesisBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first.number(),
                "endSequenceNumber": last.number(),
                "approximateArrivalOfFirstRecord": text(first.arrival),
                "approximateArrivalOfLastRecord": text(last.arrival),
                "batchSize": batch.len(),
                "streamArn": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"),
            },
            "payload": event.to_string(),
        });
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let key = format!(
            "aws/lambda/{}/{shard}/{}-00000000-0000-0000-0000-{number:012}",
            self.mapping,
            now.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S"),
        );
        let call = self.client.put_object().bucket(&self.bucket).key(key);
        call.body(ByteStream::from(document.to_string().into_bytes())).send().await.unwrap();
    }
}
