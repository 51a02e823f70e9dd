//! The schema for editors: what the checks take it takes, and it knows their tables.

use serde_json::{Value, json};

use super::{Copy, FUNCTIONS, HEAD, Tally};
use crate::conform::Schema;
use crate::diagnostic::Sink;
use crate::tree;
use crate::{COMMON_KEYS, function_keys, schema};
use tidemill_core::Entry;

#[test]
fn no_functions_key_is_a_common_key() {
    for function in FUNCTIONS {
        for key in function_keys(function) {
            assert!(!COMMON_KEYS.contains(&key.as_str()), "`{key}` of `{}`", function.name);
        }
    }
    assert_eq!(function_keys(&Entry::function::<Copy>()), ["copies", "level", "mode", "step"]);
    assert_eq!(function_keys(&Entry::records::<Tally>()), ["by", "then_by"]);
}

#[test]
fn the_schema_knows_functions_and_common_keys() {
    let schema = schema(FUNCTIONS);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let stage = &schema["$defs"]["tidemill-stage"];
    for key in COMMON_KEYS {
        assert!(stage["properties"][key].is_object(), "{key}");
    }
    assert_eq!(stage["required"], json!(["type", "inputs"]));
    assert_eq!(
        stage["properties"]["type"]["oneOf"],
        json!([
            { "const": "copy", "description": "copies objects" },
            { "const": "tally", "description": "counts records" },
        ])
    );
    let tally = &stage["allOf"][1];
    assert_eq!(tally["if"]["properties"]["type"]["const"], "tally");
    assert_eq!(tally["then"]["required"], json!(["by"]));
    assert_eq!(tally["then"]["additionalProperties"], false);
    assert_eq!(tally["then"]["properties"]["by"]["description"], "The field to count by.");
    assert_eq!(tally["then"]["properties"]["attempts"], true);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let schema = schema(FUNCTIONS);
    let mut references = Vec::new();
    walk(&schema, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("within");
        assert!(schema.pointer(pointer).is_some(), "{reference}");
    }
}

/// What the schema says about a manifest, read by the same walk that checks configurations.
fn conforms(text: &str) -> bool {
    let mut sink = Sink::default();
    let node = tree::read(text, &mut sink).expect("YAML");
    Schema::new(schema(FUNCTIONS)).check(&node, "", node.span, &mut sink)
}

#[test]
fn it_takes_what_is_right_and_refuses_what_is_wrong() {
    let with = |stage: &str| {
        format!(
            "{HEAD}stages: {{ a: {stage} }}\nenvironments: {{ prod: {{ stages: {{ a: {{ attempts: 4 }} }} }} }}\n"
        )
    };
    assert!(conforms(&with(
        "{ type: copy, inputs: [uploads], level: 3, timeout: 30s, lambda: { storage: 1GB } }"
    )));
    assert!(conforms(&with("{ type: tally, inputs: [clicks, a.outcomes], by: x }")));
    assert!(conforms(&with(
        "{ type: copy, inputs: [uploads], runs_on: worker, lambda: { architecture: arm64, batch: 10 } }"
    )));
    let right = with("{ type: copy, inputs: [uploads] }");
    let aws = "aws: { log_retention: 90, buckets: { uploads: acme }, vpc: { subnets: [subnet-0a1b2c3d], security_groups: [sg-0a1b2c3d] } }\n";
    assert!(conforms(&format!("{right}{aws}resources: {{ A: {{ Type: AWS::SNS::Topic }} }}\n")));
    for wrong in [
        "aws: { log_retention: 31 }",
        "aws: { vpc: { subnets: [] } }",
        "aws: { kms_key: alias/x }",
        "resources: { A: {} }",
        "resources: { a-b: { Type: AWS::SNS::Topic } }",
        "resources: { A: { Type: AWS::SNS::Topic, Propertys: {} } }",
    ] {
        assert!(!conforms(&format!("{right}{wrong}\n")), "{wrong}");
    }
    let http = |source: &str| right.replace("{ type: kinesis, stream: clicks }", source);
    assert!(conforms(&http("{ type: http }")));
    assert!(conforms(&http("{ type: http, auth: hmac, secret: webhook, upload: uploads }")));
    assert!(!conforms(&http("{ type: http, auth: basic }")));
    assert!(!conforms(&http("{ type: http, stream: clicks }")));
    for wrong in [
        "{ type: copy, inputs: [uploads], runs_on: fargate }",
        "{ type: copy, inputs: [] }",
        "{ type: copy }",
        "{ type: other, inputs: [uploads] }",
        "{ type: copy, inputs: [uploads], attempts: 11 }",
        "{ type: copy, inputs: [uploads], timeout: 30 }",
        "{ type: copy, inputs: [uploads], output: { bucket: media } }",
        "{ type: copy, inputs: [uploads], limits: { x: 1 } }",
    ] {
        assert!(!conforms(&with(wrong)), "{wrong}");
    }
    assert!(!conforms(&with("{ type: copy, inputs: [uploads] }").replace("type: s3", "type: s4")));
    assert!(!conforms(&with("{ type: copy, inputs: [uploads] }").replace("attempts: 4", "type: tally")));
    assert!(!conforms("version: 1\n"));
}
