//! What lies between a function and AWS: passes calls on, counts them, and lets them go wrong.

mod call;
mod cut;
mod poll;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use call::Call;
pub use poll::Polls;

use crate::driver::steps::Steps;

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is passed on, and so is the answer.
    Pass,
    /// An answer with this status and error code, and AWS never hears of it.
    Refuse(u16, &'static str),
    /// It is passed on, and answered with this status and error code all the same.
    Deny(u16, &'static str),
    /// It is passed on, and then the connection is cut before an answer.
    Silence,
    /// It is passed on, and the connection is cut in the middle of the answer's body.
    Cut,
    /// SQS takes only the first of a batch's messages, and says so.
    Throttle,
}

/// Says what becomes of a call.
pub type Rule = Box<dyn Fn(&Call) -> Act + Send + Sync>;

type Answer = Response<BoxBody<Bytes, std::io::Error>>;

/// A listening proxy. Each call is a step before it is passed on and another one after.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    target: SocketAddr,
    rule: Mutex<Rule>,
    steps: Arc<Steps>,
    polls: Mutex<Option<Arc<Polls>>>,
}

impl Proxy {
    /// A proxy before the emulator at `target`, which lets everything pass.
    pub async fn open(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target,
            rule: Mutex::new(Box::new(|_| Act::Pass)),
            steps: Arc::default(),
            polls: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                let service = service_fn(move |request| {
                    let shared = Arc::clone(&shared);
                    async move { shared.pass(request).await }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { address, shared, task }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn steps(&self) -> &Arc<Steps> {
        &self.shared.steps
    }

    /// Lets polls of queues be answered by `polls`.
    pub fn polls(&self, polls: &Arc<Polls>) {
        *self.shared.polls.lock().unwrap() = Some(Arc::clone(polls));
    }

    /// From now on `rule` decides.
    pub fn rule(&self, rule: impl Fn(&Call) -> Act + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn cut() -> std::io::Error {
    std::io::ErrorKind::ConnectionReset.into()
}

impl Shared {
    /// An error cuts the connection.
    async fn pass(&self, request: Request<Incoming>) -> Result<Answer, std::io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| cut())?.to_bytes();
        let call = Call::new(&parts, body.clone());
        let polls = self.polls.lock().unwrap().clone();
        if let Some(polls) = polls
            && call.target.as_deref() == Some("ReceiveMessage")
        {
            let (answer, some) = polls.answer(&call.body).await.ok_or_else(cut)?;
            // A poll that brings nothing is no step on anything's way.
            if some && self.steps.at(|| "after receive".to_owned()).await {
                return Err(cut());
            }
            return Ok(answer);
        }
        if self.steps.at(|| format!("before {}", call.name)).await {
            return Err(cut());
        }
        let act = (self.rule.lock().unwrap())(&call);
        if let Act::Refuse(status, code) = act {
            return Ok(call.refusal(status, code));
        }
        let (body, left_out) = if act == Act::Throttle { call.first_entry() } else { (body, Vec::new()) };
        let answer = self.forward(parts, body).await?;
        if self.steps.at(|| format!("after {}", call.name)).await {
            return Err(cut());
        }
        match act {
            Act::Pass | Act::Refuse(..) => Ok(answer),
            Act::Deny(status, code) => Ok(call.refusal(status, code)),
            Act::Silence => Err(cut()),
            Act::Cut => cut::in_the_middle(answer).await,
            Act::Throttle => call::with_failures(answer, &left_out).await,
        }
    }

    async fn forward(
        &self,
        parts: hyper::http::request::Parts,
        body: Bytes,
    ) -> Result<Answer, std::io::Error> {
        let stream = TcpStream::connect(self.target).await?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        let mut request = Request::from_parts(parts, Full::new(body.clone()));
        // A batch that was made smaller has another length.
        if request.headers().contains_key("content-length") {
            request.headers_mut().insert("content-length", body.len().into());
        }
        let answer = sender.send_request(request).await.map_err(std::io::Error::other)?;
        Ok(answer.map(|body| body.map_err(std::io::Error::other).boxed()))
    }
}
