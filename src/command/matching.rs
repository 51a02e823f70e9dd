//! `tidemill match`.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use tidemill_pattern::Pattern;

use crate::failure::{Ending, Failure, why};
use crate::human::{clean, shorten};
use crate::place::show;
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill match '{\"data\": {\"key\": [{\"suffix\": \".csv\"}]}}' '{\"data\": {\"key\": \"in/a.csv\"}}'
  tidemill match pattern.json event.json other.json
  tidemill match pattern.json - < events.ndjson

Patterns are those of Amazon EventBridge. A file may hold several events, one after the other.
Exit code 0 if all events match, 1 if one does not.";

/// Try an event pattern, as `when` has it, on events
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pattern: JSON, or a file that holds it
    pattern: String,
    /// The events: JSON, or files that hold it, or - for stdin
    #[arg(value_name = "EVENT", required = true)]
    events: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let (name, text) = load(&args.pattern)?;
    let pattern = Pattern::parse(&text).map_err(|errors| {
        let all: Vec<String> = errors.iter().map(|error| clean(&error.to_string())).collect();
        let what = if name == args.pattern { format!("the pattern {}", clean(&name)) } else { "the pattern".to_owned() };
        match all.as_slice() {
            [one] => Failure::usage(format!("{what} is wrong: {one}")),
            more => Failure::usage(format!("{what} is wrong:\n  {}", more.join("\n  "))),
        }
        .hint("a pattern is an object of fields with lists, such as {\"data\": {\"key\": [{\"suffix\": \".csv\"}]}}")
    })?;
    let mut ending = Ending::Done;
    for event in &args.events {
        let (name, text) = load(event)?;
        let values: Vec<Value> = serde_json::Deserializer::from_str(&text)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| {
                Failure::usage(format!("the event {} is not JSON: {error}", clean(&name)))
                    .hint("give JSON, or a file that holds it")
            })?;
        if values.is_empty() {
            return Err(Failure::usage(format!("{} holds no event", clean(&name)))
                .hint("give JSON, or a file that holds it"));
        }
        let many = values.len() > 1;
        for (index, value) in values.iter().enumerate() {
            let matches = pattern.matches(value);
            let label = if many { format!("{} #{}", clean(&name), index + 1) } else { clean(&name) };
            say::data(&format!("{}  {label}", if matches { "match   " } else { "no match" }))?;
            if !matches {
                ending = Ending::Failed;
            }
        }
    }
    Ok(ending)
}

/// A text that is given as it is or in a file, with a short name for it.
fn load(given: &str) -> Result<(String, String), Failure> {
    if given == "-" {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(format!("cannot read standard input: {}", why(&error))))?;
        return Ok(("stdin".to_owned(), text));
    }
    if given.trim_start().starts_with(['{', '[']) {
        return Ok((shorten(given.trim(), 60), given.to_owned()));
    }
    match std::fs::read_to_string(Path::new(given)) {
        Ok(text) => Ok((given.to_owned(), text)),
        Err(error) => {
            Err(Failure::usage(format!("cannot read `{}`: {}", show(Path::new(given)), why(&error)))
                .hint("give the name of a file, or JSON in quotes: it begins with `{`"))
        }
    }
}
