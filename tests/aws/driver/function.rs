//! A function: execution environments that are started when they are needed, kept warm, and lost when they fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::oneshot;

use super::instance::{Instance, Life, Lines, Program};
use super::runtime_api::{Invocation, Reply};

/// What is configured of a function.
pub struct Settings {
    pub name: String,
    pub megabytes: u32,
    pub timeout: Duration,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Answer(String),
    /// With an error that the function, or its start, reported.
    Error(String),
    /// The function did not end in time, and was killed.
    TimedOut,
    /// Its process ended.
    Ended(String),
}

pub struct Function {
    settings: Settings,
    program: Program,
    idle: Mutex<Vec<Instance>>,
    lives: Mutex<Vec<Arc<Life>>>,
    lines: Lines,
    invocations: AtomicUsize,
    starts: AtomicUsize,
}

impl Function {
    pub fn new(settings: Settings, program: Program) -> Arc<Self> {
        Arc::new(Self {
            settings,
            program,
            idle: Mutex::default(),
            lives: Mutex::default(),
            lines: Lines::default(),
            invocations: AtomicUsize::new(0),
            starts: AtomicUsize::new(0),
        })
    }

    /// Hands `event` to an execution environment, a new one if none is idle.
    pub async fn invoke(&self, event: &Value) -> Outcome {
        let number = self.invocations.fetch_add(1, Ordering::SeqCst);
        let instance = match self.warm() {
            Some(instance) => instance,
            None => self.cold().await,
        };
        let (reply, replied) = oneshot::channel();
        let deadline = SystemTime::now() + self.settings.timeout;
        let invocation = Invocation {
            id: format!("00000000-0000-0000-0000-{number:012}"),
            deadline: deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis(),
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.settings.name),
            trace: None,
            event: event.to_string(),
            reply,
        };
        let answered = async {
            let _ = instance.api.invocations.send(invocation).await;
            // Without a reply, the environment is gone.
            match replied.await {
                Ok(reply) => reply,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            reply = answered => {
                if !instance.life.has_ended() {
                    self.idle.lock().unwrap().push(instance);
                }
                match reply {
                    Reply::Answer(text) => Outcome::Answer(text),
                    Reply::Error(text) => Outcome::Error(text),
                }
            }
            how = instance.life.ended() => match instance.api.init_error() {
                Some(error) => Outcome::Error(error),
                None => Outcome::Ended(how),
            },
            () = tokio::time::sleep(self.settings.timeout) => {
                instance.life.kill().await;
                Outcome::TimedOut
            }
        }
    }

    fn warm(&self) -> Option<Instance> {
        let mut idle = self.idle.lock().unwrap();
        idle.retain(|instance| !instance.life.has_ended());
        idle.pop()
    }

    async fn cold(&self) -> Instance {
        self.starts.fetch_add(1, Ordering::SeqCst);
        let instance = Instance::start(&self.program, &self.settings, &self.lines).await;
        let mut lives = self.lives.lock().unwrap();
        lives.retain(|life| !life.has_ended());
        lives.push(Arc::clone(&instance.life));
        drop(lives);
        instance
    }

    /// Kills all of its execution environments, at work or idle.
    pub async fn kill(&self) {
        let lives: Vec<Arc<Life>> = self.lives.lock().unwrap().drain(..).collect();
        for life in lives {
            life.kill().await;
        }
    }

    /// What its processes wrote to stdout so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How many execution environments were started.
    pub fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    pub fn name(&self) -> &str {
        &self.settings.name
    }
}
