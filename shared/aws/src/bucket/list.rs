//! What a bucket holds.

use jiff::Timestamp;
use tidemill_core::ports::StoreError;

use super::{Buckets, plain};
use crate::fault::store_error;

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its entity tag.
    pub etag: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written.
    pub modified: Timestamp,
}

/// A part of a listing, in the order of keys, and where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects, at most 1,000.
    pub objects: Vec<Listed>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<String>,
}

impl Buckets {
    /// A page of the objects whose keys begin with `prefix`.
    pub async fn page(&self, bucket: &str, prefix: &str, next: Option<&str>) -> Result<Page, StoreError> {
        let name = self.physical(bucket)?;
        let call = self.client.list_objects_v2().bucket(name).prefix(prefix);
        let call = call.set_continuation_token(next.map(str::to_owned));
        let found = call.send().await;
        let found =
            found.map_err(|error| store_error("s3:ListBucket", &format!("{name}/{prefix}"), &error))?;
        let objects = found.contents().iter().map(|object| Listed {
            key: object.key().unwrap_or_default().to_owned(),
            etag: plain(object.e_tag()),
            bytes: object.size().unwrap_or_default().try_into().unwrap_or_default(),
            modified: object
                .last_modified()
                .and_then(|time| Timestamp::from_second(time.secs()).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
        });
        Ok(Page { objects: objects.collect(), next: found.next_continuation_token().map(str::to_owned) })
    }

    /// All objects whose keys begin with `prefix`.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let page = self.page(bucket, prefix, next.as_deref()).await?;
            all.extend(page.objects);
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
    }
}
