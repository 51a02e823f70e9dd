//! A stage meets each event once: no two of its sources may give the same one.

use tidemill_core::plan::Input;

use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::source::{From, Source};
use crate::tree::Spanned;

pub(super) fn check(manifest: &Manifest, inputs: &[Vec<Spanned<Input>>], sink: &mut Sink) {
    for (stage, inputs) in manifest.stages.iter().zip(inputs) {
        let sources: Vec<(&Source, &Spanned<Input>)> = inputs
            .iter()
            .filter(|input| matches!(input.value, Input::Source(_)))
            .filter_map(|input| {
                let source =
                    manifest.sources.iter().find(|source| source.name.value == input.value.name())?;
                Some((source, input))
            })
            .collect();
        for (at, (source, input)) in sources.iter().enumerate() {
            let Some((other, first)) = sources[..at].iter().find(|(other, _)| share(source, other)) else {
                continue;
            };
            let (name, other) = (&source.name.value, &other.name.value);
            sink.report(
                Finding::new(
                    input.span,
                    format!(
                        "sources `{other}` and `{name}` overlap, so stage `{}` would take the same event twice",
                        stage.name.value
                    ),
                )
                .also(first.span, "the other one")
                .hint("take the wider one alone, or give them prefixes of their own"),
            );
        }
    }
}

fn share(a: &Source, b: &Source) -> bool {
    match (&a.from, &b.from) {
        (
            Some(From::S3 { bucket: Some(bucket), prefix: Some(prefix), .. }),
            Some(From::S3 { bucket: Some(other), prefix: Some(beside), .. }),
        ) => bucket.value == other.value && comparable(&prefix.value, &beside.value),
        (Some(From::Kinesis { stream: Some(stream) }), Some(From::Kinesis { stream: Some(other) })) => {
            stream.value == other.value
        }
        _ => false,
    }
}

/// Whether a key may begin with both.
pub(super) fn comparable(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a)
}
