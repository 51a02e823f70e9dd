//! The Lambda host as a host under test: real processes of the functions, real queues and buckets.

use std::sync::Arc;
use std::time::Duration;

use tidemill_core::Item;
use tidemill_core::deployment::Task;

use crate::bench::{Bench, STAGES};
use crate::conformance::{self, AtRest, Host};
use crate::driver::Function;
use crate::driver::sqs::SqsMapping;
use crate::emulator::Emulator;
use crate::proxy::Proxy;
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("lambda_keeps_the_promises", keeps_the_promises),
    ("lambda_bears_late_and_doubled_deliveries", late_and_doubled),
];

/// How long an invocation may take: far more than any of these needs.
const TIMEOUT: Duration = Duration::from_secs(30);

fn keeps_the_promises(emulator: &Arc<Emulator>) {
    conformance::suite(|| Lambda::new(emulator));
}

/// An older event is held back until a newer one has been delivered, each of them twice.
fn late_and_doubled(emulator: &Arc<Emulator>) {
    let mut host = Lambda::new(emulator);
    let older = host.put("in/a", "A one two");
    let newer = host.put("in/a", "B two three");
    block_on(async {
        host.bench.send(&older).await;
        let slow = SqsMapping { delay: Duration::from_secs(2), double: true, ..host.mapping(0) };
        let quick = SqsMapping { double: true, ..host.mapping(0) };
        let rest = async {
            // The slow one has it by then.
            while slow.in_flight().await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            host.bench.send(&newer).await;
            assert_eq!(quick.turn().await, (1, 1));
        };
        let (turned, ()) = tokio::join!(slow.turn(), rest);
        assert_eq!(turned, (1, 1));
        host.settle().await;
    });
    let at_rest = host.at_rest();
    let expected = [("in/a/three.txt", "B"), ("in/a/two.txt", "B")];
    assert!(at_rest.media.iter().map(|(key, content)| (key.as_str(), content.as_str())).eq(expected));
    assert_eq!((at_rest.counts["done"], at_rest.counts["superseded"]), (1, 1));
}

struct Lambda {
    bench: Bench,
    proxy: Proxy,
    functions: Vec<Arc<Function>>,
}

impl Lambda {
    fn new(emulator: &Arc<Emulator>) -> Self {
        block_on(async {
            let bench = Bench::new(emulator).await;
            let proxy = Proxy::open(emulator.address()).await;
            let functions: Vec<Arc<Function>> = STAGES
                .iter()
                .map(|stage| bench.ground.function(stage, Task::Stage, &proxy.endpoint(), TIMEOUT))
                .collect();
            proxy.steps().of(functions.clone());
            Self { bench, proxy, functions }
        })
    }

    fn mapping(&self, stage: usize) -> SqsMapping {
        let queue = &self.bench.ground.place.queues[STAGES[stage]];
        let mapping = SqsMapping::new(&self.bench.ground.clients.sqs, queue, &self.functions[stage]);
        SqsMapping { steps: Some(Arc::clone(self.proxy.steps())), ..mapping }
    }

    /// Lets everything follow from what is in the queues.
    async fn settle(&self) {
        let mappings = [self.mapping(0), self.mapping(1)];
        loop {
            for mapping in &mappings {
                mapping.settle().await;
            }
            // A repair may have gone back to the first.
            if mappings[0].depth().await == 0 {
                return;
            }
        }
    }
}

impl Host for Lambda {
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
            self.bench.ground.send(STAGES[0], raw).await;
            let mapping = self.mapping(0);
            assert_eq!(mapping.turn().await, (1, 0));
            let queue = &self.bench.ground.place.queues[STAGES[0]];
            let kept = self.bench.ground.clients.sqs.receive_message().queue_url(queue).send().await.unwrap();
            self.bench.ground.clients.sqs.purge_queue().queue_url(queue).send().await.unwrap();
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
            assert_eq!(self.mapping(0).depth().await, 0, "nothing is at rest while items wait");
            self.bench.at_rest(&self.functions[0].lines()).await
        })
    }
}
