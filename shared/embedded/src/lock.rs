//! One process at a time runs a pipeline.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::HostError;

const FILE: &str = "lock";

/// Held for as long as the process runs the pipeline; the system lets go of it when the process dies.
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough while a process that is being started still has a copy of the file.
        let _ = self.0.unlock();
    }
}

impl Lock {
    /// Takes the lock of the state folder `path`.
    pub(crate) fn take(path: &Path) -> Result<Self, HostError> {
        let wrap =
            |error: std::io::Error| HostError::State { path: path.to_owned(), cause: error.to_string() };
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join(FILE));
        let mut file = options.map_err(wrap)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HostError::Held { path: path.to_owned(), pid: holder(path) });
            }
            Err(TryLockError::Error(error)) => return Err(wrap(error)),
        }
        let id = std::process::id().to_string();
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(id.as_bytes()));
        written.map_err(wrap)?;
        Ok(Self(file))
    }
}

/// The process that holds the lock of the state folder `path`, if one does.
pub(crate) fn running(path: &Path) -> Option<u32> {
    let file = File::open(path.join(FILE)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => holder(path),
        _ => None,
    }
}

fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path.join(FILE)).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
