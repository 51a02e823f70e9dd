//! Counts NDJSON records by a field.
//!
//! - In: batches of one shard's records, each payload one JSON text.
//! - Out: after each batch one document per shard, `counts.json`, with all counts so far.
//! - Limits: distinct values (`limit`), the length of a value; what is beyond either is counted together.
//! - Faults: a payload that is not JSON is a verdict on that record alone; the batch goes on.
//! - Sources: RFC 8259. Every byte of a payload is checked, but only the field's own value is kept.
//!
//! The counts up to a position are the shard's state, which the host commits with the position; so a record is
//! counted once however often it is delivered. Nothing here asks for the time or for what other shards count.

#![forbid(unsafe_code)]

pub mod config;
pub mod count;

use bytes::Bytes;
use tidemill_core::batch::{Batch, Verdict};
use tidemill_core::{ConfigError, Context, Fault, OutputName, Records, Verdicts};

use crate::config::{Config, Path};
use crate::count::Counts;

/// The function `count`.
pub struct Count {
    path: Path,
    limit: usize,
}

fn output() -> OutputName {
    OutputName::new("counts", "json")
}

impl Records for Count {
    type Config = Config;
    const NAME: &'static str = "count";
    const ABOUT: &'static str = "Counts NDJSON records by a field";
    const OUTPUT_VERSION: u32 = 1;

    fn new(config: Config) -> Result<Self, Vec<ConfigError>> {
        let (path, limit) = config.check()?;
        Ok(Self { path, limit })
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![output()]
    }

    async fn handle(&self, batch: &Batch, cx: &Context) -> Result<Verdicts, Fault> {
        let mut counts = Counts::resume(cx.state(), &self.path)?;
        let payloads: Vec<Bytes> = batch.records.iter().map(|record| record.data.clone()).collect();
        let (path, limit) = (self.path.clone(), self.limit);
        let (counts, verdicts) = cx
            .off_thread(move |stop| {
                let mut verdicts = Vec::with_capacity(payloads.len());
                for payload in &payloads {
                    if stop.is_set() {
                        return Err(Fault::unavailable("stopped"));
                    }
                    verdicts.push(match counts.add(payload, &path, limit) {
                        Ok(()) => Verdict::Done,
                        Err(reason) => Verdict::Rejected(reason),
                    });
                }
                Ok((counts, verdicts))
            })
            .await?;
        cx.create(output(), "application/json")?.write(counts.document())?;
        cx.set_state(counts.state());
        Ok(Verdicts(verdicts))
    }
}
