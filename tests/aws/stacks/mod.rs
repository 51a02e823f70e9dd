//! Pipelines of test functions through the stacks that our templates make, on the emulator.
//!
//! Most cases share one environment and keep apart by their keys.

mod change;
mod flow;
mod lost;
mod requests;
mod rights;
mod stack;
mod zips;

use std::sync::OnceLock;

pub use stack::Stack;

use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("stacks_carry_an_item_through_all_stages", flow::all_stages),
    ("stacks_keep_good_items_from_poison", flow::poison),
    ("stacks_bear_doubled_and_late_events", flow::doubled_and_late),
    ("stacks_try_a_dead_item_again", flow::again),
    ("stacks_drain_the_dead_letter_queue", flow::drained),
    ("stacks_take_signed_requests", requests::signed_by_aws),
    ("stacks_take_requests_under_a_shared_secret", requests::under_a_secret),
    ("stacks_carry_large_values_and_uploads", requests::large),
    ("stacks_give_a_stage_its_rights_and_no_more", rights::tried),
    ("stacks_stay_when_a_change_fails", change::fails),
    ("stacks_catch_up_on_lost_events", lost::caught_up),
];

const MANIFEST: &str = r#"
version: 1
name: NAME
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
  tries: { type: s3, bucket: uploads, prefix: try/ }
  orders: { type: http, upload: uploads }
  hook: { type: http, auth: hmac, secret: hook }
stages:
  sets:
    type: set
    inputs: [uploads]
    output: { bucket: media, key: "sets/{key}/{rendition}.{ext}" }
    names: [one, two, three, same]
    attempts: 1
    timeout: 10s
    lambda: { batch: 10 }
  twins:
    type: copy
    inputs: [uploads]
    when: { data: { key: [{ prefix: in/twin }] } }
    output: { bucket: media, key: "twins/{key}/{rendition}.{ext}" }
  copies:
    type: copy
    inputs: [sets]
    output: { bucket: final, key: "{key}/{rendition}.{ext}" }
  ends:
    type: keep
    inputs: [sets.outcomes]
    output: { bucket: ends, key: "{id}/{rendition}.{ext}" }
  kept:
    type: keep
    inputs: [orders, hook]
    output: { bucket: kept, key: "{id}/{rendition}.{ext}" }
  tried:
    type: probe
    inputs: [tries]
    output: { bucket: media, key: "tried/{key}/{rendition}.{ext}" }
"#;

/// The secret of the source `hook`.
const SECRET: &str = "It's a Secret to Everybody";

/// The environment that cases share.
fn shared() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        block_on(async {
            let stack = Stack::deploy("works", MANIFEST).await.unwrap();
            let secrets = aws_sdk_secretsmanager::Client::new(&stack.environment.clients.config);
            let name = stack.environment.names.secret("hook").text();
            secrets.create_secret().name(name).secret_string(SECRET).send().await.unwrap();
            stack
        })
    })
}
