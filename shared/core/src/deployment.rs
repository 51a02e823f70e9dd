//! What a stage is told where it runs away from its manifest: on AWS Lambda, or in a worker.
//!
//! A zip holds the code and a [`StageFile`], the same for every environment with the same settings. What
//! differs by environment, the physical names, comes beside it as a [`Place`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::StagePlan;

/// The name of the [`StageFile`] in a zip.
pub const STAGE_FILE: &str = "stage.json";

/// The environment variable that holds the [`Place`] as JSON.
pub const PLACE_VARIABLE: &str = "TIDEMILL_PLACE";

/// The environment variable that says what the code is to do with what it is handed: a [`Task`].
pub const TASK_VARIABLE: &str = "TIDEMILL_TASK";

/// The format that this version writes; a newer one is not read.
pub const FORMAT: u32 = 1;

/// What a deployed function does. One zip serves for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// The stage's own work: items from its queue, or batches of its streams.
    Stage,
    /// Turns what is left in the stage's dead-letter queue into dead letters.
    Drain,
    /// Takes requests of the stage's HTTP source and queues them as items.
    Http,
}

impl Task {
    /// The text of [`TASK_VARIABLE`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Drain => "drain",
            Self::Http => "http",
        }
    }
}

/// A stage with its surroundings, free of any environment's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageFile {
    /// The format version.
    pub format: u32,
    /// The stage. Its revision is 0: [`Place::revision`] has it.
    pub plan: StagePlan,
    /// The sources among its inputs.
    pub sources: Vec<StageSource>,
    /// Who takes its items.
    pub items: Vec<Listener>,
    /// Who takes word of how its inputs end.
    pub outcomes: Vec<Listener>,
}

/// A stage that listens, and what it lets through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The stage.
    pub stage: String,
    /// Its event pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
}

/// A source among a stage's inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum StageSource {
    /// Objects of a bucket.
    S3 {
        /// The source's name.
        name: String,
        /// The bucket, by its name in the manifest.
        bucket: String,
        /// What their keys begin with.
        prefix: String,
    },
    /// Records of a stream.
    Kinesis {
        /// The source's name.
        name: String,
        /// The stream, by its name in the manifest.
        stream: String,
    },
    /// Requests.
    Http {
        /// The source's name.
        name: String,
        /// How a caller proves who it is.
        auth: Auth,
        /// All stages that take its items.
        listeners: Vec<Listener>,
        /// Where bodies go that are too large for a request: the S3 source's name, bucket and prefix.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upload: Option<Upload>,
    },
}

/// Where large bodies go: an S3 source of the same pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The S3 source's name.
    pub source: String,
    /// Its bucket, by its name in the manifest.
    pub bucket: String,
    /// Its prefix.
    pub prefix: String,
}

/// How the caller of an HTTP source proves who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "auth", rename_all = "lowercase")]
pub enum Auth {
    /// By an AWS signature, which AWS itself checks.
    Iam,
    /// By `X-Hub-Signature-256`, an HMAC-SHA-256 of the body under a shared secret.
    Hmac {
        /// The secret's name.
        secret: String,
    },
}

/// Where a stage runs: an environment's physical names, as far as the stage needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The environment's name.
    pub environment: String,
    /// The stage's revision.
    pub revision: u64,
    /// The bucket of the host's own documents that belong to no output bucket, and of dead letters.
    pub state: String,
    /// Buckets: name in the manifest to physical name.
    pub buckets: BTreeMap<String, String>,
    /// Queues: stage to URL.
    pub queues: BTreeMap<String, String>,
    /// Streams: name in the manifest to physical name.
    pub streams: BTreeMap<String, String>,
    /// Secrets: name in the manifest to physical name.
    pub secrets: BTreeMap<String, String>,
}
