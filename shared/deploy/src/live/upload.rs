//! The artifact bucket: zips and templates, by what they hold.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration, Tag, Tagging,
};

use super::account::{Account, problem};
use super::observer::Observer;
use crate::Problem;
use crate::names::artifact_bucket;

/// The region whose buckets may not say where they are (S3 API Reference, `CreateBucket`).
const UNSAID: &str = "us-east-1";

/// The bucket for zips, made if it is not there.
pub(crate) async fn bucket(account: &Account, observer: &dyn Observer) -> Result<String, Problem> {
    let name = artifact_bucket(&account.number, &account.region);
    let head = account.s3.head_bucket().bucket(&name).expected_bucket_owner(&account.number).send().await;
    match head {
        Ok(_) => return Ok(name),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(aws_sdk_s3::operation::head_bucket::HeadBucketError::is_not_found) => {}
        Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 403) => {
            return Err(Problem::new(
                format!("bucket `{name}` is not for {} to use", account.caller),
                format!(
                    "allow s3:ListBucket, s3:GetObject and s3:PutObject on it; if it is another account's, somebody \
                     took the name, which only account {} should have",
                    account.number
                ),
            ));
        }
        Err(error) => return Err(problem("s3:HeadBucket", &name, &error)),
    }
    observer.say(&format!(
        "making bucket {name} for zips and templates; account {} owns it, and all its environments in {} share it",
        account.number, account.region
    ));
    let place = (account.region != UNSAID).then(|| {
        let region = BucketLocationConstraint::from(account.region.as_str());
        CreateBucketConfiguration::builder().location_constraint(region).build()
    });
    let made = account.s3.create_bucket().bucket(&name).set_create_bucket_configuration(place).send().await;
    if let Err(error) = made
        && error.code() != Some("BucketAlreadyOwnedByYou")
    {
        if error.code() == Some("BucketAlreadyExists") {
            return Err(Problem::new(
                format!("the name `{name}` is taken by another account"),
                "ask AWS support about it, or deploy in another region: the name holds this account's number",
            ));
        }
        return Err(problem("s3:CreateBucket", &name, &error));
    }
    close(account, &name).await?;
    Ok(name)
}

/// Nobody else looks into it. (Encryption by S3 is the default of every bucket.)
async fn close(account: &Account, name: &str) -> Result<(), Problem> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let call = account.s3.put_public_access_block().bucket(name).public_access_block_configuration(block);
    call.send().await.map_err(|error| problem("s3:PutBucketPublicAccessBlock", name, &error))?;
    let tag = Tag::builder().key("tidemill").value("artifacts").build();
    let tags = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
    if let Ok(tags) = tags {
        let call = account.s3.put_bucket_tagging().bucket(name).tagging(tags);
        call.send().await.map_err(|error| problem("s3:PutBucketTagging", name, &error))?;
    }
    Ok(())
}

/// Puts `bytes` under a key that names them, unless they are there. Gives whether they had to be sent.
pub(crate) async fn once(account: &Account, bucket: &str, key: &str, bytes: &[u8]) -> Result<bool, Problem> {
    let place = format!("{bucket}/{key}");
    let head = account.s3.head_object().bucket(bucket).key(key).send().await;
    match head {
        Ok(_) => return Ok(false),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(aws_sdk_s3::operation::head_object::HeadObjectError::is_not_found) => {}
        Err(error) => return Err(problem("s3:GetObject", &place, &error)),
    }
    let body = ByteStream::from(bytes.to_vec());
    let put = account.s3.put_object().bucket(bucket).key(key).body(body);
    put.expected_bucket_owner(&account.number)
        .send()
        .await
        .map_err(|error| problem("s3:PutObject", &place, &error))?;
    Ok(true)
}
