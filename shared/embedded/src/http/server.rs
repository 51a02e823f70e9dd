//! The server: it listens, bounds its connections, and ends in peace.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidemill_pipeline::Plan;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::endpoint;
use super::offers::Offers;
use super::serve::{Served, serve};
use crate::bucket::Buckets;
use crate::error::HostError;
use crate::mill::{Options, Shared};
use crate::summary::{Endpoint, Event, Summary};

/// Where it listens if nobody says otherwise, or at the next port that is free.
const PORT: u16 = 8787;

/// How many ports are tried.
const PORTS: u16 = 100;

/// How many connections are served at once; with a body each, they take 256 MB.
const CONNECTIONS: usize = 64;

/// How long a head may take, and how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The bytes and the lines of a head.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;

/// How many items may wait before callers are asked to wait.
const MOST_WAITING: u64 = 10_000;

/// How long answers under way may take after a stop. A run ends within two seconds.
const GRACE: Duration = Duration::from_millis(300);

/// The pipeline's HTTP sources, served.
pub(crate) struct Server {
    served: Arc<Served>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens, if the plan has HTTP sources.
    pub(crate) async fn start(
        plan: &Plan,
        options: &Options,
        buckets: &Buckets,
        shared: &Shared,
    ) -> Result<Option<Self>, HostError> {
        let endpoints = endpoint::all(plan, options, buckets)?;
        if endpoints.is_empty() {
            return Ok(None);
        }
        let (listener, address) = listen(options.http_port).await?;
        let served = Arc::new(Served {
            address,
            endpoints,
            offers: Offers::default(),
            state: Arc::clone(&shared.state),
            sent: Arc::clone(&shared.sent),
            probe: shared.probe.clone(),
            most_waiting: options.most_waiting.unwrap_or(MOST_WAITING),
            stop: shared.stop.clone(),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, Arc::clone(&served), stopped));
        Ok(Some(Self { served, stop, task }))
    }

    /// Where it listens, and for which sources.
    pub(crate) fn listening(&self) -> Event {
        let mut endpoints: Vec<Endpoint> = self
            .served
            .endpoints
            .values()
            .map(|endpoint| Endpoint {
                source: endpoint.name.clone(),
                secret: match &endpoint.auth {
                    tidemill_core::deployment::Auth::Hmac { secret } => Some(secret.clone()),
                    tidemill_core::deployment::Auth::Iam => None,
                },
            })
            .collect();
        endpoints.sort_by(|a, b| a.source.cmp(&b.source));
        Event::Listening { address: self.served.address, endpoints }
    }

    /// Takes nothing more, and lets answers under way be sent.
    pub(crate) async fn end(mut self, summary: &mut Summary) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
        for endpoint in self.served.endpoints.values() {
            let found = endpoint.found.load(Ordering::Relaxed);
            *summary.found.entry(endpoint.name.clone()).or_default() += found;
        }
    }
}

async fn listen(asked: Option<u16>) -> Result<(TcpListener, SocketAddr), HostError> {
    let ports = asked.map_or(PORT..PORT + PORTS, |port| port..port.saturating_add(1));
    let mut last = None;
    for port in ports {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => match listener.local_addr() {
                Ok(address) => return Ok((listener, address)),
                Err(error) => last = Some((port, error)),
            },
            Err(error) => last = Some((port, error)),
        }
    }
    let (port, cause) =
        last.map_or((PORT, String::new()), |(port, error)| (port, crate::bucket::cause(&error)));
    Err(HostError::Listen { port, cause })
}

async fn accept(listener: TcpListener, served: Arc<Served>, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // Whoever finds no place waits in the system's own queue.
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            _ = stopped.changed() => break,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        if let Ok((stream, _)) = accepted {
            let (served, stopped) = (Arc::clone(&served), stopped.clone());
            connections.spawn(async move {
                converse(stream, served, stopped).await;
                drop(place);
            });
        } else {
            // No file handles left, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn converse(stream: TcpStream, served: Arc<Served>, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let served = Arc::clone(&served);
        async move { Ok::<_, Infallible>(serve(served, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A caller that breaks off has nobody left to tell.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
