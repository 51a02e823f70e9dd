//! The Runtime API, for one execution environment.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The largest answer of a function.
const LARGEST: usize = 6 * 1024 * 1024;

const VERSION: &str = "/2018-06-01/runtime";

/// What a function is handed.
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) deadline: u128,
    pub(super) arn: String,
    pub(super) trace: Option<String>,
    pub(super) event: String,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What a function says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Answer(String),
    Error(String),
}

struct Shared {
    next: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    current: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
    failed: Mutex<Option<String>>,
}

/// A listening Runtime API.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) invocations: mpsc::Sender<Invocation>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl RuntimeApi {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (invocations, next) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            next: tokio::sync::Mutex::new(next),
            current: Mutex::default(),
            failed: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                let service = service_fn(move |request| {
                    let shared = Arc::clone(&shared);
                    async move { Ok::<_, Infallible>(shared.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { address, invocations, shared, task }
    }

    /// Why the function could not start, if it said so.
    pub(super) fn init_error(&self) -> Option<String> {
        self.shared.failed.lock().unwrap().clone()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().strip_prefix(VERSION).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
        match parts.as_slice() {
            ["invocation", "next"] if get => self.next().await,
            ["init", "error"] if post => {
                *self.failed.lock().unwrap() = body(request).await;
                status(StatusCode::ACCEPTED)
            }
            ["invocation", id, what @ ("response" | "error")] if post => {
                let Some(text) = body(request).await else { return status(StatusCode::PAYLOAD_TOO_LARGE) };
                let reply = if *what == "error" { Reply::Error(text) } else { Reply::Answer(text) };
                let current = self.current.lock().unwrap().take_if(|(known, _)| known == id);
                match current {
                    Some((_, sender)) => {
                        let _ = sender.send(reply);
                        status(StatusCode::ACCEPTED)
                    }
                    None => status(StatusCode::BAD_REQUEST),
                }
            }
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let next = self.next.lock().await.recv().await;
        let Some(next) = next else { return status(StatusCode::GONE) };
        let answer = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &next.id)
            .header("Lambda-Runtime-Deadline-Ms", next.deadline.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &next.arn);
        let answer = match &next.trace {
            Some(trace) => answer.header("Lambda-Runtime-Trace-Id", trace),
            None => answer,
        };
        *self.current.lock().unwrap() = Some((next.id, next.reply));
        answer.body(Full::from(next.event)).unwrap()
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::from("{}")).unwrap()
}

/// The body, unless it is too large.
async fn body(request: Request<Incoming>) -> Option<String> {
    let whole = Limited::new(request.into_body(), LARGEST).collect().await.ok()?;
    Some(String::from_utf8_lossy(&whole.to_bytes()).into_owned())
}
