//! Two small functions: one of each shape.

use schemars::JsonSchema;
use serde::Deserialize;
use tidemill_core::batch::{Batch, Verdict};
use tidemill_core::{ConfigError, Context, Fault, Function, Item, OutputName, Records, Verdicts};

/// Copies an object.
pub(crate) struct Copy {
    outputs: Vec<OutputName>,
}

/// The keys of `copy`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyConfig {
    /// The copies to make.
    #[serde(default)]
    #[schemars(length(max = 20))]
    copies: Vec<OneCopy>,
    /// How hard to press, 1 to 9.
    #[serde(default)]
    #[schemars(range(min = 1, max = 9))]
    level: Option<u8>,
    /// How to press.
    #[serde(default)]
    mode: Option<Mode>,
    /// What to do first.
    #[serde(default)]
    step: Option<Step>,
}

/// One copy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneCopy {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z-]+$"))]
    name: String,
    /// The extension of its file.
    #[serde(default = "bin")]
    ext: String,
}

fn bin() -> String {
    "bin".to_owned()
}

/// A way of pressing.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Press quickly.
    Quick,
    /// Press thoroughly.
    Thorough,
    /// Do not press.
    Store,
}

/// A step.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Step {
    /// Leaves bytes out.
    Skip {
        /// How many.
        bytes: u64,
    },
    /// Turns the bytes round.
    Reverse,
}

impl Function for Copy {
    type Config = CopyConfig;
    const NAME: &'static str = "copy";
    const ABOUT: &'static str = "copies objects";
    const OUTPUT_VERSION: u32 = 1;

    fn new(config: CopyConfig) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        for (at, copy) in config.copies.iter().enumerate() {
            if copy.name == copy.ext {
                errors.push(
                    ConfigError::new(format!("/copies/{at}/name"), "the name is the extension too")
                        .hint("choose another name"),
                );
            }
        }
        if matches!(config.mode, Some(Mode::Store)) && config.level.is_some() {
            errors.push(ConfigError::new("/level", "what is stored has no level"));
        }
        if matches!(config.step, Some(Step::Skip { bytes: 13 })) {
            errors.push(ConfigError::new("", "this function is superstitious"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            outputs: config.copies.into_iter().map(|copy| OutputName::new(copy.name, copy.ext)).collect(),
        })
    }

    fn outputs(&self) -> Vec<OutputName> {
        self.outputs.clone()
    }

    async fn handle(&self, _: &Item, _: &Context) -> Result<(), Fault> {
        Ok(())
    }
}

/// Counts records.
pub(crate) struct Tally;

/// The keys of `tally`.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by the schema")]
pub(crate) struct TallyConfig {
    /// The field to count by.
    by: String,
    /// Another one.
    then_by: Option<String>,
}

impl Records for Tally {
    type Config = TallyConfig;
    const NAME: &'static str = "tally";
    const ABOUT: &'static str = "counts records";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: TallyConfig) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    async fn handle(&self, batch: &Batch, _: &Context) -> Result<Verdicts, Fault> {
        Ok(Verdicts(vec![Verdict::Done; batch.records.len()]))
    }
}
