//! Binaries out of a cargo workspace: the package that says it is the function, built as its `lambda` feature wants.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use tidemill_pipeline::Architecture;

use crate::Problem;

/// The profile that functions are built with.
const PROFILE: &str = "lambda";

/// What a workspace gets that has no such profile: small, and a panic unwinds, since the host answers it as a
/// failed item.
const FALLBACK: [&str; 6] = [
    "profile.lambda.inherits=\"release\"",
    "profile.lambda.lto=\"fat\"",
    "profile.lambda.codegen-units=1",
    "profile.lambda.strip=true",
    "profile.lambda.debug=false",
    "profile.lambda.panic=\"unwind\"",
];

/// A cargo workspace, as far as `cargo metadata` tells.
#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    metadata: Option<Metadata>,
    targets: Vec<Target>,
    features: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    tidemill: Option<Tidemill>,
}

#[derive(Debug, Deserialize)]
struct Tidemill {
    #[serde(default)]
    function: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

/// A line of `cargo build --message-format json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    executable: Option<PathBuf>,
}

impl Workspace {
    /// The workspace around a folder.
    pub(super) fn around(dir: &Path) -> Result<Self, Problem> {
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(dir)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| no_cargo(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            return Err(Problem::new(
                format!(
                    "cargo finds no workspace around {}: {}",
                    dir.display(),
                    first.trim_start_matches("error: ")
                ),
                "run it in the workspace that holds the functions, or name a folder of binaries with --zips DIR",
            ));
        }
        Self::read(&output.stdout)
    }

    fn read(json: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(json).map_err(|error| {
            Problem::new(
                format!("cargo's metadata cannot be read: {error}"),
                "update cargo with `rustup update`",
            )
        })
    }

    /// The package of a function.
    fn package(&self, function: &str) -> Result<&Package, Problem> {
        let is = |package: &&Package| {
            let tidemill = package.metadata.as_ref().and_then(|metadata| metadata.tidemill.as_ref());
            tidemill.and_then(|tidemill| tidemill.function.as_deref()) == Some(function)
        };
        let found: Vec<&Package> = self.packages.iter().filter(is).collect();
        match found.as_slice() {
            [package] => {
                let has_bin = package.targets.iter().any(|target| {
                    target.name == package.name && target.kind.iter().any(|kind| kind == "bin")
                });
                if has_bin && package.features.contains_key("lambda") {
                    Ok(package)
                } else {
                    Err(Problem::new(
                        format!(
                            "package `{}` of function `{function}` has no binary for Lambda",
                            package.name
                        ),
                        format!(
                            "give it a feature `lambda` and a `[[bin]]` of the name `{}` that requires it",
                            package.name
                        ),
                    ))
                }
            }
            [] => Err(Problem::new(
                format!("no package in {} is function `{function}`", self.workspace_root.display()),
                format!(
                    "write `[package.metadata.tidemill]` with `function = \"{function}\"` in its Cargo.toml, run it \
                     in the workspace that has it, or name a folder of binaries with --zips DIR"
                ),
            )),
            [first, second, ..] => Err(Problem::new(
                format!(
                    "`{}` and `{}` both say that they are function `{function}`",
                    first.name, second.name
                ),
                "let one of them be it",
            )),
        }
    }

    /// Builds a function, and gives its binary.
    pub(super) fn build(
        &self,
        function: &str,
        architecture: Architecture,
        say: &dyn Fn(&str),
    ) -> Result<Vec<u8>, Problem> {
        let package = self.package(function)?;
        let name = package.name.as_str();
        let mut command = Command::new(cargo());
        command.args(["build", "--profile", PROFILE, "-p", name, "--bin", name]);
        command.args([
            "--features",
            &format!("{name}/lambda"),
            "--message-format",
            "json-render-diagnostics",
        ]);
        if let Some(target) = foreign(architecture) {
            installed(target)?;
            command.args(["--target", target]);
        }
        let manifest = std::fs::read_to_string(self.workspace_root.join("Cargo.toml")).unwrap_or_default();
        if !manifest.contains("[profile.lambda]") {
            command.args(FALLBACK.iter().flat_map(|setting| ["--config", setting]));
        }
        say(&format!("building function {function} for {}", architecture.name()));
        let output = command
            .current_dir(&self.workspace_root)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| no_cargo(&error))?;
        if !output.status.success() {
            return Err(Problem::new(
                format!("cargo could not build function `{function}` for {}", architecture.name()),
                "see what it said above",
            ));
        }
        let executable = executable(&output.stdout, name).ok_or_else(|| {
            Problem::new(format!("cargo built no binary `{name}`"), "report it, with cargo's version")
        })?;
        std::fs::read(&executable).map_err(|error| {
            Problem::new(format!("cannot read {}: {error}", executable.display()), "build it once more")
        })
    }
}

/// The path of the binary `name` among what cargo reports.
fn executable(stdout: &[u8], name: &str) -> Option<PathBuf> {
    stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == name))
        .find_map(|message| message.executable)
}

/// The cargo that runs this program, or the one in the path.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn no_cargo(error: &std::io::Error) -> Problem {
    Problem::new(
        format!("cargo cannot be started: {error}"),
        "install Rust (https://rustup.rs), or name a folder of binaries with --zips DIR",
    )
}

/// The target to name where it is not this machine's own.
fn foreign(architecture: Architecture) -> Option<&'static str> {
    match architecture {
        Architecture::X86_64 => {
            (!cfg!(all(target_arch = "x86_64", target_os = "linux"))).then_some("x86_64-unknown-linux-gnu")
        }
        Architecture::Arm64 => {
            (!cfg!(all(target_arch = "aarch64", target_os = "linux"))).then_some("aarch64-unknown-linux-gnu")
        }
    }
}

/// Whether the standard library is there for a target; cargo itself would say so at great length.
fn installed(target: &str) -> Result<(), Problem> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| no_cargo(&error))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let has_std = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if has_std {
        return Ok(());
    }
    Err(Problem::new(
        format!("Rust's standard library for {target} is not installed"),
        format!(
            "`rustup target add {target}` installs it; it also takes a linker, such as gcc-aarch64-linux-gnu"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(packages: &str) -> Workspace {
        Workspace::read(format!(r#"{{"packages": [{packages}], "workspace_root": "/w"}}"#).as_bytes())
            .unwrap()
    }

    fn package(name: &str, function: &str, features: &str) -> String {
        format!(
            r#"{{"name": "{name}", "metadata": {{"tidemill": {{"function": "{function}"}}}},
                "targets": [{{"kind": ["lib"], "name": "x"}}, {{"kind": ["bin"], "name": "{name}"}}],
                "features": {{{features}}}}}"#
        )
    }

    #[test]
    fn finds_the_package_by_what_it_says_it_is() {
        let other = r#"{"name": "other", "metadata": null, "targets": [], "features": {}}"#;
        let found = workspace(&format!("{other}, {}", package("my-copy", "copy", r#""lambda": []"#)));
        assert_eq!(found.package("copy").unwrap().name, "my-copy");
        let check = |packages: &str, expected: &str| {
            let problem = workspace(packages).package("copy").unwrap_err();
            assert!(problem.message.contains(expected), "{problem}");
        };
        check(other, "no package in /w is function `copy`");
        check(&package("a", "copy", ""), "has no binary for Lambda");
        let two = format!("{}, {}", package("a", "copy", ""), package("b", "copy", ""));
        check(&two, "`a` and `b` both say");
    }

    #[test]
    fn finds_the_binary_in_what_cargo_reports() {
        let stdout =
            br#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"a"},"executable":"/t/a"}
not json
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(stdout, "a"), Some(PathBuf::from("/t/a")));
        assert_eq!(executable(stdout, "b"), None);
    }
}
