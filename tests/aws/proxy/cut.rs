//! An answer that never comes to its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};

use super::{Answer, cut};

/// How long the connection stays open, so that what was sent is read before its end is.
const STAY: Duration = Duration::from_millis(50);

/// Some bytes, then the end of the connection.
struct Torn {
    bytes: Option<Bytes>,
    end: Pin<Box<tokio::time::Sleep>>,
}

impl Body for Torn {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        ready!(self.end.as_mut().poll(context));
        Poll::Ready(Some(Err(cut())))
    }
}

/// The answer with its length, and half of its bytes.
pub(super) async fn in_the_middle(answer: Answer) -> Result<Answer, std::io::Error> {
    let (mut parts, body) = answer.into_parts();
    let whole = body.collect().await?.to_bytes();
    parts.headers.insert("content-length", whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    let torn = Torn { bytes: Some(half), end: Box::pin(tokio::time::sleep(STAY)) };
    Ok(Answer::from_parts(parts, torn.boxed()))
}
