//! No two outputs share a key: not two originals' or two renditions' of one stage, nor two stages'.

use tidemill_core::OutputName;
use tidemill_core::key::KeyTemplate;

use super::twice::comparable;
use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::stage::Stage;
use crate::limits::MAX_ALL_OUTPUTS;
use crate::near::quoted;

pub(super) fn check(manifest: &Manifest, sink: &mut Sink) {
    // Every output is compared with every other, so their number is bounded.
    let mut outputs = 0;
    for stage in &manifest.stages {
        outputs += stage.config.as_ref().map_or(0, |(_, built)| built.outputs.len());
        if outputs > MAX_ALL_OUTPUTS {
            sink.report(
                Finding::new(stage.name.span, format!("the stages name more than {MAX_ALL_OUTPUTS} outputs"))
                    .hint("make several pipelines of it"),
            );
            return;
        }
    }
    for stage in &manifest.stages {
        within(stage, sink);
    }
    let spaces: Vec<Option<Vec<Space>>> = manifest.stages.iter().map(spaces).collect();
    for (at, stage) in manifest.stages.iter().enumerate() {
        // One is enough: what keeps it from one other keeps it from all.
        manifest.stages[..at]
            .iter()
            .zip(&spaces)
            .any(|(other, others)| between(stage, spaces[at].as_deref(), other, others.as_deref(), sink));
    }
}

/// Two outputs of one stage.
fn within(stage: &Stage, sink: &mut Sink) {
    let Some((template, outputs)) = template_and_outputs(stage) else { return };
    let Some((one, other)) = template.value.clash(outputs) else { return };
    let key = |output: &OutputName| quoted(&template.value.expand("…", "…", output));
    let (a, b) = (key(one), key(other));
    let apart = "put `/{rendition}.{ext}` behind `{key}`: a `/` before the rendition's name keeps them apart";
    let (message, hint) = if one.name == other.name {
        (format!("two outputs are named `{}`", one.name), "give each output a name of its own")
    } else if a == b {
        (
            format!(
                "the outputs `{}` and `{}` of one original would share the key {a}",
                one.name, other.name
            ),
            apart,
        )
    } else {
        (format!("{a} of one original and {b} of another could be one key"), apart)
    };
    sink.report(Finding::new(template.span, message).hint(hint));
}

fn template_and_outputs(stage: &Stage) -> Option<(&crate::tree::Spanned<KeyTemplate>, &[OutputName])> {
    let template = stage.output.as_ref()?.key.as_ref()?;
    let (_, built) = stage.config.as_ref()?;
    Some((template, &built.outputs))
}

/// What is certain of an output's keys: what they begin and what they end with.
struct Space {
    front: String,
    back: String,
}

/// The spaces of a stage's outputs.
fn spaces(stage: &Stage) -> Option<Vec<Space>> {
    let (template, outputs) = template_and_outputs(stage)?;
    // Where keys and ids go, a character that no key template holds, since no manifest does.
    const UNKNOWN: &str = "\0";
    let space = |output: &OutputName| {
        let shown = template.value.expand(UNKNOWN, UNKNOWN, output);
        let front = shown.split(UNKNOWN).next().unwrap_or_default().to_owned();
        let back = shown.rsplit(UNKNOWN).next().unwrap_or_default().to_owned();
        Space { front, back }
    };
    if outputs.is_empty() {
        // The names of its outputs are known only when it runs.
        return Some(vec![space(&OutputName::new(UNKNOWN, UNKNOWN))]);
    }
    Some(outputs.iter().map(space).collect())
}

/// Reports two stages whose outputs could meet.
fn between(
    stage: &Stage,
    spaces: Option<&[Space]>,
    other: &Stage,
    others: Option<&[Space]>,
    sink: &mut Sink,
) -> bool {
    let place = |stage: &Stage| {
        let output = stage.output.as_ref()?;
        Some((output.bucket.clone()?.value, output.key.as_ref()?.span))
    };
    let (Some((bucket, span)), Some((shared, first))) = (place(stage), place(other)) else { return false };
    let (Some(spaces), Some(others)) = (spaces, others) else { return false };
    let meet = |a: &Space, b: &Space| {
        comparable(&a.front, &b.front) && (a.back.ends_with(&b.back) || b.back.ends_with(&a.back))
    };
    if bucket != shared || !spaces.iter().any(|space| others.iter().any(|other| meet(space, other))) {
        return false;
    }
    let (name, other) = (&stage.name.value, &other.name.value);
    let message =
        format!("stages `{other}` and `{name}` write to the bucket `{bucket}` and could make the same key");
    sink.report(
        Finding::new(span, message)
            .also(first, format!("the keys of `{other}`"))
            .hint(format!("begin each key with its stage's name: \"{name}/…\"")),
    );
    true
}
