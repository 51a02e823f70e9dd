//! What an invocation is answered with.

use serde::Serialize;
use serde_json::Value;

/// The names of what is to be delivered again, as event source mappings read it. Unknown names, or a field that
/// is spelt otherwise, would let the whole batch count as failed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Partial {
    pub(crate) batch_item_failures: Vec<Failure>,
}

/// One message or record that is to come again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    pub(crate) item_identifier: String,
}

impl Partial {
    pub(crate) fn add(&mut self, identifier: impl Into<String>) {
        self.batch_item_failures.push(Failure { item_identifier: identifier.into() });
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
