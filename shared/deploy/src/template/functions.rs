//! Functions: a stage's own, its drain, and that of an HTTP source. One zip serves for all three.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tidemill_core::deployment::{PLACE_VARIABLE, Place, TASK_VARIABLE, Task};
use tidemill_core::plan::Input;
use tidemill_pipeline::Source;

use super::parameters;
use super::queues::DRAIN_TIMEOUT;
use super::scope::{Placed, Scope};
use super::sheet::Sheet;
use crate::names::sub;
use crate::stage_file::listeners;

/// The environment variable that names the HTTP source.
const SOURCE_VARIABLE: &str = "TIDEMILL_SOURCE";

/// What a drain and an HTTP source's function need is little and the same for all.
const LIGHT_MEMORY: u64 = 256;
const HTTP_TIMEOUT: u64 = 30;

/// A function about to be written down.
pub(crate) struct Function<'a> {
    /// What it is called where a stage would be named.
    pub(crate) of: &'a str,
    /// The beginning of its logical ids.
    pub(crate) id: &'a str,
    /// Whose zip it runs.
    pub(crate) code: &'a Placed<'a>,
    pub(crate) task: Task,
    /// The HTTP source, if it serves one.
    pub(crate) source: Option<&'a str>,
    pub(crate) about: String,
}

/// The function and its log group.
pub(crate) fn add(scope: &Scope<'_>, function: &Function<'_>, place: &Place, sheet: &mut Sheet) {
    let (settings, id) = (&function.code.settings, function.id);
    let owner = &function.code.owner;
    let (memory, timeout) = match function.task {
        Task::Stage => (settings.memory, settings.timeout),
        Task::Drain => (LIGHT_MEMORY, DRAIN_TIMEOUT),
        Task::Http => (LIGHT_MEMORY, HTTP_TIMEOUT),
    };
    let mut variables = json!({
        TASK_VARIABLE: function.task.name(),
        PLACE_VARIABLE: sub(text_of(place, &parameters::revision(&function.code.id))),
    });
    if let Some(source) = function.source {
        variables[SOURCE_VARIABLE] = json!(source);
    }
    let mut properties = json!({
        "FunctionName": scope.names.function(function.of).value(),
        "Description": function.about,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Architectures": [settings.architecture.name()],
        "Code": {
            "S3Bucket": { "Ref": parameters::ARTIFACT_BUCKET },
            "S3Key": { "Ref": parameters::code(&function.code.id) },
        },
        "Role": { "Fn::GetAtt": [format!("{id}Role"), "Arn"] },
        "MemorySize": memory,
        "Timeout": timeout,
        "Environment": { "Variables": variables },
        // The host's own lines are JSON already, and CloudWatch reads metrics out of them as they stand.
        "LoggingConfig": { "LogFormat": "Text", "LogGroup": { "Ref": format!("{id}Logs") } },
        // Retries are messages to the function's own queue. Their number is bounded by the stage's attempts, so the
        // loop that Lambda would stop is none.
        "RecursiveLoop": "Allow",
        "TracingConfig": { "Mode": "PassThrough" },
    });
    if function.task == Task::Stage {
        if let Some(storage) = settings.storage {
            properties["EphemeralStorage"] = json!({ "Size": storage });
        }
        let aws = &scope.plan.aws;
        // The others reach only AWS, which a private network may not.
        if !aws.subnets.is_empty() {
            properties["VpcConfig"] =
                json!({ "SubnetIds": aws.subnets, "SecurityGroupIds": aws.security_groups });
        }
    }
    let group = json!({
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "LogGroupName": scope.names.log_group(function.of).value(),
            "RetentionInDays": scope.plan.aws.log_retention_days,
        },
    });
    sheet.resource(owner, &format!("{id}Logs"), group);
    sheet.resource(
        owner,
        &format!("{id}Function"),
        json!({ "Type": "AWS::Lambda::Function", "Properties": properties }),
    );
}

/// The place as text in a `Fn::Sub`.
fn text_of(place: &Place, revision: &str) -> String {
    let mut text = json!(place);
    // A number cannot stand for itself and for its parameter: it is put in as text, and loses its quotes below.
    let marker = format!("${{{revision}}}");
    text["revision"] = json!(marker);
    text.to_string().replacen(&format!("\"{marker}\""), &marker, 1)
}

/// The place of a stage's own work, and of its drain, which reads the same messages.
pub(crate) fn stage_place(scope: &Scope<'_>, placed: &Placed<'_>) -> Place {
    let mut buckets = BTreeSet::new();
    for (_, source) in scope.sources(placed.stage) {
        if let Source::S3 { bucket, .. } = source {
            buckets.insert(bucket.as_str());
        }
    }
    let senders = placed.stage.plan.inputs.iter().filter_map(|input| match input {
        Input::Items(sender) => scope.plan.stage(sender)?.plan.output.as_ref(),
        Input::Source(_) | Input::Outcomes(_) => None,
    });
    buckets.extend(senders.chain(&placed.stage.plan.output).map(|output| output.bucket.as_str()));
    let name = placed.name();
    let outputs = [Input::Items(name.to_owned()), Input::Outcomes(name.to_owned())];
    Place {
        buckets: buckets.into_iter().map(|bucket| (bucket.to_owned(), scope.bucket(bucket).text())).collect(),
        queues: queues(scope, &outputs, Some(name)),
        streams: scope
            .streams(placed.stage)
            .map(|(_, stream)| (stream.to_owned(), scope.stream(stream).text()))
            .collect(),
        ..bare(scope)
    }
}

/// The place of an HTTP source.
pub(crate) fn http_place(scope: &Scope<'_>, name: &str, secret: Option<&str>, bucket: Option<&str>) -> Place {
    let bucket = bucket.map(|bucket| (bucket.to_owned(), scope.bucket(bucket).text()));
    let secret = secret.map(|secret| (secret.to_owned(), scope.names.secret(secret).text()));
    Place {
        queues: queues(scope, &[Input::Source(name.to_owned())], None),
        buckets: bucket.into_iter().collect(),
        secrets: secret.into_iter().collect(),
        ..bare(scope)
    }
}

fn bare(scope: &Scope<'_>) -> Place {
    Place {
        environment: scope.names.environment().to_owned(),
        state: scope.names.state().text(),
        ..Place::default()
    }
}

/// The queues of those who listen to `inputs`, and that of `own`, by URL.
fn queues(scope: &Scope<'_>, inputs: &[Input], own: Option<&str>) -> BTreeMap<String, String> {
    let listeners = inputs.iter().flat_map(|input| listeners(scope.plan, input));
    let names = listeners.map(|listener| listener.stage).chain(own.map(str::to_owned));
    names
        .map(|stage| {
            let url = format!("${{{}Queue}}", super::logical::id(&stage));
            (stage, url)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_its_form() {
        let place = Place { environment: "e".into(), state: "s".into(), ..Place::default() };
        let text = text_of(&place, "ARevision");
        let place = Place { revision: 7, ..place };
        assert_eq!(serde_json::from_str::<Place>(&text.replace("${ARevision}", "7")).unwrap(), place);
    }
}
