//! A question before something is done that is not easily undone.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::{Failure, why};

/// Whether there will be somebody to answer, asked before anything is done. Else `--yes` has to say it.
pub(crate) fn can_ask(yes: bool) -> Result<(), Failure> {
    if yes || io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("nobody can be asked: standard input is no terminal")
        .hint("add --yes if it is what you want; nothing was changed"))
}

/// Asks on the terminal.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    let stdin = io::stdin();
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::new(format!("cannot read the answer: {}", why(&error))))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
