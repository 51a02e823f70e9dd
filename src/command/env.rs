//! `tidemill env`.

use clap::Subcommand;
use tidemill_aws::Clients;
use tidemill_operate::environments::{Found, list};

use crate::deployed::wait_for;
use crate::failure::{Ending, Failure};
use crate::say;
use crate::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  tidemill env list
  tidemill env list --json";

/// See which environments there are in the account
#[derive(Subcommand)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) enum Command {
    /// List the environments of all pipelines, in this account and region
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
}

/// How to answer.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<Ending, Failure> {
    let Command::List(args) = command;
    let found = wait_for(async { list(&Clients::load().await).await })?;
    if args.json {
        let text = serde_json::to_string(&found).map_err(|error| Failure::new(error.to_string()))?;
        say::data(&text)?;
    } else if found.is_empty() {
        say::talk("no environments in this account and region");
    } else {
        say::data(&shown(&found))?;
    }
    Ok(Ending::Done)
}

fn shown(found: &[Found]) -> String {
    use Align::Left;
    let mut table =
        Table::new(&[("pipeline", Left), ("environment", Left), ("data", Left), ("compute", Left)]);
    for environment in found {
        let state = |state: &Option<String>| state.clone().unwrap_or_else(|| "-".to_owned());
        table.row(vec![
            environment.pipeline.clone(),
            environment.environment.clone(),
            state(&environment.data),
            state(&environment.compute),
        ]);
    }
    table.render(say::colour_of_data())
}
