//! An object of S3, pinned by version id, else by ETag.

use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tidemill_core::Object;
use tidemill_core::ports::{Answer, Head, Source, StoreError};

use super::{checksum_of, mark_of, plain, quoted};
use crate::fault::store_error;

/// Objects up to this size come whole with the first request.
const WHOLE: u64 = 1 << 20;

/// What comes of a larger one with the first request: what it takes to tell what it is.
const FIRST: u64 = 64 * 1024;

pub(super) struct S3Source {
    client: Client,
    bucket: String,
    key: String,
    version: Option<String>,
    head: Head,
    /// The object's first bytes.
    first: Bytes,
}

/// The bytes of an answer.
pub(super) async fn collect(body: ByteStream, place: &str) -> Result<Bytes, StoreError> {
    let collected = body.collect().await;
    let collected =
        collected.map_err(|error| StoreError::Unavailable(format!("reading {place}: {error}")))?;
    Ok(collected.into_bytes())
}

/// Opens exactly the version that `object` names: a changed or a missing one is `Conflict` or `Missing`.
pub(super) async fn open(client: &Client, bucket: &str, object: &Object) -> Result<S3Source, StoreError> {
    let place = format!("{bucket}/{}", object.key);
    let call = client.get_object().bucket(bucket).key(&object.key);
    let call = pinned(call, object.version.as_deref(), &object.etag);
    let call = match object.bytes {
        // An empty object has no range.
        0..=WHOLE => call,
        _ => call.range(format!("bytes=0-{}", FIRST - 1)),
    };
    let answer = call.send().await.map_err(|error| store_error("s3:GetObject", &place, &error))?;
    let length = answer.content_length().unwrap_or_default().try_into().unwrap_or_default();
    let bytes = match answer.content_range() {
        Some(range) => total(range).ok_or_else(|| StoreError::Unavailable(format!("{place}: `{range}`")))?,
        None => length,
    };
    let head = Head {
        etag: plain(answer.e_tag()),
        bytes,
        media_type: answer.content_type().map(str::to_owned),
        mark: mark_of(answer.metadata()),
        checksum: checksum_of(answer.metadata()),
    };
    // An event can lie about the size; what is read then is still bounded.
    if bytes > object.bytes.max(WHOLE) {
        return Err(StoreError::Conflict);
    }
    let first = collect(answer.body, &place).await?;
    Ok(S3Source {
        client: client.clone(),
        bucket: bucket.to_owned(),
        key: object.key.clone(),
        version: object.version.clone(),
        head,
        first,
    })
}

fn pinned(call: GetObjectFluentBuilder, version: Option<&str>, etag: &str) -> GetObjectFluentBuilder {
    match version {
        Some(version) => call.version_id(version),
        None if !etag.is_empty() => call.if_match(quoted(etag)),
        None => call,
    }
}

/// The whole size in `bytes 0-65535/123456`.
fn total(range: &str) -> Option<u64> {
    range.rsplit('/').next()?.parse().ok()
}

impl S3Source {
    async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let place = format!("{}/{}", self.bucket, self.key);
        let call = self.client.get_object().bucket(&self.bucket).key(&self.key);
        let call = pinned(call, self.version.as_deref(), &self.head.etag);
        let call = call.range(format!("bytes={}-{}", range.start, range.end - 1));
        let answer = call.send().await.map_err(|error| store_error("s3:GetObject", &place, &error))?;
        let bytes = collect(answer.body, &place).await?;
        if bytes.len() as u64 == range.end - range.start {
            Ok(bytes)
        } else {
            Err(StoreError::Unavailable(format!("{place}: the answer was cut short")))
        }
    }
}

impl Source for S3Source {
    fn head(&self) -> &Head {
        &self.head
    }

    fn read_at(&self, offset: u64, length: usize) -> Answer<'_, Result<Bytes, StoreError>> {
        Box::pin(async move {
            let end = self.head.bytes.min(offset.saturating_add(length as u64));
            let known = self.first.len() as u64;
            if offset >= end {
                return Ok(Bytes::new());
            }
            if end <= known {
                return Ok(self.first.slice(offset as usize..end as usize));
            }
            if offset >= known {
                return self.read(offset..end).await;
            }
            let rest = self.read(known..end).await?;
            let mut whole = BytesMut::with_capacity((end - offset) as usize);
            whole.extend_from_slice(&self.first[offset as usize..]);
            whole.extend_from_slice(&rest);
            Ok(whole.freeze())
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_whole_size_is_read_from_a_range() {
        assert_eq!(super::total("bytes 0-65535/123456"), Some(123_456));
        assert_eq!(super::total("bytes */*"), None);
    }
}
