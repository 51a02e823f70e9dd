//! `tidemill destroy`.

use std::path::PathBuf;

use tidemill_core::Entry;
use tidemill_deploy::live::{Account, Removal};
use tidemill_deploy::names::Names;
use tidemill_operate::Environment;
use tidemill_operate::status::waiting;

use crate::command::deploy::leave_at_once;
use crate::confirm::{can_ask, confirm};
use crate::deployed::wait_for;
use crate::failure::{Ending, Failure};
use crate::human;
use crate::place::Place;
use crate::say;
use crate::steps::Steps;

const EXAMPLES: &str = "\
Examples:
  tidemill destroy pipelines/media-on-upload --env test
  tidemill destroy photos --env test --data --yes

What works goes: functions, queues, roles, rules, alarms, logs. Buckets and streams stay with all that is in them,
unless --data is given. What the manifest says is there already (`aws: buckets`) is never removed.";

/// Remove an environment from AWS; its data only with --data
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Remove buckets and streams as well, with all objects and versions in them
    #[arg(long)]
    data: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print what is left as one JSON object on the last line of stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    can_ask(args.yes)?;
    let place = Place::find(&args.dir)?;
    // An environment that the manifest no longer has may still be there to be removed.
    let plan = place.plan(None, functions)?;
    let account = wait_for(async { Account::find(&tidemill_aws::Clients::load().await).await })?;
    let names = Names::new(&plan.name, &args.env);
    let Some(removal) = wait_for(Removal::find(&account, names))? else {
        say::talk(&format!(
            "nothing to remove: {} has no environment {} in account {}, region {}",
            plan.name, args.env, account.number, account.region
        ));
        return Ok(Ending::Done);
    };
    if !removal.has_compute() && !args.data {
        say::talk("nothing to remove but data:");
        for store in removal.data() {
            say::talk(&format!("  {store}"));
        }
        say::hint("--data removes that too");
        return Ok(Ending::Done);
    }
    say::talk(&format!(
        "{} as {} in account {}, region {}",
        plan.name, args.env, account.number, account.region
    ));
    describe(&removal, args.data);
    // Best effort: an environment that is half gone has no queues to be asked.
    let waiting = wait_for(async { waiting(&Environment::find(plan.clone(), &args.env).await?).await });
    if let Some(waiting) = waiting.ok().filter(|waiting| *waiting > 0) {
        say::talk(&format!("  lose {} that wait in its queues", human::of(waiting, "item")));
    }
    let question =
        format!("Remove environment {} of {} from account {}?", args.env, plan.name, account.number);
    if !args.yes && !confirm(&question)? {
        say::talk("nothing was removed");
        return Ok(Ending::Failed);
    }
    leave_at_once();
    let steps = Steps::new();
    let left = wait_for(removal.apply(args.data, &steps));
    steps.clear();
    let left = left?;
    if left.kept.is_empty() {
        say::talk(&format!("{} of {} is removed, and nothing is left", args.env, plan.name));
    } else {
        say::talk(&format!("{} of {} is removed; what is left:", args.env, plan.name));
        for one in &left.kept {
            say::talk(&format!("  {one}"));
        }
    }
    if args.json {
        let text = serde_json::to_string(&left)
            .map_err(|error| Failure::new(format!("cannot write what is left as JSON: {error}")))?;
        say::data(&text)?;
    }
    Ok(Ending::Done)
}

fn describe(removal: &Removal<'_>, data: bool) {
    for (kind, count) in removal.working() {
        say::talk(&format!("  remove {}", human::of(count as u64, &kind)));
    }
    let word = if data { "remove, with everything in it," } else { "keep" };
    for store in removal.data() {
        say::talk(&format!("  {word} {store}"));
    }
}
