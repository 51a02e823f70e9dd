//! `inputs`: where a stage's items come from. A source, a stage, or a stage's port.

use serde_json::{Value, json};
use tidemill_core::plan::Input;

use crate::diagnostic::{Finding, Sink};
use crate::fields::wrong_type;
use crate::limits::MAX_INPUTS;
use crate::near::{did_you_mean, quoted, there_are};
use crate::tree::{Kind, Pair, Scalar, Spanned};

/// An input as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) port: Option<String>,
}

/// Reads the list, without knowing yet what the names stand for.
pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Vec<Spanned<Written>>> {
    let items = match &pair.value.kind {
        Kind::List(items) => items,
        Kind::Scalar(Scalar::Text(text)) => {
            sink.report(
                Finding::new(pair.value.span, "`inputs` must be a list")
                    .hint(format!("write `inputs: [{}]`", text.lines().next().unwrap_or_default())),
            );
            return None;
        }
        _ => {
            wrong_type("inputs", &pair.value, pair.place(), "a list", sink);
            return None;
        }
    };
    if items.is_empty() {
        sink.report(
            Finding::new(pair.place(), "`inputs` is empty: the stage would never run")
                .hint("name a source or a stage"),
        );
        return None;
    }
    if items.len() > MAX_INPUTS {
        sink.report(
            Finding::new(pair.key.span, format!("`inputs` has {} entries", items.len()))
                .hint(format!("a stage has at most {MAX_INPUTS}")),
        );
        return None;
    }
    let mut inputs: Vec<Spanned<Written>> = Vec::with_capacity(items.len());
    for item in items {
        let Kind::Scalar(Scalar::Text(text)) = &item.kind else {
            wrong_type("inputs", item, item.span, "a list of names", sink);
            continue;
        };
        let (name, port) = match text.split_once('.') {
            Some((name, port)) => (name, Some(port)),
            None => (text.as_str(), None),
        };
        let written = Written { name: name.to_owned(), port: port.map(str::to_owned) };
        if let Some(first) = inputs.iter().find(|input| input.value == written) {
            sink.report(
                Finding::new(item.span, format!("the input {} is given twice", quoted(text)))
                    .also(first.span, "first given here")
                    .hint("remove one of them"),
            );
            continue;
        }
        inputs.push(Spanned { value: written, span: item.span });
    }
    Some(inputs)
}

/// What a name stands for, among the names of sources and stages.
pub(crate) fn resolve(
    input: &Spanned<Written>,
    sources: &[&str],
    stages: &[&str],
    sink: &mut Sink,
) -> Option<Spanned<Input>> {
    let Written { name, port } = &input.value;
    let (is_source, is_stage) = (sources.contains(&name.as_str()), stages.contains(&name.as_str()));
    let value = match port.as_deref() {
        None if is_source => Input::Source(name.clone()),
        None if is_stage => Input::Items(name.clone()),
        Some("outcomes") if is_stage => Input::Outcomes(name.clone()),
        Some(port) if is_stage => {
            let hint = did_you_mean(port, ["outcomes"])
                .unwrap_or_else(|| format!("it has `{name}.outcomes`; its items are `{name}` alone"));
            sink.report(
                Finding::new(input.span, format!("stage `{name}` has no port {}", quoted(port))).hint(hint),
            );
            return None;
        }
        Some(port) if is_source => {
            sink.report(
                Finding::new(
                    input.span,
                    format!("`{name}` is a source, and a source has no port {}", quoted(port)),
                )
                .hint(format!("write `{name}` alone, or a stage's port")),
            );
            return None;
        }
        _ => {
            let known = || sources.iter().chain(stages).copied();
            let hint = did_you_mean(name, known()).unwrap_or_else(|| there_are(known()));
            sink.report(
                Finding::new(input.span, format!("there is no source or stage {}", quoted(name))).hint(hint),
            );
            return None;
        }
    };
    Some(Spanned { value, span: input.span })
}

pub(crate) fn schema() -> Value {
    json!({
        "type": "array",
        "items": { "type": "string", "pattern": "^[a-z0-9_-]+(\\.[a-z]+)?$" },
        "minItems": 1,
        "maxItems": MAX_INPUTS,
        "uniqueItems": true,
    })
}
