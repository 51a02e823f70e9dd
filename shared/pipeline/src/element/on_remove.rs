//! `on_remove`: what becomes of a stage's outputs when their original is removed.

use serde_json::{Value, json};
use tidemill_core::plan::OnRemove;

use crate::diagnostic::{Finding, Sink};
use crate::near::{did_you_mean, quoted};
use crate::tree::{Kind, Pair, Scalar};

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<OnRemove> {
    let written = match &pair.value.kind {
        Kind::Scalar(Scalar::Text(text)) => text.as_str(),
        Kind::Broken => return None,
        _ => "",
    };
    match written {
        "delete" => Some(OnRemove::Delete),
        "keep" => Some(OnRemove::Keep),
        other => {
            let hint = did_you_mean(other, ["delete", "keep"]).unwrap_or_else(|| {
                "`delete` lets the outputs go with their original, `keep` lets them stay".into()
            });
            let shown = if other.is_empty() { pair.value.describe() } else { quoted(other) };
            let message = format!("`on_remove` is {shown}, which is neither `delete` nor `keep`");
            sink.report(Finding::new(pair.place(), message).hint(hint));
            None
        }
    }
}

pub(crate) fn schema() -> Value {
    json!({ "enum": ["delete", "keep"] })
}
