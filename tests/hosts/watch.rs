//! `--watch`: changes are taken up as they happen, and none is missed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill_core::Stop;
use tidemill_embedded::{Event, HostError, Observer, Options, Summary};
use tidemill_pipeline::Plan;

use crate::embedded::{contents, folder};
use crate::functions::{MANIFEST, functions};

struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: &Event) {}
}

/// A run in a thread of its own.
struct Watching {
    folder: tempfile::TempDir,
    stop: Stop,
    thread: Option<std::thread::JoinHandle<Result<Summary, HostError>>>,
}

impl Watching {
    fn start() -> Self {
        let (folder, stop) = (folder(), Stop::default());
        let options = Options { dir: folder.path().to_owned(), watch: true, ..Options::default() };
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let plan = Plan::parse(Path::new("pipeline.yaml"), MANIFEST, None, &functions()).unwrap();
            tidemill_embedded::run(plan, options, until, Arc::new(Quiet))
        });
        let watching = Self { folder, stop, thread: Some(thread) };
        // It watches once it has done what was there.
        std::fs::write(watching.upload("first"), "A one").unwrap();
        watching.wait("the first file", |watching| watching.has("in/first/one.txt", "A"));
        watching
    }

    fn upload(&self, name: &str) -> PathBuf {
        self.folder.path().join("buckets/uploads/in").join(name)
    }

    fn has(&self, key: &str, content: &str) -> bool {
        let path = self.folder.path().join("buckets/media").join(key);
        std::fs::read_to_string(path).is_ok_and(|found| found == content)
    }

    /// Waits until `met`; that it takes long is no failure, that it never happens is.
    fn wait(&self, what: &str, met: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !met(self) {
            assert!(begun.elapsed() < Duration::from_mins(5), "{what}: still not there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(mut self) -> (tempfile::TempDir, Summary) {
        self.stop.set();
        let summary = self.thread.take().unwrap().join().unwrap().unwrap();
        (self.folder, summary)
    }
}

#[test]
fn new_changed_moved_and_removed_files_are_taken_up() {
    let watching = Watching::start();
    std::fs::write(watching.upload("new"), "B one two").unwrap();
    watching.wait("a new file", |w| w.has("in/new/two.txt", "B"));
    std::fs::write(watching.upload("new"), "C two").unwrap();
    watching.wait("a changed file", |w| w.has("in/new/two.txt", "C") && !w.has("in/new/one.txt", "B"));
    // A folder that is moved in brings its files, though no event names them.
    let aside = watching.folder.path().join("aside");
    std::fs::create_dir_all(aside.join("deep")).unwrap();
    std::fs::write(aside.join("deep/file"), "D one").unwrap();
    std::fs::rename(&aside, watching.upload("moved")).unwrap();
    watching.wait("a moved folder", |w| w.has("in/moved/deep/file/one.txt", "D"));
    std::fs::rename(watching.upload("moved/deep/file"), watching.upload("renamed")).unwrap();
    watching.wait("a renamed file", |w| {
        w.has("in/renamed/one.txt", "D") && !w.has("in/moved/deep/file/one.txt", "D")
    });
    // A folder that is moved out takes its files along, though no event names them either.
    std::fs::create_dir_all(watching.upload("leaving/deep")).unwrap();
    std::fs::write(watching.upload("leaving/deep/file"), "E one").unwrap();
    watching.wait("a file in a new folder", |w| w.has("in/leaving/deep/file/one.txt", "E"));
    std::fs::rename(watching.upload("leaving"), watching.folder.path().join("left")).unwrap();
    watching.wait("a folder moved out", |w| !w.has("in/leaving/deep/file/one.txt", "E"));
    std::fs::remove_file(watching.upload("new")).unwrap();
    watching.wait("a removed file", |w| !w.has("in/new/two.txt", "C"));
    std::fs::remove_dir_all(watching.upload("moved")).unwrap();
    let (folder, summary) = watching.end();
    assert!(summary.stopped);
    let media = contents(folder.path(), "media");
    assert_eq!(media.keys().collect::<Vec<_>>(), ["in/first/one.txt", "in/renamed/one.txt"]);
}

#[test]
fn a_file_that_is_being_written_is_not_read_half() {
    use std::io::Write;
    let watching = Watching::start();
    let mut file = std::fs::File::create(watching.upload("slow")).unwrap();
    file.write_all(b"A one").unwrap();
    file.sync_all().unwrap();
    // Another file passes by meanwhile, so time has gone by for the first one, too.
    for round in 0..3 {
        let name = format!("other{round}");
        std::fs::write(watching.upload(&name), "B one").unwrap();
        watching.wait("another file", |w| w.has(&format!("in/{name}/one.txt"), "B"));
    }
    assert!(!watching.has("in/slow/one.txt", "A"), "it is not finished yet");
    file.write_all(b" two").unwrap();
    drop(file);
    watching.wait("the finished file", |w| w.has("in/slow/two.txt", "A"));
    let (_, summary) = watching.end();
    assert_eq!(summary.total(|stage| stage.superseded), 0, "it was taken up once");
}

fn many(count: usize) {
    let watching = Watching::start();
    for number in 0..count {
        let folder = format!("{}", number % 50);
        std::fs::create_dir_all(watching.upload(&folder)).unwrap();
        std::fs::write(watching.upload(&format!("{folder}/{number}")), "A one").unwrap();
    }
    let last =
        |w: &Watching| (0..count).all(|number| w.has(&format!("in/{}/{number}/one.txt", number % 50), "A"));
    watching.wait("all files", last);
    let (folder, summary) = watching.end();
    assert_eq!(contents(folder.path(), "media").len(), count + 1);
    assert_eq!(summary.total(|stage| stage.dead), 0);
}

#[test]
fn a_thousand_files_at_once_are_all_taken_up() {
    many(1_000);
}

#[test]
#[ignore = "takes minutes where the disk is slow; a thousand are in the ordinary run"]
fn ten_thousand_files_at_once_are_all_taken_up() {
    many(10_000);
}
