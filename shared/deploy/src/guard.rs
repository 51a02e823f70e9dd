//! Rules that our own templates are held to, beyond what linters look for.
//!
//! Linters know what AWS refuses; these are what AWS takes and a user regrets.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::settings::{HIDDEN_FACTOR, ONE_RECEIVE};
use crate::template::text_of;

/// Actions that may stand with the resource `*`, and why.
pub const EXCEPTIONS: &[(&[&str], &str)] = &[(
    crate::template::NETWORK_ACTIONS,
    "Lambda makes network interfaces for functions in a VPC; they are not there when the role is made",
)];

/// All findings about a template; none if it is as it should be.
pub fn check(template: &Value) -> Vec<String> {
    let mut guard = Guard { template, findings: Vec::new() };
    for (id, resource) in template["Resources"].as_object().into_iter().flatten() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap_or_default() {
            "AWS::IAM::Role" => {
                for policy in list(&properties["Policies"]) {
                    guard.policy(id, &policy["PolicyDocument"]);
                }
            }
            "AWS::IAM::ManagedPolicy" | "AWS::SQS::QueuePolicy" | "AWS::S3::BucketPolicy" => {
                guard.policy(id, &properties["PolicyDocument"]);
            }
            "AWS::Lambda::Permission" => guard.permission(id, properties),
            "AWS::Lambda::EventSourceMapping" => guard.mapping(id, properties),
            "AWS::SQS::Queue" => guard.queue(id, properties),
            "AWS::S3::Bucket" => guard.bucket(id, properties),
            _ => {}
        }
    }
    guard.findings
}

struct Guard<'a> {
    template: &'a Value,
    findings: Vec<String>,
}

/// One or many, as policies write lists.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The logical id that a `Ref` or `Fn::GetAtt` names.
fn target(value: &Value) -> Option<&str> {
    value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())
}

impl Guard<'_> {
    fn find(&mut self, id: &str, what: &str) {
        self.findings.push(format!("{id}: {what}"));
    }

    fn resources(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.template["Resources"].as_object().into_iter().flatten()
    }

    fn policy(&mut self, id: &str, document: &Value) {
        for statement in list(&document["Statement"]) {
            // A refusal takes away, so it may be as wide as it likes.
            if statement["Effect"] == "Deny" {
                continue;
            }
            let actions: Vec<&str> =
                list(&statement["Action"]).into_iter().filter_map(Value::as_str).collect();
            if actions.is_empty() || actions.iter().any(|action| action.contains('*')) {
                self.find(id, "a wildcard action");
            }
            let excepted =
                EXCEPTIONS.iter().any(|(known, _)| actions.iter().all(|action| known.contains(action)));
            let resources = list(&statement["Resource"]);
            if resources.is_empty() || (!excepted && resources.into_iter().any(wild)) {
                self.find(id, "a wildcard resource");
            }
            let principal = &statement["Principal"];
            if *principal == "*" || principal["AWS"] == "*" {
                self.find(id, "anyone may do it");
            }
        }
    }

    /// Anyone may call a URL whose function checks signatures itself; no function may be called by anyone otherwise.
    fn permission(&mut self, id: &str, properties: &Value) {
        let by_url =
            properties["FunctionUrlAuthType"] == "NONE" || properties["InvokedViaFunctionUrl"] == true;
        if properties["Principal"] == "*" && !by_url {
            self.find(id, "anyone may call it");
        }
    }

    fn mapping(&mut self, id: &str, properties: &Value) {
        let answers = list(&properties["FunctionResponseTypes"]);
        if !answers.iter().any(|answer| **answer == "ReportBatchItemFailures") {
            self.find(id, "no partial answers");
        }
        if !properties["FilterCriteria"].is_null() {
            self.find(id, "filter criteria delete what they cannot parse");
        }
        let stream = !properties["StartingPosition"].is_null();
        if stream && properties["BisectBatchOnFunctionError"] != true {
            self.find(id, "no bisect");
        }
        if stream && properties["DestinationConfig"]["OnFailure"]["Destination"].is_null() {
            self.find(id, "what ages out is lost");
        }
        if stream && properties["ParallelizationFactor"].as_u64().unwrap_or(1) != 1 {
            self.find(id, "more than one batch of a shard at a time");
        }
        let window = properties["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0);
        if !stream && properties["BatchSize"].as_u64().unwrap_or(0) > ONE_RECEIVE && window == 0 {
            self.find(id, "a batch of more than one receive without a window");
        }
    }

    fn queue(&mut self, id: &str, properties: &Value) {
        let of = |resource: &Value, kind: &str| resource["Type"] == kind;
        let is_net = self.resources().any(|(_, other)| {
            let dead = &other["Properties"]["RedrivePolicy"]["deadLetterTargetArn"];
            of(other, "AWS::SQS::Queue") && target(dead) == Some(id)
        });
        if properties["RedrivePolicy"].is_null() && !is_net {
            self.find(id, "no dead-letter queue");
        }
        if properties["RedrivePolicy"]["maxReceiveCount"].as_u64().is_some_and(|count| count < 10) {
            self.find(id, "given up after fewer than 10 receives");
        }
        if properties["SqsManagedSseEnabled"] != true && properties["KmsMasterKeyId"].is_null() {
            self.find(id, "not encrypted");
        }
        let hidden = properties["VisibilityTimeout"].as_u64().unwrap_or(30);
        let functions: BTreeSet<&str> = self
            .resources()
            .map(|(_, mapping)| mapping)
            .filter(|mapping| of(mapping, "AWS::Lambda::EventSourceMapping"))
            .filter(|mapping| target(&mapping["Properties"]["EventSourceArn"]) == Some(id))
            .filter_map(|mapping| target(&mapping["Properties"]["FunctionName"]))
            .collect();
        let longest = functions
            .iter()
            .map(|function| {
                self.template["Resources"][function]["Properties"]["Timeout"].as_u64().unwrap_or(3)
            })
            .max();
        if longest.is_some_and(|timeout| hidden < timeout * HIDDEN_FACTOR) {
            self.find(id, "hidden for less than six times as long as the function may run");
        }
    }

    fn bucket(&mut self, id: &str, properties: &Value) {
        let block = &properties["PublicAccessBlockConfiguration"];
        let keys = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        if !keys.iter().all(|key| block[key] == true) {
            self.find(id, "public access is not blocked");
        }
        if properties["BucketEncryption"].is_null() {
            self.find(id, "not encrypted");
        }
    }
}

/// Whether a resource is everything, or everything of a service.
fn wild(resource: &Value) -> bool {
    let Some(text) = text_of(resource) else { return false };
    // arn:partition:service:region:account:resource
    let last = text.splitn(6, ':').last().unwrap_or_default();
    // A parameter such as `${AWS::Region}` has colons of its own, and hides no star.
    text == "*" || last.starts_with('*') || text.ends_with(":*") && !text.contains(":log-group:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EVERYTHING, plan};
    use serde_json::json;

    /// The templates are clean; after a change they are not, for this reason.
    #[track_caller]
    fn bites(id: &str, pointer: &str, value: Value, expected: &str) {
        let templates = crate::synth(&plan(EVERYTHING), "test").unwrap();
        let mut template =
            if templates.data["Resources"][id].is_null() { templates.compute } else { templates.data };
        assert_eq!(check(&template), Vec::<String>::new());
        let place = template["Resources"][id]["Properties"].pointer_mut(pointer);
        *place.unwrap_or_else(|| panic!("{id} has no {pointer}")) = value;
        assert!(check(&template).iter().any(|finding| finding.contains(expected)), "{:?}", check(&template));
    }

    const STATEMENT: &str = "/Policies/0/PolicyDocument/Statement/0";

    #[test]
    fn every_rule_bites() {
        let at = |rest: &str| format!("{STATEMENT}/{rest}");
        bites("FirstRole", &at("Action"), json!(["s3:*"]), "a wildcard action");
        bites("FirstRole", &at("Action"), Value::Null, "a wildcard action");
        bites("FirstRole", &at("Resource"), json!("*"), "a wildcard resource");
        bites("FirstRole", &at("Resource"), json!(["arn:aws:s3:::*"]), "a wildcard resource");
        bites(
            "FirstRole",
            &at("Resource"),
            json!({ "Fn::Sub": "arn:${AWS::Partition}:s3:::*" }),
            "a wildcard resource",
        );
        bites("FirstRole", &at("Resource"), Value::Null, "a wildcard resource");
        bites("LongWorkerPolicy", "/PolicyDocument/Statement/0/Action", json!("*"), "a wildcard action");
        bites("FirstQueuePolicy", "/PolicyDocument/Statement/0/Principal", json!("*"), "anyone may do it");
        bites("ApiHttpUrlPermission", "/Principal", json!("*"), "anyone may call it");
        bites("FirstMapping", "/FunctionResponseTypes", json!([]), "no partial answers");
        bites("FirstMapping", "/MaximumBatchingWindowInSeconds", json!(0), "without a window");
        bites("CountsClicksStreamMapping", "/BisectBatchOnFunctionError", json!(false), "no bisect");
        bites("CountsClicksStreamMapping", "/DestinationConfig", Value::Null, "is lost");
        bites("CountsClicksStreamMapping", "/ParallelizationFactor", json!(2), "more than one batch");
        bites("FirstQueue", "/VisibilityTimeout", json!(359), "six times");
        bites("FirstQueue", "/RedrivePolicy", Value::Null, "no dead-letter queue");
        bites("FirstQueue", "/RedrivePolicy/maxReceiveCount", json!(9), "fewer than 10");
        bites("FirstQueue", "/KmsMasterKeyId", Value::Null, "not encrypted");
        bites(
            "UploadsBucket",
            "/PublicAccessBlockConfiguration/BlockPublicAcls",
            json!(false),
            "not blocked",
        );
        bites("UploadsBucket", "/BucketEncryption", Value::Null, "not encrypted");
    }

    #[test]
    fn filter_criteria_are_found() {
        let mut template = crate::synth(&plan(EVERYTHING), "test").unwrap().compute;
        template["Resources"]["FirstMapping"]["Properties"]["FilterCriteria"] = json!({ "Filters": [] });
        assert_eq!(check(&template), ["FirstMapping: filter criteria delete what they cannot parse"]);
    }

    #[test]
    fn every_exception_has_a_reason() {
        assert!(EXCEPTIONS.iter().all(|(actions, reason)| !actions.is_empty() && !reason.is_empty()));
    }
}
