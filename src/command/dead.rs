//! `tidemill dead`: what was given up, and the way back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
#[cfg(feature = "aws")]
use tidemill_aws::Letter;
use tidemill_core::Entry;
use tidemill_embedded::{Books, DeadEntry, HostError};

#[cfg(feature = "aws")]
use crate::deployed;
use crate::failure::{Ending, Failure};
use crate::human::{clean, of, shorten};
use crate::place::{Place, program};
use crate::say;
use crate::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  tidemill dead list photos
  tidemill dead show photos 3f2a
  tidemill dead retry photos --all

An ID may be shortened as long as no other begins the same.";

const LIST_EXAMPLES: &str = "\
Examples:
  tidemill dead list photos
  tidemill dead list photos --json | jq -r '.[].subject'
  tidemill dead list photos --env prod";

const SHOW_EXAMPLES: &str = "\
Examples:
  tidemill dead show photos 3f2a
  tidemill dead show photos --all --json";

const RETRY_EXAMPLES: &str = "\
Examples:
  tidemill dead retry photos 3f2a 90bc
  tidemill dead retry photos --all
  tidemill dead retry photos --all --env prod

On this machine a later `tidemill run` tries them again, from the first attempt; on AWS they are queued at once.";

const DROP_EXAMPLES: &str = "\
Examples:
  tidemill dead drop photos 3f2a
  tidemill dead drop photos --all

The objects themselves stay where they are.";

/// See what was given up, and why; have it tried again, or drop it
#[derive(Subcommand)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) enum Command {
    /// List the dead letters, oldest first
    #[command(after_help = LIST_EXAMPLES)]
    List(Pipeline),
    /// Show dead letters in full
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Selection),
    /// Have dead letters tried again
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(Selection),
    /// Drop dead letters for good
    #[command(after_help = DROP_EXAMPLES)]
    Drop(Selection),
}

/// Which pipeline, and how to answer.
#[derive(clap::Args)]
pub(crate) struct Pipeline {
    /// The pipeline's folder, or its pipeline.yaml
    dir: PathBuf,
    /// Where the run keeps its own state [default: DIR/.tidemill]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The environment on AWS; without it, what was given up on this machine
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "NAME", conflicts_with = "state")]
    env: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// Which dead letters.
#[derive(clap::Args)]
pub(crate) struct Selection {
    #[command(flatten)]
    pipeline: Pipeline,
    /// The dead letters' ids, or how they begin
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All dead letters
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

/// A host's error with what to do next about this pipeline.
pub(crate) fn failed(error: &HostError, place: &Place) -> Failure {
    let message = without_numbers(&clean(&error.to_string()));
    let failure = if error.is_usage() { Failure::usage(message) } else { Failure::new(message) };
    match error.hint() {
        Some(hint) => failure.hint(typed(&hint, place)),
        None => failure,
    }
}

/// A message without the numbers that a system gives its errors.
fn without_numbers(message: &str) -> String {
    match message
        .split_once(" (os error ")
        .and_then(|(before, after)| Some((before, after.split_once(')')?.1)))
    {
        Some((before, after)) => format!("{before}{after}"),
        None => message.to_owned(),
    }
}

/// A hint's commands as they can be typed: with this program's name and this pipeline's folder.
fn typed(hint: &str, place: &Place) -> String {
    let parts: Vec<String> = hint
        .split('`')
        .enumerate()
        .map(|(index, part)| match part.strip_prefix("tidemill ") {
            Some(words) if index % 2 == 1 => match words.strip_suffix(" DIR") {
                Some(words) => place.command(words, &[]),
                None => format!("{} {words}", program()),
            },
            _ => part.to_owned(),
        })
        .collect();
    clean(&parts.join("`"))
}

/// Where the dead letters are kept.
enum Keeper {
    /// On this machine.
    Here(Box<(Place, Books)>),
    /// In an environment on AWS.
    #[cfg(feature = "aws")]
    Aws(Box<tidemill_operate::Environment>),
}

impl Keeper {
    fn open(pipeline: &Pipeline, functions: &[Entry]) -> Result<Self, Failure> {
        let place = Place::find(&pipeline.dir)?;
        #[cfg(feature = "aws")]
        if let Some(name) = &pipeline.env {
            let plan = place.deployed(name, functions)?;
            let found = deployed::wait_for(async {
                let found = tidemill_operate::Environment::find(plan, name).await;
                found.map_err(|problem| deployed::typed(problem, &pipeline.dir, name))
            })?;
            return Ok(Self::Aws(Box::new(found)));
        }
        let _ = functions;
        let books =
            Books::open(&place.dir, pipeline.state.as_deref()).map_err(|error| failed(&error, &place))?;
        Ok(Self::Here(Box::new((place, books))))
    }

    fn failed(&self, error: &HostError) -> Failure {
        match self {
            Self::Here(here) => failed(error, &here.0),
            #[cfg(feature = "aws")]
            Self::Aws(environment) => {
                let list = format!("{} dead list DIR --env {}", program(), environment.name());
                Failure::usage(error.to_string()).hint(format!("`{list}` shows the ids"))
            }
        }
    }

    /// All dead letters, oldest first.
    fn dead(&self) -> Result<Vec<DeadEntry>, Failure> {
        match self {
            Self::Here(here) => here.1.dead().map_err(|error| self.failed(&error)),
            #[cfg(feature = "aws")]
            Self::Aws(environment) => {
                let letters = deployed::wait_for(tidemill_operate::dead::letters(environment))?;
                Ok(letters.into_iter().map(entry).collect())
            }
        }
    }

    /// Has dead letters tried again.
    fn retry(&self, entries: &[DeadEntry]) -> Result<u64, Failure> {
        match self {
            Self::Here(here) => here.1.retry(&ids(entries)).map_err(|error| self.failed(&error)),
            #[cfg(feature = "aws")]
            Self::Aws(environment) => {
                let letters: Vec<_> = entries.iter().map(letter).collect();
                deployed::wait_for(tidemill_operate::dead::retry(environment, &letters))
            }
        }
    }

    /// Drops dead letters for good.
    fn drop(&self, entries: &[DeadEntry]) -> Result<u64, Failure> {
        match self {
            Self::Here(here) => here.1.drop(&ids(entries)).map_err(|error| self.failed(&error)),
            #[cfg(feature = "aws")]
            Self::Aws(environment) => {
                let letters: Vec<_> = entries.iter().map(letter).collect();
                deployed::wait_for(tidemill_operate::dead::drop(environment, &letters))
            }
        }
    }

    /// The dead letters that were asked for.
    fn selected(&self, selection: &Selection) -> Result<Vec<DeadEntry>, Failure> {
        let all = self.dead()?;
        if selection.all {
            return Ok(all);
        }
        // The same one may be named twice.
        let mut wanted = BTreeSet::new();
        for id in &selection.ids {
            let mut begins = all.iter().filter(|entry| !id.is_empty() && entry.id.starts_with(id.as_str()));
            match (begins.next(), begins.count()) {
                (Some(entry), 0) => wanted.insert(entry.id.clone()),
                (None, _) => return Err(self.failed(&HostError::DeadLetter { id: id.clone(), found: 0 })),
                (Some(_), more) => {
                    return Err(self.failed(&HostError::DeadLetter { id: id.clone(), found: more + 1 }));
                }
            };
        }
        Ok(all.into_iter().filter(|entry| wanted.contains(&entry.id)).collect())
    }
}

fn ids(entries: &[DeadEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.id.clone()).collect()
}

#[cfg(feature = "aws")]
fn entry(letter: Letter) -> DeadEntry {
    DeadEntry {
        id: letter.id,
        stage: letter.stage,
        subject: letter.item.title(),
        reason: letter.reason,
        attempts: letter.attempts,
        time: letter.time,
        item: letter.item,
    }
}

#[cfg(feature = "aws")]
fn letter(entry: &DeadEntry) -> Letter {
    Letter {
        format: tidemill_core::item::FORMAT,
        id: entry.id.clone(),
        stage: entry.stage.clone(),
        reason: entry.reason.clone(),
        attempts: entry.attempts,
        time: entry.time,
        item: entry.item.clone(),
    }
}

pub(crate) fn run(command: &Command, functions: &[Entry]) -> Result<Ending, Failure> {
    match command {
        Command::List(pipeline) => list(pipeline, functions)?,
        Command::Show(selection) => show(selection, functions)?,
        Command::Retry(selection) => {
            let (keeper, count) = settle(selection, functions, Keeper::retry, "retried")?;
            if let Some(count) = count.filter(|count| *count > 0) {
                say::talk(&format!("{} will be tried again", of(count, "dead letter")));
                match keeper {
                    Keeper::Here(here) => {
                        let state = selection.pipeline.state.as_deref();
                        say::hint(&format!("`{}` does it", here.0.command("run", &[("--state", state)])));
                    }
                    // They are queued already.
                    #[cfg(feature = "aws")]
                    Keeper::Aws(_) => {}
                }
            }
        }
        Command::Drop(selection) => {
            if let (_, Some(count)) = settle(selection, functions, Keeper::drop, "dropped")? {
                say::talk(&format!("{} dropped", of(count, "dead letter")));
            }
        }
    }
    Ok(Ending::Done)
}

fn list(pipeline: &Pipeline, functions: &[Entry]) -> Result<(), Failure> {
    let entries = Keeper::open(pipeline, functions)?.dead()?;
    if pipeline.json {
        return json(&entries);
    }
    if entries.is_empty() {
        say::talk("no dead letters");
        return Ok(());
    }
    use Align::{Left, Right};
    let length = telling(&entries);
    let mut table = Table::new(&[
        ("id", Left),
        ("stage", Left),
        ("subject", Left),
        ("attempts", Right),
        ("time", Left),
        ("reason", Left),
    ]);
    for entry in &entries {
        table.row(vec![
            entry.id.chars().take(length).collect(),
            entry.stage.clone(),
            shorten(&clean(&entry.subject), 60),
            entry.attempts.to_string(),
            time(entry),
            clean(&entry.reason),
        ]);
    }
    say::data(&table.render(say::colour_of_data()))
}

/// How many letters of their ids tell the entries apart; at least 8.
fn telling(entries: &[DeadEntry]) -> usize {
    let mut ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    ids.sort_unstable();
    let shared = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    ids.windows(2).map(|pair| shared(pair[0], pair[1]) + 1).max().unwrap_or(0).max(8)
}

fn time(entry: &DeadEntry) -> String {
    entry.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn show(selection: &Selection, functions: &[Entry]) -> Result<(), Failure> {
    let entries = Keeper::open(&selection.pipeline, functions)?.selected(selection)?;
    if selection.pipeline.json {
        return json(&entries);
    }
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            say::data("")?;
        }
        let item = serde_json::to_string_pretty(&entry.item)
            .map_err(|error| Failure::new(format!("cannot write the item as JSON: {error}")))?;
        say::data(&format!(
            "id        {}\nstage     {}\nsubject   {}\nreason    {}\nattempts  {}\ntime      {}\nitem\n{item}",
            entry.id,
            entry.stage,
            clean(&entry.subject),
            clean(&entry.reason),
            entry.attempts,
            time(entry),
        ))?;
    }
    Ok(())
}

fn json(entries: &[DeadEntry]) -> Result<(), Failure> {
    let text = serde_json::to_string(entries)
        .map_err(|error| Failure::new(format!("cannot write the dead letters as JSON: {error}")))?;
    say::data(&text)
}

/// Does something to the selected dead letters. The count is for a person: with `--json` it is told already.
fn settle(
    selection: &Selection,
    functions: &[Entry],
    what: impl Fn(&Keeper, &[DeadEntry]) -> Result<u64, Failure>,
    word: &str,
) -> Result<(Keeper, Option<u64>), Failure> {
    let keeper = Keeper::open(&selection.pipeline, functions)?;
    let entries = keeper.selected(selection)?;
    let count = what(&keeper, &entries)?;
    if selection.pipeline.json {
        say::data(&json!({ word: count }).to_string())?;
        return Ok((keeper, None));
    }
    if count == 0 {
        say::talk("no dead letters");
        return Ok((keeper, None));
    }
    Ok((keeper, Some(count)))
}
