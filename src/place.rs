//! Which pipeline a command is about: `DIR` is its folder, or its manifest itself.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tidemill_core::Entry;
use tidemill_pipeline::{FILE, Plan};

use crate::failure::{Failure, why};
use crate::human::clean;

/// Manifests are smaller than this by far; the rest of a larger file is not read.
const MOST: u64 = 4 << 20;

/// A pipeline on disk.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    given: PathBuf,
    /// The folder.
    pub(crate) dir: PathBuf,
    manifest: PathBuf,
}

impl Place {
    /// The pipeline at `given`.
    pub(crate) fn find(given: &Path) -> Result<Self, Failure> {
        let about = match fs::metadata(given) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failure::usage(format!("there is no `{}`", show(given))).hint(format!(
                    "name a folder that holds a {FILE}, or make one: `{} new pipeline NAME`",
                    program()
                )));
            }
            Err(error) => return Err(unreadable(given, &error)),
        };
        if !about.is_dir() {
            let dir = match given.parent() {
                Some(parent) if parent != Path::new("") => parent.to_owned(),
                _ => PathBuf::from("."),
            };
            return Ok(Self { given: given.to_owned(), dir, manifest: given.to_owned() });
        }
        let manifest = given.join(FILE);
        match fs::metadata(&manifest) {
            Ok(_) => Ok(Self { given: given.to_owned(), dir: given.to_owned(), manifest }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Failure::usage(format!("`{}` holds no {FILE}", show(given))).hint(without(given)))
            }
            Err(error) => Err(unreadable(&manifest, &error)),
        }
    }

    /// The plan for one environment, or without one.
    pub(crate) fn plan(&self, environment: Option<&str>, functions: &[Entry]) -> Result<Plan, Failure> {
        Ok(Plan::parse(&self.manifest, &self.text()?, environment, functions)?)
    }

    /// The plan for an environment on AWS. A manifest that has settings for some environments has to have them for
    /// this one, so that a slip of the pen makes no new one; one without any is the same everywhere.
    #[cfg(feature = "aws")]
    pub(crate) fn deployed(&self, environment: &str, functions: &[Entry]) -> Result<Plan, Failure> {
        let plan = self.plan(None, functions)?;
        if plan.environments.is_empty() { Ok(plan) } else { self.plan(Some(environment), functions) }
    }

    fn text(&self) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        fs::File::open(&self.manifest)
            .and_then(|file| file.take(MOST).read_to_end(&mut bytes))
            .map_err(|error| unreadable(&self.manifest, &error))?;
        String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to() + 1;
            Failure::usage(format!("`{}` is not UTF-8 text: see byte {place}", show(&self.manifest)))
                .hint("save it as UTF-8")
        })
    }

    /// A command about this pipeline, to be typed as it stands.
    pub(crate) fn command(&self, words: &str, more: &[(&str, Option<&Path>)]) -> String {
        let mut command = format!("{} {words} {}", program(), quoted(&self.given.to_string_lossy()));
        for (flag, path) in more {
            if let Some(path) = path {
                command.extend([" ", flag, " ", &quoted(&path.to_string_lossy())]);
            }
        }
        command
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::usage(format!("cannot read `{}`: {}", show(path), why(error)));
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            failure.hint("give yourself the right to read it, and to enter its folder, with `chmod`")
        }
        _ => failure.hint(format!("name a folder that holds a {FILE}")),
    }
}

/// What to do about a folder that holds no manifest.
fn without(dir: &Path) -> String {
    if let Ok(other) = fs::metadata(dir.join("pipeline.yml"))
        && other.is_file()
    {
        return format!("the manifest's name is {FILE}: rename pipeline.yml");
    }
    let mut inner: Vec<String> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join(FILE).is_file())
        .map(|entry| show(&entry.path()))
        .collect();
    inner.sort();
    match inner.as_slice() {
        [] => format!("name a folder that holds one, or make one: `{} new pipeline NAME`", program()),
        [one] => format!("did you mean {one}?"),
        [first, .., last] if inner.len() < 5 => {
            format!("did you mean one of the {} pipelines in it, {first} to {last}?", inner.len())
        }
        [first, ..] => format!("did you mean one of the {} pipelines in it, such as {first}?", inner.len()),
    }
}

/// A path for a message.
pub(crate) fn show(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

/// How this program was called, so that a hint can be typed as it stands.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    called.filter(|name| !name.is_empty()).map_or_else(|| "tidemill".to_owned(), |name| quoted(&name))
}

/// A word as a POSIX shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:=@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_split() {
        for (word, expected) in [
            ("a/b-c.d", "a/b-c.d"),
            ("Käffchen", "Käffchen"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
