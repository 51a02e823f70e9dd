//! Whether a request becomes an item.

use jiff::Timestamp;
use tidemill_core::deployment::Auth;
use tidemill_core::digest;
use tidemill_core::{Data, Item, Sequence};

use crate::answer::Refusal;
use crate::{MAX_BODY, json, signature, upload};

/// The longest `Idempotency-Key`.
pub const MAX_KEY: usize = 255;

/// A source that takes requests.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// `pipeline/source`: how its items are signed.
    pub source: &'a str,
    /// How a caller proves who it is.
    pub auth: &'a Auth,
    /// The secret itself, where there is one to be shared. Without it nobody is let in.
    pub secret: Option<&'a [u8]>,
}

/// A request, as the host has read it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, as it was sent.
    pub method: &'a str,
    /// Gives a header's first value. It is asked for names in lower case.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// The body, all of it; of one that is too large at least a byte more than [`MAX_BODY`].
    pub body: &'a [u8],
    /// When it came.
    pub time: Timestamp,
    /// What no other request has: it names the item where the caller gives no `Idempotency-Key`.
    pub id: &'a str,
}

/// The item that a request becomes.
///
/// A caller that does not know whether it was heard sends the same `Idempotency-Key` again and gets the item with the
/// same id: what the host has seen it does not do again. The first body counts.
pub fn admit(endpoint: &Endpoint<'_>, request: &Request<'_>) -> Result<Item, Refusal> {
    enter(endpoint, request)?;
    check_type(request)?;
    let id = match (request.header)("idempotency-key") {
        Some(key) => digest::name_of(&[endpoint.source, "key", check_idempotency_key(key)?]),
        None => digest::name_of(&[endpoint.source, "request", request.id]),
    };
    let value = json::read(request.body).map_err(|reason| Refusal::new(400, reason))?;
    // An item without an object is its own key, and nothing comes before or after it.
    let mut item = Item::root(endpoint.source, request.time, Sequence::default(), Data::Value(value));
    item.root.clone_from(&id);
    item.id = id;
    item.trace = (request.header)("traceparent").and_then(trace);
    Ok(item)
}

/// Grants a request for a place to upload to, where `asked` is what [`wants_upload`](crate::wants_upload) found, and
/// gives the name of that place: what comes behind the prefix in the object's key. What the request's body says does not
/// matter, but it is what the caller signs. Its id becomes part of the name: on a host where whoever knows the place may
/// write there, it cannot be guessed.
pub fn admit_upload(endpoint: &Endpoint<'_>, request: &Request<'_>, asked: &str) -> Result<String, Refusal> {
    enter(endpoint, request)?;
    upload::name(request.id, asked)
}

/// The method, the size, and who it is.
fn enter(endpoint: &Endpoint<'_>, request: &Request<'_>) -> Result<(), Refusal> {
    if request.method != "POST" {
        return Err(Refusal::new(405, "only POST is taken here"));
    }
    if request.body.len() > MAX_BODY {
        return Err(Refusal::too_large(endpoint.auth));
    }
    let known = match endpoint.auth {
        // Whoever gets as far as this was checked by AWS.
        Auth::Iam => true,
        Auth::Hmac { .. } => {
            let given = (request.header)(signature::HEADER).unwrap_or_default();
            endpoint.secret.is_some_and(|secret| signature::is_right(secret, request.body, given))
        }
    };
    if !known {
        return Err(Refusal::new(401, "not authorised"));
    }
    Ok(())
}

/// JSON, as it is and in UTF-8.
fn check_type(request: &Request<'_>) -> Result<(), Refusal> {
    let header = |name: &str| {
        let value = (request.header)(name)?;
        Some(std::str::from_utf8(value).unwrap_or("?").trim().to_ascii_lowercase())
    };
    if let Some(coding) =
        header("content-encoding").filter(|coding| !matches!(coding.as_str(), "" | "identity"))
    {
        return Err(Refusal::new(415, format!("the body is encoded ({}): send it plain", short(&coding))));
    }
    let Some(media_type) = header("content-type").filter(|value| !value.is_empty()) else { return Ok(()) };
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_json = essence == "application/json"
        || essence.split_once('/').is_some_and(|(kind, subtype)| {
            !kind.is_empty() && subtype.strip_suffix("+json").is_some_and(|front| !front.is_empty())
        });
    let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|value| value.trim_matches('"'));
    match charset {
        _ if !is_json => {
            let reason = format!("the body is {}: send application/json", short(essence));
            Err(Refusal::new(415, reason))
        }
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(Refusal::new(415, format!("the body is in {}: send UTF-8", short(other)))),
    }
}

/// A key is visible text, so that it is the same in every log.
fn check_idempotency_key(key: &[u8]) -> Result<&str, Refusal> {
    let fits = (1..=MAX_KEY).contains(&key.len()) && key.iter().all(|byte| (b' '..=b'~').contains(byte));
    let text = std::str::from_utf8(key).ok().filter(|_| fits);
    text.ok_or_else(|| {
        Refusal::new(400, format!("`Idempotency-Key` is not 1 to {MAX_KEY} characters of visible ASCII"))
    })
}

/// `traceparent`, where it is one (W3C Trace Context, section 3.2, version 00).
fn trace(header: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(header).ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return None };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|b| b != b'0');
    let fits =
        *version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && some(trace) && some(parent);
    fits.then(|| text.to_owned())
}

/// What a caller sent, as far as it goes into an answer.
fn short(text: &str) -> String {
    text.chars().take(60).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SOURCE: &str = "shop/orders";

    fn hmac() -> Auth {
        Auth::Hmac { secret: "webhook".to_owned() }
    }

    fn ask(auth: &Auth, method: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Result<Item, Refusal> {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let endpoint = Endpoint { source: SOURCE, auth, secret: Some(b"It's a Secret to Everybody") };
        let request = Request { method, header: &header, body, time: Timestamp::UNIX_EPOCH, id: "r1" };
        admit(&endpoint, &request)
    }

    fn post(headers: &[(&str, &[u8])], body: &[u8]) -> Result<Item, Refusal> {
        ask(&Auth::Iam, "POST", headers, body)
    }

    #[track_caller]
    fn refused(result: Result<Item, Refusal>, status: u16, part: &str) {
        let refusal = result.expect_err("refused");
        assert_eq!(refusal.status, status, "{}", refusal.reason);
        assert!(refusal.reason.contains(part), "{}", refusal.reason);
    }

    #[test]
    fn an_item_carries_the_body() {
        let item = post(&[("content-type", b"application/json; charset=UTF-8")], b"{\"a\":1}").unwrap();
        assert_eq!(item.data, Data::Value(json!({ "a": 1 })));
        assert_eq!((item.source.as_str(), &item.root), (SOURCE, &item.id));
        assert_eq!((item.sequence, item.hops, item.attempt), (Sequence::default(), 0, 0));
        assert_eq!(item.trace, None);
    }

    #[test]
    fn the_same_key_gives_the_same_id() {
        let id = |key: &[u8], body: &[u8]| post(&[("idempotency-key", key)], body).unwrap().id;
        assert_eq!(id(b"k1", b"1"), id(b"k1", b"2"), "the first body counts");
        assert_ne!(id(b"k1", b"1"), id(b"k2", b"1"));
        // A request's own id and a caller's key do not meet.
        assert_ne!(id(b"r1", b"1"), post(&[], b"1").unwrap().id);
        refused(post(&[("idempotency-key", b"")], b"1"), 400, "Idempotency-Key");
        refused(post(&[("idempotency-key", &[b'a'; 256])], b"1"), 400, "Idempotency-Key");
        refused(post(&[("idempotency-key", "ä".as_bytes())], b"1"), 400, "Idempotency-Key");
        refused(post(&[("idempotency-key", b"a\nb")], b"1"), 400, "Idempotency-Key");
    }

    #[test]
    fn methods_and_types() {
        for method in ["GET", "PUT", "post", "", "DELETE"] {
            refused(ask(&Auth::Iam, method, &[], b"1"), 405, "only POST");
        }
        for good in [
            "application/json",
            "Application/JSON",
            "application/vnd.api+json",
            "a/b+json; charset=\"utf-8\"",
            "",
        ] {
            assert!(post(&[("content-type", good.as_bytes())], b"1").is_ok(), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "+json",
            "/+json",
            "application/jsonp",
            "\u{1}",
        ] {
            refused(post(&[("content-type", bad.as_bytes())], b"1"), 415, "send application/json");
        }
        refused(post(&[("content-type", b"application/json; charset=utf-16")], b"1"), 415, "send UTF-8");
        refused(post(&[("content-type", b"\xff")], b"1"), 415, "send application/json");
        refused(post(&[("content-encoding", b"gzip")], b"1"), 415, "send it plain");
    }

    #[test]
    fn bodies() {
        refused(post(&[], b""), 400, "the body is empty");
        refused(post(&[], b"{\"a\":}"), 400, "at line 1 column 6");
        let most = format!("\"{}\"", "x".repeat(MAX_BODY - 2));
        assert!(post(&[], most.as_bytes()).is_ok());
        refused(post(&[], format!("{most} ").as_bytes()), 413, "more than 4194304 bytes");
    }

    #[test]
    fn a_secret_is_asked_for_before_anything_is_said() {
        let signed: (&str, &[u8]) = (
            "x-hub-signature-256",
            b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        );
        refused(ask(&hmac(), "POST", &[signed], b"Hello, World!"), 400, "no JSON");
        for headers in
            [&[][..], &[("x-hub-signature-256", b"sha256=00".as_slice())], &[("content-type", b"text/plain")]]
        {
            let refusal = ask(&hmac(), "POST", headers, b"Hello, World!").expect_err("refused");
            assert_eq!((refusal.status, refusal.reason.as_str()), (401, "not authorised"));
        }
        let endpoint = Endpoint { source: SOURCE, auth: &hmac(), secret: None };
        let header = |_: &str| None;
        let request =
            Request { method: "POST", header: &header, body: b"1", time: Timestamp::UNIX_EPOCH, id: "r" };
        assert_eq!(admit(&endpoint, &request).expect_err("refused").status, 401);
        assert_eq!(admit_upload(&endpoint, &request, "").expect_err("refused").status, 401);
    }

    #[test]
    fn a_place_is_offered_only_to_whom_is_known() {
        let large = vec![b' '; MAX_BODY + 1];
        assert!(ask(&Auth::Iam, "POST", &[], &large).expect_err("refused").may_upload);
        assert!(!ask(&hmac(), "POST", &[], &large).expect_err("refused").may_upload);
    }

    #[test]
    fn a_trace_is_carried_on() {
        let good: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(post(&[("traceparent", good)], b"1").unwrap().trace.unwrap().as_bytes(), good);
        for bad in ["", "00-0-0-0", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "\u{7f}"] {
            assert_eq!(post(&[("traceparent", bad.as_bytes())], b"1").unwrap().trace, None, "{bad}");
        }
        let nobody: &[u8] = b"00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        assert_eq!(post(&[("traceparent", nobody)], b"1").unwrap().trace, None);
    }

    proptest! {
        #[test]
        fn anything_is_answered(
            signed in any::<bool>(),
            method in "POST|GET|\\PC{0,5}",
            names in prop::collection::vec(
                (
                    prop::sample::select(vec![
                        "content-type", "content-encoding", "idempotency-key", "traceparent", "x-hub-signature-256",
                    ]),
                    prop::collection::vec(any::<u8>(), 0..80),
                ),
                0..5,
            ),
            body in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let auth = if signed { hmac() } else { Auth::Iam };
            let headers: Vec<(&str, &[u8])> = names.iter().map(|(name, value)| (*name, value.as_slice())).collect();
            match ask(&auth, &method, &headers, &body) {
                Ok(item) => prop_assert!(!signed && item.id == item.root && method == "POST"),
                Err(refusal) => {
                    prop_assert!([400, 401, 405, 413, 415].contains(&refusal.status));
                    let answer = refusal.answer(None);
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_ok());
                    prop_assert!(!refusal.reason.chars().any(char::is_control), "{}", refusal.reason);
                }
            }
        }
    }
}
