//! Removes what stacks keep: buckets with all that is in them, and streams.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::account::{Account, problem};
use super::observer::Observer;
use crate::Problem;

/// Removes a bucket: every version of every object, uploads that never ended, then the bucket itself.
pub(crate) async fn bucket(account: &Account, name: &str, observer: &dyn Observer) -> Result<(), Problem> {
    let head = account.s3.head_bucket().bucket(name).send().await;
    if head.is_err_and(|error| {
        error
            .as_service_error()
            .is_some_and(aws_sdk_s3::operation::head_bucket::HeadBucketError::is_not_found)
    }) {
        return Ok(());
    }
    let count = versions(account, name).await?;
    uploads(account, name).await?;
    let gone = account.s3.delete_bucket().bucket(name).send().await;
    gone.map_err(|error| problem("s3:DeleteBucket", name, &error))?;
    observer.say(&format!(
        "removed bucket {name} with {count} {}",
        if count == 1 { "object" } else { "objects" }
    ));
    Ok(())
}

/// Removes all versions; gives how many there were.
async fn versions(account: &Account, bucket: &str) -> Result<usize, Problem> {
    let mut count = 0;
    // What is removed need not be passed by: the first page is always the next one.
    loop {
        let page = account.s3.list_object_versions().bucket(bucket).send().await;
        let page = page.map_err(|error| problem("s3:ListBucketVersions", bucket, &error))?;
        let versions = page.versions.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
        let markers =
            page.delete_markers.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
        let objects: Vec<ObjectIdentifier> = versions
            .chain(markers)
            .filter_map(|(key, version)| {
                ObjectIdentifier::builder().key(key?).set_version_id(version).build().ok()
            })
            .collect();
        if objects.is_empty() {
            return Ok(count);
        }
        count += objects.len();
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| Problem::new(format!("{bucket}: {error}"), "report it"))?;
        let done = account.s3.delete_objects().bucket(bucket).delete(delete).send().await;
        let done = done.map_err(|error| problem("s3:DeleteObject", bucket, &error))?;
        if let Some(refused) = done.errors().first() {
            return Err(Problem::new(
                format!(
                    "{bucket}/{} cannot be removed: {}",
                    refused.key().unwrap_or_default(),
                    refused.message().or(refused.code()).unwrap_or("S3 gives no reason")
                ),
                "allow s3:DeleteObject and s3:DeleteObjectVersion, and see that no lock holds the object",
            ));
        }
    }
}

async fn uploads(account: &Account, bucket: &str) -> Result<(), Problem> {
    let mut pages = account.s3.list_multipart_uploads().bucket(bucket);
    loop {
        let page = pages.clone().send().await;
        let page = page.map_err(|error| problem("s3:ListBucketMultipartUploads", bucket, &error))?;
        for upload in page.uploads() {
            let abort = account.s3.abort_multipart_upload().bucket(bucket);
            let abort = abort.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone());
            abort.send().await.map_err(|error| problem("s3:AbortMultipartUpload", bucket, &error))?;
        }
        if page.is_truncated() != Some(true) {
            return Ok(());
        }
        pages = pages.set_key_marker(page.next_key_marker).set_upload_id_marker(page.next_upload_id_marker);
    }
}

/// Removes a stream.
pub(crate) async fn stream(account: &Account, name: &str, observer: &dyn Observer) -> Result<(), Problem> {
    let gone = account.kinesis.delete_stream().stream_name(name).enforce_consumer_deletion(true).send().await;
    match gone {
        Ok(_) => observer.say(&format!("removed stream {name}")),
        Err(error)
            if error.as_service_error().is_some_and(
                aws_sdk_kinesis::operation::delete_stream::DeleteStreamError::is_resource_not_found_exception,
            ) => {}
        Err(error) => return Err(problem("kinesis:DeleteStream", name, &error)),
    }
    Ok(())
}
