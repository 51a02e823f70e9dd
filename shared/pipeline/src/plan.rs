//! The checked plan.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde_json::Value;
use tidemill_core::function::Shape;
use tidemill_core::plan::{Input, StagePlan};
use tidemill_core::{Built, Entry};
use tidemill_pattern::Pattern;

use crate::diagnostic::Diagnostics;

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Objects of a bucket.
    S3 {
        /// The bucket, by its name in the manifest.
        bucket: String,
        /// What their keys begin with; empty for the whole bucket.
        prefix: String,
    },
    /// Records of a stream.
    Kinesis {
        /// The stream, by its name in the manifest.
        stream: String,
    },
}

/// A source with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSource {
    /// Its name.
    pub name: String,
    /// What it is.
    pub source: Source,
}

/// A stage, ready to run.
#[derive(Clone)]
pub struct PlannedStage {
    /// What a host needs to know. Its revision is 0: the host sets it.
    pub plan: StagePlan,
    /// The function with its configuration.
    pub built: Built,
    /// What the function takes.
    pub shape: Shape,
    /// The event pattern that narrows its input.
    pub when: Option<Pattern>,
    /// The checked `lambda` keys as they were written: a map, empty where there are none.
    pub lambda: Value,
}

impl fmt::Debug for PlannedStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedStage")
            .field("plan", &self.plan)
            .field("outputs", &self.built.outputs)
            .field("shape", &self.shape)
            .field("lambda", &self.lambda)
            .finish_non_exhaustive()
    }
}

/// A checked pipeline.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// The environment whose overrides it holds.
    pub environment: Option<String>,
    /// The sources, as they are written.
    pub sources: Vec<PlannedSource>,
    /// The stages; each comes after those whose items or outcomes it takes.
    pub stages: Vec<PlannedStage>,
}

impl Plan {
    /// Checks the text of a manifest, all its environments included, and gives the plan of one of them, or of the
    /// manifest as it stands. `path` is shown in messages; nothing is opened.
    pub fn parse(
        path: &Path,
        text: &str,
        environment: Option<&str>,
        functions: &[Entry],
    ) -> Result<Self, Diagnostics> {
        crate::check::parse(path, text, environment, functions)
    }

    /// The names of all buckets, those that are read and those that are written.
    pub fn buckets(&self) -> BTreeSet<&str> {
        let read = self.sources.iter().filter_map(|source| match &source.source {
            Source::S3 { bucket, .. } => Some(bucket.as_str()),
            Source::Kinesis { .. } => None,
        });
        let written =
            self.stages.iter().filter_map(|stage| Some(stage.plan.output.as_ref()?.bucket.as_str()));
        read.chain(written).collect()
    }

    /// The names of all streams.
    pub fn streams(&self) -> BTreeSet<&str> {
        self.sources
            .iter()
            .filter_map(|source| match &source.source {
                Source::Kinesis { stream } => Some(stream.as_str()),
                Source::S3 { .. } => None,
            })
            .collect()
    }

    /// The stages that take `input`, in order.
    pub fn consumers(&self, input: &Input) -> impl Iterator<Item = &PlannedStage> {
        self.stages.iter().filter(move |stage| stage.plan.inputs.contains(input))
    }

    /// The source with a name.
    pub fn source(&self, name: &str) -> Option<&PlannedSource> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The stage with a name.
    pub fn stage(&self, name: &str) -> Option<&PlannedStage> {
        self.stages.iter().find(|stage| stage.plan.name == name)
    }
}
