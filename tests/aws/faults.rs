//! Each call of the host goes wrong once, in each way that AWS has; the end is that of an undisturbed run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tidemill_core::deployment::Task;

use crate::conformance::Contents;
use crate::driver::Function;
use crate::driver::sqs::SqsMapping;
use crate::emulator::Emulator;
use crate::ground::Ground;
use crate::proxy::{Act, Call, Proxy};
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[("faults_of_aws_change_nothing", change_nothing)];

/// As in the conformance suite, with more than one attempt.
const MANIFEST: &str = r#"
version: 1
name: faults
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
stages:
  sets:
    type: set
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    names: [one, two]
    attempts: 5
"#;

/// A fault, and which calls it can happen to.
type Kind = (&'static str, Act, fn(&Call) -> bool);

const KINDS: [Kind; 6] = [
    ("internal", Act::Refuse(500, "InternalError"), |_| true),
    ("slow-down", Act::Refuse(503, "SlowDown"), |call| call.target.is_none()),
    ("denied", Act::Deny(412, "PreconditionFailed"), |call| call.method == Method::PUT),
    ("answer-lost", Act::Deny(500, "InternalError"), |_| true),
    ("silence", Act::Silence, |_| true),
    ("cut", Act::Cut, |call| call.method == Method::GET),
];

fn change_nothing(emulator: &Arc<Emulator>) {
    block_on(async {
        let ground = Ground::new(emulator, MANIFEST, &[]).await;
        let proxy = Proxy::open(emulator.address()).await;
        let function = ground.function("sets", Task::Stage, &proxy.endpoint(), Duration::from_mins(1));
        let mut expected = Contents::new();
        for (kind, act, can) in KINDS {
            for number in 0.. {
                let key = format!("in/{kind}-{number}");
                expected.insert(format!("{key}/one.txt"), "A".into());
                expected.insert(format!("{key}/two.txt"), "A".into());
                let count = Arc::new(AtomicUsize::new(0));
                let (seen, act) = (Arc::clone(&count), act.clone());
                proxy.rule(move |call| {
                    if can(call) && seen.fetch_add(1, Ordering::SeqCst) == number {
                        act.clone()
                    } else {
                        Act::Pass
                    }
                });
                deliver(&ground, &function, &key).await;
                assert_eq!(ground.contents("media").await, expected, "{kind} at call {number}");
                if count.load(Ordering::SeqCst) <= number {
                    break;
                }
            }
        }
        let letters = tidemill_aws::letters(&ground.buckets(), "faults/sets", Some("media")).await.unwrap();
        assert!(letters.is_empty(), "{letters:?}");
    });
}

async fn deliver(ground: &Ground, function: &Arc<Function>, key: &str) {
    let tag = ground.put("uploads", key, "A one two").await;
    let event = json!({
        "source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-01T00:00:00Z",
        "version": "0", "id": "0", "account": "000000000000", "region": "us-east-1", "resources": [],
        "detail": {
            "bucket": { "name": ground.place.buckets["uploads"] },
            "object": { "key": key, "size": 9, "etag": tag, "sequencer": "01" },
        },
    });
    ground.send("sets", &event.to_string()).await;
    SqsMapping::new(&ground.clients.sqs, &ground.place.queues["sets"], function).settle().await;
}
