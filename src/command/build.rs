//! `tidemill build`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tidemill_core::Entry;
use tidemill_deploy::artifact::{self, Artifact, Binaries};

use crate::failure::{Ending, Failure, why};
use crate::human;
use crate::place::{Place, show};
use crate::say;
use crate::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  tidemill build pipelines/media-on-upload
  tidemill build photos --env prod --out zips
  tidemill build photos --zips ready --json

One zip for each stage: the function's binary, built by cargo in the workspace of the current folder with the
profile `lambda`, and the stage's part of the plan. The same input gives the same bytes.
With --zips, binaries are taken from a folder instead: DIR/FUNCTION, or DIR/FUNCTION/bootstrap.";

/// Make the zips that run on AWS Lambda
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment whose overrides apply
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Take the functions' binaries from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    zips: Option<PathBuf>,
    /// Where the zips go; the folder is made [default: DIR/.tidemill/zips]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the zips as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let place = Place::find(&args.dir)?;
    let plan = place.plan(args.env.as_deref(), functions)?;
    let zips = artifact::build(&plan, &binaries(args.zips.as_ref()), &say::talk).map_err(Failure::all)?;
    let out = args.out.clone().unwrap_or_else(|| place.dir.join(".tidemill/zips"));
    let unwritable = |path: &PathBuf, error: &std::io::Error| {
        Failure::new(format!("cannot write {}: {}", show(path), why(error)))
            .hint("name another folder with --out")
    };
    fs::create_dir_all(&out).map_err(|error| unwritable(&out, &error))?;
    for zip in &zips {
        let path = out.join(zip.file_name());
        fs::write(&path, &zip.bytes).map_err(|error| unwritable(&path, &error))?;
    }
    if args.json {
        let zips: Vec<_> = zips
            .iter()
            .map(|zip| {
                json!({
                    "stage": zip.stage,
                    "function": zip.function,
                    "architecture": zip.architecture.name(),
                    "bytes": zip.bytes.len(),
                    "sha256": zip.sha256,
                    "path": out.join(zip.file_name()),
                })
            })
            .collect();
        say::data(&json!({ "zips": zips }).to_string())?;
    } else {
        say::data(&table(&zips))?;
        say::talk(&format!("{} in {}", human::of(zips.len() as u64, "zip"), show(&out)));
    }
    Ok(Ending::Done)
}

/// Where binaries come from: `--zips`, or the workspace of the current folder.
pub(crate) fn binaries(zips: Option<&PathBuf>) -> Binaries {
    zips.map_or_else(|| Binaries::Cargo(PathBuf::from(".")), |dir| Binaries::Folder(dir.clone()))
}

fn table(zips: &[Artifact]) -> String {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("stage", Left),
        ("function", Left),
        ("processors", Left),
        ("size", Right),
        ("sha256", Left),
    ]);
    for zip in zips {
        table.row(vec![
            zip.stage.clone(),
            zip.function.clone(),
            zip.architecture.name().to_owned(),
            human::bytes(zip.bytes.len() as u64),
            zip.sha256[..16].to_owned(),
        ]);
    }
    table.render(say::colour_of_data())
}
