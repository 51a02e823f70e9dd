//! Changes in sources as they happen.
//!
//! A file is taken when its writer has closed it, or, where that cannot be seen, when it has been quiet for
//! a while. Where the system lost track (too many changes at once, a new directory), the source is listed
//! anew, so nothing depends on every single notice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::HostError;
use crate::source::Uploads;

/// How long a file must be quiet that nobody was seen writing to (it was linked, say).
const QUIET: Duration = Duration::from_millis(400);

/// How long a file must be quiet whose writer was not seen closing it.
const QUIET_WHILE_OPEN: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
struct Change {
    at: Instant,
    wait: Duration,
}

#[derive(Default)]
struct Noticed {
    changes: HashMap<(usize, String), Change>,
    list_anew: bool,
}

/// Watches the directories of sources.
pub(crate) struct Watch {
    noticed: Arc<Mutex<Noticed>>,
    _watcher: RecommendedWatcher,
}

/// What is ready to be looked at.
#[derive(Default)]
pub(crate) struct Ready {
    /// Keys by the source's index.
    pub(crate) keys: Vec<(usize, String)>,
    /// The sources are to be listed.
    pub(crate) list_anew: bool,
}

impl Watch {
    pub(crate) fn start(sources: &[Uploads]) -> Result<Self, HostError> {
        let noticed = Arc::new(Mutex::new(Noticed::default()));
        let sink = Arc::clone(&noticed);
        let resolve = |source: &Uploads| {
            let path = source.bucket.path();
            path.canonicalize().unwrap_or_else(|_| path.to_owned())
        };
        let roots: Vec<_> = sources.iter().map(|source| (resolve(source), source.clone())).collect();
        let paths: Vec<_> = roots.iter().map(|(path, source)| (path.clone(), source.clone())).collect();
        let failed = |source: &Uploads, error: &notify::Error| HostError::Bucket {
            bucket: source.bucket.name().to_owned(),
            path: source.bucket.path().to_owned(),
            cause: format!("it cannot be watched: {error}"),
        };
        let watcher = notify::recommended_watcher(move |event| notice(&sink, &roots, event));
        let mut watcher = match (watcher, paths.first()) {
            (Ok(watcher), _) => watcher,
            (Err(error), Some((_, source))) => return Err(failed(source, &error)),
            (Err(error), None) => {
                return Err(HostError::State { path: ".".into(), cause: error.to_string() });
            }
        };
        for (path, source) in &paths {
            watcher.watch(path, RecursiveMode::Recursive).map_err(|error| failed(source, &error))?;
        }
        Ok(Self { noticed, _watcher: watcher })
    }

    /// Puts a key back to be looked at once it is quiet.
    pub(crate) fn look_again(&self, source: usize, key: String) {
        let change = Change { at: Instant::now(), wait: QUIET };
        lock(&self.noticed).changes.entry((source, key)).or_insert(change);
    }

    /// Takes what is ready.
    pub(crate) fn ready(&self) -> Ready {
        let mut noticed = lock(&self.noticed);
        let list_anew = std::mem::take(&mut noticed.list_anew);
        let now = Instant::now();
        let is_ready = |change: &Change| now.duration_since(change.at) >= change.wait;
        let mut keys = Vec::new();
        noticed.changes.retain(|key, change| {
            let ready = is_ready(change);
            if ready {
                keys.push(key.clone());
            }
            !ready
        });
        Ready { keys, list_anew }
    }
}

fn lock(noticed: &Mutex<Noticed>) -> MutexGuard<'_, Noticed> {
    noticed.lock().unwrap_or_else(PoisonError::into_inner)
}

fn notice(sink: &Mutex<Noticed>, roots: &[(std::path::PathBuf, Uploads)], event: notify::Result<Event>) {
    let mut noticed = lock(sink);
    let Ok(event) = event else {
        noticed.list_anew = true;
        return;
    };
    if event.need_rescan() {
        noticed.list_anew = true;
    }
    let (wait, opens) = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Remove(RemoveKind::File | RemoveKind::Any | RemoveKind::Other) => {
            (Duration::ZERO, false)
        }
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => {
            noticed.list_anew = true;
            return;
        }
        EventKind::Create(_) | EventKind::Any | EventKind::Modify(ModifyKind::Metadata(_)) => (QUIET, false),
        EventKind::Modify(_) => (if cfg!(target_os = "linux") { QUIET_WHILE_OPEN } else { QUIET }, true),
        EventKind::Access(_) | EventKind::Other => return,
    };
    for path in &event.paths {
        if matches!(event.kind, EventKind::Modify(ModifyKind::Name(_))) && path.is_dir() {
            noticed.list_anew = true;
            continue;
        }
        for (index, (root, source)) in roots.iter().enumerate() {
            let Some(key) = key_of(root, path).filter(|key| source.holds(key)) else { continue };
            let change = Change { at: Instant::now(), wait };
            let known = noticed.changes.entry((index, key)).or_insert(change);
            // A late notice of metadata must not cut short the wait for a writer.
            let keeps_waiting = known.wait > wait && wait == QUIET && !opens;
            *known = Change { wait: if keeps_waiting { known.wait } else { wait }, ..change };
        }
    }
}

fn key_of(root: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
}
