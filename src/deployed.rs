//! An environment on AWS, for the commands that speak to one.

use std::path::Path;

use tidemill_core::Entry;
use tidemill_deploy::Problem;
use tidemill_operate::Environment;

use crate::failure::Failure;
use crate::place::Place;

/// Does what speaks to AWS.
pub(crate) fn wait_for<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("no thread can be started: {error}")))?;
    Ok(runtime.block_on(work)?)
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
    wait_for(async { work(Environment::find(plan, name).await?).await })
}
