//! Output files, whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, why};
use crate::place::show;

/// Writes `path`, or replaces it: first under a temporary name beside it, so that nobody reads half a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes).map_err(|error| {
        let cause = match error.kind() {
            io::ErrorKind::NotFound => "its folder is not there".to_owned(),
            _ => why(&error),
        };
        let failure = Failure::new(format!("cannot write `{}`: {cause}", show(path)));
        match error.kind() {
            io::ErrorKind::NotFound => failure.hint("make the folder first, or name another one"),
            io::ErrorKind::PermissionDenied => failure.hint("name a folder in which you may write"),
            io::ErrorKind::StorageFull => failure.hint("make space, or name a file on another disk"),
            _ => failure.hint("name another file"),
        }
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A device or a pipe is written to, not replaced.
    if fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    if path.is_dir() || path.file_name().is_none() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // What a link leads to is replaced, and the link stays.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let temporary = temporary(path);
    let result = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        if let Ok(there) = fs::metadata(path) {
            file.set_permissions(there.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The name itself may be as long as names can be.
    let name: String = name.chars().take(40).collect();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
