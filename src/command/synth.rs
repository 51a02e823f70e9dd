//! `tidemill synth`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tidemill_core::Entry;
use tidemill_deploy::{COMPUTE_FILE, DATA_FILE, Templates};

use crate::failure::{Ending, Failure, why};
use crate::place::{Place, show};
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill synth pipelines/media-on-upload --env prod --out templates
  tidemill synth photos --env test --out templates --json

Two plain CloudFormation templates: what is kept (buckets, streams), and what works. Nothing is sent to AWS.
Review them, lint them, or deploy them by other means; `tidemill deploy` makes the same ones.";

/// Write the CloudFormation templates of an environment
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Where the templates go; the folder is made
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Print the files' paths as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let plan = Place::find(&args.dir)?.deployed(&args.env, functions)?;
    let templates = tidemill_deploy::synth(&plan, &args.env).map_err(Failure::refused)?;
    let unwritable = |path: &PathBuf, error: &std::io::Error| {
        Failure::new(format!("cannot write {}: {}", show(path), why(error)))
            .hint("name another folder with --out")
    };
    fs::create_dir_all(&args.out).map_err(|error| unwritable(&args.out, &error))?;
    let mut paths = Vec::new();
    for (name, template) in [(DATA_FILE, &templates.data), (COMPUTE_FILE, &templates.compute)] {
        let path = args.out.join(name);
        fs::write(&path, Templates::text(template)).map_err(|error| unwritable(&path, &error))?;
        if !args.json {
            say::data(&show(&path))?;
        }
        paths.push(path);
    }
    if args.json {
        say::data(&json!({ "data": paths[0], "compute": paths[1] }).to_string())?;
    }
    Ok(Ending::Done)
}
