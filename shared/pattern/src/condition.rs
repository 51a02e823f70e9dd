//! The conditions in a field's list, each tried on one scalar of the event.

use crate::cidr::Network;
use crate::numeric::{Exact, Range};
use crate::text::TextTest;
use serde_json::Value;
use std::cmp::Ordering;

/// The list of a field: one condition of it has to hold.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) tests: Vec<Test>,
    /// The list has `{"exists": false}`: no scalar at all is fine too.
    pub(crate) absent: bool,
}

/// A condition on a scalar that is there.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Present,
    Null,
    Bool(bool),
    Number(Exact),
    Numeric(Range),
    Text(TextTest),
    Cidr(Network),
    AnythingBut(Vec<Test>),
}

impl Leaf {
    /// Whether a scalar of the value, which may be an array of them, meets the list.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        match value {
            Value::Array(elements) => elements.iter().any(|element| self.accepts(element)),
            Value::Object(_) => false,
            scalar => self.tests.iter().any(|test| test.accepts(scalar)),
        }
    }
}

/// Whether the value has a scalar of its own, not inside an object: whether it exists as a leaf.
pub(crate) fn has_scalar(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_scalar),
        Value::Object(_) => false,
        _ => true,
    }
}

impl Test {
    fn accepts(&self, scalar: &Value) -> bool {
        match (self, scalar) {
            (Self::Present, _) | (Self::Null, Value::Null) => true,
            (Self::Bool(expected), Value::Bool(bool)) => expected == bool,
            (Self::Number(expected), Value::Number(number)) => {
                Exact::of(number).is_some_and(|number| number.compare(*expected) == Ordering::Equal)
            }
            (Self::Numeric(range), Value::Number(number)) => {
                Exact::of(number).is_some_and(|number| range.contains(number))
            }
            (Self::Text(test), Value::String(text)) => test.accepts(text),
            (Self::Cidr(network), Value::String(text)) => network.accepts(text),
            (Self::AnythingBut(tests), _) => !tests.iter().any(|test| test.accepts(scalar)),
            _ => false,
        }
    }
}
