//! `sources`: where events come from.

use serde_json::{Value, json};

use super::http::{self, Http};
use super::{Key, choice, name, output};
use crate::aws::Via;
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text};
use crate::near::{did_you_mean, quoted, there_are};
use crate::tree::{Pair, Span, Spanned};

/// A source, as far as it could be read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: Spanned<String>,
    /// `None` where its type is wrong, and so nothing more is known.
    pub(crate) from: Option<From>,
}

#[derive(Clone, Debug)]
pub(crate) enum From {
    S3 {
        bucket: Option<Spanned<String>>,
        /// Its place is the bucket's where there is no prefix.
        prefix: Option<Spanned<String>>,
        /// Its place is the source's name where it is not written.
        via: Spanned<Via>,
    },
    Kinesis {
        stream: Option<Spanned<String>>,
    },
    Http(Http),
}

pub(super) const TYPE: Key = Key {
    name: "type",
    required: true,
    takes: "`s3`, `kinesis` or `http`",
    default: "",
    about: "What the source is.",
    schema: || json!({ "enum": TYPES }),
};

pub(crate) const S3_KEYS: &[Key] = &[
    TYPE,
    Key {
        name: "bucket",
        required: true,
        takes: "a bucket's name",
        default: "",
        about: "The bucket (`type: s3`).",
        schema: name::resource_schema,
    },
    Key {
        name: "prefix",
        required: false,
        takes: "text",
        default: "`\"\"`: the whole bucket",
        about: "What the keys begin with (`type: s3`).",
        schema: || json!({ "type": "string" }),
    },
    Key {
        name: "via",
        required: false,
        takes: "`eventbridge` or `sqs`",
        default: "`eventbridge`",
        about: "How events come on AWS; `sqs` where one stage takes many of them (`type: s3`).",
        schema: || json!({ "enum": ["eventbridge", "sqs"] }),
    },
];

pub(crate) const KINESIS_KEYS: &[Key] = &[
    TYPE,
    Key {
        name: "stream",
        required: true,
        takes: "a stream's name",
        default: "",
        about: "The stream (`type: kinesis`).",
        schema: name::resource_schema,
    },
];

const TYPES: [&str; 3] = ["s3", "kinesis", "http"];
/// Types that are known and not there yet.
const LATER: [&str; 2] = ["queue", "schedule"];

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Source {
    let name = pair.key.clone();
    name::check_name("a source", &name.value, name.span, sink);
    let what = format!("source {}", quoted(&name.value));
    let from = Fields::of(&pair.value, &what, name.span, sink)
        .and_then(|mut fields| from(&mut fields, name.span, sink));
    Source { name, from }
}

fn from(fields: &mut Fields<'_>, place: Span, sink: &mut Sink) -> Option<From> {
    let written = fields
        .require("type", "write `type: s3`, `type: kinesis` or `type: http`", sink)
        .and_then(|pair| text(pair, sink))?;
    match written.value.as_str() {
        "s3" => {
            fields.close(S3_KEYS, sink);
            let bucket = resource(fields, "bucket", "name the bucket: `bucket: uploads`", sink);
            let prefix = match fields.pair("prefix") {
                Some(pair) => text(pair, sink)
                    .filter(|prefix| output::check_key("prefix", &prefix.value, prefix.span, sink)),
                None => bucket.as_ref().map(|bucket| Spanned { value: String::new(), span: bucket.span }),
            };
            let written = fields.pair("via");
            let choices = [("eventbridge", Via::EventBridge), ("sqs", Via::Sqs)];
            let via = written.and_then(|pair| choice::read(pair, &choices, sink)).unwrap_or_default();
            let via = Spanned { value: via, span: written.map_or(place, Pair::place) };
            Some(From::S3 { bucket, prefix, via })
        }
        "kinesis" => {
            fields.close(KINESIS_KEYS, sink);
            Some(From::Kinesis {
                stream: resource(fields, "stream", "name the stream: `stream: clicks`", sink),
            })
        }
        "http" => Some(From::Http(http::read(fields, sink))),
        later if LATER.contains(&later) => {
            sink.report(
                Finding::new(written.span, format!("`type: {later}` is not supported by this version"))
                    .hint("this version has the sources `s3`, `kinesis` and `http`"),
            );
            None
        }
        other => {
            let hint = did_you_mean(other, TYPES).unwrap_or_else(|| there_are(TYPES));
            sink.report(
                Finding::new(written.span, format!("unknown source type {}", quoted(other))).hint(hint),
            );
            None
        }
    }
}

fn resource(fields: &Fields<'_>, key: &str, hint: &str, sink: &mut Sink) -> Option<Spanned<String>> {
    fields
        .require(key, hint, sink)
        .and_then(|pair| text(pair, sink))
        .filter(|name| name::check_resource(key, &name.value, name.span, sink))
}

impl Source {
    /// What to underline where the source as a whole is meant.
    pub(crate) fn place(&self) -> Span {
        match &self.from {
            Some(From::S3 { prefix: Some(place), .. } | From::Kinesis { stream: Some(place) }) => place.span,
            _ => self.name.span,
        }
    }
}

pub(crate) fn schema() -> Value {
    json!({ "oneOf": [
        crate::schema::tagged(S3_KEYS, "type", "s3"),
        crate::schema::tagged(KINESIS_KEYS, "type", "kinesis"),
        http::schema(),
    ] })
}
