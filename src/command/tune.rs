//! `tidemill tune`.

use std::path::PathBuf;

use serde_json::json;
use tidemill_core::Entry;
use tidemill_operate::tune::{Measured, Settings, change, current, measure};

use crate::failure::{Ending, Failure};
use crate::table::{Align, Table};
use crate::{deployed, say};

const EXAMPLES: &str = "\
Examples:
  tidemill tune photos --env prod --stage renditions
  tidemill tune photos --env prod --stage renditions --memory 3008
  tidemill tune photos --env prod --stage renditions --timeout 120
  tidemill tune photos --env test --stage renditions --measure --sizes 512,1769,3008

A change holds until a deployment changes the function for another reason: write it into the manifest to keep it,
or to take it back. --measure runs items that the stage
has done before once more with each memory size, and leaves the function as it was.";

/// Change a stage's memory or timeout now, or measure what each memory size would cost
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// The stage
    #[arg(long, value_name = "STAGE")]
    stage: String,
    /// The new memory in MB
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(i32).range(128..=10_240))]
    memory: Option<i32>,
    /// The new timeout in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(1..=900))]
    timeout: Option<i32>,
    /// Run a sample with several memory sizes, and print time and cost
    #[arg(long, conflicts_with_all = ["memory", "timeout"])]
    measure: bool,
    /// The memory sizes to measure, in MB
    #[arg(
        long, value_name = "MB", value_delimiter = ',', requires = "measure",
        default_values_t = [512, 1_024, 1_769, 3_008],
        value_parser = clap::value_parser!(i32).range(128..=10_240),
    )]
    sizes: Vec<i32>,
    /// How many items a size is measured with
    #[arg(long, value_name = "COUNT", requires = "measure", default_value_t = 10)]
    items: usize,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    if args.measure {
        return run_measure(args, functions);
    }
    let (before, after) = deployed::with(&args.dir, &args.env, functions, async |environment| {
        let before = current(&environment, &args.stage).await?;
        let after = Settings {
            memory: args.memory.unwrap_or(before.memory),
            timeout: args.timeout.unwrap_or(before.timeout),
        };
        if after != before {
            change(&environment, &args.stage, after).await?;
        }
        Ok((before, after))
    })?;
    if args.json {
        say::data(&json!({ "before": before, "after": after }).to_string())?;
        return Ok(Ending::Done);
    }
    let text = |of: Settings| format!("{} MB, {} s", of.memory, of.timeout);
    if before == after {
        say::data(&format!("{} has {}", args.stage, text(before)))?;
        return Ok(Ending::Done);
    }
    say::data(&format!("{} had {}, and has {} now", args.stage, text(before), text(after)))?;
    say::hint(&format!(
        "to keep it, write into the manifest: environments: {{ {}: {{ stages: {{ {}: {{ lambda: {{ memory: {}, \
         timeout: {}s }} }} }} }} }}",
        args.env, args.stage, after.memory, after.timeout
    ));
    Ok(Ending::Done)
}

fn run_measure(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let measured = deployed::with(&args.dir, &args.env, functions, async |environment| {
        measure(&environment, &args.stage, &args.sizes, args.items.max(1), |size| {
            if !args.json {
                say::talk(&format!("{} MB: {:.1} ms an item", size.memory, size.milliseconds));
            }
        })
        .await
    })?;
    if args.json {
        let text = serde_json::to_string(&measured).map_err(|error| Failure::new(error.to_string()))?;
        say::data(&text)?;
    } else {
        say::data(&shown(&measured))?;
    }
    Ok(Ending::Done)
}

fn shown(measured: &[Measured]) -> String {
    use Align::Right;
    let mut table = Table::new(&[
        ("memory", Right),
        ("items", Right),
        ("ms an item", Right),
        ("used", Right),
        ("USD a million items", Right),
    ]);
    for size in measured {
        table.row(vec![
            format!("{} MB", size.memory),
            size.items.to_string(),
            format!("{:.1}", size.milliseconds),
            size.used.map_or_else(|| "-".to_owned(), |used| format!("{used} MB")),
            format!("{:.2}", size.usd_per_million),
        ]);
    }
    format!(
        "{}\n\nBilled time at the price of a GB-second in us-east-1, without the price of requests.",
        table.render(say::colour_of_data())
    )
}
