//! `tidemill new`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tidemill_core::Entry;
use tidemill_pipeline::{FILE, Plan};

use crate::failure::{Ending, Failure, why};
use crate::place::{program, quoted, show};
use crate::say;

const EXAMPLES: &str = "\
Examples:
  tidemill new pipeline photos";

const PIPELINE_EXAMPLES: &str = "\
Examples:
  tidemill new pipeline photos
  tidemill new pipeline pipelines/photos";

/// Make a skeleton
#[derive(Subcommand)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) enum Command {
    /// Make a folder with a pipeline that passes `check`
    #[command(after_help = PIPELINE_EXAMPLES)]
    Pipeline(Pipeline),
}

/// Where.
#[derive(clap::Args)]
pub(crate) struct Pipeline {
    /// The folder to make; its last part is the pipeline's name
    name: PathBuf,
}

/// What a skeleton consists of. `NAME` stands for the pipeline's name.
const FILES: [(&str, &str); 4] = [
    (FILE, include_str!("../skeleton/pipeline.yaml")),
    ("README.md", include_str!("../skeleton/README.md")),
    (".gitignore", include_str!("../skeleton/gitignore")),
    ("buckets/uploads/incoming/.gitkeep", ""),
];

pub(crate) fn run(command: &Command, functions: &[Entry]) -> Result<Ending, Failure> {
    let Command::Pipeline(Pipeline { name: dir }) = command;
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !functions.iter().any(|function| function.name == "image") {
        return Err(Failure::new("this build does not have the function `image`, which the skeleton uses")
            .hint("build it with the cargo feature `image`"));
    }
    let text = FILES[0].1.replace("NAME", name);
    let plan = Plan::parse(Path::new(FILE), &text, None, functions);
    if !plan.as_ref().is_ok_and(|plan| plan.name == name) {
        let rule = plan.err().and_then(|findings| findings.iter().find_map(|finding| finding.hint.clone()));
        return Err(Failure::usage(format!("`{}` is no name for a pipeline", show(dir))).hint(
            rule.unwrap_or_else(|| "use lower-case letters, digits and dashes, such as `photos`".to_owned()),
        ));
    }
    make(dir, name)?;
    say::talk(&format!("made {}", show(dir)));
    let (program, dir) = (program(), quoted(&dir.to_string_lossy()));
    say::hint(&format!("put photos below {dir}/buckets/uploads/incoming, then type `{program} run {dir}`"));
    Ok(Ending::Done)
}

fn make(dir: &Path, name: &str) -> Result<(), Failure> {
    let wrong = |path: &Path, error: &io::Error| {
        Failure::new(format!("cannot make `{}`: {}", show(path), why(error)))
            .hint("name a folder in which you may write")
    };
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(|error| wrong(parent, &error))?;
    }
    fs::create_dir(dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!("`{}` is there already", show(dir)))
            .hint("choose another name, or remove it"),
        _ => wrong(dir, &error),
    })?;
    for (path, text) in FILES {
        let path = dir.join(path);
        let parent = path.parent().unwrap_or(dir);
        let made = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text.replace("NAME", name)));
        if let Err(error) = made {
            let _ = fs::remove_dir_all(dir);
            return Err(wrong(&path, &error));
        }
    }
    Ok(())
}
