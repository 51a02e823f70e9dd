//! The register of one (stage, bucket, key): what the newest generation made, in one small document.
//!
//! It is replaced only by compare-and-set and only by a newer or the same generation. A counter makes
//! each version's bytes unique, since an ETag tells bytes apart and not generations.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest;
use crate::fault::Fault;
use crate::generation::Generation;
use crate::item::{FORMAT, Item};
use crate::key::RESERVED;

/// How many keys of older generations a document remembers for cleaning up after stragglers.
const FORMER_KEYS: usize = 256;

/// How far a generation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Claimed: the keys under `outputs` may be written at any moment.
    Writing,
    /// The set is whole.
    Done,
    /// The original is gone (a tombstone).
    Removed,
}

/// One output of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Its key.
    pub key: String,
    /// Its entity tag; empty while it is being written.
    pub etag: String,
    /// SHA-256 of its bytes.
    pub checksum: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its media type.
    pub media_type: String,
}

/// The result document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The format version.
    pub format: u32,
    /// Raised with each write.
    pub counter: u64,
    /// The newest generation seen.
    pub generation: Generation,
    /// How far it has come.
    pub state: State,
    /// The recipe that it was made by.
    pub recipe: String,
    /// The item that it was made from.
    pub item: Item,
    /// The set.
    pub outputs: Vec<OutputRecord>,
    /// Values sent to the next stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Keys that older generations may have written, or may yet, and that are not in the set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
    /// Why the item was none of the stage's business, if so; the set is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Document {
    /// The reserved key of the document of (stage, bucket, key).
    pub fn key(signature: &str, bucket: &str, key: &str) -> String {
        let name = digest::name_of(&[bucket, key]);
        format!("{}{}/{name}.json", Self::prefix(signature), &name[..2])
    }

    /// What the keys of a stage's documents begin with.
    pub fn prefix(signature: &str) -> String {
        format!("{RESERVED}{signature}/results/")
    }

    /// Reads a document. An unknown newer format is `Unavailable`: a newer program can read it.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| Fault::Unavailable(format!("result document: {error}"));
        let version: Version = serde_json::from_slice(bytes).map_err(unreadable)?;
        if version.format > FORMAT {
            return Err(Fault::Unavailable(format!(
                "result document has format {}, newer than this program",
                version.format
            )));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }

    /// The document's bytes.
    pub fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// The keys of the set.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|output| output.key.as_str())
    }

    /// The keys that this document leaves to one that takes its place with the set `planned`.
    pub fn former_for(&self, planned: &[OutputRecord]) -> Vec<String> {
        let mut former: Vec<String> = Vec::new();
        for key in self.keys().chain(self.former.iter().map(String::as_str)) {
            if former.len() < FORMER_KEYS
                && !planned.iter().any(|output| output.key == key)
                && !former.iter().any(|known| known == key)
            {
                former.push(key.to_owned());
            }
        }
        former
    }
}
