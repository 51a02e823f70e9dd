//! `tidemill graph`.

use std::path::PathBuf;

use clap::ValueEnum;
use tidemill_core::Entry;
use tidemill_pipeline::graph;

use crate::failure::{Ending, Failure};
use crate::human::clean;
use crate::place::{Place, show};
use crate::{files, say};

const EXAMPLES: &str = "\
Examples:
  tidemill graph photos --output photos.svg
  tidemill graph photos --format mermaid
  tidemill graph photos --env prod > prod.svg";

/// Draw a pipeline
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// A picture, or text that Markdown viewers draw [default: by the output's extension, else svg]
    #[arg(long)]
    format: Option<Format>,
    /// Where to write it [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The environment whose overrides apply
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Svg,
    Mermaid,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let plan = Place::find(&args.dir)?.plan(args.env.as_deref(), functions)?;
    let extension = args.output.as_ref().and_then(|path| path.extension());
    let format = match (args.format, extension.map(|extension| extension.to_string_lossy())) {
        (Some(format), _) => format,
        (None, None) => Format::Svg,
        (None, Some(extension)) => match &*extension {
            "svg" => Format::Svg,
            "mmd" | "mermaid" | "md" => Format::Mermaid,
            other => {
                return Err(Failure::usage(format!("a graph cannot be drawn as `.{}`", clean(other)))
                    .hint("end the file's name in .svg or .mmd, or give --format"));
            }
        },
    };
    let mut text = match format {
        Format::Svg => graph::svg(&plan),
        Format::Mermaid => graph::mermaid(&plan),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match &args.output {
        Some(path) => {
            files::write(path, text.as_bytes())?;
            say::talk(&format!("wrote {}", show(path)));
        }
        None => say::bytes(text.as_bytes())?,
    }
    Ok(Ending::Done)
}
