//! `tidemill match`.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use tidemill_pattern::{Pattern, PatternError};

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
    let given = load(&args.pattern)?;
    let pattern = Pattern::parse(&given.text).map_err(|errors| wrong(&given, &errors))?;
    let mut ending = Ending::Done;
    for event in &args.events {
        let Given { name, text, .. } = load(event)?;
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

/// A text that was given as it is or in a file, with a short name for it.
struct Given {
    name: String,
    text: String,
    inline: bool,
}

fn load(given: &str) -> Result<Given, Failure> {
    if given == "-" {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(format!("cannot read standard input: {}", why(&error))))?;
        return Ok(Given { name: "stdin".to_owned(), text, inline: false });
    }
    if given.trim_start().starts_with(['{', '[']) {
        return Ok(Given { name: shorten(given.trim(), 60), text: given.to_owned(), inline: true });
    }
    match std::fs::read_to_string(Path::new(given)) {
        Ok(text) => Ok(Given { name: given.to_owned(), text, inline: false }),
        Err(error) => {
            Err(Failure::usage(format!("cannot read `{}`: {}", show(Path::new(given)), why(&error)))
                .hint("give the name of a file, or JSON in quotes: it begins with `{`"))
        }
    }
}

/// Everything that is wrong with a pattern, and how to mend it.
fn wrong(given: &Given, errors: &[PatternError]) -> Failure {
    const EXAMPLE: &str = "a pattern is an object of fields with lists, such as {\"data\": {\"key\": [{\"suffix\": \".csv\"}]}}";
    let what =
        if given.inline { "the pattern".to_owned() } else { format!("the pattern {}", clean(&given.name)) };
    match errors {
        [PatternError { pointer, message, hint }] => {
            let place = if pointer.is_empty() { String::new() } else { format!(" at {}", clean(pointer)) };
            Failure::usage(format!("{what} is wrong: {}{place}", clean(message)))
                .hint(hint.as_deref().unwrap_or(EXAMPLE))
        }
        more => {
            let lines: Vec<String> = more.iter().map(|error| clean(&error.to_string())).collect();
            Failure::usage(format!("{what} is wrong in {} places:\n  {}", more.len(), lines.join("\n  ")))
                .hint(EXAMPLE)
        }
    }
}
