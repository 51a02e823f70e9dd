//! An answer that never comes to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};

use super::{Answer, cut};

/// Some bytes, then the end of the connection.
struct Torn(Option<Bytes>);

impl Body for Torn {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(self.0.take().map(Frame::data).ok_or_else(cut)))
    }
}

/// The answer with its length, and half of its bytes.
pub(super) async fn in_the_middle(answer: Answer) -> Result<Answer, std::io::Error> {
    let (mut parts, body) = answer.into_parts();
    let whole = body.collect().await?.to_bytes();
    parts.headers.insert("content-length", whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    Ok(Answer::from_parts(parts, Torn(Some(half)).boxed()))
}
