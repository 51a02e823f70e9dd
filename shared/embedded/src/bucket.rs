//! A directory as a bucket.
//!
//! The life of an object: its bytes go into a file that has no name yet (see [`Draft`]), what is known of
//! it (media type, mark, checksum) into an extended attribute of that same file, both are synced, then the
//! file is linked or renamed to its key. So bytes and description appear together, whole or not at all. The
//! names are made safe with [`Bucket::settle`], many at once. A file that someone else put or edited has no
//! valid description: it is an object all the same, known by its inode, size and times.
//!
//! All paths are opened relative to the bucket's directory, and symbolic links are not followed out of it.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use serde::{Deserialize, Serialize};
use tidemill_core::digest;
use tidemill_core::mark::Mark;
use tidemill_core::ports::{Answer, Body, Condition, Head, Meta, Source, StoreError};

use crate::draft::Draft;
use crate::key;
use crate::probe::{Probe, Step};

mod arrival;

/// The extended attribute that holds a [`Description`].
const ATTRIBUTE: &str = "user.tidemill";

/// Files without a checksum of ours are read to compare them only up to this size.
const COMPARED_BYTES: u64 = 64 << 20;

const OWN: &str = ".tidemill";
const TEMPORARY: &str = ".tidemill/tmp";

/// What is kept with a file that the host wrote.
#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    /// The file that it describes: a copy or an edited file is another one.
    etag: String,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<Mark>,
    checksum: String,
}

/// A directory entry of a bucket.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) bytes: u64,
}

/// A directory.
pub(crate) struct Bucket {
    name: String,
    path: PathBuf,
    root: Dir,
    /// Where files are made before they have their name; none in a bucket that is only read from.
    temporary: Option<Dir>,
    /// Whether a file can be made without a name.
    nameless: bool,
    /// How the names of this process's temporary files begin.
    process: String,
    folds_case: bool,
    probe: Option<Probe>,
    /// Directories whose entries changed and are not safe on disk yet.
    unsynced: Mutex<HashSet<String>>,
    settling: Mutex<()>,
    /// One lock per group of keys: looking at an object and replacing it is one step within a process.
    locks: [Mutex<()>; 64],
}

static TEMPORARY_COUNTER: AtomicU64 = AtomicU64::new(0);

impl Bucket {
    /// Opens the directory at `path`.
    pub(crate) fn open(name: &str, path: &Path, probe: Option<Probe>) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, cap_std::ambient_authority())?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            root,
            temporary: None,
            nameless: false,
            process: format!("{}-", std::process::id()),
            folds_case: false,
            probe,
            unsynced: Mutex::default(),
            settling: Mutex::default(),
            locks: [const { Mutex::new(()) }; 64],
        })
    }

    /// Makes the bucket ready to be written: its own folder is there, nothing half-written is left, and
    /// the file system keeps extended attributes.
    pub(crate) fn prepare(&mut self) -> io::Result<()> {
        self.root.create_dir_all(TEMPORARY)?;
        self.folds_case = self.root.exists(OWN.to_uppercase());
        let folder = self.root.open_dir(TEMPORARY)?;
        for entry in folder.entries()? {
            let name = entry?.file_name();
            let pid = name.to_str().and_then(|name| name.split_once('-')).map(|(pid, _)| pid);
            let is_own = name.to_string_lossy().starts_with(&self.process);
            if !is_own && pid.is_none_or(|pid| !Path::new("/proc").join(pid).exists()) {
                folder.remove_file(name)?;
            }
        }
        let trial = format!("{}attributes", self.process);
        let file = folder.create(&trial)?;
        let kept = rustix::fs::fsetxattr(&file, ATTRIBUTE, b"1", rustix::fs::XattrFlags::empty());
        folder.remove_file(&trial)?;
        self.nameless = Draft::can_be_nameless(&folder, &trial);
        self.temporary = Some(folder);
        kept.map_err(io::Error::from)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells where the objects below `prefix` lie: the disk and the folder.
    pub(crate) fn place(&self, prefix: &str) -> io::Result<String> {
        let base = parent_of(prefix).and_then(|base| self.root.metadata(base).ok());
        let meta = base.map_or_else(|| self.root.dir_metadata(), Ok)?;
        let path = self.path.canonicalize()?;
        Ok(format!("{} (device {:x})", path.display(), meta.dev()))
    }

    fn step(&self, step: Step<'_>) -> io::Result<()> {
        self.probe.as_ref().map_or(Ok(()), |probe| probe(step))
    }

    /// The lock of a key's group. It guards no data, so a panic under it has broken none.
    fn lock(&self, key: &str) -> MutexGuard<'_, ()> {
        let group = key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.locks[group % 64].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_file(&self, key: &str) -> io::Result<Option<cap_std::fs::File>> {
        let mut options = OpenOptions::new();
        // A link is no object, and opening a pipe must not wait for its other end.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        options.read(true).custom_flags(flags.bits().cast_signed());
        match self.root.open_with(key, &options) {
            Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_link(&self, key: &str) -> bool {
        self.root.symlink_metadata(key).is_ok_and(|meta| meta.is_symlink())
    }

    /// The current object at `key`, if any.
    pub(crate) fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        if key::refused(key).is_some() {
            return Ok(None);
        }
        let found = self.open_file(key).and_then(|file| match file {
            None => Ok(None),
            Some(file) => {
                let mut head = describe(&file)?;
                if head.checksum.is_none() && head.bytes <= COMPARED_BYTES {
                    let mut bytes = Vec::new();
                    (&file).read_to_end(&mut bytes)?;
                    head.checksum = Some(digest::checksum([bytes.as_slice()]));
                }
                Ok(Some(head))
            }
        });
        found.map_err(|error| self.unavailable("read", key, &error))
    }

    /// Opens the object that has the entity tag `etag`.
    pub(crate) fn open_pinned(&self, key: &str, etag: &str) -> Result<Box<dyn Source>, StoreError> {
        if key::refused(key).is_some() {
            return Err(StoreError::Missing);
        }
        let opened = self.open_file(key).and_then(|file| match file {
            None => Ok(None),
            Some(file) => Ok(Some((describe(&file)?, file.into_std()))),
        });
        match opened.map_err(|error| self.unavailable("read", key, &error))? {
            Some((head, file)) if head.etag == etag => Ok(Box::new(Pinned { head, file })),
            _ => Err(StoreError::Missing),
        }
    }

    /// Writes an object if `condition` holds.
    pub(crate) fn put(
        &self,
        key: &str,
        body: &Body,
        meta: &Meta,
        condition: &Condition,
    ) -> Result<String, StoreError> {
        if let Some(reason) = key::refused(key) {
            return Err(StoreError::Refused(reason));
        }
        let Some(folder) = &self.temporary else {
            return Err(StoreError::Refused(format!("the bucket `{}` is only read from", self.name)));
        };
        let spare = format!("{}{}", self.process, TEMPORARY_COUNTER.fetch_add(1, Ordering::Relaxed));
        let result = self.put_by(folder, spare, key, body, meta, condition);
        match result {
            Ok(Put::Done(etag)) => Ok(etag),
            Ok(Put::Conflict) => Err(StoreError::Conflict),
            Ok(Put::Missing) => Err(StoreError::Missing),
            Ok(Put::Refused(reason)) => Err(StoreError::Refused(reason)),
            Err(error) => Err(self.unavailable("write", key, &error)),
        }
    }

    fn put_by(
        &self,
        folder: &Dir,
        spare: String,
        key: &str,
        body: &Body,
        meta: &Meta,
        condition: &Condition,
    ) -> io::Result<Put> {
        let mut parent = match self.parent(key) {
            Ok(parent) => parent,
            Err(error) if is_in_the_way(&error) => return Ok(self.in_the_way(key)),
            Err(error) => return Err(error),
        };
        self.step(Step::MakeTemporary(key))?;
        let mut draft = Draft::begin(&parent, folder, spare, self.nameless)?;
        let file = &mut draft.file;
        self.step(Step::Write(key))?;
        for chunk in &body.0 {
            file.write_all(chunk)?;
        }
        self.step(Step::Describe(key))?;
        let etag = etag_of_own(&file.metadata()?);
        let description = Description {
            format: 1,
            etag: etag.clone(),
            media_type: meta.media_type.clone(),
            mark: meta.mark.clone(),
            checksum: meta.checksum.clone(),
        };
        let description = serde_json::to_vec(&description)?;
        rustix::fs::fsetxattr(&*file, ATTRIBUTE, &description, rustix::fs::XattrFlags::empty())?;
        self.step(Step::SyncFile(key))?;
        file.sync_all()?;

        let _guard = self.lock(key);
        if let Condition::Match(expected) = condition {
            match self.open_file(key)? {
                None => return Ok(Put::Missing),
                Some(current) if describe(&current)?.etag != *expected => return Ok(Put::Conflict),
                Some(_) => {}
            }
        }
        if self.folds_case && self.names_another(key)? {
            return Ok(Put::Refused(format!(
                "this disk does not tell upper from lower case, and there is an object whose key differs \
                 from `{key}` only in that"
            )));
        }
        let base = key.rsplit_once('/').map_or(key, |(_, base)| base);
        // A removal elsewhere may take the directory away between two steps: once more then.
        for _ in 0..16 {
            self.step(Step::Name(key))?;
            let named = match condition {
                Condition::Absent => draft.name_new(&parent, base),
                Condition::Match(_) => draft.replace(&parent, base),
            };
            match named {
                Ok(()) => {
                    self.note_unsynced(parent_of(key));
                    return Ok(Put::Done(etag));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => parent = self.parent(key)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let other = self.root.symlink_metadata(key).is_ok_and(|meta| !meta.is_file());
                    return Ok(if other { self.in_the_way(key) } else { Put::Conflict });
                }
                Err(error) if is_in_the_way(&error) => return Ok(self.in_the_way(key)),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("its directory vanishes again and again"))
    }

    /// The directory that the key's last part lies in; it is made if it is not there.
    fn parent(&self, key: &str) -> io::Result<Dir> {
        let Some(parent) = parent_of(key) else { return self.root.try_clone() };
        match self.root.open_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_directory(key, parent)?;
                self.root.open_dir(parent)
            }
            opened => opened,
        }
    }

    fn in_the_way(&self, key: &str) -> Put {
        Put::Refused(format!(
            "the bucket `{}` cannot hold the key `{key}`: a directory cannot hold an object `a` beside an \
             object `a/b`, and something else is in the way",
            self.name
        ))
    }

    fn make_directory(&self, key: &str, parent: &str) -> io::Result<()> {
        self.step(Step::MakeDirectory(key))?;
        let mut made = Some(parent);
        // A new directory is an entry of the one above.
        while let Some(path) = made.filter(|path| !self.root.is_dir(path)) {
            made = parent_of(path);
            self.note_unsynced(made);
        }
        self.root.create_dir_all(parent)
    }

    fn note_unsynced(&self, directory: Option<&str>) {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        unsynced.insert(directory.unwrap_or(".").to_owned());
    }

    /// Makes every name that was given or taken so far outlive a power cut.
    ///
    /// Names are not synced one by one: it is enough that those of a set are safe before the document that
    /// lists them, and that all are safe before an item leaves its queue.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        // Who comes second waits for the first, who may be syncing what the second has written.
        let _gate = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let directories = std::mem::take(&mut *self.unsynced.lock().unwrap_or_else(PoisonError::into_inner));
        for directory in &directories {
            let synced = self.step(Step::SyncDirectory(directory)).and_then(|()| {
                match self.root.open(directory) {
                    Ok(opened) => opened.sync_all(),
                    // Gone meanwhile, which its parent's entry in the set speaks of.
                    Err(error) if is_absent(&error) => Ok(()),
                    Err(error) => Err(error),
                }
            });
            if let Err(error) = synced {
                let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
                unsynced.extend(directories.iter().cloned());
                return Err(self.unavailable("sync", directory, &error));
            }
        }
        Ok(())
    }

    /// Whether `key` finds a file that is named otherwise, on a disk that folds case.
    fn names_another(&self, key: &str) -> io::Result<bool> {
        let mut parent = String::from(".");
        for part in key.split('/') {
            if !self.root.exists(format!("{parent}/{part}")) {
                return Ok(false);
            }
            let same = |entry: io::Result<cap_std::fs::DirEntry>| entry.map(|e| e.file_name() == part);
            let found = self.root.read_dir(&parent)?.map(same).collect::<io::Result<Vec<_>>>()?;
            if !found.contains(&true) {
                return Ok(true);
            }
            parent = format!("{parent}/{part}");
        }
        Ok(false)
    }

    /// Removes the object at `key` if its entity tag is `etag`, and the directories that it leaves empty.
    pub(crate) fn remove(&self, key: &str, etag: &str) -> Result<(), StoreError> {
        let removed = || -> io::Result<Result<(), StoreError>> {
            let _guard = self.lock(key);
            let Some(file) = self.open_file(key)? else { return Ok(Err(StoreError::Missing)) };
            if describe(&file)?.etag != etag {
                return Ok(Err(StoreError::Conflict));
            }
            self.step(Step::Remove(key))?;
            self.root.remove_file(key)?;
            let mut path = key;
            while let Some(parent) = parent_of(path) {
                if self.root.remove_dir(parent).is_err() {
                    break;
                }
                path = parent;
            }
            self.note_unsynced(parent_of(path));
            Ok(Ok(()))
        };
        removed().unwrap_or_else(|error| Err(self.unavailable("remove", key, &error)))
    }

    /// Walks the objects whose keys begin with `prefix`. Files that can be no objects go to `ignore` with
    /// their path and the reason, those that may not be read to `closed` with the system's words; a folder
    /// ends in `/` there.
    pub(crate) fn list(
        &self,
        prefix: &str,
        mut found: impl FnMut(Entry),
        mut ignore: impl FnMut(String, &'static str),
        mut closed: impl FnMut(String, String),
    ) -> io::Result<()> {
        let base = prefix.rsplit_once('/').map_or("", |(base, _)| base);
        let mut open = vec![base.to_owned()];
        while let Some(directory) = open.pop() {
            let place = if directory.is_empty() { "." } else { &directory };
            if self.is_link(place) {
                continue;
            }
            let entries = match self.root.read_dir(place) {
                Ok(entries) => entries,
                Err(error) if is_absent(&error) => continue,
                Err(error) if directory.is_empty() => return Err(error),
                Err(error) => {
                    closed(format!("{directory}/"), cause(&error));
                    continue;
                }
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let join = |name: &str| {
                    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
                };
                let Some(key) = name.to_str().map(join) else {
                    ignore(join(&name.to_string_lossy()), "its name is not UTF-8");
                    continue;
                };
                let inside = key.starts_with(prefix) || prefix.starts_with(&format!("{key}/"));
                if !inside || key::is_reserved(&key) {
                    continue;
                }
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    open.push(key);
                } else if kind.is_symlink() {
                    ignore(key, "it is a symbolic link");
                } else if !kind.is_file() {
                    ignore(key, "it is no file");
                } else if key::refused(&key).is_some() {
                    ignore(key, "its path is too long for a key");
                } else if key.starts_with(prefix) {
                    match self.entry(&key) {
                        Ok(Some(entry)) => found(entry),
                        // It is gone by now.
                        Ok(None) => {}
                        Err(error) => closed(key, cause(&error)),
                    }
                }
            }
        }
        Ok(())
    }

    /// The directory entry of an object, if it is there.
    pub(crate) fn entry(&self, key: &str) -> io::Result<Option<Entry>> {
        let Some(file) = self.open_file(key)? else { return Ok(None) };
        let head = describe(&file)?;
        Ok(Some(Entry { key: key.to_owned(), etag: head.etag, bytes: head.bytes }))
    }

    /// How long ago the file at `key` was changed.
    pub(crate) fn age(&self, key: &str) -> Option<Duration> {
        let modified = self.root.symlink_metadata(key).ok()?.modified().ok()?;
        Some(SystemTime::now().duration_since(modified.into_std()).unwrap_or_default())
    }

    fn unavailable(&self, verb: &str, key: &str, error: &io::Error) -> StoreError {
        StoreError::Unavailable(format!("cannot {verb} `{}/{key}`: {}", self.name, cause(error)))
    }
}

/// What the system says, without its error number.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

enum Put {
    Done(String),
    Conflict,
    Missing,
    Refused(String),
}

fn parent_of(key: &str) -> Option<&str> {
    key.rsplit_once('/').map(|(parent, _)| parent)
}

fn is_absent(error: &io::Error) -> bool {
    // cap-std refuses a link that leads out of the directory with `PermissionDenied`; a real lack of
    // permission carries the system's code.
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || (error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none())
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn is_in_the_way(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory};
    matches!(error.kind(), NotADirectory | IsADirectory | DirectoryNotEmpty | AlreadyExists)
        || (error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none())
}

/// The entity tag of a file that the host wrote: linking and renaming change its status time.
fn etag_of_own(meta: &Metadata) -> String {
    format!("{:x}-{:x}-{:x}", meta.ino(), meta.size(), time(meta.mtime(), meta.mtime_nsec()))
}

/// The entity tag of any other file. The status time tells an edit that sets the others back.
fn etag_of_other(meta: &Metadata) -> String {
    format!("{}-{:x}", etag_of_own(meta), time(meta.ctime(), meta.ctime_nsec()))
}

fn time(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

/// What is known of an open file.
fn describe(file: &cap_std::fs::File) -> io::Result<Head> {
    let meta = file.metadata()?;
    let mut buffer = [0; 2048];
    let description = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut buffer[..])
        .ok()
        .and_then(|length| serde_json::from_slice::<Description>(&buffer[..length]).ok())
        .filter(|description| description.etag == etag_of_own(&meta));
    Ok(match description {
        Some(description) => Head {
            etag: description.etag,
            bytes: meta.size(),
            media_type: Some(description.media_type),
            mark: description.mark,
            checksum: Some(description.checksum),
        },
        None => Head {
            etag: etag_of_other(&meta),
            bytes: meta.size(),
            media_type: None,
            mark: None,
            checksum: None,
        },
    })
}

/// An open file. A replaced file stays readable; one changed in place is noticed.
struct Pinned {
    head: Head,
    file: std::fs::File,
}

impl Source for Pinned {
    fn head(&self) -> &Head {
        &self.head
    }

    fn read_at(&self, offset: u64, length: usize) -> Answer<'_, Result<Bytes, StoreError>> {
        let read = || -> io::Result<Option<Bytes>> {
            let there = self.head.bytes.saturating_sub(offset);
            let length = length.min(usize::try_from(there).unwrap_or(usize::MAX));
            let mut bytes = vec![0; length];
            let mut filled = 0;
            while filled < length {
                match self.file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                    0 => return Ok(None),
                    count => filled += count,
                }
            }
            let file = cap_std::fs::File::from_std(self.file.try_clone()?);
            let meta = file.metadata()?;
            // A hard link made meanwhile changes the status time only, so that is not looked at.
            let own = etag_of_own(&meta);
            let rest = self.head.etag.strip_prefix(&own);
            let same = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
            Ok(same.then(|| bytes.into()))
        };
        let result = match read() {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(StoreError::Missing),
            Err(error) => Err(StoreError::Unavailable(format!("cannot read: {}", cause(&error)))),
        };
        Box::pin(std::future::ready(result))
    }
}

/// Buckets by name.
pub(crate) type Buckets = Arc<HashMap<String, Arc<Bucket>>>;

#[cfg(test)]
mod tests;
