//! What comes in by HTTP goes somewhere: requests to a stage, large bodies to a bucket.

use tidemill_core::plan::Input;

use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::source::From;
use crate::near::{did_you_mean, quoted, there_are};
use crate::tree::Spanned;

pub(super) fn check(manifest: &Manifest, inputs: &[Vec<Spanned<Input>>], sink: &mut Sink) {
    let buckets = || {
        let is_s3 = |from: &Option<From>| matches!(from, Some(From::S3 { .. }));
        manifest.sources.iter().filter(move |source| is_s3(&source.from)).map(|s| s.name.value.as_str())
    };
    for source in &manifest.sources {
        let Some(From::Http(http)) = &source.from else { continue };
        let name = &source.name.value;
        // Where a stage could not be read, nobody knows what it takes.
        let all_known = manifest.stages.iter().all(|stage| stage.inputs.is_some());
        if all_known && super::consumers(manifest, inputs, name).next().is_none() {
            sink.report(
                Finding::new(source.name.span, format!("no stage takes the requests of `{name}`"))
                    .hint(format!("give a stage `inputs: [{name}]`, or remove the source")),
            );
        }
        let Some(upload) = &http.upload else { continue };
        if buckets().any(|bucket| bucket == upload.value) {
            continue;
        }
        let message = if manifest.sources.iter().any(|other| other.name.value == upload.value) {
            format!("{} is no `s3` source, so nothing can be uploaded to it", quoted(&upload.value))
        } else {
            format!("there is no source {} to upload to", quoted(&upload.value))
        };
        let hint = did_you_mean(&upload.value, buckets()).unwrap_or_else(|| match buckets().next() {
            Some(_) => there_are(buckets()),
            None => "add a source of `type: s3`".to_owned(),
        });
        sink.report(Finding::new(upload.span, message).hint(hint));
    }
}
