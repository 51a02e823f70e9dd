//! Zips: what runs on Lambda, one for each stage, with the stage's part of the plan beside it.
//!
//! The same binary and the same plan give the same bytes, so a zip's digest names it, and what was uploaded once is
//! not uploaded again.

mod cargo;
mod elf;
mod prebuilt;
mod zip;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use tidemill_core::digest;
use tidemill_pipeline::{Architecture, Plan, PlannedStage};

use crate::settings::architecture;
use crate::{Problem, Problems, stage_file};

/// Where functions' binaries come from.
#[derive(Clone, Debug)]
pub enum Binaries {
    /// From the cargo workspace around a folder.
    Cargo(PathBuf),
    /// From a folder that holds them: `FOLDER/FUNCTION`, or `FOLDER/FUNCTION/bootstrap`.
    Folder(PathBuf),
}

/// A stage's zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The stage.
    pub stage: String,
    /// Its function.
    pub function: String,
    /// Its processors.
    pub architecture: Architecture,
    /// SHA-256 of the zip, as 64 hexadecimal digits.
    pub sha256: String,
    /// The zip.
    pub bytes: Vec<u8>,
}

impl Artifact {
    /// Its file name, and its key in the artifact bucket.
    pub fn file_name(&self) -> String {
        format!("{}.zip", self.sha256)
    }
}

/// Gives a function's binary for its processors.
type Finder<'a> = Box<dyn Fn(&str, Architecture) -> Result<Vec<u8>, Problem> + 'a>;

/// Makes the zips of all stages. `say` is told what is done, one line at a time.
pub fn build(plan: &Plan, from: &Binaries, say: &dyn Fn(&str)) -> Result<Vec<Artifact>, Problems> {
    let find: Finder<'_> = match from {
        Binaries::Cargo(dir) => {
            let workspace = cargo::Workspace::around(dir)?;
            Box::new(move |function, architecture| workspace.build(function, architecture, say))
        }
        Binaries::Folder(dir) => {
            Box::new(|function, architecture| prebuilt::read(dir, function, architecture))
        }
    };
    let wanted = plan.stages.iter().map(|stage| (stage.plan.function.as_str(), architecture(stage)));
    let mut binaries = BTreeMap::new();
    let mut problems = Vec::new();
    for (function, architecture) in wanted {
        // Several stages may share a binary.
        let Entry::Vacant(place) = binaries.entry((function, architecture.name())) else { continue };
        let binary = find(function, architecture)
            .and_then(|bytes| elf::check(function, &bytes, architecture).map(|()| bytes));
        place.insert(match binary {
            Ok(bytes) => bytes,
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        });
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let zips = plan.stages.iter().map(|stage| {
        let architecture = architecture(stage);
        let binary = &binaries[&(stage.plan.function.as_str(), architecture.name())];
        artifact(plan, stage, architecture, binary).map_err(Problems::from)
    });
    zips.collect()
}

fn artifact(
    plan: &Plan,
    stage: &PlannedStage,
    architecture: Architecture,
    binary: &[u8],
) -> Result<Artifact, Problem> {
    let name = &stage.plan.name;
    let broken = |error: &dyn std::fmt::Display| {
        Problem::new(format!("the zip of stage `{name}` cannot be made: {error}"), "report it")
    };
    let file = serde_json::to_vec_pretty(&stage_file(plan, stage)).map_err(|error| broken(&error))?;
    let bytes = zip::pack(binary, &file).map_err(|error| broken(&error))?;
    Ok(Artifact {
        stage: name.clone(),
        function: stage.plan.function.clone(),
        architecture,
        sha256: digest::checksum([bytes.as_slice()]),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EVERYTHING, plan};

    /// A folder with a program of this machine as every function.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let program = std::fs::canonicalize("/bin/sh").unwrap();
        std::fs::create_dir(dir.path().join("copy")).unwrap();
        std::os::unix::fs::symlink(&program, dir.path().join("copy/bootstrap")).unwrap();
        std::os::unix::fs::symlink(&program, dir.path().join("tally")).unwrap();
        dir
    }

    fn manifest() -> String {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        EVERYTHING
            .replace("architecture: arm64", &format!("architecture: {architecture}"))
            .replace(
                "type: tally\n",
                &format!("type: tally\n    lambda: {{ architecture: {architecture} }}\n"),
            )
            .replace("type: copy\n", &format!("type: copy\n    lambda: {{ architecture: {architecture} }}\n"))
            .replace(
                &format!("    lambda: {{ architecture: {architecture} }}\n    inputs: [uploads, old"),
                "    inputs: [uploads, old",
            )
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let dir = folder();
        let from = Binaries::Folder(dir.path().to_owned());
        let make = || build(&plan(&manifest()), &from, &|_| {});
        let (one, two) = match (make(), make()) {
            (Ok(one), Ok(two)) => (one, two),
            // A machine newer than Amazon Linux may need a newer glibc: that is what the check is for.
            (Err(problems), _) | (_, Err(problems)) => {
                assert!(problems.to_string().contains("GLIBC"), "{problems}");
                return;
            }
        };
        assert!(one == two);
        let names: Vec<&str> = one.iter().map(|artifact| artifact.stage.as_str()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        let digests: std::collections::BTreeSet<_> = one.iter().map(|artifact| &artifact.sha256).collect();
        assert_eq!(digests.len(), 4, "each has its own stage file");
    }

    #[test]
    fn what_is_missing_is_named_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tally"), "#!/bin/sh\n").unwrap();
        let from = Binaries::Folder(dir.path().to_owned());
        let problems = build(&plan(&manifest()), &from, &|_| {}).unwrap_err();
        let messages: Vec<&str> = problems.0.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages.iter().any(|message| message.contains("holds no function `copy`")), "{messages:?}");
        assert!(messages.iter().any(|message| message.contains("no ELF executable")), "{messages:?}");
    }
}
