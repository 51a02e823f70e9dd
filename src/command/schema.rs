//! `tidemill schema`.

use tidemill_core::Entry;

use crate::failure::{Ending, Failure};
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill schema > pipeline.schema.json

With the line `# yaml-language-server: $schema=pipeline.schema.json` at the top of a pipeline.yaml, editors
complete its keys and underline mistakes.";

/// Print the JSON Schema of pipeline.yaml, for editors
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let schema = tidemill_pipeline::schema(functions);
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::new(format!("cannot write the schema as JSON: {error}")))?;
    say::data(&text)?;
    Ok(Ending::Done)
}
