//! Any request is answered: by an item that can travel, or by a refusal that can be sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemill_core::Item;
use tidemill_core::deployment::Auth;
use tidemill_request::{Endpoint, Request, admit};

const HEADERS: [&str; 5] =
    ["content-type", "content-encoding", "idempotency-key", "traceparent", "x-hub-signature-256"];

// The first byte says who may call; a line for each header; the rest is the body.
fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(HEADERS.len() + 1, |byte| *byte == b'\n');
    let values: Vec<&[u8]> = parts.by_ref().take(HEADERS.len()).collect();
    let body = parts.next().unwrap_or_default();
    let header = |name: &str| {
        let at = HEADERS.iter().position(|known| *known == name)?;
        values.get(at).copied().filter(|value| !value.is_empty())
    };
    let auth = match first % 2 {
        0 => Auth::Iam,
        _ => Auth::Hmac { secret: "webhook".to_owned() },
    };
    let endpoint = Endpoint { source: "shop/orders", auth: &auth, secret: Some(b"secret") };
    let request =
        Request { method: "POST", header: &header, body, time: jiff::Timestamp::UNIX_EPOCH, id: "r" };
    match admit(&endpoint, &request) {
        Ok(item) => {
            let text = serde_json::to_string(&item).expect("JSON");
            assert_eq!(serde_json::from_str::<Item>(&text).expect("an item"), item);
        }
        Err(refusal) => {
            let answer = refusal.answer(None);
            assert!([400, 401, 413, 415].contains(&answer.status), "{answer:?}");
            assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_ok(), "{answer:?}");
        }
    }
});
