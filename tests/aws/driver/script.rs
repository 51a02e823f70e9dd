//! A function without a process: what it does is scripted, and it speaks the Runtime API over HTTP all the same.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// What a script does with an event.
pub enum Act {
    /// Answers with a text.
    Answer(String),
    /// Says that it failed.
    Error,
    /// Ends its process.
    Exit,
    /// Never answers.
    Hang,
}

pub type Script = Arc<dyn Fn(&Value) -> Act + Send + Sync>;

/// Takes events of the Runtime API at `address` until the script ends the process.
pub(super) async fn serve(script: Script, address: SocketAddr) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |method: Method, path: &str, body: String| {
        let uri = format!("/2018-06-01/runtime/invocation/{path}");
        Request::builder()
            .method(method)
            .uri(uri)
            .header("Host", "localhost")
            .body(Full::<Bytes>::from(body))
            .unwrap()
    };
    loop {
        let Ok(next) = sender.send_request(request(Method::GET, "next", String::new())).await else { break };
        // Without one the environment is being taken down.
        let Some(id) = next.headers().get("Lambda-Runtime-Aws-Request-Id") else { break };
        let id = id.to_str().unwrap().to_owned();
        let Ok(event) = next.into_body().collect().await else { break };
        let event: Value = serde_json::from_slice(&event.to_bytes()).unwrap();
        let (path, body) = match script(&event) {
            Act::Answer(text) => (format!("{id}/response"), text),
            Act::Error => (format!("{id}/error"), r#"{"errorMessage":"it says so"}"#.to_owned()),
            Act::Exit => break,
            Act::Hang => std::future::pending().await,
        };
        let Ok(heard) = sender.send_request(request(Method::POST, &path, body)).await else { break };
        let _ = heard.into_body().collect().await;
    }
    connection.abort();
}
