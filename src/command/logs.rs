//! `tidemill logs`.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidemill_core::{Entry, Stop};
use tidemill_deploy::Problem;
use tidemill_operate::logs::{Line, Reader, Selection};

use crate::failure::{Ending, Failure};
use crate::human::{clean, shorten};
use crate::{deployed, interrupt, say};

const EXAMPLES: &str = "\
Examples:
  tidemill logs photos --env prod
  tidemill logs photos --env prod --follow
  tidemill logs photos --env prod --stage renditions --since 2h
  tidemill logs photos --env prod --item 1d55fe5e3016cea62402ba1f1ebad1f7

--item shows one item's whole way through all stages. --json prints each line as it was written.";

/// How often is looked for new lines.
const PAUSE: Duration = Duration::from_secs(2);

/// Show what the stages of an environment on AWS wrote
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Go on as lines come, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only this stage
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Only this item, what it came from, and what followed from it
    #[arg(long, value_name = "ID")]
    item: Option<String>,
    /// How far back, such as 30m, 2h or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = read_span)]
    since: SignedDuration,
    /// Print each line as one JSON object, with its time and stage
    #[arg(long)]
    json: bool,
}

/// A span of time such as `30m`.
pub(crate) fn read_span(text: &str) -> Result<SignedDuration, String> {
    let bad = || "write a number and s, m, h or d, such as 30m".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(bad)?;
    let number: i64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(bad()),
    };
    number.checked_mul(seconds).filter(|all| *all >= 0).map(SignedDuration::from_secs).ok_or_else(bad)
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let stop = Stop::default();
    if args.follow {
        interrupt::catch(stop.clone(), || (), || ());
    }
    let since = Timestamp::now().checked_sub(args.since).unwrap_or(Timestamp::UNIX_EPOCH);
    let selection = Selection { stage: args.stage.clone(), item: args.item.clone(), since };
    let failure = deployed::with(&args.dir, &args.env, functions, async |environment| {
        let mut reader = Reader::new(&environment, &selection)?;
        loop {
            for line in reader.read().await? {
                if let Err(failure) = show(&line, args.json) {
                    return Ok(Some(failure));
                }
            }
            if !args.follow || stop.is_set() {
                return Ok::<_, Problem>(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
    })?;
    match failure {
        Some(failure) => Err(failure),
        None if stop.is_set() => Ok(Ending::Interrupted),
        None => Ok(Ending::Done),
    }
}

fn show(line: &Line, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string(line).map_err(|error| Failure::new(error.to_string()))?;
        return say::data(&text);
    }
    match told(line) {
        Some(text) => say::data(&text),
        None => Ok(()),
    }
}

/// A line for a person. What Lambda says of each call by itself is left away.
fn told(line: &Line) -> Option<String> {
    let time = line.time.strftime("%H:%M:%S%.3f");
    let Some(fields) = &line.fields else {
        let frame = ["START ", "END ", "REPORT ", "INIT_START "];
        if frame.iter().any(|word| line.text.starts_with(word)) {
            return None;
        }
        return Some(format!("{time}  {}  {}", line.from, clean(&line.text)));
    };
    let text = |name: &str| fields[name].as_str().unwrap_or_default();
    let mut told = format!("{time}  {}  {}", line.from, text("message"));
    let subject = match (text("bucket"), text("shard")) {
        ("", "") => text("item").to_owned(),
        ("", shard) => format!("{}/{shard}", text("stream")),
        (bucket, _) => format!("{bucket}/{}", text("key")),
    };
    if !subject.is_empty() {
        told.push_str("  ");
        told.push_str(&shorten(&clean(&subject), 80));
    }
    if let Some(duration) = fields["duration"].as_f64() {
        let _ = write!(told, "  {duration:.0} ms");
    }
    if let Some(attempt) = fields["attempt"].as_u64().filter(|attempt| *attempt > 0) {
        let _ = write!(told, "  attempt {}", attempt + 1);
    }
    if !text("reason").is_empty() {
        told.push_str("  ");
        told.push_str(&clean(text("reason")));
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(read_span("30m").unwrap().as_secs(), 1_800);
        assert_eq!(read_span("7d").unwrap().as_secs(), 604_800);
        for bad in ["", "m", "3", "3w", "-3m", "ä", "99999999999999999d"] {
            assert!(read_span(bad).is_err(), "{bad}");
        }
    }
}
