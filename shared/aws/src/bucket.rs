//! S3 as core's buckets.

mod list;
mod multipart;
mod source;

pub use list::{Listed, Page};

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use tidemill_core::Object;
use tidemill_core::deployment::Place;
use tidemill_core::mark::Mark;
use tidemill_core::plan::STATE_BUCKET;
use tidemill_core::ports::{Answer, Body, Condition, Head, Meta, Objects, Source, StoreError};

use crate::fault::store_error;

/// The metadata that holds an object's [`Mark`] as JSON.
const MARK: &str = "tidemill-mark";

/// The metadata that holds the SHA-256 of an object's bytes in hexadecimal: S3's own checksum of a multipart
/// upload is one of its parts' checksums.
const CHECKSUM: &str = "tidemill-sha256";

/// Buckets of S3, asked for by their names in the manifest.
#[derive(Clone, Debug)]
pub struct Buckets {
    client: Client,
    place: Arc<Place>,
}

impl Buckets {
    /// The buckets that `place` names.
    pub fn new(client: Client, place: Arc<Place>) -> Self {
        Self { client, place }
    }

    fn physical(&self, bucket: &str) -> Result<&str, StoreError> {
        if bucket == STATE_BUCKET {
            return Ok(&self.place.state);
        }
        let named = self.place.buckets.get(bucket).map(String::as_str);
        named.ok_or_else(|| StoreError::Refused(format!("the stage knows no bucket `{bucket}`")))
    }

    /// An address to which whoever has it may put the object at `key`, for `time`.
    pub async fn presigned(&self, bucket: &str, key: &str, time: Duration) -> Result<String, StoreError> {
        let name = self.physical(bucket)?;
        let place = format!("{name}/{key}");
        let config = PresigningConfig::expires_in(time);
        let config = config.map_err(|error| StoreError::Refused(format!("{place}: {error}")))?;
        let signed = self.client.put_object().bucket(name).key(key).presigned(config).await;
        let signed = signed.map_err(|error| store_error("s3:PutObject", &place, &error))?;
        Ok(signed.uri().to_owned())
    }

    /// Comes back if there is no object at `key`, else with `error`.
    ///
    /// To a role that may list only a prefix, S3 answers a read of what is not there with 403: the condition on
    /// the prefix cannot hold for a read (S3 User Guide, "Amazon S3 condition key examples"; API Reference,
    /// `HeadObject`, "Permissions"). So absence is learned by listing exactly that key.
    async fn unless_absent(
        &self,
        name: &str,
        key: &str,
        refused: bool,
        error: StoreError,
    ) -> Result<(), StoreError> {
        if error == StoreError::Missing {
            return Ok(());
        }
        if refused {
            let listed = self.client.list_objects_v2().bucket(name).prefix(key).max_keys(1).send().await;
            if let Ok(listed) = listed
                && listed.contents().first().and_then(|object| object.key()) != Some(key)
            {
                return Ok(());
            }
        }
        Err(error)
    }

    async fn put_whole(
        &self,
        bucket: &str,
        key: &str,
        body: &Body,
        meta: &Meta,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let name = self.physical(bucket)?;
        let put = self.client.put_object().bucket(name).key(key).content_type(&meta.media_type);
        let put = match condition {
            Condition::Absent => put.if_none_match("*"),
            Condition::Match(tag) => put.if_match(quoted(&tag)),
        };
        let put = match base64_of(&meta.checksum) {
            // S3 checks what arrives against it.
            Some(checksum) => put.checksum_sha256(checksum),
            None => put,
        };
        let sent = put.set_metadata(Some(metadata(meta))).body(stream(body)).send().await;
        let sent = sent.map_err(|error| store_error("s3:PutObject", &format!("{name}/{key}"), &error))?;
        Ok(plain(sent.e_tag()))
    }
}

/// Whether S3 said that the call is not allowed.
fn is_refused<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 403)
}

/// An ETag as HTTP has it.
fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

/// An ETag as events have it.
fn plain(tag: Option<&str>) -> String {
    tag.unwrap_or_default().trim_matches('"').to_owned()
}

/// A digest in hexadecimal, in Base64.
fn base64_of(hexadecimal: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = hexadecimal.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    Some(BASE64_STANDARD.encode(bytes))
}

fn metadata(meta: &Meta) -> std::collections::HashMap<String, String> {
    let mark = meta.mark.as_ref().and_then(|mark| serde_json::to_string(mark).ok());
    let checksum = Some(meta.checksum.clone()).filter(|checksum| !checksum.is_empty());
    [(MARK, mark), (CHECKSUM, checksum)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn mark_of(metadata: Option<&std::collections::HashMap<String, String>>) -> Option<Mark> {
    serde_json::from_str(metadata?.get(MARK)?).ok()
}

fn checksum_of(metadata: Option<&std::collections::HashMap<String, String>>) -> Option<String> {
    metadata?.get(CHECKSUM).cloned()
}

/// The chunks as one: a repeat of the call needs them again.
fn joined(chunks: &[Bytes]) -> Bytes {
    match chunks {
        [one] => one.clone(),
        chunks => {
            let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
            for chunk in chunks {
                whole.extend_from_slice(chunk);
            }
            whole.freeze()
        }
    }
}

fn stream(body: &Body) -> ByteStream {
    ByteStream::from(joined(&body.0))
}

impl Objects for Buckets {
    fn open<'a>(&'a self, object: &'a Object) -> Answer<'a, Result<Box<dyn Source>, StoreError>> {
        Box::pin(async move {
            let bucket = self.physical(&object.bucket)?;
            let source = source::open(&self.client, bucket, object).await?;
            Ok(Box::new(source) as Box<dyn Source>)
        })
    }

    fn head<'a>(&'a self, bucket: &'a str, key: &'a str) -> Answer<'a, Result<Option<Head>, StoreError>> {
        Box::pin(async move {
            let name = self.physical(bucket)?;
            let found = match self.client.head_object().bucket(name).key(key).send().await {
                Ok(found) => found,
                Err(error) => {
                    let refused = is_refused(&error);
                    let error = store_error("s3:GetObject", &format!("{name}/{key}"), &error);
                    return self.unless_absent(name, key, refused, error).await.map(|()| None);
                }
            };
            Ok(Some(Head {
                etag: plain(found.e_tag()),
                bytes: found.content_length().unwrap_or_default().try_into().unwrap_or_default(),
                media_type: found.content_type().map(str::to_owned),
                mark: mark_of(found.metadata()),
                checksum: checksum_of(found.metadata()),
            }))
        })
    }

    fn get<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<(String, Bytes)>, StoreError>> {
        Box::pin(async move {
            let name = self.physical(bucket)?;
            let place = format!("{name}/{key}");
            let found = match self.client.get_object().bucket(name).key(key).send().await {
                Ok(found) => found,
                Err(error) => {
                    let refused = is_refused(&error);
                    let error = store_error("s3:GetObject", &place, &error);
                    return self.unless_absent(name, key, refused, error).await.map(|()| None);
                }
            };
            let tag = plain(found.e_tag());
            let bytes = source::collect(found.body, &place).await?;
            Ok(Some((tag, bytes)))
        })
    }

    fn put<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        body: &'a Body,
        meta: &'a Meta,
        condition: Condition,
    ) -> Answer<'a, Result<String, StoreError>> {
        Box::pin(async move {
            if body.len() > multipart::FROM {
                let name = self.physical(bucket)?;
                return multipart::put(&self.client, name, key, body, meta, condition).await;
            }
            self.put_whole(bucket, key, body, meta, condition).await
        })
    }

    fn remove<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        etag: &'a str,
    ) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let name = self.physical(bucket)?;
            let call = self.client.delete_object().bucket(name).key(key).if_match(quoted(etag));
            match call.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(store_error("s3:DeleteObject", &format!("{name}/{key}"), &error)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_core::digest;

    #[test]
    fn a_checksum_is_written_as_s3_reads_it() {
        let checksum = digest::checksum([b"".as_ref()]);
        assert_eq!(base64_of(&checksum).unwrap(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(base64_of(""), None);
    }
}
