//! A function that needs as much memory as its input says, or never comes back.

use tidemill_core::{ConfigError, Context, Cost, Fault, Function, Item, OutputName};

use crate::functions::Nothing;

/// Fills as many MiB as the number in its input; `stuck` holds up the whole process.
pub struct Eat;

impl Function for Eat {
    type Config = Nothing;
    const NAME: &'static str = "eat";
    const ABOUT: &'static str = "fills memory";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![OutputName::new("size", "txt")]
    }

    /// Far less than it will take.
    fn cost(&self, _: &[u8], _: &Item) -> Cost {
        Cost::of_bytes(1)
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let bytes = cx.open(item.object().unwrap()).await?.bytes().await?;
        let text = String::from_utf8_lossy(&bytes);
        if text == "stuck" {
            loop {
                std::thread::park();
            }
        }
        let megabytes: usize = text.parse().unwrap();
        let filled = cx.off_thread(move |_| Ok(vec![1_u8; megabytes << 20])).await?;
        cx.create(OutputName::new("size", "txt"), "text/plain")?.write(filled.len().to_string())
    }
}
