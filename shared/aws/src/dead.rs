//! Dead letters as documents in the state bucket.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tidemill_core::item::FORMAT;
use tidemill_core::key::RESERVED;
use tidemill_core::plan::{STATE_BUCKET, StagePlan};
use tidemill_core::ports::{Answer, Condition, DeadLetter, DeadLetters, Meta, Objects, StoreError};
use tidemill_core::{Item, digest};

use crate::bucket::Buckets;

/// How often a document is tried against other writers.
const CONTENTION: usize = 16;

/// A dead letter as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The format version.
    pub format: u32,
    /// Names the letter.
    pub id: String,
    /// The stage that gave the item up.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub time: Timestamp,
    /// The item.
    pub item: Item,
}

impl Letter {
    /// What the keys of a stage's letters begin with.
    pub fn prefix(signature: &str) -> String {
        format!("{RESERVED}{signature}/dead/")
    }

    /// The letter's key: letters about one object lie together, and a repeat of the same item and generation
    /// has the same key.
    pub fn key(&self, signature: &str) -> String {
        let (bucket, key) = self.item.subject();
        let subject = digest::name_of(&[bucket, key]);
        format!("{}{}/{}.json", Self::prefix(signature), &subject[..16], self.id)
    }

    /// Reads a letter.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if version.format > FORMAT {
            return Err(format!("format {} is newer than this program", version.format));
        }
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}

/// Where a stage's dead letters are kept.
#[derive(Debug)]
pub struct Graveyard {
    buckets: Buckets,
    plan: Arc<StagePlan>,
}

impl Graveyard {
    /// The dead letters of the stage `plan`.
    pub fn new(buckets: Buckets, plan: Arc<StagePlan>) -> Self {
        Self { buckets, plan }
    }
}

impl DeadLetters for Graveyard {
    fn bury<'a>(&'a self, letter: &'a DeadLetter) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let generation = self.plan.generation(&letter.item).to_string();
            let id = digest::name_of(&[&letter.stage, &letter.item.id, &generation]);
            let letter = Letter {
                format: FORMAT,
                id: id[..16].to_owned(),
                stage: letter.stage.clone(),
                reason: letter.reason.clone(),
                attempts: letter.attempts,
                time: Timestamp::now(),
                item: letter.item.clone(),
            };
            let key = letter.key(&self.plan.signature());
            let bytes =
                serde_json::to_vec(&letter).map_err(|error| StoreError::Refused(error.to_string()))?;
            let bytes = Bytes::from(bytes);
            let meta = Meta {
                media_type: "application/json".to_owned(),
                mark: None,
                checksum: digest::checksum([bytes.as_ref()]),
            };
            // The first letter of a generation stands; a repeat says the same.
            for _ in 0..CONTENTION {
                let body = bytes.clone().into();
                match self.buckets.put(STATE_BUCKET, &key, &body, &meta, Condition::Absent).await {
                    Ok(_) => return Ok(()),
                    Err(StoreError::Conflict) => {
                        if self.buckets.head(STATE_BUCKET, &key).await?.is_some() {
                            return Ok(());
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(StoreError::Unavailable("too many writers at one dead letter".to_owned()))
        })
    }
}
