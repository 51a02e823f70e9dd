//! One role per function, with what the plan implies and nothing else.

use serde_json::{Value, json};
use tidemill_core::deployment::Auth;
use tidemill_core::plan::Input;
use tidemill_pipeline::{PlannedStage, Source};

use super::policy::{Grants, document};
use super::scope::{Placed, Scope, logs_arn, objects_arn, queue_arn, secret_arn, stream_arn};
use crate::names::Names;
use crate::stage_file::{listeners, upload};

const OWN_QUEUE: [&str; 5] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];
const DEAD_QUEUE: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
const READ: [&str; 2] = ["s3:GetObject", "s3:GetObjectVersion"];
const OUTPUT: [&str; 4] = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"];
const RESULTS: [&str; 2] = ["s3:GetObject", "s3:PutObject"];
const DOCUMENTS: [&str; 3] = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"];
const STREAM: [&str; 5] = [
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
];
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
const KEY: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];
/// Lambda makes network interfaces in the function's name (Lambda Developer Guide, "Attaching Lambda functions to
/// a VPC", "Required IAM permissions"). They are not there yet when the role is made, so no resource can be named.
pub(crate) const NETWORK: &[&str] = &[
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

/// What a stage's work needs, wherever it runs.
pub(crate) fn stage(scope: &Scope<'_>, placed: &Placed<'_>) -> Grants {
    let mut grants = Grants::default();
    let (stage, name) = (placed.stage, placed.name());
    grants.allow("OwnQueue", &OWN_QUEUE, queue_arn(&scope.names.queue(name)));
    send(scope, &mut grants, &Input::Items(name.to_owned()));
    send(scope, &mut grants, &Input::Outcomes(name.to_owned()));
    read(scope, &mut grants, stage);
    if let Some(output) = &stage.plan.output {
        grants.objects("Outputs", &OUTPUT, &scope.bucket(&output.bucket), &output.key.prefix());
    }
    let own = |part: &str| scope.documents(&format!("{name}/{part}"));
    grants.objects("Results", &RESULTS, &scope.results(stage), &own(""));
    for part in [own("heads/"), own("dead/"), own("results/"), scope.documents("values/")] {
        grants.objects("Documents", &DOCUMENTS, &scope.names.state(), &part);
    }
    for (_, stream) in scope.streams(stage) {
        grants.allow("Streams", &STREAM, stream_arn(&scope.stream(stream)));
        // Where a mapping writes what it gives up, and it wants to list the whole bucket (Lambda Developer Guide,
        // "Retain discarded batch records").
        grants.objects_of_bucket("GivenUp", &["s3:PutObject"], &scope.names.state(), "aws/lambda/");
    }
    key(scope, &mut grants);
    grants
}

/// What a stage's function needs beside its work.
pub(crate) fn on_lambda(scope: &Scope<'_>, placed: &Placed<'_>, grants: &mut Grants) {
    logs(scope, grants, placed.name());
    if !scope.plan.aws.subnets.is_empty() {
        grants.allow("Network", NETWORK, "*".to_owned());
    }
}

/// What a stage's drain needs.
pub(crate) fn drain(scope: &Scope<'_>, placed: &Placed<'_>) -> Grants {
    let mut grants = Grants::default();
    let name = placed.name();
    grants.allow("DeadQueue", &DEAD_QUEUE, queue_arn(&scope.names.dead_queue(name)));
    send(scope, &mut grants, &Input::Outcomes(name.to_owned()));
    let state = scope.names.state();
    for part in [format!("{name}/dead/"), "values/".to_owned()] {
        grants.objects("Documents", &RESULTS, &state, &scope.documents(&part));
    }
    logs(scope, &mut grants, &Names::drain(name));
    key(scope, &mut grants);
    grants
}

/// What the function of an HTTP source needs.
pub(crate) fn http(scope: &Scope<'_>, name: &str, auth: &Auth, to: Option<&str>) -> Grants {
    let mut grants = Grants::default();
    send(scope, &mut grants, &Input::Source(name.to_owned()));
    let put = ["s3:PutObject"];
    grants.allow("Values", &put, objects_arn(&scope.names.state(), &scope.documents("values/")));
    if let Some(upload) = to.and_then(|source| upload(scope.plan, source)) {
        grants.allow("Uploads", &put, objects_arn(&scope.bucket(&upload.bucket), &upload.prefix));
    }
    if let Auth::Hmac { secret } = auth {
        let arn = secret_arn(&scope.names.secret(secret));
        grants.allow("Secret", &["secretsmanager:GetSecretValue"], arn);
    }
    logs(scope, &mut grants, &Names::http(name));
    key(scope, &mut grants);
    grants
}

fn send(scope: &Scope<'_>, grants: &mut Grants, input: &Input) {
    for listener in listeners(scope.plan, input) {
        grants.allow("Send", &["sqs:SendMessage"], queue_arn(&scope.names.queue(&listener.stage)));
    }
}

/// What a stage reads: its sources' objects, and the outputs of the stages before it.
fn read(scope: &Scope<'_>, grants: &mut Grants, stage: &PlannedStage) {
    for (_, source) in scope.sources(stage) {
        if let Source::S3 { bucket, prefix, .. } = source {
            grants.objects("Read", &READ, &scope.bucket(bucket), prefix);
        }
    }
    for input in &stage.plan.inputs {
        if let Input::Items(sender) = input
            && let Some(output) = scope.plan.stage(sender).and_then(|sender| sender.plan.output.as_ref())
        {
            grants.objects("Read", &READ, &scope.bucket(&output.bucket), &output.key.prefix());
        }
    }
}

fn logs(scope: &Scope<'_>, grants: &mut Grants, function: &str) {
    grants.allow("Logs", &LOGS, logs_arn(&scope.names.log_group(function)));
}

fn key(scope: &Scope<'_>, grants: &mut Grants) {
    if let Some(key) = &scope.plan.aws.kms_key {
        grants.allow("Key", &KEY, key.clone());
    }
}

/// A role that Lambda takes on for the function `of`.
pub(crate) fn role(scope: &Scope<'_>, of: &str, grants: Grants) -> Value {
    let trust = json!({
        "Effect": "Allow",
        "Principal": { "Service": "lambda.amazonaws.com" },
        "Action": "sts:AssumeRole",
    });
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": scope.names.role(of).value(),
            "AssumeRolePolicyDocument": document(&[trust]),
            "Policies": [{ "PolicyName": "plan", "PolicyDocument": document(&grants.statements()) }],
        },
    })
}

/// The policy of a worker, for whatever role it runs under.
pub(crate) fn worker(scope: &Scope<'_>, placed: &Placed<'_>, grants: Grants) -> Value {
    json!({
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": scope.names.role(placed.name()).value(),
            "Description": format!(
                "What a worker needs for stage {} of {}",
                placed.name(),
                scope.names.pipeline()
            ),
            "PolicyDocument": document(&grants.statements()),
        },
    })
}
