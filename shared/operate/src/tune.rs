//! Another memory or timeout, now; and what each memory size would cost.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{LastUpdateStatus, LogType};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use tidemill_aws::documents;
use tidemill_core::Item;
use tidemill_core::document::State;
use tidemill_deploy::Problem;
use tidemill_deploy::live::problem;
use tidemill_pipeline::{Architecture, RunsOn};

use crate::environment::{Environment, store};

/// What a GB-second costs in USD in us-east-1 (AWS Lambda pricing, first tier).
const USD_X86: f64 = 0.000_016_666_7;
const USD_ARM: f64 = 0.000_013_333_4;

/// How long a change of a function may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a function gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Memory in MB.
    pub memory: i32,
    /// The timeout in seconds.
    pub timeout: i32,
}

/// One memory size, measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Memory in MB.
    pub memory: i32,
    /// Items that were run.
    pub items: u64,
    /// The mean time of an item in milliseconds, as Lambda billed it.
    pub milliseconds: f64,
    /// The most memory that was used, in MB, where it is told.
    pub used: Option<u64>,
    /// What a million items cost in USD at the prices of us-east-1, without requests.
    pub usd_per_million: f64,
}

fn function(environment: &Environment, stage: &str) -> Result<String, Problem> {
    let planned = environment.stage(stage)?;
    if planned.runs_on == RunsOn::Worker {
        return Err(Problem::new(
            format!("the stage `{stage}` runs on a worker"),
            "give the worker's machine more, or set `runs_on: lambda`",
        ));
    }
    Ok(environment.names.function(stage).plain(&environment.account, &environment.region))
}

fn client(environment: &Environment) -> aws_sdk_lambda::Client {
    aws_sdk_lambda::Client::new(&environment.clients.config)
}

/// What the stage's function gets now.
pub async fn current(environment: &Environment, stage: &str) -> Result<Settings, Problem> {
    let function = function(environment, stage)?;
    let found = client(environment).get_function_configuration().function_name(&function).send().await;
    let found = found.map_err(|error| problem("lambda:GetFunctionConfiguration", &function, &error))?;
    Ok(Settings {
        memory: found.memory_size().unwrap_or_default(),
        timeout: found.timeout().unwrap_or_default(),
    })
}

/// Changes the stage's function, and waits until the change is in force. The next deployment sets what the
/// manifest says.
pub async fn change(environment: &Environment, stage: &str, settings: Settings) -> Result<(), Problem> {
    let function = function(environment, stage)?;
    let client = client(environment);
    let call = client
        .update_function_configuration()
        .function_name(&function)
        .memory_size(settings.memory)
        .timeout(settings.timeout);
    call.send().await.map_err(|error| problem("lambda:UpdateFunctionConfiguration", &function, &error))?;
    let begun = std::time::Instant::now();
    loop {
        let found = client.get_function_configuration().function_name(&function).send().await;
        let found = found.map_err(|error| problem("lambda:GetFunctionConfiguration", &function, &error))?;
        match found.last_update_status() {
            None | Some(LastUpdateStatus::Successful) => return Ok(()),
            Some(LastUpdateStatus::Failed) => {
                let reason = found.last_update_status_reason().unwrap_or("no reason given");
                return Err(Problem::new(format!("`{function}` was not changed: {reason}"), "try again"));
            }
            Some(_) if begun.elapsed() > PATIENCE => {
                return Err(Problem::new(
                    format!("`{function}` is still being changed"),
                    "look again in a minute with `tidemill status DIR --env NAME`",
                ));
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Items that the stage has done before, as they were, each to be done once more.
async fn sample(environment: &Environment, stage: &str, most: usize) -> Result<Vec<Item>, Problem> {
    let planned = &environment.stage(stage)?.plan;
    let output = planned.output.as_ref().map(|output| output.bucket.as_str());
    let found = documents(&environment.buckets, &planned.signature(), output).await;
    let found = found.map_err(|error| store(&error))?;
    let done =
        found.into_iter().filter(|document| document.state == State::Done && document.skipped.is_none());
    let again = done.map(|document| Item { repeat: document.generation.repeat, ..document.item });
    let items: Vec<Item> = again.take(most).collect();
    if items.is_empty() {
        return Err(Problem::new(
            format!("the stage `{stage}` has done nothing yet that could be measured"),
            "let it do some items first: put objects into its source, or backfill",
        ));
    }
    Ok(items)
}

/// Runs up to `most` items that the stage has done before with each memory size, and leaves the function as it
/// was. Each run is a repeat, so its outputs are written anew with what they hold already.
pub async fn measure(
    environment: &Environment,
    stage: &str,
    sizes: &[i32],
    most: usize,
    mut tell: impl FnMut(&Measured),
) -> Result<Vec<Measured>, Problem> {
    let before = current(environment, stage).await?;
    let mut items = sample(environment, stage, most).await?;
    let result = sizes_in_turn(environment, stage, sizes, before, &mut items, &mut tell).await;
    // Also after a failure: nobody should find another size than before.
    let back = change(environment, stage, before).await;
    let measured = result?;
    back?;
    Ok(measured)
}

async fn sizes_in_turn(
    environment: &Environment,
    stage: &str,
    sizes: &[i32],
    before: Settings,
    items: &mut [Item],
    tell: &mut impl FnMut(&Measured),
) -> Result<Vec<Measured>, Problem> {
    let arm = environment.stage(stage)?.lambda.architecture == Some(Architecture::Arm64);
    let price = if arm { USD_ARM } else { USD_X86 };
    let mut all = Vec::new();
    for &memory in sizes {
        change(environment, stage, Settings { memory, ..before }).await?;
        // The first call starts the process and is not counted.
        let (mut milliseconds, mut used, mut count) = (0.0, None, 0_u32);
        for (index, item) in std::iter::once(0).chain(0..items.len()).enumerate() {
            items[item].repeat += 1;
            let report = invoke(environment, stage, &items[item]).await?;
            if index > 0 {
                milliseconds += report.milliseconds;
                used = used.max(report.used);
                count += 1;
            }
        }
        let mean = milliseconds / f64::from(count.max(1));
        let gigabyte_seconds = f64::from(memory) / 1_024.0 * mean / 1_000.0;
        let measured = Measured {
            memory,
            items: count.into(),
            milliseconds: mean,
            used,
            usd_per_million: gigabyte_seconds * price * 1_000_000.0,
        };
        tell(&measured);
        all.push(measured);
    }
    Ok(all)
}

struct Report {
    milliseconds: f64,
    used: Option<u64>,
}

/// Calls the function with one item, as its queue would.
async fn invoke(environment: &Environment, stage: &str, item: &Item) -> Result<Report, Problem> {
    let function = function(environment, stage)?;
    let body = serde_json::to_string(item).unwrap_or_default();
    let event = json!({ "Records": [{
        "messageId": "measured", "eventSource": "aws:sqs", "body": body, "attributes": {}, "messageAttributes": {},
    }] });
    let call = client(environment).invoke().function_name(&function).log_type(LogType::Tail);
    let answer = call.payload(Blob::new(event.to_string())).send().await;
    let answer = answer.map_err(|error| problem("lambda:InvokeFunction", &function, &error))?;
    let payload = answer.payload().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned());
    let payload = payload.unwrap_or_default();
    if answer.function_error().is_some() || payload.contains("measured") {
        return Err(Problem::new(
            format!("`{function}` did not do {}: {payload}", item.id),
            "`tidemill logs DIR --env NAME --item ID` shows why",
        ));
    }
    let log = answer.log_result().unwrap_or_default();
    let log = decoded(log).unwrap_or_default();
    report(&log).ok_or_else(|| {
        Problem::new(format!("`{function}` gave no report that can be read"), "measure against AWS itself")
    })
}

/// The tail of a log comes in Base64.
fn decoded(text: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()
}

/// Reads the line that ends a call in the log. Where there is none, as with an endpoint of one's own, the host's
/// own line tells the time.
fn report(log: &str) -> Option<Report> {
    let Some(line) = log.lines().rev().find(|line| line.starts_with("REPORT")) else {
        let mut lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let milliseconds = lines.find_map(|line| line["duration"].as_f64())?;
        return Some(Report { milliseconds, used: None });
    };
    let figure = |name: &str| {
        line.split('\t')
            .find_map(|part| part.trim().strip_prefix(name)?.split_whitespace().next()?.parse().ok())
    };
    Some(Report {
        milliseconds: figure("Billed Duration:").or_else(|| figure("Duration:"))?,
        used: figure("Max Memory Used:").map(|used: f64| used as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_report() {
        let log = "START RequestId: a\nREPORT RequestId: a\tDuration: 55.93 ms\tBilled Duration: 56 ms\tMemory Size: \
                   1769 MB\tMax Memory Used: 62 MB\t\n";
        let report = report(log).unwrap();
        assert!((report.milliseconds - 56.0).abs() < f64::EPSILON);
        assert_eq!(report.used, Some(62));
        let own = super::report("{\"duration\": 9.5}\n").unwrap();
        assert!((own.milliseconds - 9.5).abs() < f64::EPSILON);
    }
}
