//! From the environment to a running function.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tidemill_aws::{Clients, Station};
use tidemill_core::Entry;
use tidemill_core::deployment::{
    PLACE_VARIABLE, Place, STAGE_FILE, StageFile, StageSource, TASK_VARIABLE, Task,
};

use crate::http::Door;
use crate::invocation::Host;

/// Where Lambda says that its Runtime API listens.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The environment variable that names the HTTP source, for [`Task::Http`].
const SOURCE_VARIABLE: &str = "TIDEMILL_SOURCE";

pub(crate) fn main(entry: &Entry, version: &str) -> ExitCode {
    if std::env::var_os(RUNTIME_API).is_none() {
        introduce(entry, version);
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(entry)),
        Err(error) => Err(error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let line = serde_json::json!({
                "level": "ERROR", "message": "the function cannot start", "function": entry.name, "reason": reason,
            });
            let _ = writeln!(std::io::stdout().lock(), "{line}");
            ExitCode::FAILURE
        }
    }
}

/// What somebody reads who starts the binary by hand.
fn introduce(entry: &Entry, version: &str) {
    let text = format!(
        "tidemill-{name} {version}: the function `{name}` for AWS Lambda. {about}.\n\
         It is started by Lambda, which sets {RUNTIME_API}: deploy it with `tidemill deploy DIR --env NAME`.\n\
         To run a pipeline on this machine: `tidemill run DIR`.\n",
        name = entry.name,
        about = entry.about,
    );
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

async fn run(entry: &Entry) -> Result<(), String> {
    let file = stage_file()?;
    let place: Place = serde_json::from_str(&variable(PLACE_VARIABLE)?)
        .map_err(|error| format!("{PLACE_VARIABLE}: {error}"))?;
    let task = variable(TASK_VARIABLE)?;
    let clients = Clients::on_lambda();
    let station = || Station::open(&file, place.clone(), entry, &clients, memory());
    let host = if task == Task::Http.name() {
        let name = variable(SOURCE_VARIABLE)?;
        let source = file
            .sources
            .iter()
            .find(|source| matches!(source, StageSource::Http { name: known, .. } if *known == name));
        let source = source.ok_or_else(|| format!("the stage has no HTTP source `{name}`"))?;
        Host::http(Door::open(source, &file, &place, &clients).await?)
    } else if task == Task::Drain.name() {
        Host::drain(station()?)
    } else if task == Task::Stage.name() {
        Host::stage(station()?)
    } else {
        return Err(format!("{TASK_VARIABLE} is `{task}`, which this program does not know"));
    };
    let host = Arc::new(host);
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let host = Arc::clone(&host);
        async move { host.invoke(event).await }
    });
    lambda_runtime::Runtime::new(service).run().await.map_err(|error| error.to_string())
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}

/// The stage file lies beside the binary in the zip.
fn stage_file() -> Result<StageFile, String> {
    let root = std::env::var_os("LAMBDA_TASK_ROOT").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let path = root.join(STAGE_FILE);
    let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The function's memory in bytes: Lambda counts in MiB.
fn memory() -> u64 {
    let megabytes = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok().and_then(|text| text.parse().ok());
    megabytes.unwrap_or(128_u64) << 20
}
