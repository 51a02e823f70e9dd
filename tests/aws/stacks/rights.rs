//! What a stage's role allows and denies, tried from inside its function.

use std::sync::Arc;

use super::{Stack, shared};
use crate::block_on;
use crate::emulator::{ACCOUNT, Emulator, REGION};
use crate::probe::Try;

pub fn tried(_: &Arc<Emulator>) {
    let stack = shared();
    let (uploads, media) = (stack.bucket("uploads"), stack.bucket("media"));
    let (state, place) = (stack.environment.place.state.as_str(), &stack.environment.place);
    let dead = stack.environment.names.dead_queue("tried").plain(ACCOUNT, REGION);
    let dead = place.queues["tried"].replace(&stack.environment.names.queue("tried").text(), &dead);
    let own = |rest: &str| format!(".tidemill/works/tried/{rest}");
    let s = str::to_owned;
    let allowed = [
        ("get", uploads, s("try/there")),
        ("list", uploads, s("try/")),
        ("list", uploads, s("try/th")),
        ("put", media, s("tried/x")),
        ("get", media, s("tried/x")),
        ("delete", media, s("tried/x")),
        ("list", media, s("tried/")),
        ("put", media, own("x")),
        ("get", media, own("x")),
        ("list", media, own("")),
        ("put", state, own("dead/x")),
        ("get", state, own("dead/x")),
        ("delete", state, own("dead/x")),
        ("put", state, s(".tidemill/works/values/x")),
        ("delete", state, s(".tidemill/works/values/x")),
        ("send", &place.queues["tried"], s("")),
    ];
    let denied = [
        ("get", uploads, s("in/there")),
        ("list", uploads, s("")),
        ("list", uploads, s("in/")),
        ("put", uploads, s("try/x")),
        ("delete", uploads, s("try/there")),
        ("get", media, s("sets/there")),
        ("put", media, s("sets/there")),
        ("delete", media, s("sets/there")),
        ("list", media, s("")),
        ("put", media, s(".tidemill/works/sets/x")),
        ("put", state, s(".tidemill/works/sets/dead/x")),
        ("get", state, s(".tidemill/works/sets/dead/x")),
        ("list", state, s("")),
        ("put", stack.bucket("kept"), s("x")),
        ("get", stack.bucket("final"), s("x")),
        ("send", &place.queues["sets"], s("")),
        ("receive", &place.queues["sets"], s("")),
        ("send", &place.queues["kept"], s("")),
        ("receive", &dead, s("")),
    ];
    let try_of = |(what, place, key): &(&str, &str, String)| Try {
        what: (*what).to_owned(),
        place: (*place).to_owned(),
        key: key.clone(),
    };
    let tries: Vec<Try> = allowed.iter().chain(&denied).map(try_of).collect();
    let answers = block_on(async {
        for (bucket, key) in [("uploads", "try/there"), ("uploads", "in/there"), ("media", "sets/there")] {
            // What lies there asks for nothing.
            stack.put(bucket, key, if key == "try/there" { "[]" } else { "skip" }).await;
        }
        stack.put("uploads", "try/all", serde_json::to_vec(&tries).unwrap()).await;
        answers(stack, "tried/try/all/answers.json").await
    });
    assert_eq!(answers.len(), tries.len());
    let wrong: Vec<_> = tries
        .iter()
        .zip(&answers)
        .enumerate()
        .filter(|(at, (_, answer))| {
            let right = if *at < allowed.len() { "ok" } else { "AccessDenied" };
            // SQS has another code for the same.
            answer.replace("AccessDeniedException", "AccessDenied") != right
        })
        .map(|(_, (tried, answer))| format!("{} {} {}: {answer}", tried.what, tried.place, tried.key))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn answers(stack: &Stack, key: &str) -> Vec<String> {
    let look = async || stack.contents("media", key).await.remove(key);
    let text = stack.until("answers", look).await;
    serde_json::from_str(&text).unwrap()
}
