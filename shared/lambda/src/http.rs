//! An HTTP source: a request becomes an item in its listeners' queues.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tidemill_aws::{Buckets, Clients, Queues, secret};
use tidemill_core::deployment::{self, Auth, Place, StageFile, StageSource};
use tidemill_core::ports::{Outbox, Port, StoreError};
use tidemill_request::{Answer, Endpoint, Request, Upload, admit, admit_upload, wants_upload};

/// How long an offered place for an upload is good for.
const OFFER: Duration = Duration::from_mins(15);

/// After how many seconds a caller may try again.
const AGAIN: u32 = 5;

/// An HTTP source, open to requests.
pub(crate) struct Door {
    signature: String,
    auth: Auth,
    secret: Option<Vec<u8>>,
    upload: Option<deployment::Upload>,
    queues: Queues,
    buckets: Buckets,
}

/// A request, whichever front sent it.
struct Call {
    method: String,
    headers: http::HeaderMap,
    query: Option<String>,
    body: Vec<u8>,
    id: String,
}

impl Door {
    pub(crate) async fn open(
        source: &StageSource,
        file: &StageFile,
        place: &Place,
        clients: &Clients,
    ) -> Result<Self, String> {
        let StageSource::Http { name, auth, listeners, upload } = source else {
            return Err("the source takes no requests".to_owned());
        };
        let secret = match auth {
            Auth::Iam => None,
            Auth::Hmac { secret: name } => {
                let physical =
                    place.secrets.get(name).ok_or_else(|| format!("nothing says where `{name}` is"))?;
                Some(secret(clients, physical).await.map_err(|error| error.to_string())?)
            }
        };
        let place = Arc::new(place.clone());
        let buckets = Buckets::new(clients.s3.clone(), Arc::clone(&place));
        Ok(Self {
            signature: format!("{}/{name}", file.plan.pipeline),
            auth: auth.clone(),
            secret,
            upload: upload.clone(),
            queues: Queues::new(clients.sqs.clone(), buckets.clone(), &place, None, listeners, &[])?,
            buckets,
        })
    }

    pub(crate) async fn answer(&self, event: &str) -> Value {
        let answer = match read(event) {
            Ok(call) => self.take(&call).await,
            Err(reason) => Answer::error(400, &reason),
        };
        let headers: serde_json::Map<String, Value> =
            answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({
            "statusCode": answer.status,
            "headers": headers,
            "body": answer.body,
            "isBase64Encoded": false,
        })
    }

    async fn take(&self, call: &Call) -> Answer {
        let endpoint = Endpoint { source: &self.signature, auth: &self.auth, secret: self.secret.as_deref() };
        let header = |name: &str| call.headers.get(name).map(http::HeaderValue::as_bytes);
        let request = Request {
            method: &call.method,
            header: &header,
            body: &call.body,
            time: Timestamp::now(),
            id: &call.id,
        };
        if let (Some(asked), Some(_)) = (wants_upload(call.query.as_deref()), &self.upload) {
            return match admit_upload(&endpoint, &request, asked) {
                Ok(name) => match self.offer(&name).await {
                    Some(offer) => Answer::offer(&offer),
                    None => Answer::unavailable("no place for an upload can be made now", AGAIN),
                },
                Err(refusal) => refusal.answer(None),
            };
        }
        match admit(&endpoint, &request) {
            Ok(item) => match self.queues.send(Port::Items, &item).await {
                Ok(()) => Answer::accepted(&item.id),
                Err(StoreError::Unavailable(reason)) if reason.contains("Throttl") => Answer::busy(AGAIN),
                // The reason names queues and roles, which are none of the caller's business.
                Err(_) => Answer::unavailable("the item cannot be queued now", AGAIN),
            },
            Err(refusal) => {
                let offer = if refusal.may_upload { self.offer(&call.id).await } else { None };
                refusal.answer(offer.as_ref())
            }
        }
    }

    /// A place for one upload, in the bucket of the S3 source that takes what is large.
    async fn offer(&self, name: &str) -> Option<Upload> {
        let upload = self.upload.as_ref()?;
        let key = format!("{}{name}", upload.prefix);
        let url = self.buckets.presigned(&upload.bucket, &key, OFFER).await.ok()?;
        Some(Upload { url, expires_seconds: OFFER.as_secs() })
    }
}

/// Reads a request as a function URL or an HTTP API sends it (payload format 2.0), or a REST API (1.0).
fn read(event: &str) -> Result<Call, String> {
    let bytes = |body: Option<String>, encoded: bool| match body {
        None => Ok(Vec::new()),
        Some(body) if encoded => BASE64_STANDARD.decode(body).map_err(|_| "the body is no Base64".to_owned()),
        Some(body) => Ok(body.into_bytes()),
    };
    let shape: Value = serde_json::from_str(event).map_err(|error| error.to_string())?;
    if shape.get("httpMethod").is_none() {
        let event: LambdaFunctionUrlRequest =
            serde_json::from_value(shape).map_err(|error| format!("no request: {error}"))?;
        return Ok(Call {
            method: event.request_context.http.method.unwrap_or_default(),
            headers: event.headers,
            query: event.raw_query_string,
            body: bytes(event.body, event.is_base64_encoded)?,
            id: event.request_context.request_id.ok_or("the request has no id")?,
        });
    }
    let event: ApiGatewayProxyRequest =
        serde_json::from_value(shape).map_err(|error| format!("no request: {error}"))?;
    let upload = event.query_string_parameters.first("upload").map(|name| format!("upload={name}"));
    Ok(Call {
        method: event.http_method.to_string(),
        headers: event.headers,
        query: upload,
        body: bytes(event.body, event.is_base64_encoded)?,
        id: event.request_context.request_id.ok_or("the request has no id")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts from the Lambda Developer Guide, "Request and response payloads" of function URLs, and the API
    /// Gateway Developer Guide, "Lambda proxy integrations".
    #[test]
    fn both_payload_formats_are_read() {
        let new = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": "upload=a.jpg",
            "headers": { "content-type": "application/json" },
            "requestContext": { "requestId": "r1", "timeEpoch": 1, "http": { "method": "POST", "path": "/" } },
            "body": "e30=", "isBase64Encoded": true
        });
        let call = read(&new.to_string()).unwrap();
        assert_eq!(
            (call.method.as_str(), call.body.as_slice(), call.id.as_str()),
            ("POST", b"{}".as_slice(), "r1")
        );
        assert_eq!(call.query.as_deref(), Some("upload=a.jpg"));
        let old = json!({
            "resource": "/", "path": "/", "httpMethod": "POST",
            "headers": { "Content-Type": "application/json" }, "multiValueHeaders": {},
            "queryStringParameters": { "upload": "a.jpg" }, "multiValueQueryStringParameters": null,
            "pathParameters": null, "stageVariables": null,
            "requestContext": { "requestId": "r2", "httpMethod": "POST", "identity": {}, "requestTimeEpoch": 1 },
            "body": "{}", "isBase64Encoded": false
        });
        let call = read(&old.to_string()).unwrap();
        assert_eq!((call.method.as_str(), call.id.as_str()), ("POST", "r2"));
        assert_eq!(call.headers["content-type"], "application/json");
        assert_eq!(call.query.as_deref(), Some("upload=a.jpg"));
        for bad in ["", "{}", "[]", r#"{"httpMethod":"POST"}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
