//! What is answered: a status, headers, and a small JSON document.

use serde_json::json;
use tidemill_core::deployment::Auth;

/// An answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers beside those of the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: String,
}

/// The media type of every answer.
pub(crate) const JSON: &str = "application/json";

impl Answer {
    fn new(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", JSON.to_owned()), ("cache-control", "no-store".to_owned())];
        Self { status, headers, body: format!("{body}\n") }
    }

    /// 202: the item is queued and will not be lost.
    pub fn accepted(id: &str) -> Self {
        Self::new(202, &json!({ "id": id }))
    }

    /// 200: where to put what is too large for a request.
    pub fn offer(upload: &Upload) -> Self {
        Self::new(200, &json!({ "upload": upload.json() }))
    }

    /// An error, with its reason.
    pub fn error(status: u16, reason: &str) -> Self {
        Self::new(status, &json!({ "error": reason }))
    }

    /// 201: what was uploaded lies under this key.
    pub fn stored(key: &str) -> Self {
        Self::new(201, &json!({ "key": key }))
    }

    /// 404: there is no such source.
    pub fn unknown() -> Self {
        Self::error(404, "there is no such source")
    }

    /// 429: too much waits already; again in so many seconds.
    pub fn busy(seconds: u32) -> Self {
        let mut answer = Self::error(429, "too many items wait already: try again later");
        answer.headers.push(("retry-after", seconds.to_string()));
        answer
    }

    /// 503: the item could not be queued, for a cause of the host's; again in so many seconds.
    pub fn unavailable(reason: &str, seconds: u32) -> Self {
        let mut answer = Self::error(503, reason);
        answer.headers.push(("retry-after", seconds.to_string()));
        answer
    }
}

/// Where a large body can be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Where to `PUT` it. Whoever has this address may write there, so it is good for a while only.
    pub url: String,
    /// For how long.
    pub expires_seconds: u64,
}

impl Upload {
    fn json(&self) -> serde_json::Value {
        json!({ "method": "PUT", "url": self.url, "expires_seconds": self.expires_seconds })
    }
}

/// Why a request does not become an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 401, 405, 413 or 415.
    pub status: u16,
    /// The reason, for the caller to read.
    pub reason: String,
    /// Whether the caller may be offered a place for what is too large: it is known who it is.
    pub may_upload: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), may_upload: false }
    }

    /// 413: the body is too large to be read, and so is one whose signature would be checked over all of it: then
    /// nobody knows who sends it.
    pub fn too_large(auth: &Auth) -> Self {
        let reason = format!("the body has more than {} bytes", crate::MAX_BODY);
        Self { may_upload: *auth == Auth::Iam, ..Self::new(413, reason) }
    }

    /// The answer, with an offer where there is one. An offer is left away where [`may_upload`](Self::may_upload) is
    /// not set.
    pub fn answer(&self, upload: Option<&Upload>) -> Answer {
        let mut body = json!({ "error": self.reason });
        if let Some(upload) = upload.filter(|_| self.may_upload) {
            body["upload"] = upload.json();
        }
        let mut answer = Answer::new(self.status, &body);
        match self.status {
            405 => answer.headers.push(("allow", "POST".to_owned())),
            415 => answer.headers.push(("accept", JSON.to_owned())),
            _ => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        assert_eq!(Answer::accepted("a1").body, "{\"id\":\"a1\"}\n");
        let busy = Answer::busy(3);
        assert!((busy.status, busy.headers.last()) == (429, Some(&("retry-after", "3".to_owned()))));
        let refused = Refusal::new(405, "no").answer(None);
        assert_eq!(refused.headers.last(), Some(&("allow", "POST".to_owned())));
        assert_eq!(refused.body, "{\"error\":\"no\"}\n");
    }

    #[test]
    fn an_offer_goes_only_to_whom_is_known() {
        let upload = Upload { url: "http://x/y".to_owned(), expires_seconds: 60 };
        let stranger = Refusal::too_large(&Auth::Hmac { secret: "webhook".to_owned() });
        assert!(!stranger.answer(Some(&upload)).body.contains("upload"));
        let known = Refusal::too_large(&Auth::Iam);
        let offer = "\"upload\":{\"expires_seconds\":60,\"method\":\"PUT\",\"url\":\"http://x/y\"}";
        assert!(known.answer(Some(&upload)).body.contains(offer), "{}", known.answer(Some(&upload)).body);
        assert!(Answer::offer(&upload).body.contains(offer));
    }
}
