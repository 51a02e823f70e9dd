//! One request to its answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{EXPECT, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, Uri};
use jiff::Timestamp;
use tidemill_core::ports::StoreError;
use tidemill_core::{Item, Stop};
use tidemill_request::{Answer, Refusal, Upload, admit, admit_upload, wants_upload};

use super::body::{self, PATIENCE, Unread};
use super::endpoint::Endpoint;
use super::offers::{GOOD_FOR, Offers};
use super::take::{Taken, take};
use crate::probe::Probe;
use crate::state::State;

/// The largest upload in bytes: what S3 takes in one `PUT`.
const MAX_UPLOAD: u64 = 5 << 30;

/// Everything that requests need, shared between connections.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    pub(super) endpoints: HashMap<String, Endpoint>,
    pub(super) offers: Offers,
    pub(super) state: Arc<State>,
    pub(super) sent: Arc<AtomicU64>,
    pub(super) probe: Option<Probe>,
    pub(super) most_waiting: u64,
    pub(super) stop: Stop,
}

/// Answers a request, whatever it is.
pub(super) async fn serve(served: Arc<Served>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    respond(served.answer(request).await)
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = Bytes::from(answer.body);
    // Only a name or a value that no header can have fails, and none of ours is one.
    response.body(Full::new(body)).unwrap_or_default()
}

impl Served {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if self.stop.is_set() {
            return Answer::unavailable("this run ends: try again when it is started anew", 5);
        }
        let (head, body) = request.into_parts();
        if let Some(reason) = from_a_page(&head.headers) {
            return Answer::error(403, reason);
        }
        let Some((endpoint, place)) = self.find(&head.uri) else { return Answer::unknown() };
        if let Some(place) = place {
            if head.method == Method::PUT {
                return self.store(endpoint, place, body).await;
            }
            let mut answer = Answer::error(405, "only PUT is taken here");
            answer.headers.push(("allow", "PUT".to_owned()));
            return answer;
        }
        let Ok(id) = token() else { return Answer::unavailable("this machine gives no random numbers", 5) };
        let body = match body::whole(body, head.headers.contains_key(EXPECT)).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return self.refuse(endpoint, &Refusal::too_large(&endpoint.auth), &id),
            Err(unread) => return unread_answer(unread),
        };
        // Reading some megabytes of JSON takes a while, in which others want to be served.
        let item = tokio::task::block_in_place(|| self.judge(endpoint, &head, &body, &id));
        drop(body);
        let named = head.headers.contains_key("idempotency-key");
        match item {
            Ok(item) => self.take(endpoint, item, named).await,
            Err(answer) => answer,
        }
    }

    /// The source that a path names, and the place for an upload behind it.
    fn find<'a>(&self, uri: &'a Uri) -> Option<(&Endpoint, Option<&'a str>)> {
        let path = uri.path().strip_prefix('/')?;
        let (source, rest) = match path.split_once('/') {
            Some((source, rest)) => (source, Some(rest.strip_prefix("uploads/")?)),
            None => (path, None),
        };
        Some((self.endpoints.get(source)?, rest))
    }

    /// The item that a request is, or what is answered instead.
    fn judge(&self, endpoint: &Endpoint, head: &Parts, body: &[u8], id: &str) -> Result<Item, Answer> {
        let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
        let source = tidemill_request::Endpoint {
            source: &endpoint.signature,
            auth: &endpoint.auth,
            secret: endpoint.secret.as_deref(),
        };
        let request = tidemill_request::Request {
            method: head.method.as_str(),
            header: &header,
            body,
            time: Timestamp::now(),
            id,
        };
        let Some(asked) = wants_upload(head.uri.query()) else {
            return admit(&source, &request).map_err(|refusal| self.refuse(endpoint, &refusal, id));
        };
        if endpoint.upload.is_none() {
            return Err(Answer::error(404, "this source has no `upload`"));
        }
        let name = admit_upload(&source, &request, asked).map_err(|refusal| refusal.answer(None))?;
        Err(self.offer(endpoint, &name).map_or_else(|| Answer::busy(60), |upload| Answer::offer(&upload)))
    }

    async fn take(&self, endpoint: &Endpoint, item: Item, named: bool) -> Answer {
        let id = item.id.clone();
        let taken =
            take(&self.state, self.probe.as_ref(), &endpoint.listeners, item, named, self.most_waiting);
        match taken.await {
            Ok(Taken::Queued(count)) => {
                self.sent.fetch_add(count, Ordering::Relaxed);
                if count > 0 {
                    endpoint.found.fetch_add(1, Ordering::Relaxed);
                }
                Answer::accepted(&id)
            }
            Ok(Taken::Known) => Answer::accepted(&id),
            Ok(Taken::Busy) => Answer::busy(1),
            Err(error) => Answer::unavailable(&format!("the item could not be queued: {error}"), 5),
        }
    }

    fn refuse(&self, endpoint: &Endpoint, refusal: &Refusal, id: &str) -> Answer {
        let upload = if refusal.may_upload { self.offer(endpoint, id) } else { None };
        refusal.answer(upload.as_ref())
    }

    fn offer(&self, endpoint: &Endpoint, name: &str) -> Option<Upload> {
        endpoint.upload.as_ref()?;
        let url = format!("http://{}/{}/uploads/{name}", self.address, endpoint.name);
        let kept = self.offers.keep(&endpoint.name, name, Instant::now());
        kept.then_some(Upload { url, expires_seconds: GOOD_FOR.as_secs() })
    }

    /// Takes an upload at a place that was offered.
    async fn store(&self, endpoint: &Endpoint, name: &str, body: Incoming) -> Answer {
        let Some((bucket, prefix)) = &endpoint.upload else { return Answer::unknown() };
        if body.size_hint().lower() > MAX_UPLOAD {
            return Answer::error(413, "an upload has at most 5 GiB");
        }
        // Only names that this run made are known, so none leads anywhere else.
        if !self.offers.take(&endpoint.name, name, Instant::now()) {
            return Answer::error(
                403,
                "this place was not offered, or is taken, or was offered too long ago",
            );
        }
        let key = format!("{prefix}{name}");
        match arrive(bucket, &key, body).await {
            Ok(()) => Answer::stored(&key),
            Err(answer) => {
                self.offers.give_back(&endpoint.name, name, Instant::now());
                answer
            }
        }
    }
}

async fn arrive(bucket: &crate::bucket::Bucket, key: &str, mut body: Incoming) -> Result<(), Answer> {
    let failed = |error: StoreError| match error {
        StoreError::Conflict => Answer::error(409, "there is such an object already"),
        other => Answer::unavailable(&format!("the upload could not be kept: {other}"), 5),
    };
    let mut arrival = bucket.arrive(key).map_err(failed)?;
    let mut bytes = 0;
    loop {
        let until = tokio::time::Instant::now() + PATIENCE;
        let Some(piece) = body::next(&mut body, until).await.map_err(unread_answer)? else { break };
        bytes += piece.len() as u64;
        if bytes > MAX_UPLOAD {
            return Err(Answer::error(413, "an upload has at most 5 GiB"));
        }
        tokio::task::block_in_place(|| arrival.write(&piece)).map_err(failed)?;
    }
    tokio::task::block_in_place(|| arrival.finish()).map_err(failed)
}

fn unread_answer(unread: Unread) -> Answer {
    match unread {
        Unread::TooLarge => Answer::error(413, "the body is too large"),
        Unread::Slow => Answer::error(408, "the body came too slowly"),
        Unread::Broken => Answer::error(400, "the body ended before its end"),
    }
}

/// Why a request looks as if a page in a browser sent it: such a page could be anyone's, and here nobody is asked who
/// they are.
fn from_a_page(headers: &HeaderMap) -> Option<&'static str> {
    if headers.contains_key(ORIGIN) {
        return Some("pages in a browser are not served");
    }
    // A page whose name was made to point here names itself as the host.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_here = matches!(name, "127.0.0.1" | "localhost");
    (!is_here).then_some("this is no address of this server: use 127.0.0.1 or localhost")
}

/// A name that nobody can guess.
fn token() -> Result<String, rustix::io::Errno> {
    let mut bytes = [0_u8; 16];
    let length = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    // Up to 256 bytes come at once or not at all (getrandom(2)).
    if length < bytes.len() {
        return Err(rustix::io::Errno::AGAIN);
    }
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_known() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        for host in ["127.0.0.1:8787", "127.0.0.1", "localhost:1"] {
            assert_eq!(from_a_page(&headers(&[("host", host)])), None, "{host}");
        }
        for host in ["", "example.com:8787", "127.0.0.1.example.com:8787", "[::1]"] {
            assert!(from_a_page(&headers(&[("host", host)])).is_some(), "{host}");
        }
        assert!(from_a_page(&headers(&[])).is_some());
        let page = headers(&[("host", "127.0.0.1:8787"), ("origin", "http://127.0.0.1:8787")]);
        assert!(from_a_page(&page).is_some());
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (token().unwrap(), token().unwrap());
        assert!(a != b && a.len() == 32);
    }
}
