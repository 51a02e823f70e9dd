//! `tidemill status`.

use std::path::PathBuf;

use tidemill_core::Entry;
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
  tidemill status photos --env prod

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
    /// The environment on AWS; without it, what runs on this machine
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "NAME", conflicts_with = "state")]
    env: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    #[cfg(feature = "aws")]
    if let Some(environment) = &args.env {
        return aws::run(&args.dir, environment, args.json, functions);
    }
    let _ = functions;
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

/// The status of an environment on AWS.
#[cfg(feature = "aws")]
mod aws {
    use std::path::Path;

    use tidemill_core::Entry;
    use tidemill_operate::status::{Status, status};

    use crate::deployed;
    use crate::failure::{Ending, Failure};
    use crate::human::{age, count};
    use crate::say;
    use crate::table::{Align, Table};

    pub(super) fn run(dir: &Path, name: &str, json: bool, functions: &[Entry]) -> Result<Ending, Failure> {
        let status = deployed::with(dir, name, functions, async |environment| status(&environment).await)?;
        if json {
            let text = serde_json::to_string(&status)
                .map_err(|error| Failure::new(format!("cannot write the status as JSON: {error}")))?;
            say::data(&text)?;
            return Ok(Ending::Done);
        }
        say::data(&shown(&status))?;
        if status.stages.iter().any(|stage| stage.dead + stage.undrained > 0) {
            let list = deployed::command(dir, name, "dead list");
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
            ("in flight", Right),
            ("oldest", Right),
            ("dead", Right),
            ("errors", Right),
            ("at once", Right),
            ("memory", Right),
            ("timeout", Right),
        ]);
        let known = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), count);
        for stage in &status.stages {
            table.row(vec![
                stage.stage.clone(),
                count(stage.waiting),
                count(stage.delayed),
                count(stage.in_flight),
                stage.oldest_seconds.map_or_else(|| "-".to_owned(), age),
                count(stage.dead + stage.undrained),
                known(stage.errors),
                known(stage.concurrency),
                stage.memory.map_or_else(|| "worker".to_owned(), |memory| format!("{memory} MB")),
                stage.timeout.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s")),
            ]);
        }
        format!(
            "{} {} in {}, account {}; errors and calls at once are of the last 15 minutes\n\n{}",
            status.pipeline,
            status.environment,
            status.region,
            status.account,
            table.render(say::colour_of_data())
        )
    }
}
