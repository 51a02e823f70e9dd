//! The part of a plan that travels in a stage's zip, free of any environment's names.

use tidemill_core::deployment::{FORMAT, Listener, StageFile, StageSource, Upload};
use tidemill_core::plan::Input;
use tidemill_pipeline::{Plan, PlannedStage, Source};

/// The file of a stage.
pub fn stage_file(plan: &Plan, stage: &PlannedStage) -> StageFile {
    let name = stage.plan.name.as_str();
    StageFile {
        format: FORMAT,
        plan: stage.plan.clone(),
        sources: stage.plan.inputs.iter().filter_map(|input| source(plan, input)).collect(),
        items: listeners(plan, &Input::Items(name.to_owned())),
        outcomes: listeners(plan, &Input::Outcomes(name.to_owned())),
    }
}

/// The stages that take `input`.
pub(crate) fn listeners(plan: &Plan, input: &Input) -> Vec<Listener> {
    plan.consumers(input)
        .map(|stage| Listener { stage: stage.plan.name.clone(), when: stage.plan.when.clone() })
        .collect()
}

fn source(plan: &Plan, input: &Input) -> Option<StageSource> {
    let Input::Source(name) = input else { return None };
    Some(match &plan.source(name)?.source {
        Source::S3 { bucket, prefix, .. } => {
            StageSource::S3 { name: name.clone(), bucket: bucket.clone(), prefix: prefix.clone() }
        }
        Source::Kinesis { stream } => StageSource::Kinesis { name: name.clone(), stream: stream.clone() },
        Source::Http { auth, upload } => StageSource::Http {
            name: name.clone(),
            auth: auth.clone(),
            listeners: listeners(plan, input),
            upload: upload.as_ref().and_then(|source| self::upload(plan, source)),
        },
    })
}

/// Where the bodies of an HTTP source go that are too large for a request.
pub(crate) fn upload(plan: &Plan, source: &str) -> Option<Upload> {
    match &plan.source(source)?.source {
        Source::S3 { bucket, prefix, .. } => {
            Some(Upload { source: source.to_owned(), bucket: bucket.clone(), prefix: prefix.clone() })
        }
        Source::Kinesis { .. } | Source::Http { .. } => None,
    }
}
