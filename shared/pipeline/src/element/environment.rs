//! `environments`: what differs in one deployment. Its overrides are laid over the manifest: maps merge, lists and
//! scalars replace. The graph stays as it is, so that what was tested is what is deployed.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Key, name};
use crate::diagnostic::{Finding, Sink};
use crate::fields::Fields;
use crate::limits::MAX_ENVIRONMENTS;
use crate::near::{did_you_mean, quoted, there_are};
use crate::tree::{Kind, Node, Pair, Span, Spanned};

/// An environment: its name, its part of the text, and its overrides.
pub(crate) struct Environment<'a> {
    pub(crate) name: &'a Spanned<String>,
    pub(crate) part: Span,
    value: &'a Node,
}

const KEYS: &[Key] = &[
    Key {
        name: "sources",
        required: false,
        takes: "a map of overrides by source",
        default: "",
        about: "Settings of sources.",
        schema: || json!({ "type": "object" }),
    },
    Key {
        name: "stages",
        required: false,
        takes: "a map of overrides by stage",
        default: "",
        about: "Settings of stages.",
        schema: || json!({ "type": "object" }),
    },
    Key {
        name: "aws",
        required: false,
        takes: "`{ buckets, streams, vpc, kms_key, log_retention }`",
        default: "",
        about: "What differs on AWS.",
        schema: super::aws::schema,
    },
];

/// What an environment may not override: the graph.
const GRAPH: [&str; 2] = ["type", "inputs"];

pub(crate) fn read<'a>(root: &'a Node, sink: &mut Sink) -> Vec<Environment<'a>> {
    let Some(pair) = root.pairs().iter().find(|pair| pair.key.value == "environments") else {
        return Vec::new();
    };
    let Some(fields) = Fields::of(&pair.value, "`environments`", pair.key.span, sink) else {
        return Vec::new();
    };
    if fields.pairs().len() > MAX_ENVIRONMENTS {
        sink.report(
            Finding::new(pair.key.span, format!("the pipeline has {} environments", fields.pairs().len()))
                .hint(format!("at most {MAX_ENVIRONMENTS} are taken")),
        );
        return Vec::new();
    }
    let environments = fields.pairs().iter().map(|pair| {
        name::check_name("an environment", &pair.key.value, pair.key.span, sink);
        let part = Span { start: pair.key.span.start, end: end(&pair.value).max(pair.key.span.end) };
        Environment { name: &pair.key, part, value: &pair.value }
    });
    environments.collect()
}

impl Environment<'_> {
    /// The manifest with the overrides laid over.
    pub(crate) fn over(&self, root: &Node, sink: &mut Sink) -> Option<Node> {
        let what = format!("environment {}", quoted(&self.name.value));
        let mut fields = Fields::of(self.value, what, self.name.span, sink)?;
        fields.close(KEYS, sink);
        let mut merged = root.clone();
        if let Some(overrides) = fields.pair("aws")
            && let Kind::Map(pairs) = &mut merged.kind
        {
            match pairs.iter_mut().find(|pair| pair.key.value == "aws") {
                Some(base) => base.value = merge(&base.value, &overrides.value),
                None => pairs.push(overrides.clone()),
            }
        }
        for key in KEYS.iter().filter(|key| key.name != "aws") {
            let Some(overrides) = fields.pair(key.name) else { continue };
            let Some(overrides) =
                Fields::of(&overrides.value, format!("`{}`", key.name), overrides.key.span, sink)
            else {
                continue;
            };
            let Kind::Map(pairs) = &mut merged.kind else { continue };
            let Some(members) = pairs.iter_mut().find(|pair| pair.key.value == key.name) else { continue };
            for member in overrides.pairs() {
                override_member(key.name, &mut members.value, member, sink);
            }
        }
        Some(merged)
    }
}

/// Lays the overrides of one source or stage over it.
fn override_member(key: &str, members: &mut Node, member: &Pair, sink: &mut Sink) {
    let what = key.trim_end_matches('s');
    let name = &member.key.value;
    let Kind::Map(pairs) = &mut members.kind else { return };
    let Some(at) = pairs.iter().position(|pair| pair.key.value == *name) else {
        let names = || pairs.iter().map(|pair| pair.key.value.as_str());
        let hint = did_you_mean(name, names()).unwrap_or_else(|| there_are(names()));
        sink.report(
            Finding::new(member.key.span, format!("there is no {what} {} to override", quoted(name)))
                .hint(hint),
        );
        return;
    };
    let Some(fields) = Fields::of(&member.value, format!("{what} {}", quoted(name)), member.key.span, sink)
    else {
        return;
    };
    let mut overrides = Vec::with_capacity(fields.pairs().len());
    for pair in fields.pairs() {
        if GRAPH.contains(&pair.key.value.as_str()) {
            sink.report(
                Finding::new(pair.key.span, format!("an environment cannot change `{}`", pair.key.value))
                    .hint("it changes settings, and the graph is the same everywhere"),
            );
        } else {
            overrides.push(pair.clone());
        }
    }
    let over = Node { kind: Kind::Map(overrides), ..member.value };
    let base = &mut pairs[at].value;
    *base = merge(base, &over);
}

/// `over` laid over `base`: maps merge, anything else replaces.
fn merge(base: &Node, over: &Node) -> Node {
    let (Kind::Map(below), Kind::Map(above)) = (&base.kind, &over.kind) else { return over.clone() };
    let mut pairs = below.clone();
    let known: HashMap<&str, usize> =
        below.iter().enumerate().map(|(at, pair)| (pair.key.value.as_str(), at)).collect();
    for pair in above {
        match known.get(pair.key.value.as_str()) {
            Some(at) => {
                pairs[*at] = Pair { key: pair.key.clone(), value: merge(&below[*at].value, &pair.value) }
            }
            None => pairs.push(pair.clone()),
        }
    }
    Node { kind: Kind::Map(pairs), ..*base }
}

/// Where the last thing in a node ends.
fn end(node: &Node) -> usize {
    let inside = match &node.kind {
        Kind::List(items) => items.iter().map(end).max(),
        Kind::Map(pairs) => pairs.iter().map(|pair| end(&pair.value).max(pair.key.span.end)).max(),
        _ => None,
    };
    inside.unwrap_or(0).max(node.span.end)
}

/// The name that was asked for is none of the environments.
pub(crate) fn unknown(root: &Node, asked: &str, known: &[Environment<'_>], sink: &mut Sink) {
    let place = root
        .pairs()
        .iter()
        .find(|pair| pair.key.value == "environments")
        .map_or(root.span, |pair| pair.key.span);
    let names = || known.iter().map(|environment| environment.name.value.as_str());
    let hint = if known.is_empty() {
        format!("add `environments: {{ {asked}: {{}} }}`, or leave the environment away")
    } else {
        did_you_mean(asked, names()).unwrap_or_else(|| there_are(names()))
    };
    sink.report(Finding::new(place, format!("there is no environment {}", quoted(asked))).hint(hint));
}

pub(crate) fn schema() -> Value {
    let member = |allowed: &[Key]| {
        let mut properties = crate::schema::properties(allowed);
        for key in GRAPH {
            if properties.contains_key(key) {
                properties.insert(key.to_owned(), Value::Bool(false));
            }
        }
        json!({ "type": "object", "properties": properties })
    };
    let all_sources: Vec<&Key> =
        super::source::S3_KEYS.iter().chain(super::source::KINESIS_KEYS).chain(super::http::KEYS).collect();
    let mut source = serde_json::Map::new();
    for key in all_sources {
        source.insert(
            key.name.to_owned(),
            if key.name == "type" { Value::Bool(false) } else { (key.schema)() },
        );
    }
    json!({
        "type": "object",
        "propertyNames": { "pattern": name::name_pattern() },
        "maxProperties": MAX_ENVIRONMENTS,
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "sources": { "type": "object", "additionalProperties": {
                    "type": "object", "properties": source, "additionalProperties": false } },
                "stages": { "type": "object", "additionalProperties": member(super::stage::KEYS) },
                "aws": super::aws::schema(),
            },
        },
    })
}
