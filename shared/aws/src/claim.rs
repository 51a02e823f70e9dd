//! Values that are too large for a queue's message travel as a claim to a document.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::key::RESERVED;
use tidemill_core::plan::STATE_BUCKET;
use tidemill_core::ports::{Condition, Meta, Objects, StoreError};
use tidemill_core::{Data, Fault, Item, digest};

use crate::bucket::Buckets;

/// The largest message that is sent as it is. SQS takes 1,048,576 bytes, attributes included.
const MESSAGE: usize = 1_000_000;

/// What stands in a message in place of a value.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    tmclaim: String,
}

/// The text of `item` as a message, with its value put aside if it is too large.
pub(crate) async fn text_of(buckets: &Buckets, item: &Item) -> Result<String, StoreError> {
    let write = |item: &Item| {
        serde_json::to_string(item).map_err(|error| StoreError::Refused(format!("the item: {error}")))
    };
    let text = write(item)?;
    let (value, outcome) = match &item.data {
        Data::Value(value) => (value, false),
        Data::Outcome(value) => (value, true),
        _ => return Ok(text),
    };
    // A value that only looks like a claim is put aside too, so that nobody from outside can write one.
    if text.len() <= MESSAGE && Claim::deserialize(value).is_err() {
        return Ok(text);
    }
    let pipeline = item.source.split('/').next().unwrap_or_default();
    let bytes = Bytes::from(value.to_string());
    let checksum = digest::checksum([bytes.as_ref()]);
    // A name for each try, so that what is kept outlives the message: it goes 15 days after it was written, and
    // queues keep messages for 14. The same try of the same item has the same value.
    let key = format!("{RESERVED}{pipeline}/values/{}-{}.json", item.id, item.attempt);
    let meta = Meta { media_type: "application/json".to_owned(), mark: None, checksum };
    match buckets.put(STATE_BUCKET, &key, &bytes.into(), &meta, Condition::Absent).await {
        Ok(_) | Err(StoreError::Conflict) => {}
        Err(error) => return Err(error),
    }
    let claim = serde_json::to_value(Claim { tmclaim: key }).unwrap_or(Value::Null);
    let data = if outcome { Data::Outcome(claim) } else { Data::Value(claim) };
    write(&Item { data, ..item.clone() })
}

/// The item with its value, if it came as a claim.
pub(crate) async fn redeem(buckets: &Buckets, item: Item) -> Result<Item, Fault> {
    let (value, outcome) = match &item.data {
        Data::Value(value) => (value, false),
        Data::Outcome(value) => (value, true),
        _ => return Ok(item),
    };
    let Ok(Claim { tmclaim: key }) = Claim::deserialize(value) else { return Ok(item) };
    if !key.starts_with(RESERVED) {
        return Ok(item);
    }
    let found = buckets.get(STATE_BUCKET, &key).await;
    let (_, bytes) = found
        .map_err(|error| Fault::Unavailable(error.to_string()))?
        .ok_or_else(|| Fault::rejected("its value was kept apart, and is gone"))?;
    let value = serde_json::from_slice(&bytes).map_err(|error| Fault::Rejected(error.to_string()))?;
    let data = if outcome { Data::Outcome(value) } else { Data::Value(value) };
    Ok(Item { data, ..item })
}
