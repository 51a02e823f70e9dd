//! What travels between stages.
//!
//! An item is a CloudEvents 1.0 event in its JSON form that names an object or carries a small value,
//! never media bytes (the claim check pattern). Extension attributes hold its place in history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest;
use crate::generation::Sequence;

/// The format that this version writes; the one before is read, a newer one is not.
pub const FORMAT: u32 = 1;

/// An object in a bucket, pinned by version or ETag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The bucket, by its name in the manifest.
    pub bucket: String,
    /// The key: any UTF-8.
    pub key: String,
    /// The version id, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The entity tag of exactly these bytes.
    #[serde(default)]
    pub etag: String,
    /// The size in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// The media type, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// What an item says.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// The object was created or replaced.
    Created(Object),
    /// The object was removed. Its ETag is the last one known, if any.
    Removed(Object),
    /// A small JSON value.
    Value(Value),
    /// How an input of a stage ended (the port `outcomes`).
    Outcome(Value),
}

impl Data {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Created(_) => "tidemill.object.created",
            Self::Removed(_) => "tidemill.object.removed",
            Self::Value(_) => "tidemill.value",
            Self::Outcome(_) => "tidemill.outcome",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Item {
    /// Names the item: a pure function of what it is about, so that a repeat has the same id.
    pub id: String,
    /// Where it comes from: `pipeline/source` or `pipeline/stage`.
    pub source: String,
    /// When it happened.
    pub time: Timestamp,
    /// What it says.
    pub data: Data,
    /// The place of its root event in the history of the key.
    pub sequence: Sequence,
    /// Raised by a backfill of another version.
    pub repeat: u64,
    /// The id of the item that everything began with.
    pub root: String,
    /// How many stages it has passed.
    pub hops: u32,
    /// How many times it was tried before, from 0.
    pub attempt: u32,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// W3C trace context.
    pub trace: Option<String>,
}

impl Item {
    /// A root item of `source` about an object or a value.
    pub fn root(source: &str, time: Timestamp, sequence: Sequence, data: Data) -> Self {
        let id = Self::id_of(source, &data);
        Self {
            root: id.clone(),
            id,
            source: source.to_owned(),
            time,
            data,
            sequence,
            repeat: 0,
            hops: 0,
            attempt: 0,
            reason: None,
            trace: None,
        }
    }

    /// An item that follows from this one.
    pub fn child(&self, source: &str, id: String, time: Timestamp, data: Data) -> Self {
        Self {
            id,
            source: source.to_owned(),
            time,
            data,
            sequence: self.sequence.clone(),
            repeat: self.repeat,
            root: self.root.clone(),
            hops: self.hops + 1,
            attempt: 0,
            reason: None,
            trace: self.trace.clone(),
        }
    }

    /// The id of an item of `source` that says `data`: for an object a digest of source, bucket, key and
    /// version, else ETag, so that a backfill gives the id that the event gave.
    pub fn id_of(source: &str, data: &Data) -> String {
        match data {
            Data::Created(object) | Data::Removed(object) => {
                let pin = object.version.as_deref().unwrap_or(&object.etag);
                digest::name_of(&[source, data.event_type(), &object.bucket, &object.key, pin])
            }
            Data::Value(value) | Data::Outcome(value) => {
                digest::name_of(&[source, data.event_type(), &value.to_string()])
            }
        }
    }

    /// The object that the item is about.
    pub fn object(&self) -> Option<&Object> {
        match &self.data {
            Data::Created(object) | Data::Removed(object) => Some(object),
            Data::Value(_) | Data::Outcome(_) => None,
        }
    }

    /// Whether it tells of a removal.
    pub fn is_removal(&self) -> bool {
        matches!(self.data, Data::Removed(_))
    }

    /// What identifies the history that the item belongs to: bucket and key, or the item itself.
    pub fn subject(&self) -> (&str, &str) {
        match self.object() {
            Some(object) => (&object.bucket, &object.key),
            None => ("", &self.id),
        }
    }

    /// What a person calls it: `bucket/key`; stream, shard and sequence of a record; else its id.
    pub fn title(&self) -> String {
        match &self.data {
            Data::Created(object) | Data::Removed(object) => format!("{}/{}", object.bucket, object.key),
            Data::Value(place) if place["shard"].is_string() => {
                let text = |name: &str| place[name].as_str().unwrap_or_default();
                format!("{}/{}/{}", text("stream"), text("shard"), text("sequence"))
            }
            Data::Value(_) | Data::Outcome(_) => self.id.clone(),
        }
    }

    /// The size of the object in bytes, 0 for a value.
    pub fn bytes(&self) -> u64 {
        self.object().map_or(0, |object| object.bytes)
    }
}

/// The JSON form of CloudEvents 1.0 (CloudEvents JSON event format 1.0.2, section 3).
#[derive(Serialize, Deserialize)]
struct Wire {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: Timestamp,
    datacontenttype: String,
    data: Value,
    tmformat: u32,
    tmsequence: Sequence,
    #[serde(default)]
    tmrepeat: u64,
    tmroot: String,
    #[serde(default)]
    tmhops: u32,
    #[serde(default)]
    tmattempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tmreason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

impl From<Item> for Wire {
    fn from(item: Item) -> Self {
        let event_type = item.data.event_type().to_owned();
        let subject = item.object().map(|object| object.key.clone());
        let data = match item.data {
            Data::Created(object) | Data::Removed(object) => {
                serde_json::to_value(object).unwrap_or(Value::Null)
            }
            Data::Value(value) | Data::Outcome(value) => value,
        };
        Self {
            specversion: "1.0".to_owned(),
            id: item.id,
            source: item.source,
            event_type,
            subject,
            time: item.time,
            datacontenttype: "application/json".to_owned(),
            data,
            tmformat: FORMAT,
            tmsequence: item.sequence,
            tmrepeat: item.repeat,
            tmroot: item.root,
            tmhops: item.hops,
            tmattempt: item.attempt,
            tmreason: item.reason,
            traceparent: item.trace,
        }
    }
}

impl TryFrom<Wire> for Item {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        if wire.specversion != "1.0" {
            return Err(format!("CloudEvents version {} is not known", wire.specversion));
        }
        if wire.tmformat > FORMAT {
            return Err(format!("item format {} is newer than this program", wire.tmformat));
        }
        let object = |data| serde_json::from_value::<Object>(data).map_err(|error| error.to_string());
        let data = match wire.event_type.as_str() {
            "tidemill.object.created" => Data::Created(object(wire.data)?),
            "tidemill.object.removed" => Data::Removed(object(wire.data)?),
            "tidemill.value" => Data::Value(wire.data),
            "tidemill.outcome" => Data::Outcome(wire.data),
            other => return Err(format!("event type `{other}` is not known")),
        };
        Ok(Self {
            id: wire.id,
            source: wire.source,
            time: wire.time,
            data,
            sequence: wire.tmsequence,
            repeat: wire.tmrepeat,
            root: wire.tmroot,
            hops: wire.tmhops,
            attempt: wire.tmattempt,
            reason: wire.tmreason,
            trace: wire.traceparent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> Item {
        let object = Object {
            bucket: "uploads".into(),
            key: "incoming/ä +%.jpg".into(),
            version: None,
            etag: "e1".into(),
            bytes: 7,
            media_type: None,
        };
        Item::root("media/uploads", Timestamp::UNIX_EPOCH, Sequence::new(26), Data::Created(object))
    }

    #[test]
    fn is_a_cloud_event() {
        let json = serde_json::to_value(photo()).unwrap();
        assert_eq!(json["specversion"], "1.0");
        assert_eq!(json["type"], "tidemill.object.created");
        assert_eq!(json["subject"], "incoming/ä +%.jpg");
        assert_eq!(json["tmsequence"], "1A");
        assert_eq!(json["data"]["bytes"], 7);
        assert_eq!(serde_json::from_value::<Item>(json).unwrap(), photo());
    }

    #[test]
    fn a_newer_format_is_not_read() {
        let mut json = serde_json::to_value(photo()).unwrap();
        json["tmformat"] = 2.into();
        let error = serde_json::from_value::<Item>(json).unwrap_err().to_string();
        assert!(error.contains("newer than this program"), "{error}");
    }

    #[test]
    fn the_id_tells_versions_apart_and_knows_a_repeat() {
        let (first, mut second) = (photo(), photo());
        assert_eq!(first.id, Item::id_of("media/uploads", &second.data));
        if let Data::Created(object) = &mut second.data {
            object.etag = "e2".into();
        }
        assert_ne!(first.id, Item::id_of("media/uploads", &second.data));
    }
}
