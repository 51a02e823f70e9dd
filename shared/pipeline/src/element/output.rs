//! `output`: where a stage's outputs go.

use serde_json::{Value, json};
use tidemill_core::key::{KeyTemplate, RESERVED};

use super::{Key, name};
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text};
use crate::tree::{Pair, Span, Spanned};

/// The output, as far as it could be read.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) bucket: Option<Spanned<String>>,
    pub(crate) key: Option<Spanned<KeyTemplate>>,
}

pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "bucket",
        required: true,
        takes: "a bucket's name",
        default: "",
        about: "The bucket. No source of the pipeline may listen where the keys go.",
        schema: name::resource_schema,
    },
    Key {
        name: "key",
        required: true,
        takes: "a template",
        default: "",
        about: "The key of each output: `{key}` is the original's key, `{id}` the digest of its version, \
                `{rendition}` the output's name, `{ext}` its extension. It needs `{key}` or `{id}`.",
        schema: || json!({ "type": "string", "pattern": "\\{(key|id)\\}" }),
    },
];

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Output> {
    let mut fields = Fields::of(&pair.value, "`output`", pair.key.span, sink)?;
    fields.close(KEYS, sink);
    let bucket = fields
        .require(
            "bucket",
            "name the bucket: `output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }`",
            sink,
        )
        .and_then(|pair| text(pair, sink))
        .filter(|bucket| name::check_resource("bucket", &bucket.value, bucket.span, sink));
    let key = fields
        .require("key", "say how keys are made: `key: \"{key}/{rendition}.{ext}\"`", sink)
        .and_then(|pair| text(pair, sink))
        .and_then(|written| match KeyTemplate::parse(&written.value) {
            Ok(template) => check_key("key template", &template.prefix(), written.span, sink)
                .then_some(Spanned { value: template, span: written.span }),
            Err(error) => {
                sink.report(
                    Finding::new(written.span, format!("bad key template: {error}"))
                        .hint("for example \"{key}/{rendition}.{ext}\""),
                );
                None
            }
        });
    Some(Output { bucket, key })
}

/// Whether keys that begin so can lie in a bucket: shared by templates and the prefixes of sources.
pub(crate) fn check_key(what: &str, prefix: &str, span: Span, sink: &mut Sink) -> bool {
    let wrong = if prefix.starts_with('/') {
        "a key does not begin with `/`: leave it away".to_owned()
    } else if prefix.starts_with(RESERVED) {
        format!("what begins with `{RESERVED}` is the host's own")
    } else if prefix.len() > 1_024 {
        "a key has at most 1024 bytes".to_owned()
    } else if prefix.split('/').any(|part| matches!(part, "." | "..")) {
        "a part of a key may not be `.` or `..`".to_owned()
    } else {
        return true;
    };
    sink.report(Finding::new(span, format!("this {what} cannot be used")).hint(wrong));
    false
}

pub(crate) fn schema() -> Value {
    crate::schema::object(KEYS)
}
