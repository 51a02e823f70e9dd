//! `tidemill man`.

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::command::cli;
use crate::failure::{Ending, Failure, why};
use crate::place::show;
use crate::{files, say};

const EXAMPLES: &str = "\
Examples:
  tidemill man > tidemill.1
  tidemill man ~/.local/share/man/man1";

/// Print the manual page, or write the pages of all subcommands into a folder
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to write the pages; made if it is not there
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let mut command = cli();
    command.build();
    let Some(dir) = &args.dir else {
        say::bytes(&page(command)?)?;
        return Ok(Ending::Done);
    };
    std::fs::create_dir_all(dir).map_err(|error| {
        Failure::new(format!("cannot make the folder `{}`: {}", show(dir), why(&error)))
            .hint("name a folder in which you may write")
    })?;
    let pages = write(&command, dir)?;
    say::talk(&format!("wrote {pages} pages into {}", show(dir)));
    Ok(Ending::Done)
}

/// Writes the page of a command and those of its subcommands.
fn write(command: &clap::Command, dir: &Path) -> Result<usize, Failure> {
    let name = Man::new(command.clone()).get_filename();
    files::write(&dir.join(name), &page(command.clone())?)?;
    command.get_subcommands().try_fold(1, |pages, inner| Ok(pages + write(inner, dir)?))
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    Man::new(command)
        .source(concat!("tidemill ", env!("CARGO_PKG_VERSION")))
        .render(&mut bytes)
        .map_err(|error| Failure::new(format!("cannot write the manual page: {}", why(&error))))?;
    // What stands below a command's help are its examples, and manual pages have a section for those.
    let text = String::from_utf8_lossy(&bytes).replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n");
    Ok(text.into_bytes())
}
