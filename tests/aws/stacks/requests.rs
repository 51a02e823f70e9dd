//! Requests to the URLs of HTTP sources.

use std::fmt::Write;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use hyper::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{SECRET, Stack, shared};
use crate::block_on;
use crate::emulator::Emulator;
use crate::web::Call;

/// The URL of an HTTP source, as the stack says it.
fn url<'a>(stack: &'a Stack, output: &str) -> &'a str {
    let outputs = &stack.deployed.outputs;
    outputs.get(output).unwrap_or_else(|| panic!("there is no `{output}` among {outputs:?}"))
}

/// Waits for the value of the item with an id.
async fn kept(stack: &Stack, id: &str) -> Value {
    let key = format!("{id}/value.json");
    let look = async || stack.contents("kept", &key).await.remove(&key);
    let text = stack.until("the value", look).await;
    serde_json::from_str(&text).unwrap()
}

pub fn signed_by_aws(_: &Arc<Emulator>) {
    let stack = shared();
    let orders = url(stack, "OrdersHttpUrl");
    let post = async |key: &str, body: &str| {
        let headers = vec![("content-type", "application/json".into()), ("idempotency-key", key.into())];
        Call::post(orders, headers, body).signed().make(stack.emulator).await
    };
    block_on(async {
        let (status, answer) = post("k1", r#"{"order":1}"#).await;
        assert_eq!(status, 202, "{answer}");
        let id = answer["id"].as_str().unwrap();
        assert_eq!(kept(stack, id).await, json!({ "order": 1 }));
        // Who asks again under the same key gets the same item, and it is not done again.
        assert_eq!(post("k1", r#"{"order":2}"#).await, (202, json!({ "id": id })));
        stack.rest(&["kept"]).await;
        assert_eq!(kept(stack, id).await, json!({ "order": 1 }));
        let (_, other) = post("k2", r#"{"order":2}"#).await;
        assert_ne!(other["id"], id);
        assert_eq!(kept(stack, other["id"].as_str().unwrap()).await, json!({ "order": 2 }));

        let (status, answer) = post("k3", "{").await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().contains("line 1 column"), "{answer}");
        let get = Call { method: Method::GET, ..Call::post(orders, Vec::new(), "") };
        assert_eq!(get.signed().make(stack.emulator).await.0, 405);
        // Without a signature AWS itself lets nobody in.
        assert_eq!(Call::post(orders, Vec::new(), "1").make(stack.emulator).await.0, 403);
    });
}

pub fn under_a_secret(_: &Arc<Emulator>) {
    let stack = shared();
    let hook = url(stack, "HookHttpUrl");
    let post = async |secret: &str, body: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let mut signature = "sha256=".to_owned();
        for byte in mac.finalize().into_bytes() {
            write!(signature, "{byte:02x}").unwrap();
        }
        let headers = vec![("x-hub-signature-256", signature)];
        Call::post(hook, headers, body).make(stack.emulator).await
    };
    block_on(async {
        let (status, answer) = post(SECRET, r#"{"push":true}"#).await;
        assert_eq!(status, 202, "{answer}");
        assert_eq!(kept(stack, answer["id"].as_str().unwrap()).await, json!({ "push": true }));
        assert_eq!(post("another", "1").await, (401, json!({ "error": "not authorised" })));
        let unsigned = Call::post(hook, Vec::new(), "1").make(stack.emulator).await;
        assert_eq!(unsigned, (401, json!({ "error": "not authorised" })));
        assert_eq!(post(SECRET, "no JSON").await.0, 400);
    });
}

/// Too much for a message, then too much for a request.
pub fn large(_: &Arc<Emulator>) {
    let stack = shared();
    let orders = url(stack, "OrdersHttpUrl");
    block_on(async {
        let value = json!({ "text": "ä".repeat(600_000) });
        let (status, answer) =
            Call::post(orders, Vec::new(), value.to_string()).signed().make(stack.emulator).await;
        assert_eq!(status, 202, "{answer}");
        assert!(kept(stack, answer["id"].as_str().unwrap()).await == value, "it arrives whole");

        let body = format!("\"{}\"", "x".repeat(4 << 20));
        let (status, answer) = Call::post(orders, Vec::new(), body).signed().make(stack.emulator).await;
        assert_eq!(status, 413, "{answer}");
        let offered = answer["upload"]["url"].as_str().unwrap_or_else(|| panic!("no offer: {answer}"));
        let put = Call { method: Method::PUT, ..Call::post(offered, Vec::new(), "A one") };
        assert_eq!(put.make(stack.emulator).await.0, 200);
        let key = offered.split('?').next().unwrap().split("/in/").nth(1).unwrap();
        let made = format!("sets/in/{key}/one.txt");
        stack.comes_to("media", &format!("sets/in/{key}/"), &[(&made, "A")]).await;
    });
}
