//! What `aws` says is there already is something that the pipeline uses, and no two names stand for one thing.

use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::source::From;
use crate::near::{did_you_mean, quoted, there_are};
use crate::tree::Spanned;

pub(super) fn check(manifest: &Manifest, sink: &mut Sink) {
    let sources = || manifest.sources.iter().filter_map(|source| source.from.as_ref());
    let read = sources().filter_map(|from| match from {
        From::S3 { bucket, .. } => bucket.as_ref(),
        _ => None,
    });
    let written = manifest.stages.iter().filter_map(|stage| stage.output.as_ref()?.bucket.as_ref());
    let mut buckets: Vec<&str> = read.chain(written).map(|bucket| bucket.value.as_str()).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let mut streams: Vec<&str> = sources()
        .filter_map(|from| match from {
            From::Kinesis { stream } => stream.as_ref().map(|stream| stream.value.as_str()),
            _ => None,
        })
        .collect();
    streams.sort_unstable();
    streams.dedup();
    known("bucket", &manifest.aws.buckets, &buckets, sink);
    known("stream", &manifest.aws.streams, &streams, sink);
}

fn known(what: &str, named: &[(Spanned<String>, String)], used: &[&str], sink: &mut Sink) {
    for (at, (name, physical)) in named.iter().enumerate() {
        if !used.contains(&name.value.as_str()) {
            let hint = did_you_mean(&name.value, used.iter().copied())
                .unwrap_or_else(|| there_are(used.iter().copied()));
            let message = format!("the pipeline uses no {what} {}", quoted(&name.value));
            sink.report(Finding::new(name.span, message).hint(hint));
        }
        // The rules tell keys apart by the names in the manifest, so each must be a thing of its own.
        if let Some((other, _)) = named[..at].iter().find(|(_, other)| other == physical) {
            let message = format!(
                "`{}` and {} would be one {what}, {}",
                other.value,
                quoted(&name.value),
                quoted(physical)
            );
            sink.report(
                Finding::new(name.span, message)
                    .also(other.span, "the other one")
                    .hint("use one name in the whole manifest"),
            );
        }
    }
}
