//! What AWS answers, as what a host does about it.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tidemill_core::ports::StoreError;

/// An error of a call, in one sentence.
pub fn explained<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => "AWS did not answer in time".to_owned(),
        SdkError::DispatchFailure(_) => format!("AWS cannot be reached: {}", innermost(error)),
        SdkError::ConstructionFailure(_) => format!("the call cannot be made: {}", innermost(error)),
        other => match (other.code(), other.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => match error.raw_response() {
                Some(response) => format!("AWS answered {}", response.status().as_u16()),
                None => "AWS gave no answer that can be read".to_owned(),
            },
        },
    }
}

/// What an error comes down to.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// An error of `action` on `place` for a person who called it: what is wrong, and what to do next.
pub fn advised<E>(action: &str, place: &str, error: &SdkError<E, HttpResponse>) -> (String, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let what = explained(error);
    let message = format!("{action} on {place}: {what}");
    let code = error.code().unwrap_or_default();
    let lower = what.to_lowercase();
    let hint = if error.raw_response().is_none() && (lower.contains("credentials") || lower.contains("imds"))
    {
        return (
            "there are no AWS credentials".to_owned(),
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; with SSO, `aws sso login` first"
                .to_owned(),
        );
    } else if lower.contains("region") && error.raw_response().is_none() {
        "set AWS_REGION, or a region in the profile that AWS_PROFILE names"
    } else if code.starts_with("AccessDenied") || code == "UnauthorizedOperation" || code == "403" {
        "allow that action to the user or role that calls, or call with another profile (AWS_PROFILE)"
    } else if code.contains("Expired") {
        "the credentials have run out: get new ones (with SSO, `aws sso login`)"
    } else if matches!(code, "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch")
    {
        "the credentials are none of this account's: check AWS_PROFILE or the keys, and the machine's clock"
    } else if code.contains("Throttl") || code == "TooManyRequestsException" || code == "SlowDown" {
        "AWS asks for fewer calls: wait a minute and try again"
    } else if error.raw_response().is_none() {
        "check the network, the region (AWS_REGION) and, where they are set, AWS_ENDPOINT_URL and AWS_CA_BUNDLE"
    } else {
        "see what AWS says above, mend that, and try again: nothing was left half done by this call"
    };
    (message, hint.to_owned())
}

/// An error of a call on `place`, by what a port is to make of it.
pub fn store_error<E>(action: &str, place: &str, error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    match (status, code) {
        (_, "NoSuchBucket") => StoreError::Unavailable(format!("there is no bucket for {place}")),
        (_, "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist") => {
            StoreError::Unavailable(format!("there is no queue {place}"))
        }
        (_, "NoSuchKey" | "NoSuchVersion" | "NotFound") | (Some(404), _) => StoreError::Missing,
        (Some(409 | 412), _) => StoreError::Conflict,
        (Some(403), _) | (_, "AccessDenied") => {
            StoreError::Unavailable(format!("not allowed: {action} on {place} ({})", explained(error)))
        }
        (_, "KeyTooLongError" | "EntityTooLarge" | "InvalidMessageContents" | "MetadataTooLarge") => {
            StoreError::Refused(format!("{place}: {}", explained(error)))
        }
        _ => StoreError::Unavailable(format!("{action} on {place}: {}", explained(error))),
    }
}
