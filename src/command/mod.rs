//! The command line: one module per subcommand.

#[cfg(feature = "aws")]
mod backfill;
#[cfg(feature = "aws")]
pub(crate) mod build;
mod check;
mod completions;
#[cfg(feature = "image")]
mod convert;
mod dead;
#[cfg(feature = "aws")]
mod deploy;
#[cfg(feature = "aws")]
mod destroy;
#[cfg(feature = "aws")]
mod env;
mod graph;
#[cfg(feature = "aws")]
mod logs;
mod man;
mod matching;
mod new;
#[cfg(feature = "image")]
mod probe;
#[cfg(feature = "aws")]
mod reconcile;
mod run;
mod schema;
mod status;
#[cfg(feature = "aws")]
mod synth;
#[cfg(feature = "aws")]
mod trial;
#[cfg(feature = "aws")]
mod tune;
#[cfg(feature = "aws")]
mod worker;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use tidemill_core::Entry;

use crate::failure::{Ending, Failure};
use crate::say;

/// A tide mill for data: nothing runs until an object lands in a bucket or a record arrives.
#[derive(Parser)]
#[command(
    name = "tidemill",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tidemill new pipeline photos      make a pipeline
  tidemill check photos             see whether its manifest is right
  tidemill run photos               do what there is to do, then end
  tidemill run photos --watch       go on as files come and go
  tidemill dead list photos         see what was given up, and why

DIR is a pipeline's folder or its pipeline.yaml.
Exit codes: 0 all done; 1 something was dead-lettered or failed; 2 usage or manifest error; 130 on Ctrl-C.";

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Schema(schema::Args),
    Graph(graph::Args),
    #[command(subcommand)]
    Dead(dead::Command),
    Status(status::Args),
    #[cfg(feature = "image")]
    Convert(convert::Args),
    #[cfg(feature = "image")]
    Probe(probe::Args),
    Match(matching::Args),
    #[cfg(feature = "aws")]
    Build(build::Args),
    #[cfg(feature = "aws")]
    Synth(synth::Args),
    #[cfg(feature = "aws")]
    Deploy(deploy::Args),
    #[cfg(feature = "aws")]
    Destroy(destroy::Args),
    #[cfg(feature = "aws")]
    #[command(subcommand)]
    Env(env::Command),
    #[cfg(feature = "aws")]
    Logs(logs::Args),
    #[cfg(feature = "aws")]
    Test(trial::Args),
    #[cfg(feature = "aws")]
    Tune(tune::Args),
    #[cfg(feature = "aws")]
    Reconcile(reconcile::Args),
    #[cfg(feature = "aws")]
    Backfill(backfill::Args),
    #[cfg(feature = "aws")]
    Worker(worker::Args),
    #[command(subcommand)]
    New(new::Command),
    Completions(completions::Args),
    Man(man::Args),
}

/// The whole command line.
fn cli() -> clap::Command {
    Cli::command()
}

/// Reads the arguments and does what they say.
pub(crate) fn main(functions: &[Entry]) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error),
    };
    match dispatch(cli.command, functions) {
        Ok(ending) => ending.into(),
        Err(failure) => failure.say(),
    }
}

fn dispatch(command: Command, functions: &[Entry]) -> Result<Ending, Failure> {
    match command {
        Command::Run(args) => run::run(args, functions),
        Command::Check(args) => check::run(&args, functions),
        Command::Schema(args) => schema::run(&args, functions),
        Command::Graph(args) => graph::run(&args, functions),
        Command::Dead(command) => dead::run(&command, functions),
        Command::Status(args) => status::run(&args, functions),
        #[cfg(feature = "image")]
        Command::Convert(args) => convert::run(&args),
        #[cfg(feature = "image")]
        Command::Probe(args) => probe::run(&args),
        Command::Match(args) => matching::run(&args),
        #[cfg(feature = "aws")]
        Command::Build(args) => build::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Synth(args) => synth::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Deploy(args) => deploy::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Destroy(args) => destroy::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Env(command) => env::run(&command),
        #[cfg(feature = "aws")]
        Command::Logs(args) => logs::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Test(args) => trial::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Tune(args) => tune::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Reconcile(args) => reconcile::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Backfill(args) => backfill::run(&args, functions),
        #[cfg(feature = "aws")]
        Command::Worker(args) => worker::run(&args, functions),
        Command::New(command) => new::run(&command, functions),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// Help and version go to stdout, usage errors to stderr.
fn not_parsed(error: &clap::Error) -> ExitCode {
    let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let text = error.render();
    if help {
        let colour = std::io::stdout().is_terminal() && say::colour_of_data();
        let text = if colour { text.ansi().to_string() } else { text.to_string() };
        return match say::bytes(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.say(),
        };
    }
    let text = if say::colour() { text.ansi().to_string() } else { text.to_string() };
    say::talk(text.trim_end());
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_consistent() {
        cli().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let path = path.trim_start();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if command.get_subcommands().next().is_none() {
                assert!(help.contains(&format!("\n  {path}")), "`{path}` has no example: {help}");
            }
            command.get_subcommands().for_each(|inner| look(inner, path));
        }
        look(&cli(), "");
    }

    /// Every example of the help, as it would be typed.
    #[test]
    fn every_example_parses() {
        fn gather(command: &clap::Command, into: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            into.extend(help.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned));
            command.get_subcommands().for_each(|inner| gather(inner, into));
        }
        let mut examples = Vec::new();
        gather(&cli(), &mut examples);
        assert!(examples.len() > 15, "{examples:#?}");
        for example in examples {
            // Two spaces part the command from what is said about it.
            parses(example.split("  ").next().unwrap_or_default());
        }
    }

    #[test]
    fn every_command_of_the_readme_parses() {
        let Ok(readme) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")) else {
            return;
        };
        let mut fenced = false;
        for line in readme.lines() {
            let line = line.trim();
            if let Some(language) = line.strip_prefix("```") {
                fenced = !fenced && matches!(language, "sh" | "console" | "bash");
                continue;
            }
            let line = line.strip_prefix("$ ").unwrap_or(line);
            if fenced && (line.starts_with("tidemill") || line.starts_with("cargo run")) {
                parses(line);
            }
        }
    }

    /// The command of a line of shell, without what comes after a pipe or in a comment.
    fn parses(line: &str) {
        let words = shell_words(line);
        let ours = match words.iter().position(|word| word == "--") {
            Some(dashes) if words[0] == "cargo" => &words[dashes + 1..],
            _ => &words[1..],
        };
        let arguments = std::iter::once("tidemill").chain(ours.iter().map(String::as_str));
        if let Err(error) = cli().try_get_matches_from(arguments)
            && !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
        {
            panic!("`{line}` does not parse: {error}");
        }
    }

    /// Words as a shell splits them, up to a comment, a pipe, a redirection or a second command.
    fn shell_words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, '#') if word.is_none() => break,
                (None, '|' | '>' | '<' | ';' | '&' | '\\') => break,
                (None, c) if c.is_whitespace() => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    #[test]
    fn splits_as_a_shell_does() {
        let check = |line: &str, expected: &[&str]| assert_eq!(shell_words(line), expected, "{line}");
        check("tidemill run 'a b' # all", &["tidemill", "run", "a b"]);
        check("tidemill match '{\"a\": [1]}' \"b\" | head", &["tidemill", "match", "{\"a\": [1]}", "b"]);
        check("tidemill schema >schema.json", &["tidemill", "schema"]);
    }
}
