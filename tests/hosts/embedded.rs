//! The one-machine host as a host under test. It runs in processes of its own, so that it can really die.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, params};
use tidemill_core::{Item, Stop};
use tidemill_embedded::{Books, Event, HostError, Observer, Options, Probe, Step, Summary};
use tidemill_pipeline::Plan;

use crate::conformance::{self, AtRest, Contents, Host};
use crate::functions::{MANIFEST, functions};

#[test]
fn keeps_the_promises() {
    conformance::suite(Embedded::new);
}

struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: &Event) {}
}

/// Runs the pipeline in `dir` in this process.
pub fn run(dir: &Path, probe: Option<Probe>, stop: &Stop) -> Result<Summary, HostError> {
    let plan = Plan::parse(Path::new("pipeline.yaml"), MANIFEST, None, &functions());
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    let options = Options { dir: dir.to_owned(), probe, ..Options::default() };
    tidemill_embedded::run(plan, options, stop.clone(), Arc::new(Quiet))
}

/// A folder with empty buckets.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for bucket in ["uploads/in", "media", "final"] {
        std::fs::create_dir_all(folder.path().join("buckets").join(bucket)).unwrap();
    }
    folder
}

/// Everything that a bucket holds, hidden files of the host aside.
pub fn contents(dir: &Path, bucket: &str) -> Contents {
    fn walk(root: &Path, path: &Path, found: &mut Contents) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path == root.join(".tidemill") {
                continue;
            }
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(key, String::from_utf8(std::fs::read(&path).unwrap()).unwrap());
            }
        }
    }
    let root = dir.join("buckets").join(bucket);
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    found
}

/// Buckets, dead letters and counts as they are now.
pub fn at_rest(dir: &Path) -> AtRest {
    let (mut dead, mut counts) = (Vec::new(), BTreeMap::new());
    if let Ok(books) = Books::open(dir, None) {
        for entry in books.dead().unwrap() {
            dead.push((entry.item.object().unwrap().key.clone(), entry.reason));
        }
        let status = books.status().unwrap();
        if let Some(stage) = status.stages.iter().find(|stage| stage.stage == "sets") {
            assert_eq!(stage.waiting, 0, "nothing is at rest while items wait");
            let figures =
                [("done", stage.done), ("skipped", stage.skipped), ("superseded", stage.superseded)];
            counts = figures.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        }
    }
    dead.sort();
    AtRest { media: contents(dir, "media"), copies: contents(dir, "final"), dead, counts }
}

/// Names a step as the design names the points of a crash.
fn name(step: Step<'_>) -> String {
    match step {
        Step::MakeTemporary(_) => "before output: temporary file".to_owned(),
        Step::Write(_) => "before output: bytes".to_owned(),
        Step::Describe(_) => "before output: description".to_owned(),
        Step::SyncFile(_) => "before output: sync".to_owned(),
        Step::Name(key) => format!("before output: name of {key}"),
        Step::MakeDirectory(key) => format!("before output: directory of {key}"),
        Step::SyncDirectory(directory) => format!("after output: sync of {directory}"),
        Step::Document(_) => "before document".to_owned(),
        Step::Remove(key) => format!("before removal of {key}"),
        Step::Send(stage) => format!("before send to {stage}"),
        Step::Bury(stage) => format!("before dead letter of {stage}"),
        Step::Acknowledge(stage) => format!("before acknowledge of {stage}"),
        Step::Acknowledged(stage) => format!("after acknowledge of {stage}"),
    }
}

/// Counts steps, and does something at one of them.
pub fn at_step(number: usize, act: impl Fn(String) -> std::io::Result<()> + Send + Sync + 'static) -> Probe {
    let counter = AtomicUsize::new(0);
    Arc::new(
        move |step| {
            if counter.fetch_add(1, Ordering::SeqCst) == number { act(name(step)) } else { Ok(()) }
        },
    )
}

const CHILD: &str = "TIDEMILL_TEST_CHILD";

/// Not a test: the process that runs the host, and dies if it is told to.
#[test]
#[ignore = "the other tests start it as a process of their own"]
fn child() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (step, dir) = task.split_once(' ').unwrap();
    let dir = PathBuf::from(dir);
    let probe = step.parse().ok().map(|step| {
        let note = dir.join("died-at");
        at_step(step, move |name| {
            std::fs::write(&note, name).unwrap();
            std::process::abort()
        })
    });
    run(&dir, probe, &Stop::default()).unwrap();
}

fn run_child(dir: &Path, step: Option<usize>) -> bool {
    let step = step.map_or_else(|| "-".to_owned(), |step| step.to_string());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "embedded::child", "--ignored", "--test-threads=1"]);
    let output = command.env(CHILD, format!("{step} {}", dir.display())).output().unwrap();
    let ended = output.status.success();
    assert!(ended || step != "-", "{}", String::from_utf8_lossy(&output.stdout));
    ended
}

struct Embedded {
    folder: tempfile::TempDir,
    clock: Mutex<u64>,
}

impl Embedded {
    fn new() -> Self {
        Self { folder: folder(), clock: Mutex::new(0) }
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn state(&self) -> Connection {
        Connection::open(self.dir().join(".tidemill/state.sqlite")).unwrap()
    }

    /// Lets the host look at its sources, and takes the items out of the queue.
    fn look(&self) -> Item {
        let stop = Stop::default();
        stop.set();
        run(self.dir(), None, &stop).unwrap();
        let state = self.state();
        let text: String =
            state.query_row("SELECT item FROM queue ORDER BY id DESC LIMIT 1", [], |row| row.get(0)).unwrap();
        state.execute("DELETE FROM queue", []).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn send(&self, text: &str) {
        self.state()
            .execute("INSERT INTO queue (stage, item, due, sent) VALUES ('sets', ?1, 0, 0)", params![text])
            .unwrap();
    }

    fn write(&self, bucket: &str, key: &str, content: &str) {
        let path = self.dir().join("buckets").join(bucket).join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Long past, so that the host need not wait for it to be finished; and never the same time twice.
        let mut clock = self.clock.lock().unwrap();
        *clock += 1;
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000 + *clock);
        let temporary = path.with_file_name("being-written");
        std::fs::write(&temporary, content).unwrap();
        std::fs::File::options().append(true).open(&temporary).unwrap().set_modified(time).unwrap();
        std::fs::rename(temporary, path).unwrap();
    }
}

impl Host for Embedded {
    fn put(&mut self, key: &str, content: &str) -> Item {
        self.write("uploads", key, content);
        self.look()
    }

    fn remove(&mut self, key: &str) -> Item {
        std::fs::remove_file(self.dir().join("buckets/uploads").join(key)).unwrap();
        self.look()
    }

    fn put_output(&mut self, key: &str, content: &str) {
        self.write("media", key, content);
    }

    fn deliver(&mut self, items: &[&Item]) {
        for item in items {
            self.send(&serde_json::to_string(item).unwrap());
            run(self.dir(), None, &Stop::default()).unwrap();
        }
    }

    fn keeps_unknown(&mut self, raw: &str) -> bool {
        self.send(raw);
        let _ = run(self.dir(), None, &Stop::default());
        let kept: String = self.state().query_row("SELECT item FROM queue", [], |row| row.get(0)).unwrap();
        self.state().execute("DELETE FROM queue", []).unwrap();
        kept == raw
    }

    fn deliver_and_die(&mut self, items: &[&Item], step: usize) -> Option<String> {
        for item in items {
            self.send(&serde_json::to_string(item).unwrap());
        }
        if run_child(self.dir(), Some(step)) {
            return None;
        }
        run(self.dir(), None, &Stop::default()).unwrap();
        Some(std::fs::read_to_string(self.dir().join("died-at")).unwrap())
    }

    fn at_rest(&self) -> AtRest {
        at_rest(self.dir())
    }
}
