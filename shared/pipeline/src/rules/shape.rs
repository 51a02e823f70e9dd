//! A function takes items or records, and its inputs give them.

use tidemill_core::function::Shape;
use tidemill_core::plan::Input;

use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::source::From;
use crate::tree::Spanned;

pub(super) fn check(manifest: &Manifest, inputs: &[Vec<Spanned<Input>>], sink: &mut Sink) {
    for (stage, inputs) in manifest.stages.iter().zip(inputs) {
        let Some(function) = &stage.function else { continue };
        let name = function.value.name;
        for input in inputs {
            let from = match &input.value {
                Input::Source(source) => manifest
                    .sources
                    .iter()
                    .find(|known| known.name.value == *source)
                    .and_then(|source| source.from.as_ref()),
                Input::Items(_) | Input::Outcomes(_) => None,
            };
            let source = input.value.name();
            match (function.value.shape, &input.value, from) {
                (Shape::Items, Input::Source(_), Some(From::Kinesis { .. })) => sink.report(
                    Finding::new(
                        input.span,
                        format!("`{name}` takes objects, and the stream `{source}` gives records"),
                    )
                    .hint("take an `s3` source, or a function that takes records"),
                ),
                (Shape::Records, Input::Source(_), Some(From::S3 { .. })) => sink.report(
                    Finding::new(
                        input.span,
                        format!("`{name}` takes records, and the bucket `{source}` gives objects"),
                    )
                    .hint("take a `kinesis` source, or a function that takes objects"),
                ),
                (Shape::Records, Input::Items(_) | Input::Outcomes(_), _) => sink.report(
                    Finding::new(
                        input.span,
                        format!("`{name}` takes records, and the stage `{source}` gives items"),
                    )
                    .hint("take a `kinesis` source"),
                ),
                (Shape::Records, Input::Source(_), Some(From::Http(_))) => sink.report(
                    Finding::new(
                        input.span,
                        format!("`{name}` takes records, and the requests of `{source}` are items"),
                    )
                    .hint("take a `kinesis` source, or a function that takes items"),
                ),
                _ => {}
            }
        }
    }
}
