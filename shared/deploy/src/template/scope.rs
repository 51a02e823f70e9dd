//! What every part of a template looks up: the plan, its names, and ARNs made of them.

use tidemill_core::plan::Input;
use tidemill_pipeline::{Plan, PlannedStage, RunsOn, Source};

use super::logical;
use crate::names::{Name, Names};
use crate::{Problem, Settings};

/// A plan in an environment.
pub(crate) struct Scope<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) names: &'a Names,
}

/// A stage with what it gets.
pub(crate) struct Placed<'a> {
    pub(crate) stage: &'a PlannedStage,
    pub(crate) settings: Settings,
    /// The beginning of its logical ids.
    pub(crate) id: String,
    /// What it is called in messages.
    pub(crate) owner: String,
}

impl<'a> Placed<'a> {
    pub(crate) fn new(stage: &'a PlannedStage) -> Result<Self, Problem> {
        let name = &stage.plan.name;
        Ok(Self {
            stage,
            settings: Settings::of(stage)?,
            id: logical::id(name),
            owner: format!("stage `{name}`"),
        })
    }

    pub(crate) fn name(&self) -> &'a str {
        &self.stage.plan.name
    }

    pub(crate) fn on_lambda(&self) -> bool {
        self.stage.runs_on == RunsOn::Lambda
    }
}

impl<'a> Scope<'a> {
    /// The bucket with a name in the manifest.
    pub(crate) fn bucket(&self, bucket: &str) -> Name {
        self.names.bucket(&self.plan.aws, bucket)
    }

    /// The stream with a name in the manifest.
    pub(crate) fn stream(&self, stream: &str) -> Name {
        self.names.stream(&self.plan.aws, stream)
    }

    /// The sources among a stage's inputs.
    pub(crate) fn sources(&self, stage: &'a PlannedStage) -> impl Iterator<Item = (&'a str, &'a Source)> {
        let plan = self.plan;
        stage.plan.inputs.iter().filter_map(move |input| match input {
            Input::Source(name) => plan.source(name).map(|source| (source.name.as_str(), &source.source)),
            Input::Items(_) | Input::Outcomes(_) => None,
        })
    }

    /// The streams that a stage reads, with their sources.
    pub(crate) fn streams(&self, stage: &'a PlannedStage) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.sources(stage).filter_map(|(name, source)| match source {
            Source::Kinesis { stream } => Some((name, stream.as_str())),
            Source::S3 { .. } | Source::Http { .. } => None,
        })
    }

    /// The bucket of a stage's result documents.
    pub(crate) fn results(&self, stage: &PlannedStage) -> Name {
        match &stage.plan.output {
            Some(output) => self.bucket(&output.bucket),
            None => self.names.state(),
        }
    }

    /// What the keys of the host's own documents about the pipeline begin with.
    pub(crate) fn documents(&self, rest: &str) -> String {
        format!(".tidemill/{}/{rest}", self.names.pipeline())
    }
}

/// An ARN as text in a `Fn::Sub`, of a service that is regional.
fn regional(service: &str, resource: &str) -> String {
    format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")
}

pub(crate) fn bucket_arn(bucket: &Name) -> String {
    format!("arn:${{AWS::Partition}}:s3:::{}", bucket.text())
}

/// The ARN of all objects whose keys begin with `prefix`.
pub(crate) fn objects_arn(bucket: &Name, prefix: &str) -> String {
    format!("{}/{prefix}*", bucket_arn(bucket))
}

pub(crate) fn queue_arn(queue: &Name) -> String {
    regional("sqs", &queue.text())
}

pub(crate) fn stream_arn(stream: &Name) -> String {
    regional("kinesis", &format!("stream/{}", stream.text()))
}

/// The ARN of a log group and of the streams in it.
pub(crate) fn logs_arn(group: &Name) -> String {
    regional("logs", &format!("log-group:{}:*", group.text()))
}

/// The ARN of a secret: Secrets Manager puts six characters of its own behind the name.
pub(crate) fn secret_arn(secret: &Name) -> String {
    regional("secretsmanager", &format!("secret:{}-??????", secret.text()))
}
