//! The process of a worker: this test binary, started again.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidemill_aws::{Clients, Station};
use tidemill_core::Stop;
use tidemill_core::deployment::{Place, StageFile};
use tidemill_worker::Post;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use crate::bootstrap;
use crate::emulator::REGION;

/// The environment variable that makes this binary a worker's process, and names the file with its [`Orders`].
pub const ORDERS: &str = "TIDEMILL_TEST_WORKER";

/// What a worker is to do.
#[derive(Clone, Deserialize, Serialize)]
pub struct Orders {
    pub stages: Vec<StageFile>,
    pub place: Place,
    /// In seconds.
    pub hidden: u64,
}

/// Works until its input ends.
pub fn main(orders: &OsStr) -> ExitCode {
    let orders: Orders = serde_json::from_slice(&std::fs::read(orders).unwrap()).unwrap();
    let stop = Stop::default();
    let stopping = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stopping.set();
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clients = Clients::load().await;
        let functions = bootstrap::functions();
        let posts = orders.stages.iter().map(|file| {
            let entry = functions.iter().find(|entry| entry.name == file.plan.function).unwrap();
            let station = Station::open(file, orders.place.clone(), entry, &clients, 512 << 20).unwrap();
            Post {
                station: Arc::new(station),
                queue: orders.place.queues[&file.plan.name].clone(),
                streams: Vec::new(),
                hidden: Duration::from_secs(orders.hidden),
            }
        });
        tidemill_worker::run(posts.collect(), &clients, &stop, None).await;
    });
    ExitCode::SUCCESS
}

/// A worker's process. It ends with this value.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    reading: JoinHandle<()>,
}

impl Process {
    /// Starts one that reaches AWS at `endpoint`, and adds its lines to `lines`.
    pub fn start(orders: &Path, endpoint: &str, lines: &Arc<Mutex<Vec<String>>>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env(ORDERS, orders)
            .envs([("AWS_ENDPOINT_URL", endpoint), ("AWS_REGION", REGION)])
            .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let lines = Arc::clone(lines);
        let reading = tokio::spawn(async move {
            let mut reader = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                lines.lock().unwrap().push(line);
            }
        });
        Self { child, stdin, reading }
    }

    /// Ends it as SIGKILL does; what it wrote is read when this comes back.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
        self.reading.await.unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().await.unwrap().success());
        self.reading.await.unwrap();
    }
}
