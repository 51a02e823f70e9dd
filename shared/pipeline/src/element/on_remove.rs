//! `on_remove`: what becomes of a stage's outputs when their original is removed.

use serde_json::{Value, json};
use tidemill_core::plan::OnRemove;

use crate::diagnostic::{Finding, Sink};
use crate::fields::text;
use crate::near::{did_you_mean, quoted};
use crate::tree::Pair;

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<OnRemove> {
    let written = text(pair, sink)?;
    match written.value.as_str() {
        "delete" => Some(OnRemove::Delete),
        "keep" => Some(OnRemove::Keep),
        other => {
            let hint = did_you_mean(other, ["delete", "keep"]).unwrap_or_else(|| {
                "`delete` lets the outputs go with their original, `keep` lets them stay".into()
            });
            let message = format!("`on_remove` is {}, which is neither `delete` nor `keep`", quoted(other));
            sink.report(Finding::new(written.span, message).hint(hint));
            None
        }
    }
}

pub(crate) fn schema() -> Value {
    json!({ "enum": ["delete", "keep"] })
}
