//! A pipeline's whole life in an environment, as its user lives it: the command, the stacks that its templates
//! make, and the emulator that runs the zips.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidemill_core::digest;

use crate::emulator::{ACCOUNT, Emulator, REGION};
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("a_pipeline_lives_in_an_environment", lives),
    ("a_sample_is_tried_and_leaves_nothing", tried),
    ("a_stage_runs_on_a_worker", on_a_worker),
];

/// How long something may take that follows by itself.
const PATIENCE: Duration = Duration::from_mins(2);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The functions' binaries, built once.
fn binaries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "tidemill-image", "-p", "tidemill-count"])
            .args(["--features", "tidemill-image/lambda,tidemill-count/lambda"])
            .args(["--bin", "tidemill-image", "--bin", "tidemill-count", "--message-format", "json"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let folder = crate::venv::folder().join("bootstraps");
        std::fs::create_dir_all(&folder).unwrap();
        for line in String::from_utf8(built.stdout).unwrap().lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = message["executable"].as_str() {
                let name = message["target"]["name"].as_str().unwrap().trim_start_matches("tidemill-");
                std::fs::copy(path, folder.join(name)).unwrap();
            }
        }
        folder
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if [".tidemill", "media", "reports"].iter().any(|own| entry.file_name() == *own) {
            continue;
        }
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of a shipped pipeline, under a name of its own, and the command for it.
struct Life<'a> {
    emulator: &'a Emulator,
    folder: tempfile::TempDir,
    name: String,
}

impl<'a> Life<'a> {
    fn new(emulator: &'a Emulator, pipeline: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("pipelines").join(pipeline), folder.path());
        let name = emulator.name("life");
        let life = Self { emulator, folder, name };
        life.edit(&format!("name: {pipeline}"), &format!("name: {}", life.name));
        life
    }

    /// Changes the manifest.
    fn edit(&self, from: &str, to: &str) {
        let path = self.folder.path().join("pipeline.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the manifest has no `{from}`");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let (words, rest) = arguments.split_at(arguments.iter().position(|word| *word == ".").unwrap());
        Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .args(words)
            .arg(self.folder.path())
            .args(&rest[1..])
            .env_remove("AWS_PROFILE")
            .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            .envs([("AWS_REGION", REGION), ("AWS_ENDPOINT_URL", &self.emulator.endpoint())])
            .env("AWS_CA_BUNDLE", self.emulator.certificate().unwrap())
            .output()
            .unwrap()
    }

    /// What a command says on stdout, once it has ended with `code`.
    fn says(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(arguments);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        out
    }

    /// The last line of that as JSON.
    fn tells(&self, arguments: &[&str], code: i32) -> Value {
        let out = self.says(arguments, code);
        serde_json::from_str(out.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    fn deploy(&self) -> Value {
        let zips = binaries().to_str().unwrap();
        self.tells(&["deploy", ".", "--env", "test", "--yes", "--json", "--zips", zips], 0)
    }

    fn bucket(&self, bucket: &str) -> String {
        format!("{}-test-{bucket}-{ACCOUNT}-{REGION}", self.name)
    }

    fn put(&self, key: &str, bytes: Vec<u8>) {
        block_on(async {
            let s3 = self.emulator.clients().await.s3;
            let call = s3.put_object().bucket(self.bucket("uploads")).key(key).body(bytes.into());
            call.send().await.unwrap();
        });
    }

    fn remove(&self, bucket: &str, key: &str) {
        block_on(async {
            let s3 = self.emulator.clients().await.s3;
            s3.delete_object().bucket(self.bucket(bucket)).key(key).send().await.unwrap();
        });
    }

    /// Keys and checksums of what the bucket holds, the host's own documents aside.
    fn contents(&self, bucket: &str) -> BTreeMap<String, String> {
        block_on(async {
            let s3 = self.emulator.clients().await.s3;
            let bucket = self.bucket(bucket);
            let mut found = BTreeMap::new();
            let mut pages = s3.list_objects_v2().bucket(&bucket).into_paginator().send();
            while let Some(page) = pages.next().await {
                for object in page.unwrap().contents() {
                    let key = object.key().unwrap().to_owned();
                    if key.starts_with(".tidemill/") {
                        continue;
                    }
                    let Ok(got) = s3.get_object().bucket(&bucket).key(&key).send().await else { continue };
                    let bytes = got.body.collect().await.unwrap().into_bytes();
                    found.insert(key, digest::checksum([bytes.as_ref()]));
                }
            }
            found
        })
    }

    /// Waits for something that follows by itself.
    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > PATIENCE {
                let logs = self.command(&["logs", ".", "--env", "test"]);
                panic!("{what}: never; {}", String::from_utf8_lossy(&logs.stdout));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn sample(&self) -> Vec<(String, Vec<u8>)> {
        fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(root, &path, found);
                } else {
                    let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    found.push((key, std::fs::read(path).unwrap()));
                }
            }
        }
        let root = self.folder.path().join("buckets/uploads");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found
    }
}

/// Everything that carries a name, of every kind that a deployment makes.
fn left_behind(emulator: &Emulator, name: &str) -> Vec<String> {
    block_on(async {
        let clients = emulator.clients().await;
        let mut found = Vec::new();
        let buckets = clients.s3.list_buckets().send().await.unwrap();
        found.extend(buckets.buckets().iter().filter_map(|bucket| bucket.name().map(str::to_owned)));
        let queues = clients.sqs.list_queues().send().await.unwrap();
        found.extend(queues.queue_urls().iter().map(|url| url.rsplit('/').next().unwrap().to_owned()));
        let lambda = aws_sdk_lambda::Client::new(&clients.config);
        let functions = lambda.list_functions().send().await.unwrap();
        found.extend(functions.functions().iter().filter_map(|f| f.function_name().map(str::to_owned)));
        let logs = aws_sdk_cloudwatchlogs::Client::new(&clients.config);
        let groups = logs.describe_log_groups().send().await.unwrap();
        found
            .extend(groups.log_groups().iter().filter_map(|group| group.log_group_name().map(str::to_owned)));
        let cloudformation = aws_sdk_cloudformation::Client::new(&clients.config);
        let stacks = cloudformation.describe_stacks().send().await.unwrap();
        let alive = |stack: &&aws_sdk_cloudformation::types::Stack| {
            stack.stack_status().is_none_or(|status| status.as_str() != "DELETE_COMPLETE")
        };
        let names = stacks.stacks().iter().filter(alive).filter_map(|s| s.stack_name().map(str::to_owned));
        found.extend(names);
        found.retain(|found| found.contains(name));
        found
    })
}

fn lives(_: &Arc<Emulator>) {
    let emulator = Emulator::secure();
    let life = Life::new(emulator, "media-on-upload");
    let expected: BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(life.folder.path().join("expected.json")).unwrap()).unwrap();

    // Made once, and not twice.
    let first = life.deploy();
    assert!(first["changes"].as_array().unwrap().len() > 10, "{first}");
    let again = life.deploy();
    assert_eq!(again["changes"].as_array().unwrap().len(), 0, "{again}");

    // The same photos become the same bytes as on one machine.
    for (key, bytes) in life.sample() {
        life.put(&key, bytes);
    }
    life.until("all renditions", || life.contents("media").len() >= expected.len());
    assert_eq!(life.contents("media"), expected);
    let status = life.tells(&["status", ".", "--env", "test", "--json"], 0);
    assert_eq!(status["stages"][0]["memory"], 1769, "{status}");

    // A poison item is told, can be tried again, and dies again.
    life.put("incoming/poison.jpg", b"\xff\xd8\xff\xe0 and then nothing".to_vec());
    let dead = || life.tells(&["dead", "list", ".", "--env", "test", "--json"], 0);
    life.until("a dead letter", || dead().as_array().unwrap().len() == 1);
    let letter = dead()[0].clone();
    assert_eq!(letter["subject"], "uploads/incoming/poison.jpg");
    assert!(letter["reason"].as_str().unwrap().contains("JPEG"), "{letter}");
    let way = life.says(&["logs", ".", "--env", "test", "--item", letter["item"]["id"].as_str().unwrap()], 0);
    assert!(way.contains("dead") && way.contains("incoming/poison.jpg"), "{way}");
    life.says(&["dead", "retry", ".", "--env", "test", "--all"], 0);
    let time = letter["time"].clone();
    life.until("it dies again", || dead().as_array().unwrap().iter().any(|letter| letter["time"] != time));
    // A good file in its place settles it.
    let good = life.sample().into_iter().find(|(key, _)| key.ends_with("retina.jpg")).unwrap().1;
    life.put("incoming/poison.jpg", good);
    life.until("the letter is settled", || dead().as_array().unwrap().is_empty());

    // A removal takes the set along.
    life.remove("uploads", "incoming/poison.jpg");
    life.until("the set is gone", || life.contents("media").len() == expected.len());
    assert_eq!(life.contents("media"), expected);

    // Books and buckets.
    let even = life.tells(&["reconcile", ".", "--env", "test", "--json"], 0);
    assert_eq!((&even[0]["objects"], &even[0]["done"]), (&6.into(), &6.into()), "{even}");
    let lost = expected.keys().next().unwrap();
    life.remove("media", lost);
    let uneven = life.tells(&["reconcile", ".", "--env", "test", "--json"], 1);
    assert_eq!(uneven[0]["missing"]["examples"][0], **lost, "{uneven}");
    let sent = life.tells(&["backfill", ".", "--env", "test", "--source", "uploads", "--json"], 0);
    assert_eq!((&sent["objects"], &sent["created"]), (&6.into(), &6.into()));
    life.until("the lost output is back", || life.contents("media") == expected);

    // Another memory, now.
    life.says(&["tune", ".", "--env", "test", "--stage", "renditions", "--memory", "3008"], 0);
    let status = life.tells(&["status", ".", "--env", "test", "--json"], 0);
    assert_eq!(status["stages"][0]["memory"], 3008, "{status}");

    // A changed recipe, applied to what was there before.
    life.edit("format: webp, width: 320", "format: webp, width: 200");
    let changed = life.deploy();
    assert!(!changed["changes"].as_array().unwrap().is_empty(), "{changed}");
    life.tells(&["backfill", ".", "--env", "test", "--source", "uploads", "--json"], 0);
    let small = expected.keys().filter(|key| key.ends_with("small.webp"));
    let small: Vec<&String> = small.collect();
    life.until("smaller renditions", || {
        let now = life.contents("media");
        small.iter().all(|key| now.get(*key).is_some_and(|sum| *sum != expected[*key]))
    });
    assert_eq!(life.contents("media").len(), expected.len());

    // Everything goes but the data; then that too.
    life.says(&["destroy", ".", "--env", "test", "--yes"], 0);
    assert_eq!(life.contents("media").len(), expected.len());
    let left = left_behind(emulator, &life.name);
    assert!(left.iter().all(|name| name.ends_with("-data") || name.contains(ACCOUNT)), "{left:?}");
    life.says(&["destroy", ".", "--env", "test", "--yes", "--data"], 0);
    assert_eq!(left_behind(emulator, &life.name), Vec::<String>::new());
}

fn tried(_: &Arc<Emulator>) {
    let emulator = Emulator::secure();
    let life = Life::new(emulator, "media-on-upload");
    let zips = binaries().to_str().unwrap();
    let verdict = life.tells(&["test", ".", "--env", "ephemeral", "--json", "--zips", zips], 0);
    assert_eq!((&verdict["inputs"], &verdict["right"]), (&6.into(), &24.into()), "{verdict}");
    assert_eq!(left_behind(emulator, &life.name), Vec::<String>::new());
    // Also after a failure: what nobody expects is told, and nothing stays.
    std::fs::write(life.folder.path().join("expected.json"), "{\"a\": \"b\"}").unwrap();
    let verdict = life.tells(&["test", ".", "--env", "ephemeral", "--json", "--zips", zips], 1);
    assert_eq!((&verdict["right"], &verdict["missing"][0]), (&0.into(), &"a".into()), "{verdict}");
    assert_eq!(left_behind(emulator, &life.name), Vec::<String>::new());
}

/// A stage that runs on a worker has no function; whoever starts one does its items.
fn on_a_worker(_: &Arc<Emulator>) {
    let emulator = Emulator::secure();
    let life = Life::new(emulator, "media-on-upload");
    let expected: BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(life.folder.path().join("expected.json")).unwrap()).unwrap();
    life.edit("    inputs: [uploads]\n", "    inputs: [uploads]\n    runs_on: worker\n");
    life.edit("    lambda: { memory: 1769, concurrency: 50 }\n", "");
    life.edit("    stages: { renditions: { lambda: { memory: 3008 } } }", "    stages: {}");
    life.deploy();
    let functions: Vec<String> = block_on(async {
        let lambda = aws_sdk_lambda::Client::new(&emulator.clients().await.config);
        let found = lambda.list_functions().send().await.unwrap();
        let names = found.functions().iter().map(|function| function.function_name().unwrap().to_owned());
        names.filter(|name| name.contains(&life.name)).collect()
    });
    assert!(functions.iter().all(|name| name.ends_with("-drain")), "{functions:?}");
    for (key, bytes) in life.sample() {
        life.put(&key, bytes);
    }
    let status = || life.tells(&["status", ".", "--env", "test", "--json"], 0);
    life.until("all items wait", || status()["stages"][0]["waiting"] == 6);
    assert!(life.contents("media").is_empty());
    let lines = life.says(&["worker", ".", "--env", "test", "--once"], 0);
    assert_eq!(life.contents("media"), expected);
    let done = lines.lines().filter(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["outcome"] == "done"
    });
    assert_eq!(done.count(), 6, "{lines}");
    let even = life.tells(&["reconcile", ".", "--env", "test", "--json"], 0);
    assert_eq!((&even[0]["objects"], &even[0]["done"]), (&6.into(), &6.into()), "{even}");
}
