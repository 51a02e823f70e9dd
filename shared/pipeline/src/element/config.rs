//! A function's own keys: checked against its JSON Schema, then by the function itself.

use serde_json::{Map, Value};
use tidemill_core::{Built, Entry};

use super::COMMON_KEYS;
use crate::conform::Schema;
use crate::diagnostic::{Finding, Sink};
use crate::limits::MAX_OUTPUTS;
use crate::tree::{Kind, Node, Pair, Span};

/// Takes what is not common out of a stage's keys and makes the function of it.
pub(crate) fn read(
    function: &Entry,
    schema: &Schema,
    pairs: &[Pair],
    place: Span,
    sink: &mut Sink,
) -> Option<(Value, Built)> {
    let own: Vec<Pair> =
        pairs.iter().filter(|pair| !COMMON_KEYS.contains(&pair.key.value.as_str())).cloned().collect();
    let node = Node { span: place, multiline: true, kind: Kind::Map(own) };
    // A key that is unknown to the function may be a common one, misspelt.
    if !schema.check_with(&node, "", place, &COMMON_KEYS, sink) || node.is_broken() {
        return None;
    }
    let config = match node.json() {
        Value::Null => Value::Object(Map::new()),
        config => config,
    };
    match (function.build)(config.clone()) {
        Ok(built) if built.outputs.len() > MAX_OUTPUTS => {
            sink.report(
                Finding::new(place, format!("the stage names {} outputs", built.outputs.len()))
                    .hint(format!("a stage has at most {MAX_OUTPUTS}; make two stages of it")),
            );
            None
        }
        Ok(built) => Some((config, built)),
        Err(errors) => {
            if errors.is_empty() {
                sink.report(Finding::new(place, format!("`{}` refuses its configuration", function.name)));
            }
            for error in errors {
                let span = node.at(&error.pointer, place);
                sink.report(Finding::new(span, error.message).maybe_hint(error.hint));
            }
            None
        }
    }
}
