//! Every step of the host fails once, then what lies on disk is audited.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidemill_core::Stop;

use crate::embedded::{at_rest, at_step, folder, run};

/// No half-written file, no file that the result documents do not know, no temporary file left behind.
fn audit(dir: &Path) {
    for bucket in ["buckets/media", "buckets/final"] {
        let temporary = dir.join(bucket).join(".tidemill/tmp");
        let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
    let integrity: String = rusqlite::Connection::open(dir.join(".tidemill/state.sqlite"))
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
}

fn prepare(dir: &Path) {
    let path = dir.join("buckets/uploads/in/a");
    std::fs::write(&path, "A one two").unwrap();
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
}

/// A step that fails once is tried again, within the stage's attempts or by the next run after
/// `tidemill dead retry`; either way the end is that of an undisturbed run.
#[test]
fn each_failing_step_is_made_good() {
    let undisturbed = folder();
    prepare(undisturbed.path());
    run(undisturbed.path(), None, &Stop::default()).unwrap();
    let expected = at_rest(undisturbed.path());
    assert_eq!(expected.media.len(), 2);
    let kinds = [io::ErrorKind::StorageFull, io::ErrorKind::PermissionDenied, io::ErrorKind::Other];
    for step in 0.. {
        let folder = folder();
        prepare(folder.path());
        let (kind, hit) = (kinds[step % kinds.len()], Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&hit);
        let probe = at_step(step, move |_| {
            seen.store(true, Ordering::SeqCst);
            Err(kind.into())
        });
        let first = run(folder.path(), Some(probe), &Stop::default());
        if !hit.load(Ordering::SeqCst) {
            assert!(step > 20, "there are more steps than {step}");
            break;
        }
        drop(first);
        let books = tidemill_embedded::Books::open(folder.path(), None).unwrap();
        let ids: Vec<String> = books.dead().unwrap().into_iter().map(|entry| entry.id).collect();
        books.retry(&ids).unwrap();
        run(folder.path(), None, &Stop::default()).unwrap();
        assert_eq!(at_rest(folder.path()), expected, "after step {step} failed");
        audit(folder.path());
    }
}

/// A disk on which nothing can be written costs nothing but dead letters, and they have a way back.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = folder();
    prepare(folder.path());
    let full: tidemill_embedded::Probe = Arc::new(|step| match step {
        tidemill_embedded::Step::Write(_) => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    });
    let summary = run(folder.path(), Some(full), &Stop::default()).unwrap();
    assert_eq!(summary.total(|stage| stage.dead), 1);
    let dead = at_rest(folder.path()).dead;
    assert!(dead[0].1.contains("no storage space"), "{dead:?}");
    audit(folder.path());
    let books = tidemill_embedded::Books::open(folder.path(), None).unwrap();
    books.retry(&[books.dead().unwrap()[0].id.clone()]).unwrap();
    run(folder.path(), None, &Stop::default()).unwrap();
    assert_eq!(at_rest(folder.path()).media.len(), 2);
}

/// A disk that is not mounted is no order to remove everything.
#[test]
fn an_empty_mount_point_removes_nothing() {
    let folder = folder();
    prepare(folder.path());
    run(folder.path(), None, &Stop::default()).unwrap();
    let made = at_rest(folder.path());
    // As if the folder had been on another disk then.
    let state = rusqlite::Connection::open(folder.path().join(".tidemill/state.sqlite")).unwrap();
    state.execute("UPDATE about SET value = '/mnt (device 7)' WHERE name = 'place of uploads'", []).unwrap();
    std::fs::rename(folder.path().join("buckets/uploads/in/a"), folder.path().join("aside")).unwrap();
    let error = run(folder.path(), None, &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("is the disk mounted"), "{error}");
    assert_eq!(at_rest(folder.path()), made);
    // Where it was before, it is a removal.
    state.execute("DELETE FROM about WHERE name = 'place of uploads'", []).unwrap();
    run(folder.path(), None, &Stop::default()).unwrap();
    assert_eq!(at_rest(folder.path()).media.len(), 0);
}
