//! `tidemill test`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidemill_aws::Clients;
use tidemill_core::{Entry, Stop, digest};
use tidemill_deploy::Templates;
use tidemill_deploy::artifact::{self, Artifact};
use tidemill_deploy::live::{Account, Deployment, Removal};
use tidemill_deploy::names::Names;
use tidemill_operate::Environment;
use tidemill_operate::trial::{Verdict, expected, trial};
use tidemill_pipeline::Plan;

use crate::command::build::binaries;
use crate::deployed::wait_for;
use crate::failure::{Ending, Failure};
use crate::human::{clean, of};
use crate::place::Place;
use crate::steps::Steps;
use crate::{interrupt, say};

const EXAMPLES: &str = "\
Examples:
  tidemill test pipelines/media-on-upload --env ephemeral
  tidemill test photos --env ephemeral --zips ready --json

Makes an environment with a name of its own, puts the pipeline's sample in (buckets/NAME/ and STREAM.ndjson beside
the manifest), compares what comes out with expected.json, and removes the environment with its data: also after a
failure or Ctrl-C. Ends with 1 where something is not as expected.";

/// Try a pipeline's sample in an environment on AWS that lives only for it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// `ephemeral`: an environment that is removed afterwards
    #[arg(long, value_name = "NAME", value_parser = ["ephemeral"])]
    env: String,
    /// Take the functions' binaries from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    zips: Option<PathBuf>,
    /// How long the sample may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
    /// Print the verdict as one JSON object on the last line of stdout
    #[arg(long)]
    json: bool,
}

/// What is deployed for the trial.
struct Subject {
    plan: Plan,
    environment: String,
    templates: Templates,
    zips: Vec<Artifact>,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let place = Place::find(&args.dir)?;
    let plan = place.plan(None, functions)?;
    let environment = unique();
    let expected = expected(&place.dir)?;
    let templates = tidemill_deploy::synth(&plan, &environment).map_err(Failure::refused)?;
    let zips = artifact::build(&plan, &binaries(args.zips.as_ref()), &say::talk).map_err(Failure::all)?;
    let subject = Subject { plan, environment, templates, zips };
    let account = wait_for(async { Account::find(&Clients::load().await).await })?;
    let stop = Stop::default();
    let destroy = place.command("destroy", &[("--env", Some(Path::new(&subject.environment)))]) + " --data";
    interrupt::catch(
        stop.clone(),
        || say::talk("stopping: the environment is removed first"),
        move || say::talk(&format!("what stays behind goes with `{destroy}`")),
    );
    let result = try_it(&account, &subject, &place, &expected, args, &stop);
    // Whatever came of it, nothing stays.
    let removed = remove(&account, &subject);
    let verdict = match result {
        Err(_) if stop.is_set() => {
            removed?;
            return Ok(Ending::Interrupted);
        }
        result => result?,
    };
    removed?;
    show(&verdict, args.json)?;
    Ok(if verdict.is_right() { Ending::Done } else { Ending::Failed })
}

/// A name that no other environment has.
fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let name = digest::name_of(&[&now.to_string(), &std::process::id().to_string()]);
    format!("test-{}", &name[..8])
}

fn try_it(
    account: &Account,
    subject: &Subject,
    place: &Place,
    expected: &BTreeMap<String, String>,
    args: &Args,
    stop: &Stop,
) -> Result<Verdict, Failure> {
    let steps = Steps::new();
    let Subject { plan, environment, templates, zips } = subject;
    say::talk(&format!("environment {environment} in account {}, region {}", account.number, account.region));
    let result = wait_for(async {
        let deployment = Deployment::plan(account, plan, environment, templates, zips, &steps).await?;
        deployment.apply(&steps).await?;
        let found = Environment::find(plan.clone(), environment).await?;
        let patience = Duration::from_secs(args.patience);
        trial(&found, &place.dir, expected, patience, stop, |line| say::talk(&line)).await
    });
    steps.clear();
    result
}

fn remove(account: &Account, subject: &Subject) -> Result<(), Failure> {
    let steps = Steps::new();
    let names = Names::new(&subject.plan.name, &subject.environment);
    let result = wait_for(async {
        match Removal::find(account, names).await? {
            Some(removal) => removal.apply(true, &steps).await.map(|left| left.kept),
            None => Ok(Vec::new()),
        }
    });
    steps.clear();
    for left in result? {
        say::talk(&format!("left: {left}"));
    }
    Ok(())
}

fn show(verdict: &Verdict, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string(verdict).map_err(|error| Failure::new(error.to_string()))?;
        return say::data(&text);
    }
    for (what, keys) in [
        ("other bytes", &verdict.wrong),
        ("missing", &verdict.missing),
        ("unexpected", &verdict.unexpected),
        ("dead", &verdict.dead),
    ] {
        for key in keys {
            say::data(&format!("{what}: {}", clean(key)))?;
        }
    }
    let word = if verdict.is_right() { "all as expected" } else { "not as expected" };
    say::data(&format!("{word}: {} of {}", of(verdict.right, "output"), of(verdict.inputs, "input")))
}
