//! The shipped pipelines on their samples, against their expected results.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        // Not what an earlier run left in the checkout.
        if [".tidemill", "media", "reports"].iter().any(|own| name == *own) {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn checksums(root: &Path, path: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == ".tidemill") {
            continue;
        }
        if path.is_dir() {
            checksums(root, &path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(key, tidemill_core::digest::checksum([bytes.as_slice()]));
        }
    }
}

/// Runs a pipeline in a copy of its folder; answers its summary, and the checksums of a bucket.
fn run(name: &str, bucket: &str, arguments: &[&str], code: i32) -> (Value, BTreeMap<String, String>) {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(name);
    copy(&source, folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    let output =
        command.arg("run").arg(".").args(arguments).arg("--json").current_dir(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let root = folder.path().join("buckets").join(bucket);
    let mut found = BTreeMap::new();
    checksums(&root, &root, &mut found);
    (summary, found)
}

/// What went in came out: done, skipped, superseded or dead.
fn conserved(stage: &Value, items: u64) {
    let figure = |name: &str| stage[name].as_u64().unwrap();
    assert_eq!(figure("done") + figure("skipped") + figure("superseded") + figure("dead"), items);
}

/// `TIDEMILL_BLESS=1` writes the expected results anew, for a change that is meant.
fn compare(name: &str, found: &BTreeMap<String, String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(name).join("expected.json");
    if std::env::var_os("TIDEMILL_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(found).unwrap() + "\n").unwrap();
    }
    let expected: BTreeMap<String, String> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(*found, expected);
}

#[test]
fn media_on_upload() {
    let (summary, found) = run("media-on-upload", "media", &[], 0);
    conserved(&summary["stages"][0], 6);
    assert_eq!(summary["stages"][0]["done"], 6);
    compare("media-on-upload", &found);
}

#[test]
fn visits_by_country() {
    let (summary, found) = run("visits-by-country", "reports", &["--records", "visits.ndjson"], 1);
    conserved(&summary["stages"][0], 500);
    assert_eq!(summary["stages"][0]["dead"], 1);
    // The shard's name tells files of different places apart, so the key is not compared.
    let found: BTreeMap<String, String> =
        found.into_values().map(|sum| ("counts.json".to_owned(), sum)).collect();
    compare("visits-by-country", &found);
}

/// The local stream: an append-only log with shards and sequence numbers.
#[test]
fn records_of_the_local_stream_count_once() {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/visits-by-country"), folder.path());
    let total = |expected: u64| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        let output = command.args(["run", "."]).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let (mut records, mut shards) = (0, 0);
        let root = folder.path().join("buckets/reports/visits");
        for shard in std::fs::read_dir(root).unwrap() {
            let text = std::fs::read_to_string(shard.unwrap().path().join("counts.json")).unwrap();
            let counts: Value = serde_json::from_str(&text).unwrap();
            records += counts["records"].as_u64().unwrap();
            shards += 1;
        }
        assert_eq!(records, expected);
        assert!(shards > 1, "partition keys spread over shards");
    };
    let append = |from: u64, to: u64| {
        let record =
            |n: u64| (format!("visitor {n}"), format!(r#"{{"user":{{"country":"c{}"}}}}"#, n % 3).into());
        let records: Vec<_> = (from..to).map(record).collect();
        tidemill_embedded::append(folder.path(), None, "visits", &records).unwrap();
    };
    append(0, 5_000);
    total(5_000);
    total(5_000);
    append(5_000, 5_100);
    total(5_100);
}
