//! No stage writes where a source of the pipeline listens, or its outputs would come back as inputs.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;

use tidemill_core::plan::Input;

use super::twice::comparable;
use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::source::From;
use crate::tree::Spanned;

pub(super) fn check(manifest: &Manifest, inputs: &[Vec<Spanned<Input>>], sink: &mut Sink) {
    for (at, stage) in manifest.stages.iter().enumerate() {
        let Some(output) = &stage.output else { continue };
        let (Some(bucket), Some(key)) = (&output.bucket, &output.key) else { continue };
        for source in &manifest.sources {
            let Some(From::S3 { bucket: Some(listened), prefix: Some(prefix), .. }) = &source.from else {
                continue;
            };
            if listened.value != bucket.value || !comparable(&key.value.prefix(), &prefix.value) {
                continue;
            }
            let (name, stage) = (&source.name.value, &stage.name.value);
            let place = if prefix.value.is_empty() {
                "whole bucket".to_owned()
            } else {
                format!("prefix `{}`", prefix.value)
            };
            let message = match way(manifest, inputs, name, at) {
                Some(way) => {
                    format!(
                        "trigger loop: {way} → `{name}`: stage `{stage}` writes where source `{name}` listens"
                    )
                }
                None => format!(
                    "stage `{stage}` writes where source `{name}` listens, so its outputs would be new events"
                ),
            };
            // Where the source has the whole bucket, no other key would do.
            let span = if prefix.value.is_empty() { bucket.span } else { key.span };
            sink.report(
                Finding::new(span, message)
                    .also(source.place(), format!("`{name}` listens to the {place} of `{}`", bucket.value))
                    .hint("write to another bucket, or begin the key with a text that no source's prefix begins with"),
            );
        }
    }
}

/// The way from a source to a stage, in arrows.
fn way(manifest: &Manifest, inputs: &[Vec<Spanned<Input>>], source: &str, to: usize) -> Option<String> {
    let index: HashMap<&str, usize> =
        manifest.stages.iter().enumerate().map(|(at, stage)| (stage.name.value.as_str(), at)).collect();
    // Backwards from the stage, the shortest way first.
    let mut next: HashMap<usize, Option<usize>> = HashMap::from([(to, None)]);
    let mut queue = VecDeque::from([to]);
    while let Some(at) = queue.pop_front() {
        for input in &inputs[at] {
            match &input.value {
                Input::Source(name) if name == source => {
                    let mut way = format!("`{source}`");
                    let mut stage = Some(at);
                    while let Some(at) = stage {
                        let _ = write!(way, " → `{}`", manifest.stages[at].name.value);
                        stage = next.get(&at).copied().flatten();
                    }
                    return Some(way);
                }
                Input::Source(_) => {}
                input => {
                    if let Some(above) = index.get(input.name())
                        && !next.contains_key(above)
                    {
                        next.insert(*above, Some(at));
                        queue.push_back(*above);
                    }
                }
            }
        }
    }
    None
}
