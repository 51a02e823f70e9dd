//! A bucket's own notifications reach one queue: `via: sqs` is for a source with one consumer.

use tidemill_core::plan::Input;

use crate::aws::Via;
use crate::diagnostic::{Finding, Sink};
use crate::element::manifest::Manifest;
use crate::element::source::From;
use crate::near::list;
use crate::tree::Spanned;

pub(super) fn check(manifest: &Manifest, inputs: &[Vec<Spanned<Input>>], sink: &mut Sink) {
    for source in &manifest.sources {
        let Some(From::S3 { via, .. }) = &source.from else { continue };
        if via.value != Via::Sqs {
            continue;
        }
        let name = &source.name.value;
        let consumers: Vec<&str> = super::consumers(manifest, inputs, name).collect();
        let message = match consumers.as_slice() {
            [_] => continue,
            [] => format!("`via: sqs` needs a stage to send to, and no stage takes `{name}`"),
            many => {
                let stages = list(many.iter().copied(), "and");
                format!("`via: sqs` reaches one stage, and `{name}` is taken by {stages}")
            }
        };
        let hint = "write `via: eventbridge`, or leave the key away";
        sink.report(Finding::new(via.span, message).hint(hint));
    }
}
