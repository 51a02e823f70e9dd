//! The function behind a stage: the pure modules, with a host around them.

use std::sync::Arc;

use tidemill_core::{Accept, ConfigError, Context, Fault, Function, Item, Object, OutputName};

use crate::sniff::{self, Decision};
use crate::{Config, Failure, Limits, OUTPUT_VERSION, Plan, Reject, decode};

/// Writes every configured rendition of an image.
pub struct Image {
    plan: Arc<Plan>,
    outputs: Vec<OutputName>,
}

/// What is assumed where the first bytes do not hold the header: so many bytes for each of the file.
const UNKNOWN_COST: u64 = 64;

impl From<&tidemill_core::Limits> for Limits {
    fn from(limits: &tidemill_core::Limits) -> Self {
        Self {
            input_bytes: limits.input_bytes(),
            pixels: limits.pixels(),
            output_pixels: limits.pixels(),
            ..Self::default()
        }
    }
}

fn fault(failure: Failure) -> Fault {
    match failure {
        Failure::Rejected(reject) => Fault::rejected(reject.to_string()),
        Failure::Stopped => Fault::unavailable("stopped before it was done"),
    }
}

impl Function for Image {
    type Config = Config;
    const NAME: &'static str = "image";
    const ABOUT: &'static str = "decodes an image once and writes every configured rendition";
    const OUTPUT_VERSION: u32 = OUTPUT_VERSION;

    fn new(config: Config) -> Result<Self, Vec<ConfigError>> {
        let plan = Plan::check(&config)?;
        let outputs = config.renditions.iter().map(|r| OutputName::new(&r.name, r.format.ext())).collect();
        Ok(Self { plan: Arc::new(plan), outputs })
    }

    fn outputs(&self) -> Vec<OutputName> {
        self.outputs.clone()
    }

    fn accept(&self, head: &[u8], object: &Object, limits: &tidemill_core::Limits) -> Accept {
        match sniff::decide(head, &object.key, object.media_type.as_deref()) {
            Decision::Take(_) => match decode::header(head, &Limits::from(limits)) {
                Err(large @ Reject::TooLarge { .. }) => Accept::Reject(large.to_string()),
                // Whatever else is wrong may lie in what the first bytes do not hold.
                _ => Accept::Yes,
            },
            Decision::Skip => Accept::Skip("it neither claims to be an image nor is one".to_owned()),
            Decision::Reject(reject) => Accept::Reject(reject.to_string()),
        }
    }

    fn cost(&self, head: &[u8], item: &Item) -> tidemill_core::Cost {
        // What is above the stage's limits was not accepted.
        let unlimited = Limits { input_bytes: u64::MAX, pixels: u64::MAX, ..Limits::default() };
        let work = match decode::header(head, &unlimited) {
            Ok(header) => self.plan.cost(&header).memory,
            Err(_) => item.bytes().saturating_mul(UNKNOWN_COST),
        };
        tidemill_core::Cost::of_bytes(work.saturating_add(item.bytes()))
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let object = item.object().ok_or_else(|| Fault::rejected("an image stage takes objects"))?;
        let limits = Limits::from(cx.limits());
        let bytes = cx.open(object).await?.bytes().await?;
        let plan = Arc::clone(&self.plan);
        let set = cx
            .off_thread(move |stop| {
                let header = decode::header(&bytes, &limits).map_err(|reject| fault(reject.into()))?;
                plan.render(&bytes, &header, &limits, &|| stop.is_set()).map_err(fault)
            })
            .await?;
        for rendition in set {
            let name = OutputName::new(rendition.name, rendition.ext);
            cx.create(name, rendition.media_type)?.write(rendition.bytes)?;
        }
        Ok(())
    }
}
