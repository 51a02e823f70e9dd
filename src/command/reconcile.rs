//! `tidemill reconcile`.

use std::path::PathBuf;

use tidemill_core::Entry;
use tidemill_operate::reconcile::{Balance, Keys, reconcile};

use crate::failure::{Ending, Failure};
use crate::human::{clean, count};
use crate::table::{Align, Table};
use crate::{deployed, say};

const EXAMPLES: &str = "\
Examples:
  tidemill reconcile photos --env prod
  tidemill reconcile photos --env prod --json

Compares what the stages' books say with what the buckets hold. Ends with 1 where something is not accounted for;
`tidemill backfill` puts it right.";

/// Hold an environment's books against its buckets
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// The environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, functions: &[Entry]) -> Result<Ending, Failure> {
    let balances =
        deployed::with(&args.dir, &args.env, functions, async |environment| reconcile(&environment).await)?;
    let even = balances.iter().all(Balance::is_even);
    if args.json {
        let text = serde_json::to_string(&balances).map_err(|error| Failure::new(error.to_string()))?;
        say::data(&text)?;
    } else if balances.is_empty() {
        say::talk("the pipeline takes no bucket, so there is nothing to compare");
    } else {
        show(&balances)?;
        if even {
            say::talk("everything is accounted for");
        } else {
            let uneven = balances.iter().find(|balance| !balance.is_even());
            let source = uneven.map_or("SOURCE", |balance| balance.source.as_str());
            let backfill = deployed::command(&args.dir, &args.env, "backfill");
            say::hint(&format!("`{backfill} --source {source}` puts it right"));
        }
    }
    Ok(if even { Ending::Done } else { Ending::Failed })
}

fn show(balances: &[Balance]) -> Result<(), Failure> {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("source", Left),
        ("stage", Left),
        ("objects", Right),
        ("done", Right),
        ("skipped", Right),
        ("dead", Right),
        ("queued", Right),
        ("unknown", Right),
        ("stale", Right),
        ("missing", Right),
        ("left over", Right),
    ]);
    for balance in balances {
        table.row(vec![
            balance.source.clone(),
            balance.stage.clone(),
            count(balance.objects),
            count(balance.done),
            count(balance.skipped),
            count(balance.dead),
            count(balance.queued),
            count(balance.unknown.count),
            count(balance.stale.count),
            count(balance.missing.count),
            count(balance.left_over.count),
        ]);
    }
    say::data(&table.render(say::colour_of_data()))?;
    for balance in balances {
        for (what, keys) in [
            ("nothing is known of", &balance.unknown),
            ("newer than what was made of it:", &balance.stale),
            ("an output is missing:", &balance.missing),
            ("the original is gone, its outputs are not:", &balance.left_over),
        ] {
            name(&balance.stage, what, keys)?;
        }
    }
    Ok(())
}

fn name(stage: &str, what: &str, keys: &Keys) -> Result<(), Failure> {
    for key in &keys.examples {
        say::data(&format!("{stage}: {what} {}", clean(key)))?;
    }
    let more = keys.count - keys.examples.len() as u64;
    if more > 0 {
        say::data(&format!("{stage}: {what} {} more", count(more)))?;
    }
    Ok(())
}
