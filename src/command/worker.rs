//! `tidemill worker`.

use std::path::PathBuf;
use std::sync::Arc;

use tidemill_aws::Station;
use tidemill_core::deployment::Place;
use tidemill_core::{Entry, Stop};
use tidemill_deploy::{Problem, stage_file};
use tidemill_operate::Environment;
use tidemill_pipeline::{PlannedStage, RunsOn};
use tidemill_worker::Post;

use crate::deployed::typed;
use crate::failure::{Ending, Failure};
use crate::place::Place as PipelinePlace;
use crate::{human, interrupt, say};

const EXAMPLES: &str = "\
Examples:
  tidemill worker photos --env prod
  tidemill worker photos --env prod --stage transcode --memory 8GB

Runs the stages with `runs_on: worker`, or those that are named, until Ctrl-C. What is under way then goes back to
its queue. Any number of workers may run at once.";

/// Work off an environment's queues and streams in this process
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// A stage; may be given once per stage [default: those with `runs_on: worker`]
    #[arg(long, value_name = "STAGE")]
    stage: Vec<String>,
    /// Memory that work may take at once, such as 2GB [default: half of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = human::read_bytes)]
    memory: Option<u64>,
    /// End when the queues and streams have been empty for some seconds
    #[arg(long)]
    once: bool,
}

/// How many empty answers in a row end a worker with `--once`.
const IDLE_POLLS: u32 = 5;

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let plan = PipelinePlace::find(&args.dir)?.deployed(&args.env, functions)?;
    let stop = Stop::default();
    interrupt::catch(stop.clone(), || say::talk("stopping: what is under way goes back to its queue"), || ());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("no thread can be started: {error}")))?;
    let work = async {
        let environment = Environment::find(plan, &args.env).await?;
        let posts = posts(&environment, args, functions).await?;
        let idle = args.once.then_some(IDLE_POLLS);
        tidemill_worker::run(posts, &environment.clients, &stop, idle).await;
        Ok::<_, Problem>(())
    };
    runtime.block_on(work).map_err(|problem| typed(problem, &args.dir, &args.env))?;
    Ok(if stop.is_set() { Ending::Interrupted } else { Ending::Done })
}

async fn posts(environment: &Environment, args: &Args, functions: &[Entry]) -> Result<Vec<Post>, Problem> {
    let mut stages: Vec<&PlannedStage> = Vec::new();
    for name in &args.stage {
        stages.push(environment.stage(name)?);
    }
    if stages.is_empty() {
        stages.extend(environment.plan.stages.iter().filter(|stage| stage.runs_on == RunsOn::Worker));
    }
    if stages.is_empty() {
        return Err(Problem::new(
            "no stage of this pipeline runs on a worker",
            "set `runs_on: worker` in the manifest and deploy, or name stages with --stage",
        ));
    }
    let memory = args.memory.unwrap_or_else(tidemill_machine::default_budget);
    let revisions = environment.revisions().await?;
    let names: Vec<&str> = stages.iter().map(|stage| stage.plan.name.as_str()).collect();
    say::talk(&format!("working for {} in {}: {}", environment.plan.name, args.env, names.join(", ")));
    let open = |stage: &&PlannedStage| {
        let name = &stage.plan.name;
        let unknown =
            || Problem::new(format!("this program has no function `{}`", stage.plan.function), "add it");
        let entry = functions.iter().find(|entry| entry.name == stage.plan.function).ok_or_else(unknown)?;
        let place = Place {
            revision: revisions.get(name).copied().unwrap_or_default(),
            ..Place::clone(&environment.place)
        };
        let file = stage_file(&environment.plan, stage);
        let streams = place.streams.clone();
        let station = Station::open(&file, place, entry, &environment.clients, memory).map_err(|reason| {
            Problem::new(format!("stage `{name}`: {reason}"), "deploy the pipeline again")
        })?;
        let reads = |stream: &String| {
            file.sources.iter().any(|source| {
                matches!(source, tidemill_core::deployment::StageSource::Kinesis { stream: of, .. } if of == stream)
            })
        };
        Ok(Post {
            station: Arc::new(station),
            queue: environment.queue(name).to_owned(),
            streams: streams.into_iter().filter(|(stream, _)| reads(stream)).collect(),
            hidden: tidemill_worker::HIDDEN,
        })
    };
    stages.iter().map(open).collect()
}
