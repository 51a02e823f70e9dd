//! Events that never came, and what makes up for them.

use std::sync::Arc;

use aws_sdk_s3::types::{EventBridgeConfiguration, NotificationConfiguration};
use tidemill_operate::backfill::{Selection, Sent, backfill};
use tidemill_operate::reconcile::{Balance, reconcile};

use super::Stack;
use crate::block_on;
use crate::emulator::Emulator;

const MANIFEST: &str = r#"
version: 1
name: NAME
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
stages:
  sets:
    type: set
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    names: [one, two]
    attempts: 1
    timeout: 10s
  copies:
    type: copy
    inputs: [sets]
    output: { bucket: final, key: "{key}/{rendition}.{ext}" }
"#;

/// Whether the bucket tells EventBridge of what happens in it.
async fn tells(stack: &Stack, yes: bool) {
    let bridge = yes.then(|| EventBridgeConfiguration::builder().build());
    let wanted = NotificationConfiguration::builder().set_event_bridge_configuration(bridge).build();
    let call = stack.s3().put_bucket_notification_configuration().bucket(stack.bucket("uploads"));
    call.notification_configuration(wanted).send().await.unwrap();
}

async fn balance(stack: &Stack) -> Balance {
    let balances = reconcile(&stack.environment).await.unwrap();
    assert_eq!(balances.len(), 1, "{balances:?}");
    balances.into_iter().next().unwrap()
}

pub fn caught_up(_: &Arc<Emulator>) {
    block_on(async {
        let stack = Stack::deploy("lost", MANIFEST).await.unwrap();
        stack.put("uploads", "in/changed", "A one").await;
        stack.put("uploads", "in/removed", "B one").await;
        stack.put("uploads", "in/same", "C one").await;
        let before = [("in/changed/one.txt", "A"), ("in/removed/one.txt", "B"), ("in/same/one.txt", "C")];
        stack.comes_to("media", "", &before).await;
        stack.rest(&["sets", "copies"]).await;
        let even = balance(&stack).await;
        assert!(even.is_even() && even.done == 3, "{even:?}");

        // Nobody hears of this.
        tells(&stack, false).await;
        stack.put("uploads", "in/changed", "D two").await;
        stack.put("uploads", "in/new", "E one").await;
        stack.remove("uploads", "in/removed").await;
        tells(&stack, true).await;

        let uneven = balance(&stack).await;
        assert!(!uneven.is_even());
        assert_eq!((uneven.objects, uneven.done, uneven.queued), (3, 1, 0), "{uneven:?}");
        assert_eq!(uneven.unknown.examples, ["in/new"]);
        assert_eq!(uneven.stale.examples, ["in/changed"]);
        assert_eq!(uneven.left_over.examples, ["in/removed"]);

        let selection = Selection { source: "uploads".into(), ..Selection::default() };
        let sent = backfill(&stack.environment, &selection, |_| {}).await.unwrap();
        assert_eq!(sent, Sent { objects: 3, created: 3, removed: 1 });
        let after = [("in/changed/two.txt", "D"), ("in/new/one.txt", "E"), ("in/same/one.txt", "C")];
        stack.comes_to("media", "", &after).await;
        let copies = after.map(|(key, content)| (format!("{key}/copy.txt"), content));
        let copies: Vec<(&str, &str)> =
            copies.iter().map(|(key, content)| (key.as_str(), *content)).collect();
        stack.comes_to("final", "", &copies).await;
        stack.rest(&["sets", "copies"]).await;
        let even = balance(&stack).await;
        assert!(even.is_even() && even.done == 3, "{even:?}");

        // Events that come now still win over what the backfill made.
        stack.put("uploads", "in/new", "F two").await;
        stack.comes_to("media", "in/new", &[("in/new/two.txt", "F")]).await;
        stack.remove("uploads", "in/changed").await;
        stack.comes_to("media", "in/changed", &[]).await;
    });
}
