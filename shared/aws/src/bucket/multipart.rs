//! Large outputs, in parts: whole or not at all, under the same conditions as any other write.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tidemill_core::ports::{Body, Condition, Meta, StoreError};

use super::{joined, metadata, plain, quoted};
use crate::fault::store_error;

/// Bodies above this size go in parts.
pub(super) const FROM: u64 = 32 << 20;

/// The size of a part. S3 takes 5 MiB to 5 GiB, and 10,000 parts.
const PART: usize = 16 << 20;

pub(super) async fn put(
    client: &Client,
    bucket: &str,
    key: &str,
    body: &Body,
    meta: &Meta,
    condition: Condition,
) -> Result<String, StoreError> {
    let place = format!("{bucket}/{key}");
    let begin = client.create_multipart_upload().bucket(bucket).key(key).content_type(&meta.media_type);
    let begun = begin.set_metadata(Some(metadata(meta))).send().await;
    let begun = begun.map_err(|error| store_error("s3:PutObject", &place, &error))?;
    let upload = begun.upload_id().unwrap_or_default();
    let done = parts(client, bucket, key, upload, body, condition).await;
    if done.is_err() {
        // Where even this fails, the bucket's lifecycle rule removes the parts.
        let _ = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload).send().await;
    }
    done
}

async fn parts(
    client: &Client,
    bucket: &str,
    key: &str,
    upload: &str,
    body: &Body,
    condition: Condition,
) -> Result<String, StoreError> {
    let place = format!("{bucket}/{key}");
    let mut completed = Vec::new();
    for (number, part) in (1..).zip(cut(&body.0, PART)) {
        let call = client.upload_part().bucket(bucket).key(key).upload_id(upload).part_number(number);
        let sent = call.body(ByteStream::from(part)).send().await;
        let sent = sent.map_err(|error| store_error("s3:PutObject", &place, &error))?;
        completed.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag().map(str::to_owned))
                .set_checksum_crc32(sent.checksum_crc32().map(str::to_owned))
                .build(),
        );
    }
    let complete = client.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload);
    let complete = match condition {
        Condition::Absent => complete.if_none_match("*"),
        Condition::Match(tag) => complete.if_match(quoted(&tag)),
    };
    let set = CompletedMultipartUpload::builder().set_parts(Some(completed)).build();
    let done = complete.multipart_upload(set).send().await;
    let done = done.map_err(|error| match store_error("s3:PutObject", &place, &error) {
        // The upload itself is gone: another try of this call was heard. Whether it won is seen at the key.
        StoreError::Missing => StoreError::Conflict,
        other => other,
    })?;
    Ok(plain(done.e_tag()))
}

/// The chunks, joined and cut into parts of `size` bytes; only the last is smaller.
fn cut(chunks: &[Bytes], size: usize) -> Vec<Bytes> {
    let (mut parts, mut gathered, mut length) = (Vec::new(), Vec::new(), 0);
    for chunk in chunks {
        let mut rest = chunk.clone();
        while length + rest.len() >= size {
            gathered.push(rest.split_to(size - length));
            parts.push(joined(&gathered));
            gathered.clear();
            length = 0;
        }
        length += rest.len();
        if !rest.is_empty() {
            gathered.push(rest);
        }
    }
    if !gathered.is_empty() {
        parts.push(joined(&gathered));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_one_size_and_lose_nothing() {
        let chunks: Vec<Bytes> =
            [3, 0, 10, 1, 4].iter().map(|&size| Bytes::from((0..size).collect::<Vec<u8>>())).collect();
        let parts = cut(&chunks, 4);
        let sizes: Vec<usize> = parts.iter().map(Bytes::len).collect();
        assert_eq!(sizes, [4, 4, 4, 4, 2]);
        assert_eq!(joined(&parts), joined(&chunks));
        assert!(cut(&[], 4).is_empty());
        assert_eq!(cut(&chunks[..1], 3).len(), 1);
    }
}
