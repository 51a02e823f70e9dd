//! Invariants of the code's structure, as ARCHITECTURE.md states them.

#![expect(clippy::unwrap_used, reason = "a test says why it fails by where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each crate's folder, and the crates of ours that it depends on outside tests.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let mut folders = vec![root().to_owned()];
    for parent in ["shared", "functions"] {
        for entry in std::fs::read_dir(root().join(parent)).unwrap() {
            folders.push(entry.unwrap().path());
        }
    }
    folders.iter().map(|folder| depends_on(folder)).collect()
}

fn depends_on(folder: &Path) -> (String, BTreeSet<String>) {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut ours = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" && line.starts_with("tidemill-") {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            ours.insert(name.trim_start_matches("tidemill-").to_owned());
        }
    }
    let name =
        if folder == root() { "tidemill".into() } else { folder.file_name().unwrap().to_string_lossy() };
    (name.into_owned(), ours)
}

#[test]
fn arrows_point_one_way() {
    let functions: Vec<String> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    for (name, ours) in arrows() {
        let allowed: Vec<&str> = match name.as_str() {
            "core" | "pattern" => vec![],
            "pipeline" | "events" => vec!["core", "pattern"],
            "machine" | "request" => vec!["core"],
            "aws" => vec!["core", "pattern", "machine", "events"],
            "lambda" | "worker" => vec!["core", "events", "machine", "aws", "request"],
            "deploy" => vec!["core", "pattern", "pipeline", "aws"],
            "operate" => vec!["core", "pattern", "pipeline", "aws", "deploy"],
            "embedded" => vec!["core", "pattern", "pipeline", "machine", "request"],
            "tidemill" => {
                let mut all = vec!["core", "pattern", "pipeline", "machine", "embedded"];
                all.extend(["aws", "worker", "deploy", "operate"]);
                all.extend(functions.iter().map(String::as_str));
                all
            }
            function if functions.iter().any(|known| known == function) => vec!["core", "lambda"],
            other => panic!("`{other}` has no place in ARCHITECTURE.md"),
        };
        for target in ours {
            assert!(allowed.contains(&target.as_str()), "{name} -> {target} is no arrow of ARCHITECTURE.md");
        }
    }
}

/// Lints ban the calls; this holds the lints in place.
#[test]
fn pure_crates_are_held_to_it_by_lints() {
    for pure in ["core", "pattern", "pipeline", "request"] {
        let text = std::fs::read_to_string(root().join("shared").join(pure).join("clippy.toml")).unwrap();
        for banned in ["std::fs::File", "std::fs::read", "std::net::TcpStream", "std::time::Instant"] {
            assert!(text.contains(banned), "shared/{pure}/clippy.toml does not ban {banned}");
        }
    }
}

#[test]
fn no_function_key_is_a_common_key() {
    for entry in tidemill::functions() {
        for key in tidemill_pipeline::function_keys(&entry) {
            assert!(!tidemill_pipeline::COMMON_KEYS.contains(&key.as_str()), "{}: {key}", entry.name);
        }
    }
}

/// Links between the documents lead somewhere.
#[test]
fn links_in_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]
        .iter()
        .map(|name| root().join(name))
        .collect();
    for parent in ["shared", "functions", "pipelines"] {
        for entry in std::fs::read_dir(root().join(parent)).unwrap() {
            documents.push(entry.unwrap().path().join("README.md"));
        }
    }
    for document in documents {
        let Ok(text) = std::fs::read_to_string(&document) else { continue };
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.contains("://") && !link.starts_with('#') {
                let target = document.parent().unwrap().join(link.split('#').next().unwrap());
                assert!(target.exists(), "{}: {link}", document.display());
            }
        }
    }
}
