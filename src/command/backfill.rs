//! `tidemill backfill`.

use std::path::PathBuf;

use jiff::Timestamp;
use tidemill_core::Entry;
use tidemill_operate::backfill::{Selection, backfill};

use crate::failure::{Ending, Failure};
use crate::human::{count, of};
use crate::{deployed, say};

const EXAMPLES: &str = "\
Examples:
  tidemill backfill photos --env prod --source uploads
  tidemill backfill photos --env prod --source uploads --prefix 2026/
  tidemill backfill photos --env prod --source uploads --since 2026-11-01T00:00:00Z

What is done and whole is only looked over. Lost events are made good, and a recipe that a deployment has changed
is applied to everything that is selected.";

/// Send items for objects that were there before
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// The source: a bucket of the pipeline
    #[arg(long, value_name = "SOURCE")]
    source: String,
    /// What keys begin with, behind the source's own prefix
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// Only objects written at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let selection = Selection { source: args.source.clone(), prefix: args.prefix.clone(), since: args.since };
    let quiet = args.json;
    let sent = deployed::with(&args.dir, &args.env, functions, async |environment| {
        let mut told = 0;
        backfill(&environment, &selection, |sent| {
            if !quiet && sent.objects >= told + 10_000 {
                told = sent.objects;
                say::talk(&format!("{} so far", of(sent.objects, "object")));
            }
        })
        .await
    })?;
    if args.json {
        let text = serde_json::to_string(&sent).map_err(|error| Failure::new(error.to_string()))?;
        say::data(&text)?;
    } else {
        say::data(&format!(
            "{}: {} sent, and {} for objects that are gone",
            of(sent.objects, "object"),
            of(sent.created, "item"),
            count(sent.removed)
        ))?;
    }
    Ok(Ending::Done)
}
