//! An execution environment: a process, or a script in its place, that asks a Runtime API for work.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::{Notify, watch};

use super::function::Settings;
use super::runtime_api::RuntimeApi;
use super::script::{self, Script};

/// What a function consists of.
pub enum Program {
    /// A binary.
    Binary(Binary),
    /// A script that speaks HTTP in this process.
    Script(Script),
}

/// A binary as it lies in a zip.
pub struct Binary {
    pub path: PathBuf,
    /// The folder with what else is in the zip.
    pub root: PathBuf,
    /// The function's own environment.
    pub environment: Vec<(String, String)>,
    /// How much memory the process may address, in bytes.
    pub address_space: Option<u64>,
}

/// What its processes wrote to stdout, line by line.
pub type Lines = Arc<Mutex<Vec<String>>>;

/// A handle to end it, and to hear that it has ended.
pub(super) struct Life {
    kill: Notify,
    ended: watch::Receiver<Option<String>>,
}

impl Life {
    /// Ends it as SIGKILL does; it has ended when this comes back.
    pub(super) async fn kill(&self) {
        self.kill.notify_one();
        self.ended().await;
    }

    /// Comes back when it has ended, with how.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let how = ended.wait_for(Option::is_some).await;
        how.ok().and_then(|how| how.clone()).unwrap_or_default()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }
}

pub(super) struct Instance {
    pub(super) api: RuntimeApi,
    pub(super) life: Arc<Life>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.life.kill.notify_one();
    }
}

impl Instance {
    /// A cold start.
    pub(super) async fn start(program: &Program, settings: &Settings, lines: &Lines) -> Self {
        let api = RuntimeApi::open().await;
        let (ends, ended) = watch::channel(None);
        let life = Arc::new(Life { kill: Notify::new(), ended });
        let killed = Arc::clone(&life);
        match program {
            Program::Binary(binary) => {
                let mut command = command(binary, settings, &api);
                let mut child = command.spawn().unwrap();
                let (stdout, lines) = (child.stdout.take().unwrap(), Arc::clone(lines));
                tokio::spawn(async move {
                    let reading = async {
                        let mut reader = BufReader::new(stdout).lines();
                        while let Ok(Some(line)) = reader.next_line().await {
                            lines.lock().unwrap().push(line);
                        }
                    };
                    let waiting = async {
                        tokio::select! {
                            status = child.wait() => status.unwrap(),
                            () = killed.kill.notified() => {
                                child.start_kill().unwrap();
                                child.wait().await.unwrap()
                            }
                        }
                    };
                    // What it wrote before it died is read to its end.
                    let (status, ()) = tokio::join!(waiting, reading);
                    let _ = ends.send(Some(status.to_string()));
                });
            }
            Program::Script(script) => {
                let serving = script::serve(Arc::clone(script), api.address);
                tokio::spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        () = killed.kill.notified() => {}
                    }
                    let _ = ends.send(Some("the script ended".to_owned()));
                });
            }
        }
        Self { api, life }
    }
}

/// The process with the environment that Lambda gives, and nothing else.
fn command(binary: &Binary, settings: &Settings, api: &RuntimeApi) -> Command {
    let mut command = match binary.address_space {
        None => Command::new(&binary.path),
        Some(bytes) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("ulimit -v {}; exec \"$0\"", bytes / 1024)).arg(&binary.path);
            command
        }
    };
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", &settings.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.megabytes.to_string())
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", settings.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0")
        .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
        .env("LAMBDA_TASK_ROOT", &binary.root)
        .env("_HANDLER", "bootstrap")
        .env("TZ", ":UTC")
        .envs(binary.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}
