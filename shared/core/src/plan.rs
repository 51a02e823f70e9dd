//! A stage as a host runs it: checked, environment-neutral, and small enough to travel in a zip.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest;
use crate::generation::Generation;
use crate::item::Item;
use crate::key::KeyTemplate;
use crate::limits::Limits;

/// The bucket of documents that belong to no output bucket, as ports are asked for it: no manifest can name it.
pub const STATE_BUCKET: &str = ".state";

/// What a stage does when its original is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRemove {
    /// Its outputs go too.
    Delete,
    /// Its outputs stay.
    Keep,
}

/// Where a stage's outputs go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPlan {
    /// The bucket, by its name in the manifest.
    pub bucket: String,
    /// The template for keys.
    pub key: KeyTemplate,
}

/// Where a stage's items come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A source, by name.
    Source(String),
    /// The items of another stage, by name.
    Items(String),
    /// How another stage's inputs end, by name.
    Outcomes(String),
}

impl Input {
    /// The source's or the stage's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Source(name) | Self::Items(name) | Self::Outcomes(name) => name,
        }
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// The pipeline's name.
    pub pipeline: String,
    /// The stage's name.
    pub name: String,
    /// The function's name (the manifest's `type`).
    pub function: String,
    /// Its inputs.
    pub inputs: Vec<Input>,
    /// The event pattern that narrows its input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    /// Where its outputs go, if it writes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputPlan>,
    /// What happens when an original is removed.
    pub on_remove: OnRemove,
    /// How often an item is tried before it is a dead letter: 1 to 10.
    pub attempts: u32,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Bounds on what it takes in and gives out.
    pub limits: Limits,
    /// The function's own keys.
    pub config: Value,
    /// The digest of function, output version, configuration and output keys.
    pub recipe: String,
    /// Raised when the recipe, or that of a stage above it, changes. Set by the host.
    #[serde(default)]
    pub revision: u64,
}

impl StagePlan {
    /// `pipeline/stage`: how the stage signs what it writes and sends.
    pub fn signature(&self) -> String {
        format!("{}/{}", self.pipeline, self.name)
    }

    /// The generation of what the stage makes of `item`.
    pub fn generation(&self, item: &Item) -> Generation {
        Generation { sequence: item.sequence.clone(), revision: self.revision, repeat: item.repeat }
    }

    /// The recipe of a function with a configuration that writes to `output`.
    ///
    /// Limits count too: they decide what is rejected. So do output keys, since a change moves outputs.
    pub fn recipe_of(
        function: &str,
        output_version: u32,
        config: &Value,
        limits: &Limits,
        output: Option<&OutputPlan>,
    ) -> String {
        let rest = serde_json::json!({ "config": config, "limits": limits, "output": output });
        digest::name_of(&[function, &output_version.to_string(), &rest.to_string()])
    }
}
