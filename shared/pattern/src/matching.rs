//! Trying a pattern on an event.
//!
//! A condition holds in one of two ways: by a scalar that is there, or, for `{"exists": false}`, because none is.
//! The first kind settles which element of each array around it is meant, and then all conditions under that
//! array look at this element. Where nothing settles it, `{"exists": false}` asks that no element has the field.
//! So there are two questions about a node and a value, and each is answered part by part (see [`crate::node`]):
//! [`holds`], with a scalar among what makes it hold, and [`lacks`], with none.
//!
//! Time: a part meets each value at its own path once per level above it at most, so a match takes no longer than
//! conditions times values at their paths times depth, and without `{"exists": false}` the depth drops out.

use crate::condition::has_scalar;
use crate::node::{Field, Node};
use serde_json::{Map, Value};

/// Whether the conditions hold for the event, which is an object.
pub(crate) fn matches(node: &Node, event: &Value) -> bool {
    event.is_object() && (holds(node, event) || lacks(node, event))
}

/// Whether the conditions hold, at least one of them by a scalar within the value.
fn holds(node: &Node, value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| holds(node, element)),
        Value::Object(object) => object_holds(node, value, object),
        _ => false,
    }
}

fn object_holds(node: &Node, value: &Value, object: &Map<String, Value>) -> bool {
    let mut settled = false;
    for (name, field) in &node.fields {
        let value = object.get(name);
        for leaf in &field.leaves {
            if value.is_some_and(|value| leaf.accepts(value)) {
                settled = true;
            } else if !leaf.absent || value.is_some_and(has_scalar) {
                return false;
            }
        }
        if let Some(inside) = &field.inside {
            if value.is_some_and(|value| holds(inside, value)) {
                settled = true;
            } else if !value.map_or(inside.optional, |value| lacks(inside, value)) {
                return false;
            }
        }
    }
    for choice in &node.choices {
        if choice.iter().any(|node| holds(node, value)) {
            settled = true;
        } else if !choice.iter().any(|node| lacks(node, value)) {
            return false;
        }
    }
    settled
}

/// Whether the conditions hold because nothing that they name is there, in any element of any array.
fn lacks(node: &Node, value: &Value) -> bool {
    node.optional
        && node.fields.iter().all(|(name, field)| field_lacks(name, field, value))
        && node.choices.iter().all(|choice| choice.iter().any(|node| lacks(node, value)))
}

fn field_lacks(name: &str, field: &Field, value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().all(|element| field_lacks(name, field, element)),
        Value::Object(object) => object.get(name).is_none_or(|value| {
            (field.leaves.is_empty() || !has_scalar(value))
                && field.inside.as_ref().is_none_or(|inside| lacks(inside, value))
        }),
        _ => true,
    }
}
