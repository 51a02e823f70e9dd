//! Small functions that do what their input says.

use serde::Deserialize;
use tidemill_core::{
    Accept, ConfigError, Context, Data, Entry, Fault, Function, Item, Limits, Object, OutputName,
};

pub fn functions() -> Vec<Entry> {
    vec![Entry::function::<Set>(), Entry::function::<Copy>(), Entry::function::<Keep>()]
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    names: Vec<String>,
}

/// Makes the outputs that the content names: `A one two` makes `one` and `two`, each holding `A`. The output
/// `same` always holds the same bytes. Some contents misbehave.
pub struct Set(Vec<String>);

impl Function for Set {
    type Config = Names;
    const NAME: &'static str = "set";
    const ABOUT: &'static str = "makes the outputs that its input names";
    const OUTPUT_VERSION: u32 = 1;

    fn new(config: Names) -> Result<Self, Vec<ConfigError>> {
        Ok(Self(config.names))
    }

    fn outputs(&self) -> Vec<OutputName> {
        self.0.iter().map(|name| OutputName::new(name, "txt")).collect()
    }

    fn accept(&self, head: &[u8], _: &Object, _: &Limits) -> Accept {
        if head.starts_with(b"skip") { Accept::Skip("it says so".into()) } else { Accept::Yes }
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let bytes = cx.open(item.object().unwrap()).await?.bytes().await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut words = text.split_whitespace();
        match words.next().unwrap_or_default() {
            "panic" => panic!("it says so"),
            "reject" => return Err(Fault::rejected("it says so")),
            "sleep" => {
                return cx
                    .off_thread(|stop| {
                        while !stop.is_set() {
                            std::thread::yield_now();
                        }
                        Err(Fault::unavailable("woken"))
                    })
                    .await;
            }
            content => {
                for name in words {
                    let bytes = if name == "same" { "same" } else { content };
                    cx.create(OutputName::new(name, "txt"), "text/plain")?.write(bytes.to_owned())?;
                }
            }
        }
        Ok(())
    }
}

/// Copies its input, and sends word of it.
pub struct Copy;

impl Function for Copy {
    type Config = Nothing;
    const NAME: &'static str = "copy";
    const ABOUT: &'static str = "copies its input";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![OutputName::new("copy", "txt")]
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let bytes = cx.open(item.object().unwrap()).await?.bytes().await?;
        cx.create(OutputName::new("copy", "txt"), "text/plain")?.write(bytes)
    }
}

/// Keeps the value that its item carries.
pub struct Keep;

impl Function for Keep {
    type Config = Nothing;
    const NAME: &'static str = "keep";
    const ABOUT: &'static str = "keeps a value";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![OutputName::new("value", "json")]
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let (Data::Value(value) | Data::Outcome(value)) = &item.data else {
            return Err(Fault::rejected("it carries no value"));
        };
        cx.create(OutputName::new("value", "json"), "application/json")?.write(value.to_string())
    }
}

/// Two stages in a row: `sets` makes sets from uploads, `copies` copies each output.
pub const MANIFEST: &str = r#"
version: 1
name: conformance
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
stages:
  sets:
    type: set
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    names: [one, two, three, same]
    attempts: 1
    timeout: 2s
  copies:
    type: copy
    inputs: [sets]
    output: { bucket: final, key: "{key}/{rendition}.{ext}" }
"#;
