//! `tidemill completions`.

use clap_complete::Shell;

use crate::command::cli;
use crate::failure::{Ending, Failure};
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill completions bash > ~/.local/share/bash-completion/completions/tidemill
  tidemill completions zsh > ~/.zfunc/_tidemill
  tidemill completions fish > ~/.config/fish/completions/tidemill.fish";

/// Print a shell's completions
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut cli(), "tidemill", &mut text);
    say::bytes(&text)?;
    Ok(Ending::Done)
}
