//! Items on their way: through all stages, beside poison, doubled, late, dead and alive again.

use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_operate::dead;

use super::{Stack, shared};
use crate::block_on;
use crate::emulator::{ACCOUNT, Emulator, REGION};

/// Two stages on one source, one of them narrowed; a stage behind a stage; a stage on outcomes; then the removal.
pub fn all_stages(_: &Arc<Emulator>) {
    let stack = shared();
    block_on(async {
        stack.put("uploads", "in/twin/a", "A one two").await;
        stack.put("uploads", "in/single/b ä+", "B three").await;
        stack
            .comes_to(
                "media",
                "sets/in/twin/",
                &[("sets/in/twin/a/one.txt", "A"), ("sets/in/twin/a/two.txt", "A")],
            )
            .await;
        stack.comes_to("media", "sets/in/single/", &[("sets/in/single/b ä+/three.txt", "B")]).await;
        let copies = [("sets/in/twin/a/one.txt/copy.txt", "A"), ("sets/in/twin/a/two.txt/copy.txt", "A")];
        stack.comes_to("final", "sets/in/twin/", &copies).await;
        let copies = [("sets/in/single/b ä+/three.txt/copy.txt", "B")];
        stack.comes_to("final", "sets/in/single/", &copies).await;
        stack.comes_to("media", "twins/in/twin/", &[("twins/in/twin/a/copy.txt", "A one two")]).await;
        stack.rest(&["sets", "twins", "copies", "ends"]).await;
        assert!(stack.contents("media", "twins/in/single/").await.is_empty(), "narrowed by `when`");
        assert_eq!(ends(stack, "in/twin/a").await, ["done"]);

        // One item's whole way, from either end of it.
        let first = stack.about("sets", "in/twin/a").await;
        let second = stack.about("copies", "sets/in/twin/a/one.txt").await;
        for line in [&first[0], &second[0]] {
            let way = stack.lines(line["item"].as_str()).await;
            let mut stages: Vec<&str> = way.iter().map(|line| line.from.as_str()).collect();
            stages.sort_unstable();
            assert_eq!(stages, ["copies", "copies", "ends", "sets", "twins"], "{way:?}");
            assert!(way.iter().all(|line| line.fields.as_ref().unwrap()["trace_id"] == first[0]["trace_id"]));
        }

        // A removal takes everything along that came of the original, and nothing else.
        stack.remove("uploads", "in/twin/a").await;
        stack.comes_to("media", "sets/in/twin/", &[]).await;
        stack.comes_to("media", "twins/in/twin/", &[]).await;
        stack.comes_to("final", "sets/in/twin/", &[]).await;
        stack.comes_to("final", "sets/in/single/", &copies).await;
    });
}

/// What the stage on outcomes was told about a key.
async fn ends(stack: &Stack, key: &str) -> Vec<String> {
    let told = stack.contents("ends", "").await;
    let told = told.values().map(|text| serde_json::from_str::<Value>(text).unwrap());
    told.filter(|told| told["key"] == key).map(|told| told["outcome"].as_str().unwrap().to_owned()).collect()
}

/// What is poison among the messages of one batch becomes a dead letter; the others are done.
pub fn poison(_: &Arc<Emulator>) {
    let stack = shared();
    block_on(async {
        let keys: Vec<String> = (0..6).map(|number| format!("in/mixed/{number}")).collect();
        for (number, key) in keys.iter().enumerate() {
            let content = match number {
                2 => "panic",
                4 => "reject",
                _ => "A one",
            };
            stack.put("uploads", key, content).await;
        }
        let good = [0, 1, 3, 5].map(|number| format!("sets/in/mixed/{number}/one.txt"));
        let good: Vec<(&str, &str)> = good.iter().map(|key| (key.as_str(), "A")).collect();
        stack.comes_to("media", "sets/in/mixed/", &good).await;
        let dead = stack
            .until("two dead letters", async || {
                let letters = stack.letters("in/mixed/").await;
                (letters.len() == 2).then_some(letters)
            })
            .await;
        let mut reasons: Vec<(&str, &str)> =
            dead.iter().map(|letter| (letter.item.subject().1, letter.reason.as_str())).collect();
        reasons.sort_unstable();
        let panicked = "the function panicked: it says so";
        assert_eq!(reasons, [("in/mixed/2", panicked), ("in/mixed/4", "it says so")]);
        let told = async || (ends(stack, "in/mixed/4").await == ["dead"]).then_some(());
        stack.until("word of the dead item", told).await;
        stack.rest(&["sets"]).await;
    });
}

/// S3's event of a put, as EventBridge puts it into a queue.
fn event(stack: &Stack, key: &str, etag: &str, sequencer: &str) -> String {
    let object = json!({ "key": key, "size": 5, "etag": etag, "sequencer": sequencer });
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
        "source": "aws.s3", "account": ACCOUNT, "time": "2026-01-01T00:00:00Z", "region": REGION, "resources": [],
        "detail": { "version": "0", "bucket": { "name": stack.bucket("uploads") }, "object": object },
    })
    .to_string()
}

/// The same event twice, and an older one behind a newer one.
pub fn doubled_and_late(_: &Arc<Emulator>) {
    let stack = shared();
    block_on(async {
        let key = "in/order/a";
        let older = stack.put("uploads", key, "A one two").await;
        stack
            .comes_to(
                "media",
                "sets/in/order/",
                &[("sets/in/order/a/one.txt", "A"), ("sets/in/order/a/two.txt", "A")],
            )
            .await;
        let newer = stack.put("uploads", key, "B two three").await;
        let expected = [("sets/in/order/a/two.txt", "B"), ("sets/in/order/a/three.txt", "B")];
        stack.comes_to("media", "sets/in/order/", &expected).await;
        stack.rest(&["sets", "copies"]).await;
        let before = stack.about("sets", key).await.len();
        let queue = stack.environment.queue("sets");
        let again = event(stack, key, &newer, "7FFFFFFFFFFFFFFFFF");
        stack.send(queue, &*again).await;
        stack.send(queue, &*again).await;
        let told = async |count| {
            let lines = stack.about("sets", key).await;
            (lines.len() == before + count).then(|| lines[before..].to_vec())
        };
        let twice = stack.until("both events", async || told(2).await).await;
        assert_eq!(twice[0]["item"], twice[1]["item"], "both are the same item");
        assert_eq!(twice[0]["generation"], twice[1]["generation"]);
        stack.send(queue, event(stack, key, &older, "000000000000000001")).await;
        let late = stack.until("the late event", async || told(3).await).await;
        assert_eq!(late[2]["outcome"], "superseded", "{late:?}");
        stack.rest(&["sets", "copies"]).await;
        stack.comes_to("media", "sets/in/order/", &expected).await;
        let copies = [("sets/in/order/a/two.txt/copy.txt", "B"), ("sets/in/order/a/three.txt/copy.txt", "B")];
        stack.comes_to("final", "sets/in/order/", &copies).await;
        assert!(stack.letters(key).await.is_empty());
    });
}

/// A dead item is tried again once what was in its way is gone.
pub fn again(_: &Arc<Emulator>) {
    let stack = shared();
    block_on(async {
        stack.put("media", "sets/in/again/a/one.txt", "a stranger's").await;
        stack.put("uploads", "in/again/a", "A one").await;
        let letters = stack
            .until("a dead letter", async || {
                Some(stack.letters("in/again/").await).filter(|letters| !letters.is_empty())
            })
            .await;
        assert!(letters[0].reason.contains("was not written by this stage"), "{}", letters[0].reason);
        stack.comes_to("media", "sets/in/again/", &[("sets/in/again/a/one.txt", "a stranger's")]).await;
        stack.remove("media", "sets/in/again/a/one.txt").await;
        assert_eq!(dead::retry(&stack.environment, &letters).await.unwrap(), 1);
        stack.comes_to("media", "sets/in/again/", &[("sets/in/again/a/one.txt", "A")]).await;
        stack.comes_to("final", "sets/in/again/", &[("sets/in/again/a/one.txt/copy.txt", "A")]).await;
        assert!(stack.letters("in/again/").await.is_empty());
    });
}

/// What SQS itself gave up becomes a dead letter too, and word of it goes out.
pub fn drained(_: &Arc<Emulator>) {
    let stack = shared();
    block_on(async {
        let name = stack.environment.names.dead_queue("sets").plain(ACCOUNT, REGION);
        let found = stack.environment.clients.sqs.get_queue_url().queue_name(name).send().await.unwrap();
        let lost = event(stack, "in/drained/a", "0123456789abcdef0123456789abcdef", "000000000000000001");
        stack.send(found.queue_url().unwrap(), lost).await;
        let letters = stack
            .until("a dead letter", async || {
                Some(stack.letters("in/drained/").await).filter(|letters| !letters.is_empty())
            })
            .await;
        assert!(letters[0].reason.contains("never came to an end"), "{}", letters[0].reason);
        let told = async || (ends(stack, "in/drained/a").await == ["dead"]).then_some(());
        stack.until("word of the drained item", told).await;
        assert_eq!(dead::drop(&stack.environment, &letters).await.unwrap(), 1);
        assert!(stack.letters("in/drained/").await.is_empty());
    });
}
