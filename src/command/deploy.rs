//! `tidemill deploy`.

use std::path::PathBuf;
use std::time::Instant;

use tidemill_core::deployment::Auth;
use tidemill_core::{Entry, Stop};
use tidemill_deploy::artifact;
use tidemill_deploy::live::{Account, Deployed, Deployment};
use tidemill_deploy::names::{Name, Names};
use tidemill_pipeline::{Plan, Source};

use crate::command::build::binaries;
use crate::confirm::{can_ask, confirm};
use crate::deployed::wait_for;
use crate::failure::{Ending, Failure, INTERRUPTED};
use crate::human;
use crate::place::Place;
use crate::steps::Steps;
use crate::{interrupt, say};

const EXAMPLES: &str = "\
Examples:
  tidemill deploy pipelines/media-on-upload --env test
  tidemill deploy photos --env prod --yes
  tidemill deploy photos --env prod --zips ready --json

It shows what will change, asks, and shows each resource as it changes. What fails is rolled back; the exit code is 1
then. Deploying again without changes does nothing.
Credentials and region come from where every AWS tool takes them: AWS_PROFILE, AWS_REGION, SSO, AWS_ENDPOINT_URL.";

/// Make an environment on AWS, or change it to what the manifest says
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Take the functions' binaries from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    zips: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print what was changed as one JSON object on the last line of stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    can_ask(args.yes)?;
    let place = Place::find(&args.dir)?;
    let plan = place.deployed(&args.env, functions)?;
    let templates = tidemill_deploy::synth(&plan, &args.env).map_err(Failure::refused)?;
    let zips = artifact::build(&plan, &binaries(args.zips.as_ref()), &say::talk).map_err(Failure::all)?;
    let begun = Instant::now();
    let account = wait_for(async { Account::find(&tidemill_aws::Clients::load().await).await })?;
    say::talk(&format!(
        "{} as {} in account {}, region {}",
        plan.name, args.env, account.number, account.region
    ));
    if account.plain_http {
        say::warn(
            "AWS_ENDPOINT_URL speaks plain HTTP, which the queues and buckets of a deployment refuse: give it an \
             https:// address, and its certificate in AWS_CA_BUNDLE",
        );
    }
    let steps = Steps::new();
    let deployment = wait_for(Deployment::plan(&account, &plan, &args.env, &templates, &zips, &steps))?;
    if deployment.is_empty() {
        let mut deployed = wait_for(deployment.apply(&steps))?;
        deployed.outputs.extend(places(&plan, &args.env, &account));
        steps.clear();
        if deployed.notified.is_empty() {
            say::talk(&format!("nothing to change: {} is as the manifest says", args.env));
        }
        return told(&deployed, args.json);
    }
    let changes = deployment.changes().count();
    for change in deployment.changes() {
        say::talk(&format!("  {}", change.words()));
    }
    if changes == 0 {
        say::talk("  only settings of the stack itself change");
    }
    let question = format!("Change {} in account {}?", human::of(changes as u64, "resource"), account.number);
    let answer = if args.yes { Ok(true) } else { confirm(&question) };
    if !matches!(answer, Ok(true)) {
        wait_for(deployment.discard())?;
        answer?;
        say::talk("nothing was changed; the zips that were uploaded stay in their bucket");
        return Ok(Ending::Failed);
    }
    leave_at_once();
    let deployed = wait_for(deployment.apply(&steps));
    steps.clear();
    let mut deployed = deployed?;
    deployed.outputs.extend(places(&plan, &args.env, &account));
    for secret in secrets(&plan) {
        let name = Names::new(&plan.name, &args.env).secret(secret).plain(&account.number, &account.region);
        say::hint(&format!(
            "the secret `{secret}` is read from Secrets Manager, where it is called `{name}`"
        ));
    }
    say::talk(&format!(
        "{} is deployed as {}: {} in {}",
        plan.name,
        args.env,
        human::of(changes as u64, "change"),
        human::seconds(begun.elapsed().as_secs_f64())
    ));
    told(&deployed, args.json)
}

/// Where objects and records are put and found.
fn places(plan: &Plan, environment: &str, account: &Account) -> Vec<(String, String)> {
    let names = Names::new(&plan.name, environment);
    let plain = |name: Name| name.plain(&account.number, &account.region);
    let buckets = plan.buckets().into_iter();
    let buckets = buckets.map(|bucket| (format!("bucket {bucket}"), plain(names.bucket(&plan.aws, bucket))));
    let streams = plan.streams().into_iter();
    let streams = streams.map(|stream| (format!("stream {stream}"), plain(names.stream(&plan.aws, stream))));
    buckets.chain(streams).collect()
}

/// The secrets that HTTP sources need.
fn secrets(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.sources.iter().filter_map(|source| match &source.source {
        Source::Http { auth: Auth::Hmac { secret }, .. } => Some(secret.as_str()),
        _ => None,
    })
}

/// Ctrl-C ends the command, and says that CloudFormation does not stop with it.
pub(crate) fn leave_at_once() {
    interrupt::catch(
        Stop::default(),
        || {
            say::talk("CloudFormation goes on by itself: `tidemill env list` shows where it stands");
            std::process::exit(i32::from(INTERRUPTED));
        },
        || (),
    );
}

/// What a user needs next.
fn told(deployed: &Deployed, json: bool) -> Result<Ending, Failure> {
    if json {
        let text = serde_json::to_string(deployed)
            .map_err(|error| Failure::new(format!("cannot write the result as JSON: {error}")))?;
        say::data(&text)?;
    } else {
        for (name, value) in &deployed.outputs {
            say::data(&format!("{name}: {value}"))?;
        }
    }
    Ok(Ending::Done)
}
