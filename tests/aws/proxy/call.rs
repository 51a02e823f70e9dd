//! A call of AWS, by what it is for.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use super::Answer;

/// A call as the proxy sees it.
pub struct Call {
    /// What it is for: `input`, `output`, `document`, `letter`, `head`, `value`, `send` and what it does.
    pub name: String,
    pub method: Method,
    pub query: String,
    /// The operation of a service that speaks JSON.
    pub target: Option<String>,
    pub body: Bytes,
}

impl Call {
    pub(super) fn new(parts: &Parts, body: Bytes) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let target =
            header("x-amz-target").and_then(|target| target.split('.').next_back()).map(str::to_owned);
        let path = parts.uri.path();
        let name = match &target {
            Some(operation) if operation.starts_with("Send") => "send".to_owned(),
            Some(operation) if operation == "DeleteMessage" => "acknowledge".to_owned(),
            Some(operation) => operation.clone(),
            None => format!("{} by {} {path}", kind(&parts.method, path), parts.method),
        };
        Self {
            name,
            method: parts.method.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            target,
            body,
        }
    }

    /// An answer that says no, in the service's own form.
    pub(super) fn refusal(&self, status: u16, code: &str) -> Answer {
        let body = if self.target.is_some() {
            json!({ "__type": code, "message": "as the test asks" }).to_string()
        } else {
            format!("<Error><Code>{code}</Code><Message>as the test asks</Message></Error>")
        };
        let kind = if self.target.is_some() { "application/x-amz-json-1.0" } else { "application/xml" };
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
        Response::builder().status(status).header("content-type", kind).body(body).unwrap()
    }

    /// The body with only the first entry of a batch, and the ids of the others.
    pub(super) fn first_entry(&self) -> (Bytes, Vec<String>) {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap();
        let entries = body["Entries"].as_array_mut().unwrap();
        let left_out = entries.split_off(1);
        let ids = left_out.iter().map(|entry| entry["Id"].as_str().unwrap().to_owned()).collect();
        (body.to_string().into(), ids)
    }
}

fn kind(method: &Method, path: &str) -> &'static str {
    let key = path.splitn(3, '/').nth(2).unwrap_or_default();
    let own = key.split_once(".tidemill/").filter(|(before, _)| before.is_empty()).map(|(_, own)| own);
    match own {
        None if method == Method::GET => "input",
        None => "output",
        Some(own) if own.contains("/results/") => "document",
        Some(own) if own.contains("/heads/") => "head",
        Some(own) if own.contains("/dead/") => "letter",
        Some(_) => "value",
    }
}

/// The answer to a batch, with failures for `ids` among it.
pub(super) async fn with_failures(answer: Answer, ids: &[String]) -> Result<Answer, std::io::Error> {
    let (mut parts, body) = answer.into_parts();
    let mut body: Value = serde_json::from_slice(&body.collect().await?.to_bytes()).unwrap();
    let failed: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "Id": id, "Code": "ThrottlingException", "Message": "slow down", "SenderFault": false }))
        .collect();
    body["Failed"] = failed.into();
    let body = Bytes::from(body.to_string());
    parts.headers.insert("content-length", body.len().into());
    Ok(Response::from_parts(parts, Full::new(body).map_err(|never| match never {}).boxed()))
}
