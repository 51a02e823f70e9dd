//! `tidemill check`.

use std::path::PathBuf;

use tidemill_core::Entry;

use crate::failure::{Ending, Failure};
use crate::human::of;
use crate::place::Place;
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill check pipelines/media-on-upload
  tidemill check photos/pipeline.yaml

All findings are shown at once, each with its place in the text; exit code 2 if there are any.";

/// See whether a manifest is right, with every environment
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let plan = Place::find(&args.dir)?.plan(None, functions)?;
    say::data(&format!(
        "ok: {} with {} and {}",
        plan.name,
        of(plan.sources.len() as u64, "source"),
        of(plan.stages.len() as u64, "stage")
    ))?;
    Ok(Ending::Done)
}
