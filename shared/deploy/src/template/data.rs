//! The data stack: what is kept when everything else goes.

use serde_json::{Value, json};

use super::logical;
use super::policy::{document, refuse_plain_http};
use super::scope::{Scope, bucket_arn};
use super::sheet::Sheet;
use crate::names::{Name, sub};

/// When an upload that was begun and never ended is thrown away.
const UPLOAD_DAYS: u64 = 7;

/// When a value that was too large for a message goes: a day later than the last message that could name it.
const VALUE_DAYS: u64 = 15;

/// Buckets and streams that are not there already, and the state bucket.
pub(crate) fn add(scope: &Scope<'_>, sheet: &mut Sheet) {
    let aws = &scope.plan.aws;
    for bucket in scope.plan.buckets() {
        if !aws.buckets.contains_key(bucket) {
            let id = format!("{}Bucket", logical::id(bucket));
            self::bucket(scope, sheet, &id, &format!("bucket `{bucket}`"), &scope.bucket(bucket), None);
        }
    }
    let values = scope.documents("values/");
    self::bucket(scope, sheet, "TidemillBucket", "the state bucket", &scope.names.state(), Some(&values));
    for stream in scope.plan.streams() {
        if !aws.streams.contains_key(stream) {
            let id = format!("{}Stream", logical::id(stream));
            sheet.resource(&format!("stream `{stream}`"), &id, self::stream(scope, stream));
        }
    }
}

/// A bucket and its policy; `values` is the prefix of values in the state bucket.
fn bucket(scope: &Scope<'_>, sheet: &mut Sheet, id: &str, owner: &str, name: &Name, values: Option<&str>) {
    let encryption = match &scope.plan.aws.kms_key {
        Some(key) => json!({
            "BucketKeyEnabled": true,
            "ServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key },
        }),
        None => json!({ "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } }),
    };
    let mut rules = vec![json!({
        "Id": "unfinished-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": UPLOAD_DAYS },
    })];
    if let Some(prefix) = values {
        rules.push(json!({
            "Id": "values",
            "Status": "Enabled",
            "Prefix": prefix,
            "ExpirationInDays": VALUE_DAYS,
        }));
    }
    let mut properties = json!({
        "BucketName": name.value(),
        "BucketEncryption": { "ServerSideEncryptionConfiguration": [encryption] },
        "LifecycleConfiguration": { "Rules": rules },
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": true,
            "BlockPublicPolicy": true,
            "IgnorePublicAcls": true,
            "RestrictPublicBuckets": true,
        },
    });
    // Nobody listens to the state bucket.
    if values.is_none() {
        properties["NotificationConfiguration"] =
            json!({ "EventBridgeConfiguration": { "EventBridgeEnabled": true } });
    }
    sheet.resource(owner, id, kept("AWS::S3::Bucket", &properties));
    let arn = bucket_arn(name);
    let whole = json!([sub(arn.clone()), sub(format!("{arn}/*"))]);
    let policy = json!({
        "Bucket": { "Ref": id },
        "PolicyDocument": document(&[refuse_plain_http("s3:*", &whole)]),
    });
    sheet.resource(owner, &format!("{id}Policy"), kept("AWS::S3::BucketPolicy", &policy));
}

fn stream(scope: &Scope<'_>, stream: &str) -> Value {
    let key = scope.plan.aws.kms_key.as_deref().unwrap_or("alias/aws/kinesis");
    kept(
        "AWS::Kinesis::Stream",
        &json!({
            "Name": scope.stream(stream).value(),
            "StreamModeDetails": { "StreamMode": "ON_DEMAND" },
            "StreamEncryption": { "EncryptionType": "KMS", "KeyId": key },
        }),
    )
}

/// A resource that stays when its stack goes or forgets it, unless the stack was never made: a first deployment that
/// fails leaves nothing that the next one would stumble over.
fn kept(kind: &str, properties: &Value) -> Value {
    json!({
        "Type": kind,
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    })
}
