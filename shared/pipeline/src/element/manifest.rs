//! The manifest's top level.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::aws::{self, Aws};
use super::source::{self, Source};
use super::stage::{self, Stage};
use super::{Key, environment, name, resources};
use crate::check::Functions;
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text};
use crate::limits::{MAX_SOURCES, MAX_STAGES};
use crate::near::quoted;
use crate::tree::{Kind, Node, Pair, Scalar, Span, Spanned};

/// The version of the manifest's format.
pub(crate) const VERSION: u64 = 1;

/// A manifest, as far as it could be read; nothing in it refers to anything yet.
pub(crate) struct Manifest {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) sources: Vec<Source>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) aws: Aws,
    pub(crate) resources: Map<String, Value>,
}

pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "version",
        required: true,
        takes: "`1`",
        default: "",
        about: "The version of the manifest's format.",
        schema: || json!({ "const": VERSION }),
    },
    Key {
        name: "name",
        required: true,
        takes: "`a` to `z`, `0` to `9` and `-`, at most 40",
        default: "",
        about: "The pipeline's name.",
        schema: name::pipeline_schema,
    },
    Key {
        name: "description",
        required: false,
        takes: "text",
        default: "",
        about: "For the reader.",
        schema: || json!({ "type": "string" }),
    },
    Key {
        name: "sources",
        required: true,
        takes: "a map of sources by name",
        default: "",
        about: "Where events come from.",
        schema: || json!({ "type": "object" }),
    },
    Key {
        name: "stages",
        required: true,
        takes: "a map of stages by name",
        default: "",
        about: "What is done with them.",
        schema: || json!({ "type": "object" }),
    },
    Key {
        name: "aws",
        required: false,
        takes: "`{ buckets, streams, vpc, kms_key, log_retention }`",
        default: "",
        about: "What is there already on AWS, and what holds for the whole deployment.",
        schema: aws::schema,
    },
    Key {
        name: "resources",
        required: false,
        takes: "a map of CloudFormation resources",
        default: "",
        about: "What is deployed along with the pipeline, as a template has it.",
        schema: resources::schema,
    },
    Key {
        name: "environments",
        required: false,
        takes: "a map of overrides by environment",
        default: "",
        about: "What differs in dev, test, staging or prod: settings, never the graph.",
        schema: environment::schema,
    },
];

pub(crate) fn read(root: &Node, functions: &Functions<'_>, sink: &mut Sink) -> Option<Manifest> {
    let mut fields = Fields::of(root, "the manifest", root.span, sink)?;
    fields.close(KEYS, sink);
    if let Some(pair) = fields.require("version", &format!("begin with `version: {VERSION}`"), sink) {
        version(pair, sink);
    }
    let name = fields
        .require("name", "name the pipeline: `name: media-on-upload`", sink)
        .and_then(|pair| text(pair, sink))
        .filter(|name| name::check_pipeline(&name.value, name.span, sink));
    if let Some(pair) = fields.pair("description") {
        text(pair, sink);
    }
    let aws = fields.pair("aws").and_then(|pair| aws::read(pair, sink)).unwrap_or_default();
    let resources = fields.pair("resources").and_then(|pair| resources::read(pair, sink)).unwrap_or_default();
    let sources = members(&fields, "source", MAX_SOURCES, sink);
    let stages = members(&fields, "stage", MAX_STAGES, sink);
    let sources: Vec<Source> = sources.iter().map(|pair| source::read(pair, sink)).collect();
    let stages: Vec<Stage> = stages.iter().map(|pair| stage::read(pair, functions, sink)).collect();
    shared_names(&sources, &stages, sink);
    Some(Manifest { name, sources, stages, aws, resources })
}

fn version(pair: &Pair, sink: &mut Sink) {
    match &pair.value.kind {
        Kind::Scalar(Scalar::Number(number, _)) if number.as_u64() == Some(VERSION) => {}
        Kind::Broken => {}
        _ => sink.report(
            Finding::new(
                pair.place(),
                format!("`version` is {}, which this version cannot read", pair.value.describe()),
            )
            .hint(format!("write `version: {VERSION}`")),
        ),
    }
}

/// The members of `sources` or `stages`.
fn members<'a>(fields: &Fields<'a>, what: &str, most: usize, sink: &mut Sink) -> &'a [Pair] {
    let key = format!("{what}s");
    let hint = format!("a pipeline has at least one {what}: `{key}:` and its name below");
    let Some(pair) = fields.require(&key, &hint, sink) else { return &[] };
    let Some(members) = Fields::of(&pair.value, format!("`{key}`"), pair.key.span, sink) else { return &[] };
    match members.pairs() {
        [] => {
            sink.report(Finding::new(pair.place(), format!("`{key}` is empty")).hint(hint));
            &[]
        }
        pairs if pairs.len() > most => {
            sink.report(
                Finding::new(pair.key.span, format!("the pipeline has {} {key}", pairs.len()))
                    .hint(format!("at most {most} are taken; make several pipelines of it")),
            );
            &[]
        }
        pairs => pairs,
    }
}

/// An input names a source or a stage, so no two may share a name.
fn shared_names(sources: &[Source], stages: &[Stage], sink: &mut Sink) {
    let sources: HashMap<&str, Span> =
        sources.iter().map(|source| (source.name.value.as_str(), source.name.span)).collect();
    for stage in stages {
        if let Some(source) = sources.get(stage.name.value.as_str()) {
            sink.report(
                Finding::new(
                    stage.name.span,
                    format!("{} is a source's name too", quoted(&stage.name.value)),
                )
                .also(*source, "the source")
                .hint("rename one of them: `inputs` would not tell them apart"),
            );
        }
    }
}
