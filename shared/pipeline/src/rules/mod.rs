//! What must hold between elements: one module per rule.

mod cycle;
mod existing;
mod http;
mod keys;
mod loops;
mod shape;
mod twice;
mod via;

use tidemill_core::plan::Input;

use crate::diagnostic::Sink;
use crate::element::input;
use crate::element::manifest::Manifest;
use crate::tree::Spanned;

/// The manifest's names, resolved.
pub(crate) struct Linked {
    /// The inputs of each stage that stand for something.
    pub(crate) inputs: Vec<Vec<Spanned<Input>>>,
    /// The places of the stages in an order in which each comes after those it takes from; `None` where they go round.
    pub(crate) order: Option<Vec<usize>>,
}

/// Applies every rule.
pub(crate) fn apply(manifest: &Manifest, sink: &mut Sink) -> Linked {
    let sources: Vec<&str> = manifest.sources.iter().map(|source| source.name.value.as_str()).collect();
    let stages: Vec<&str> = manifest.stages.iter().map(|stage| stage.name.value.as_str()).collect();
    let inputs: Vec<Vec<Spanned<Input>>> = manifest
        .stages
        .iter()
        .map(|stage| {
            let written = stage.inputs.as_deref().unwrap_or_default();
            written.iter().filter_map(|input| input::resolve(input, &sources, &stages, sink)).collect()
        })
        .collect();
    shape::check(manifest, &inputs, sink);
    twice::check(manifest, &inputs, sink);
    loops::check(manifest, &inputs, sink);
    keys::check(manifest, sink);
    via::check(manifest, &inputs, sink);
    http::check(manifest, &inputs, sink);
    existing::check(manifest, sink);
    let order = cycle::order(manifest, &inputs, sink);
    Linked { inputs, order }
}

/// The stages that take a source.
fn consumers<'a>(
    manifest: &'a Manifest,
    inputs: &'a [Vec<Spanned<Input>>],
    source: &'a str,
) -> impl Iterator<Item = &'a str> {
    let takes = move |inputs: &[Spanned<Input>]| {
        inputs.iter().any(|input| matches!(&input.value, Input::Source(name) if name == source))
    };
    let stages = manifest.stages.iter().zip(inputs).filter(move |(_, inputs)| takes(inputs));
    stages.map(|(stage, _)| stage.name.value.as_str())
}
