//! A function over records that does what its payloads say, and counts the others.

use std::collections::BTreeMap;

use tidemill_core::batch::{Batch, Verdict};
use tidemill_core::{ConfigError, Context, Fault, Object, OutputName, Records, Verdicts};

use crate::functions::Nothing;

/// Counts payloads by their text.
///
/// `panic` panics, `abort` ends the process, `sleep` never ends, and `reject` is rejected. Until there is an object
/// `open` in the bucket `gates`, `wait` is undecided and `gated` rejected.
pub struct Tally;

fn output() -> OutputName {
    OutputName::new("counts", "json")
}

async fn is_open(cx: &Context) -> bool {
    let object = Object {
        bucket: "gates".into(),
        key: "open".into(),
        version: None,
        etag: String::new(),
        bytes: 0,
        media_type: None,
    };
    cx.open(&object).await.is_ok()
}

impl Records for Tally {
    type Config = Nothing;
    const NAME: &'static str = "tally";
    const ABOUT: &'static str = "counts its records by their text";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![output()]
    }

    async fn handle(&self, batch: &Batch, cx: &Context) -> Result<Verdicts, Fault> {
        let mut counts: BTreeMap<String, u64> =
            cx.state().map(|state| serde_json::from_value(state.clone()).unwrap()).unwrap_or_default();
        let mut verdicts = Vec::new();
        for record in &batch.records {
            let text = String::from_utf8_lossy(&record.data).into_owned();
            verdicts.push(match text.as_str() {
                "panic" => panic!("it says so"),
                "abort" => std::process::abort(),
                "sleep" => {
                    cx.off_thread(|stop| {
                        while !stop.is_set() {
                            std::thread::yield_now();
                        }
                        Err::<(), _>(Fault::unavailable("woken"))
                    })
                    .await?;
                    Verdict::Done
                }
                "reject" => Verdict::Rejected("it says so".into()),
                "wait" if !is_open(cx).await => Verdict::Retry("the gate is shut".into()),
                "gated" if !is_open(cx).await => Verdict::Rejected("the gate is shut".into()),
                _ => {
                    *counts.entry(text).or_default() += 1;
                    Verdict::Done
                }
            });
        }
        let state = serde_json::to_value(&counts).unwrap();
        cx.create(output(), "application/json")?.write(state.to_string())?;
        cx.set_state(state);
        Ok(Verdicts(verdicts))
    }
}
