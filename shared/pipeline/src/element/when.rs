//! `when`: an event pattern that narrows what a stage takes.

use serde_json::{Value, json};
use tidemill_core::function::Shape;
use tidemill_pattern::Pattern;

use crate::diagnostic::{Finding, Sink};
use crate::near::{did_you_mean, quoted};
use crate::tree::{Node, Pair};

/// The attributes of an item (CloudEvents 1.0 and core's extensions): what a pattern can ask about.
const ATTRIBUTES: [&str; 16] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "data",
    "tmformat",
    "tmsequence",
    "tmrepeat",
    "tmroot",
    "tmhops",
    "tmattempt",
    "tmreason",
    "traceparent",
];

pub(crate) fn read(pair: &Pair, shape: Option<Shape>, sink: &mut Sink) -> Option<(Value, Pattern)> {
    if pair.value.is_broken() {
        return None;
    }
    let value = pair.value.json();
    match Pattern::from_value(&value) {
        Ok(pattern) => {
            // A record is any JSON; an item has these attributes and no others.
            if shape == Some(Shape::Items) {
                check_attributes(&pair.value, sink);
            }
            Some((value, pattern))
        }
        Err(errors) => {
            for error in errors {
                let span = pair.value.at(&error.pointer, pair.place());
                sink.report(
                    Finding::new(span, format!("bad event pattern: {}", error.message))
                        .maybe_hint(error.hint),
                );
            }
            None
        }
    }
}

fn check_attributes(node: &Node, sink: &mut Sink) {
    for pair in node.pairs() {
        let key = pair.key.value.as_str();
        if key == "$or" {
            if let crate::tree::Kind::List(cases) = &pair.value.kind {
                for case in cases {
                    check_attributes(case, sink);
                }
            }
        } else if !ATTRIBUTES.contains(&key) {
            let hint = did_you_mean(key, ATTRIBUTES).unwrap_or_else(|| {
                "an object's key and size are asked for as `when: { data: { key: […], bytes: […] } }`"
                    .to_owned()
            });
            sink.report(
                Finding::new(pair.key.span, format!("no item has {}, so nothing would match", quoted(key)))
                    .hint(hint),
            );
        }
    }
}

pub(crate) fn schema() -> Value {
    json!({ "type": "object", "minProperties": 1 })
}
