//! `tidemill status`.

use std::path::PathBuf;

use tidemill_embedded::{Books, Status};

use crate::command::dead::failed;
use crate::failure::{Ending, Failure};
use crate::human::{age, count};
use crate::place::Place;
use crate::say;
use crate::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  tidemill status photos
  tidemill status photos --json

It may be asked while a run goes on.";

/// Show a pipeline's counts, depths and ages
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// Where the run keeps its own state [default: DIR/.tidemill]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let place = Place::find(&args.dir)?;
    let status = Books::open(&place.dir, args.state.as_deref())
        .and_then(|books| books.status())
        .map_err(|error| failed(&error, &place))?;
    if args.json {
        let text = serde_json::to_string(&status)
            .map_err(|error| Failure::new(format!("cannot write the status as JSON: {error}")))?;
        say::data(&text)?;
        return Ok(Ending::Done);
    }
    say::data(&shown(&status))?;
    if status.stages.iter().any(|stage| stage.dead > 0) {
        let list = place.command("dead list", &[("--state", args.state.as_deref())]);
        say::hint(&format!("`{list}` shows the dead letters"));
    }
    Ok(Ending::Done)
}

fn shown(status: &Status) -> String {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("stage", Left),
        ("waiting", Right),
        ("delayed", Right),
        ("oldest", Right),
        ("dead", Right),
        ("done", Right),
        ("skipped", Right),
        ("superseded", Right),
    ]);
    for stage in &status.stages {
        table.row(vec![
            stage.stage.clone(),
            count(stage.waiting),
            count(stage.delayed),
            stage.oldest_seconds.map_or_else(|| "-".to_owned(), age),
            count(stage.dead),
            count(stage.done),
            count(stage.skipped),
            count(stage.superseded),
        ]);
    }
    let running = match status.running {
        Some(process) => format!("process {process} runs it"),
        None => "not running".to_owned(),
    };
    format!("{}: {running}\n\n{}", status.pipeline, table.render(say::colour_of_data()))
}
