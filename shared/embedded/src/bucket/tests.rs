use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use proptest::prelude::*;
use tidemill_core::{Generation, Object};

use super::*;

struct Fixture {
    folder: tempfile::TempDir,
    bucket: Bucket,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    let mut bucket = Bucket::open("b", &folder.path().join("b"), None).unwrap();
    bucket.prepare().unwrap();
    Fixture { folder, bucket }
}

fn mark(revision: u64) -> Mark {
    let generation = Generation { revision, ..Generation::default() };
    Mark { stage: "p/s".into(), root: "r".into(), generation, hops: 1 }
}

impl Fixture {
    fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join("b").join(key)
    }

    fn put(&self, key: &str, content: &str, condition: &Condition) -> Result<String, StoreError> {
        let body = Body::from(Bytes::from(content.to_owned()));
        let checksum = digest::checksum([content.as_bytes()]);
        let meta = Meta { media_type: "text/plain".into(), mark: Some(mark(7)), checksum };
        self.bucket.put(key, &body, &meta, condition)
    }

    fn read(&self, key: &str, etag: &str) -> Result<Bytes, StoreError> {
        let source = self.bucket.open_pinned(key, etag)?;
        futures(source.read_at(0, 1_000))
    }

    fn list(&self, prefix: &str) -> (Vec<String>, BTreeMap<String, &'static str>) {
        let (mut keys, mut ignored) = (Vec::new(), BTreeMap::new());
        let ignore = |path, reason| {
            ignored.insert(path, reason);
        };
        let closed = |path, cause| panic!("{path}: {cause}");
        self.bucket.list(prefix, |entry| keys.push(entry.key), ignore, closed).unwrap();
        keys.sort();
        (keys, ignored)
    }
}

/// The sources of this module answer at once.
fn futures<T>(mut answer: Answer<'_, T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn what_is_known_of_an_object_stays_with_it() {
    let f = fixture();
    let etag = f.put("a/b c+%ä😀", "text", &Condition::Absent).unwrap();
    let head = f.bucket.head("a/b c+%ä😀").unwrap().unwrap();
    assert_eq!(head.etag, etag);
    assert_eq!(head.media_type.as_deref(), Some("text/plain"));
    assert_eq!(head.mark, Some(mark(7)));
    assert_eq!(f.read("a/b c+%ä😀", &etag).unwrap(), "text");
    assert_eq!(std::fs::read_to_string(f.path("a/b c+%ä😀")).unwrap(), "text");
}

#[test]
fn conditions_hold() {
    let f = fixture();
    let first = f.put("k", "1", &Condition::Absent).unwrap();
    assert_eq!(f.put("k", "2", &Condition::Absent), Err(StoreError::Conflict));
    assert_eq!(f.put("k", "2", &Condition::Match("other".into())), Err(StoreError::Conflict));
    assert_eq!(f.put("gone", "2", &Condition::Match(first.clone())), Err(StoreError::Missing));
    let second = f.put("k", "2", &Condition::Match(first.clone())).unwrap();
    assert_ne!(first, second);
    assert_eq!(f.bucket.remove("k", &first), Err(StoreError::Conflict));
    assert_eq!(f.bucket.remove("k", &second), Ok(()));
    assert_eq!(f.bucket.remove("k", &second), Err(StoreError::Missing));
    let left: Vec<_> = std::fs::read_dir(f.path(TEMPORARY)).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_read_is_pinned() {
    let f = fixture();
    std::fs::write(f.path("k"), "old").unwrap();
    let etag = f.bucket.head("k").unwrap().unwrap().etag;
    let open = f.bucket.open_pinned("k", &etag).unwrap();
    // Replaced: who has it open reads the old bytes, who opens it anew is told.
    std::fs::write(f.path("new"), "new").unwrap();
    std::fs::rename(f.path("new"), f.path("k")).unwrap();
    assert_eq!(futures(open.read_at(0, 10)).unwrap(), "old");
    assert_eq!(f.read("k", &etag), Err(StoreError::Missing));
    // Changed in place: never a mix of two.
    let etag = f.bucket.head("k").unwrap().unwrap().etag;
    let open = f.bucket.open_pinned("k", &etag).unwrap();
    let file = std::fs::File::options().append(true).open(f.path("k")).unwrap();
    (&file).write_all(b"er").unwrap();
    assert_eq!(futures(open.read_at(0, 10)), Err(StoreError::Missing));
}

#[test]
fn an_edited_or_copied_file_is_no_longer_ours() {
    let f = fixture();
    f.put("k", "text", &Condition::Absent).unwrap();
    std::fs::copy(f.path("k"), f.path("copy")).unwrap();
    let copy = f.bucket.head("copy").unwrap().unwrap();
    assert_eq!(copy.mark, None);
    assert_eq!(copy.checksum, f.bucket.head("k").unwrap().unwrap().checksum, "its bytes can be compared");
    let file = std::fs::File::options().append(true).open(f.path("k")).unwrap();
    (&file).write_all(b"!").unwrap();
    assert_eq!(f.bucket.head("k").unwrap().unwrap().mark, None);
}

#[test]
fn what_a_directory_cannot_hold_is_refused() {
    let f = fixture();
    f.put("a", "1", &Condition::Absent).unwrap();
    f.put("d/e", "1", &Condition::Absent).unwrap();
    for (key, part) in [
        ("a/b", "beside"),
        ("d", "beside"),
        ("x//y", "empty"),
        ("../x", "`..`"),
        (&"n".repeat(256), "255 bytes"),
    ] {
        match f.put(key, "2", &Condition::Absent) {
            Err(StoreError::Refused(reason)) => assert!(reason.contains(part), "{key}: {reason}"),
            other => panic!("{key}: {other:?}"),
        }
    }
    assert_eq!(std::fs::read_dir(f.folder.path()).unwrap().count(), 1, "nothing outside the bucket");
}

#[test]
fn links_lead_nowhere() {
    let f = fixture();
    let outside = f.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(&outside, f.path("folder")).unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), f.path("file")).unwrap();
    std::fs::write(f.path("inside"), "1").unwrap();
    std::os::unix::fs::symlink("inside", f.path("alias")).unwrap();
    for key in ["folder/secret", "file", "alias"] {
        assert_eq!(f.bucket.head(key).unwrap(), None, "{key}");
    }
    assert!(f.put("folder/new", "1", &Condition::Absent).is_err());
    assert!(!outside.join("new").exists());
    let (keys, ignored) = f.list("");
    assert_eq!(keys, ["inside"]);
    assert_eq!(ignored.len(), 3, "{ignored:?}");
}

#[test]
fn a_listing_tells_objects_from_what_is_none() {
    let f = fixture();
    std::fs::create_dir_all(f.path("in/deep/empty")).unwrap();
    for key in ["in/a", "in/.hidden", "in/deep/b", "other", "in-a"] {
        std::fs::write(f.path(key), "1").unwrap();
    }
    let odd = std::ffi::OsStr::from_bytes(b"in/\xff\xfe");
    std::fs::write(f.folder.path().join("b").join(odd), "1").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        f.path("in/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let (keys, ignored) = f.list("in/");
    assert_eq!(keys, ["in/.hidden", "in/a", "in/deep/b"]);
    assert_eq!(ignored.values().collect::<Vec<_>>(), [&"it is no file", &"its name is not UTF-8"]);
    assert_eq!(f.list("in").0, ["in-a", "in/.hidden", "in/a", "in/deep/b"]);
    assert_eq!(f.list("in/de").0, ["in/deep/b"]);
    assert_eq!(f.list("nowhere/").0, [""; 0]);
}

#[test]
fn removal_leaves_no_empty_directories() {
    let f = fixture();
    let etag = f.put("a/b/c/d", "1", &Condition::Absent).unwrap();
    f.put("a/x", "1", &Condition::Absent).unwrap();
    f.bucket.remove("a/b/c/d", &etag).unwrap();
    assert!(!f.path("a/b").exists() && f.path("a/x").exists());
    f.bucket.settle().unwrap();
}

#[test]
fn files_with_a_name_do_as_well() {
    let mut f = fixture();
    f.bucket.nameless = false;
    let first = f.put("a/k", "1", &Condition::Absent).unwrap();
    assert_eq!(f.put("a/k", "2", &Condition::Absent), Err(StoreError::Conflict));
    let second = f.put("a/k", "2", &Condition::Match(first)).unwrap();
    assert_eq!(f.read("a/k", &second).unwrap(), "2");
    assert_eq!(std::fs::read_dir(f.path(TEMPORARY)).unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the key: it is refused, or the object is there under exactly this key.
    #[test]
    fn a_key_is_kept_or_refused(key in "\\PC{0,20}|[./a\\\\:%+ ]{0,12}") {
        let f = fixture();
        match f.put(&key, "1", &Condition::Absent) {
            Ok(etag) => {
                prop_assert_eq!(f.list("").0, [key.clone()]);
                let object = Object { bucket: "b".into(), key, version: None, etag, bytes: 1, media_type: None };
                prop_assert!(f.read(&object.key, &object.etag).is_ok());
            }
            Err(StoreError::Refused(_)) => prop_assert!(f.list("").0.is_empty()),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
