//! An environment on AWS, for the commands that speak to one.

use std::path::Path;

use tidemill_core::Entry;
use tidemill_deploy::Problem;
use tidemill_operate::Environment;

use crate::failure::Failure;
use crate::place::{Place, quoted};

/// Does what speaks to AWS.
pub(crate) fn wait_for<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("no thread can be started: {error}")))?;
    Ok(runtime.block_on(work)?)
}

/// A command about the environment `name` of the pipeline at `dir`, to be typed as it stands.
pub(crate) fn command(dir: &Path, name: &str, words: &str) -> String {
    let place = Place::find(dir).map(|place| place.command(words, &[("--env", Some(Path::new(name)))]));
    place.unwrap_or_else(|_| format!("tidemill {words} DIR --env {name}"))
}

/// The problem with its hint's commands as they can be typed: hints name commands about any pipeline, and here it is
/// known which.
pub(crate) fn typed(problem: Problem, dir: &Path, name: &str) -> Problem {
    let about = format!("{} --env {name}", quoted(&dir.to_string_lossy()));
    Problem { hint: problem.hint.replace("DIR --env NAME", &about), ..problem }
}

/// Does `work` with the environment `name` of the pipeline at `dir`.
pub(crate) fn with<T, W>(
    dir: &Path,
    name: &str,
    functions: &[Entry],
    work: impl FnOnce(Environment) -> W,
) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Problem>>,
{
    let plan = Place::find(dir)?.deployed(name, functions)?;
    wait_for(async {
        let result = async { work(Environment::find(plan, name).await?).await }.await;
        result.map_err(|problem| typed(problem, dir, name))
    })
}
