//! The checked plan.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};
use tidemill_core::deployment::Auth;
use tidemill_core::function::Shape;
use tidemill_core::plan::{Input, StagePlan};
use tidemill_core::{Built, Entry};
use tidemill_pattern::Pattern;

use crate::aws::{Aws, LambdaSettings, RunsOn, Via};
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
        /// How events come on AWS.
        via: Via,
    },
    /// Records of a stream.
    Kinesis {
        /// The stream, by its name in the manifest.
        stream: String,
    },
    /// Requests.
    Http {
        /// How a caller proves who it is.
        auth: Auth,
        /// The `s3` source that bodies go to which are too large for a request.
        upload: Option<String>,
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
    /// What runs it on AWS.
    pub runs_on: RunsOn,
    /// What it gets as a Lambda function.
    pub lambda: LambdaSettings,
}

impl fmt::Debug for PlannedStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedStage")
            .field("plan", &self.plan)
            .field("outputs", &self.built.outputs)
            .field("shape", &self.shape)
            .field("runs_on", &self.runs_on)
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
    /// The names of the environments that the manifest has settings for.
    pub environments: Vec<String>,
    /// The sources, as they are written.
    pub sources: Vec<PlannedSource>,
    /// The stages; each comes after those whose items or outcomes it takes.
    pub stages: Vec<PlannedStage>,
    /// What is there already on AWS, and what holds for the whole deployment.
    pub aws: Aws,
    /// CloudFormation resources that are deployed along, by logical id.
    pub resources: Map<String, Value>,
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
            Source::Kinesis { .. } | Source::Http { .. } => None,
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
                Source::S3 { .. } | Source::Http { .. } => None,
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
