//! SIGKILL at random moments, again and again, on the built command and real photos.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

const COMMAND: &str = env!("CARGO_BIN_EXE_tidemill");

const PHOTOS: u64 = 60;

/// A pipeline with some hundred small photos and some broken ones.
fn prepare(dir: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/media-on-upload");
    std::fs::copy(root.join("pipeline.yaml"), dir.join("pipeline.yaml")).unwrap();
    let incoming = dir.join("buckets/uploads/incoming");
    std::fs::create_dir_all(&incoming).unwrap();
    let photo = root.join("buckets/uploads/incoming/cats/chelsea.png");
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for number in 0..PHOTOS {
        let path = incoming.join(format!("{number}.png"));
        std::fs::copy(&photo, &path).unwrap();
        let file = std::fs::File::options().append(true).open(path).unwrap();
        if number % 20 == 7 {
            file.set_len(1_000).unwrap();
        }
        file.set_modified(long_ago).unwrap();
    }
}

/// Everything that a user can see afterwards: buckets, dead letters, counts.
fn seen(dir: &Path) -> Value {
    let mut files = Vec::new();
    let mut open = vec![dir.join("buckets/media")];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".tidemill") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let key = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.push((key, tidemill_core::digest::checksum([bytes.as_slice()])));
            }
        }
    }
    files.sort();
    let books = tidemill_embedded::Books::open(dir, None).unwrap();
    let mut dead: Vec<_> = books.dead().unwrap().into_iter().map(|e| (e.subject, e.reason)).collect();
    dead.sort();
    let status = books.status().unwrap();
    let ended =
        |stage: &tidemill_embedded::StageStatus| stage.done + stage.skipped + stage.superseded + stage.dead;
    assert_eq!(ended(&status.stages[0]), PHOTOS, "what went in came out");
    let stages = &serde_json::to_value(status).unwrap()["stages"];
    serde_json::json!({ "files": files, "dead": dead, "stages": stages })
}

fn run(dir: &Path) {
    let output = Command::new(COMMAND).arg("run").arg(dir).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

fn kill_and_compare(kills: u64) {
    let undisturbed = tempfile::tempdir().unwrap();
    prepare(undisturbed.path());
    run(undisturbed.path());
    let expected = seen(undisturbed.path());
    assert_eq!(expected["dead"].as_array().unwrap().len(), 3);
    // The moments differ from run to run; what they must lead to does not.
    let mut random = u64::from(std::process::id());
    let (mut done, mut folder) = (0, tempfile::tempdir().unwrap());
    prepare(folder.path());
    while done < kills {
        let mut child = Command::new(COMMAND)
            .arg("run")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros(2_000 + (random >> 33) % 60_000));
        if child.try_wait().unwrap().is_some() {
            // It was faster: compare, and begin anew.
            run_and_compare(folder.path(), &expected);
            folder = tempfile::tempdir().unwrap();
            prepare(folder.path());
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        done += 1;
    }
    run_and_compare(folder.path(), &expected);
}

fn run_and_compare(dir: &Path, expected: &Value) {
    let output = Command::new(COMMAND).arg("run").arg(dir).output().unwrap();
    assert!(output.status.code().is_some(), "it ended by itself");
    let seen = seen(dir);
    for part in ["files", "dead", "stages"] {
        assert!(seen[part] == expected[part], "{part} differ: {:.2000}", seen[part].to_string());
    }
}

#[test]
fn fifty_kills_change_nothing() {
    kill_and_compare(50);
}

#[test]
#[ignore = "takes minutes; its last result stands in benches/README.md"]
fn a_thousand_kills_change_nothing() {
    kill_and_compare(1_000);
}
