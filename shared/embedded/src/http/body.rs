//! A request's body, read within bounds of size and time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tidemill_request::MAX_BODY;
use tokio::time::{Instant, timeout_at};

/// How long a whole body of a small request may take, and how long the next piece of a large one.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How much of a body that is refused is read all the same: whoever sends it hears the answer only then.
const DRAINED: u64 = 4 * MAX_BODY as u64;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    Slow,
    Broken,
}

/// The next piece, or nothing at the end.
pub(super) async fn next(body: &mut Incoming, until: Instant) -> Result<Option<Bytes>, Unread> {
    loop {
        match timeout_at(until, body.frame()).await {
            Err(_) => return Err(Unread::Slow),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A whole body of at most [`MAX_BODY`] bytes. `waits` says that the caller waits to be asked for it.
pub(super) async fn whole(mut body: Incoming, waits: bool) -> Result<Vec<u8>, Unread> {
    let until = Instant::now() + PATIENCE;
    let announced = body.size_hint().lower();
    if announced > MAX_BODY as u64 {
        if !waits {
            drain(body, 0, until).await;
        }
        return Err(Unread::TooLarge);
    }
    let mut whole = Vec::with_capacity(announced as usize);
    while let Some(piece) = next(&mut body, until).await? {
        if whole.len() + piece.len() > MAX_BODY {
            let read = whole.len() as u64;
            drop(whole);
            drain(body, read, until).await;
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

async fn drain(mut body: Incoming, mut read: u64, until: Instant) {
    while read < DRAINED
        && let Ok(Some(piece)) = next(&mut body, until).await
    {
        read += piece.len() as u64;
    }
}
