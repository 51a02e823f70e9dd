//! The worker as a host under test: one process for all stages, which can die and be followed by another.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use tidemill_core::Item;
use tokio::sync::Mutex as AsyncMutex;

use super::process::{Orders, Process};
use crate::bench::{Bench, STAGES};
use crate::block_on;
use crate::conformance::{AtRest, Host};
use crate::emulator::Emulator;
use crate::proxy::{Polls, Proxy};

/// How long the queues may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(30);

pub struct Worker {
    bench: Bench,
    proxy: Proxy,
    polls: Arc<Polls>,
    process: Arc<AsyncMutex<Option<Process>>>,
    lines: Arc<Mutex<Vec<String>>>,
    orders: PathBuf,
    _folder: tempfile::TempDir,
}

impl Worker {
    pub fn new(emulator: &Arc<Emulator>) -> Self {
        block_on(async {
            let bench = Bench::new(emulator).await;
            let proxy = Proxy::open(emulator.address()).await;
            let polls = Polls::new(&bench.ground.clients.sqs);
            proxy.polls(&polls);
            let folder = tempfile::tempdir().unwrap();
            let orders = folder.path().join("orders.json");
            let stages = STAGES.map(|stage| bench.ground.stage_file(stage)).into();
            let told = Orders { stages, place: bench.ground.place.clone(), hidden: 120 };
            std::fs::write(&orders, serde_json::to_vec(&told).unwrap()).unwrap();
            let process = Arc::new(AsyncMutex::new(None));
            let dying = Arc::clone(&process);
            proxy.steps().death(move || {
                let dying = Arc::clone(&dying);
                async move { kill(&dying).await }
            });
            Self { bench, proxy, polls, process, lines: Arc::default(), orders, _folder: folder }
        })
    }

    /// Another one takes over where the last one died: the visibility of what it had is taken to have ended.
    async fn live(&self) {
        let mut process = self.process.lock().await;
        if process.is_none() {
            self.polls.give_back().await;
            *process = Some(Process::start(&self.orders, &self.proxy.endpoint(), &self.lines));
        }
    }

    /// Lets everything follow from what is in the queues.
    async fn settle(&self) {
        let begun = Instant::now();
        // A stage sends before it acknowledges: first the first. A repair may have gone back to it.
        while self.depth(0).await > 0 || self.depth(1).await > 0 || self.depth(0).await > 0 {
            assert!(begun.elapsed() < PATIENCE, "no rest: {:#?}", self.lines.lock().unwrap());
            self.live().await;
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn depth(&self, stage: usize) -> u64 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let ground = &self.bench.ground;
        let call = ground.clients.sqs.get_queue_attributes().queue_url(&ground.place.queues[STAGES[stage]]);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        let attributes = answer.attributes().unwrap();
        names.iter().map(|name| attributes[name].parse::<u64>().unwrap()).sum()
    }
}

async fn kill(process: &AsyncMutex<Option<Process>>) {
    if let Some(process) = process.lock().await.take() {
        process.kill().await;
    }
}

impl Host for Worker {
    fn put(&mut self, key: &str, content: &str) -> Item {
        self.bench.put(key, content)
    }

    fn remove(&mut self, key: &str) -> Item {
        self.bench.remove(key)
    }

    fn put_output(&mut self, key: &str, content: &str) {
        block_on(self.bench.ground.put("media", key, content));
    }

    fn deliver(&mut self, items: &[&Item]) {
        block_on(async {
            for item in items {
                self.bench.send(item).await;
                self.settle().await;
            }
        });
    }

    fn keeps_unknown(&mut self, raw: &str) -> bool {
        block_on(async {
            let ground = &self.bench.ground;
            ground.send(STAGES[0], raw).await;
            self.live().await;
            let begun = Instant::now();
            while !self.lines.lock().unwrap().iter().any(|line| line.contains("unsettled")) {
                assert!(begun.elapsed() < PATIENCE, "nobody says anything");
                tokio::time::sleep(LOOK).await;
            }
            kill(&self.process).await;
            self.polls.give_back().await;
            let queue = &ground.place.queues[STAGES[0]];
            let kept = ground.clients.sqs.receive_message().queue_url(queue).send().await.unwrap();
            ground.clients.sqs.purge_queue().queue_url(queue).send().await.unwrap();
            kept.messages().iter().map(|message| message.body().unwrap()).eq([raw])
        })
    }

    fn deliver_and_die(&mut self, items: &[&Item], step: usize) -> Option<String> {
        self.proxy.steps().arm(step);
        block_on(async {
            for item in items {
                self.bench.send(item).await;
            }
            self.settle().await;
        });
        self.proxy.steps().disarm()
    }

    fn at_rest(&self) -> AtRest {
        block_on(async {
            assert_eq!(self.depth(0).await, 0, "nothing is at rest while items wait");
            // All that it wrote is read once it has ended.
            kill(&self.process).await;
            let lines = self.lines.lock().unwrap().clone();
            self.bench.at_rest(&lines).await
        })
    }
}
