//! `resources`: plain CloudFormation that is deployed along with the pipeline.

use serde_json::{Map, Value, json};

use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text, wrong_type};
use crate::limits::MAX_RESOURCES;
use crate::near::{did_you_mean, quoted, there_are};
use crate::tree::{Kind, Pair};

/// What a resource may have ("Resource attribute reference", CloudFormation Template Reference).
const MEMBERS: [&str; 9] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "CreationPolicy",
    "DeletionPolicy",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Map<String, Value>> {
    let fields = Fields::of(&pair.value, "`resources`", pair.key.span, sink)?;
    if fields.pairs().len() > MAX_RESOURCES {
        sink.report(
            Finding::new(pair.key.span, format!("`resources` has {} entries", fields.pairs().len()))
                .hint(format!("at most {MAX_RESOURCES} are taken; give the rest a stack of their own")),
        );
        return None;
    }
    for pair in fields.pairs() {
        resource(pair, sink);
    }
    match pair.value.json() {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

fn resource(pair: &Pair, sink: &mut Sink) {
    let name = &pair.key.value;
    let fits = (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !fits {
        sink.report(
            Finding::new(pair.key.span, format!("{} is no logical id", quoted(name)))
                .hint("CloudFormation takes letters and digits, at most 255"),
        );
    }
    let Some(fields) = Fields::of(&pair.value, format!("resource {}", quoted(name)), pair.key.span, sink)
    else {
        return;
    };
    for pair in fields.pairs().iter().filter(|pair| !MEMBERS.contains(&pair.key.value.as_str())) {
        let key = &pair.key.value;
        let hint = did_you_mean(key, MEMBERS).unwrap_or_else(|| there_are(MEMBERS));
        sink.report(Finding::new(pair.key.span, format!("a resource has no {}", quoted(key))).hint(hint));
    }
    if let Some(pair) = fields.pair("Properties")
        && !matches!(pair.value.kind, Kind::Map(_))
    {
        wrong_type("Properties", &pair.value, pair.place(), "a map", sink);
    }
    let hint = "say what it is: `Type: AWS::DynamoDB::Table`";
    let Some(written) = fields.require("Type", hint, sink).and_then(|pair| text(pair, sink)) else { return };
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let parts: Vec<&str> = written.value.split("::").collect();
    if parts.len() < 2 || !parts.iter().all(|text| part(text)) {
        sink.report(
            Finding::new(written.span, format!("{} is no type of a resource", quoted(&written.value)))
                .hint("it has parts between `::`, such as `AWS::DynamoDB::Table`"),
        );
    }
}

pub(crate) fn schema() -> Value {
    let members: Map<String, Value> = MEMBERS
        .into_iter()
        .map(|member| {
            let schema = match member {
                "Type" => json!({ "type": "string", "pattern": "^[A-Za-z0-9_]+(::[A-Za-z0-9_]+)+$" }),
                "Properties" => json!({ "type": "object" }),
                _ => json!({}),
            };
            (member.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object",
        "maxProperties": MAX_RESOURCES,
        "propertyNames": { "pattern": "^[A-Za-z0-9]{1,255}$" },
        "additionalProperties": {
            "type": "object",
            "properties": members,
            "required": ["Type"],
            "additionalProperties": false,
        },
    })
}
