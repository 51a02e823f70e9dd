//! A queue and its dead-letter queue for each stage, and who may send to them.

use serde_json::{Value, json};
use tidemill_pipeline::{Source, Via};

use super::parameters;
use super::policy::{document, refuse_plain_http};
use super::scope::{Placed, Scope, bucket_arn, queue_arn};
use super::sheet::Sheet;
use crate::names::{Name, sub};
use crate::settings::HIDDEN_FACTOR;

/// The longest that SQS keeps a message: 14 days.
const KEPT: u64 = 1_209_600;

/// How often a message may be handed out before it is given up. Retries are new messages, so this counts crashes.
const MOST_RECEIVED: u64 = 10;

/// The largest message (SQS API Reference, `CreateQueue`).
const LARGEST: u64 = 1_048_576;

/// How long a drain may run, in seconds.
pub(crate) const DRAIN_TIMEOUT: u64 = 60;

/// The two queues of a stage with their policies. `rules` are the logical ids of the rules that send to it.
pub(crate) fn add(scope: &Scope<'_>, placed: &Placed<'_>, rules: &[String], sheet: &mut Sheet) {
    let name = placed.name();
    let (queue, dead) = (scope.names.queue(name), scope.names.dead_queue(name));
    let (id, dead_id) = (format!("{}Queue", placed.id), format!("{}DeadQueue", placed.id));
    let mut properties = common(scope, &queue, placed.settings.hidden);
    properties["RedrivePolicy"] = json!({
        "deadLetterTargetArn": { "Fn::GetAtt": [dead_id, "Arn"] },
        "maxReceiveCount": MOST_RECEIVED,
    });
    properties["Tags"] =
        json!([{ "Key": "tidemill:recipe", "Value": { "Ref": parameters::recipe(&placed.id) } }]);
    sheet.resource(&placed.owner, &id, json!({ "Type": "AWS::SQS::Queue", "Properties": properties }));

    let mut properties = common(scope, &dead, DRAIN_TIMEOUT * HIDDEN_FACTOR);
    // By its computed name: the queue itself refers to this one.
    properties["RedriveAllowPolicy"] =
        json!({ "redrivePermission": "byQueue", "sourceQueueArns": [sub(queue_arn(&queue))] });
    sheet.resource(&placed.owner, &dead_id, json!({ "Type": "AWS::SQS::Queue", "Properties": properties }));

    let rule_arns: Vec<Value> = rules.iter().map(|rule| json!({ "Fn::GetAtt": [rule, "Arn"] })).collect();
    let mut senders = from_rules(&id, &rule_arns);
    senders.extend(from_buckets(scope, placed, &id));
    policy(sheet, placed, &id, senders);
    policy(sheet, placed, &dead_id, from_rules(&dead_id, &rule_arns));
}

fn common(scope: &Scope<'_>, name: &Name, hidden: u64) -> Value {
    let mut properties = json!({
        "QueueName": name.value(),
        "VisibilityTimeout": hidden,
        "MessageRetentionPeriod": KEPT,
        "MaximumMessageSize": LARGEST,
        "ReceiveMessageWaitTimeSeconds": 20,
    });
    match &scope.plan.aws.kms_key {
        Some(key) => properties["KmsMasterKeyId"] = json!(key),
        None => properties["SqsManagedSseEnabled"] = json!(true),
    }
    properties
}

/// EventBridge, for these rules only.
fn from_rules(queue: &str, rules: &[Value]) -> Vec<Value> {
    if rules.is_empty() {
        return Vec::new();
    }
    vec![json!({
        "Sid": "FromRules",
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": { "Fn::GetAtt": [queue, "Arn"] },
        "Condition": { "ArnEquals": { "aws:SourceArn": rules } },
    })]
}

/// S3 itself, for the buckets that notify directly.
fn from_buckets(scope: &Scope<'_>, placed: &Placed<'_>, queue: &str) -> Option<Value> {
    let buckets: Vec<Value> = scope
        .sources(placed.stage)
        .filter_map(|(_, source)| match source {
            Source::S3 { bucket, via: Via::Sqs, .. } => Some(sub(bucket_arn(&scope.bucket(bucket)))),
            _ => None,
        })
        .collect();
    (!buckets.is_empty()).then(|| {
        json!({
            "Sid": "FromBuckets",
            "Effect": "Allow",
            "Principal": { "Service": "s3.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": { "Fn::GetAtt": [queue, "Arn"] },
            "Condition": {
                "ArnEquals": { "aws:SourceArn": buckets },
                "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } },
            },
        })
    })
}

fn policy(sheet: &mut Sheet, placed: &Placed<'_>, queue: &str, senders: Vec<Value>) {
    let mut statements = senders;
    statements.push(refuse_plain_http("sqs:*", &json!({ "Fn::GetAtt": [queue, "Arn"] })));
    let policy = json!({
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": { "Queues": [{ "Ref": queue }], "PolicyDocument": document(&statements) },
    });
    sheet.resource(&placed.owner, &format!("{queue}Policy"), policy);
}
