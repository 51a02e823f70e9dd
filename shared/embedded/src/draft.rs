//! A file that has no name yet: it appears at its key whole, or not at all.
//!
//! Where the system can, the file is made without any name (`O_TMPFILE`), near where it will lie, so that
//! a dead process leaves nothing behind and files do not crowd in one directory. Elsewhere it has a name in
//! the bucket's own folder until then.

use std::io;

use cap_std::fs::{Dir, File};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// A file on its way to a key.
pub(crate) struct Draft<'a> {
    pub(crate) file: File,
    folder: &'a Dir,
    /// Its name in `folder`, once or as long as it has one.
    name: Option<String>,
    spare: String,
}

impl<'a> Draft<'a> {
    /// Begins a file near `near`, or as `spare` in `folder` where files need a name (`nameless` is false).
    pub(crate) fn begin(near: &Dir, folder: &'a Dir, spare: String, nameless: bool) -> io::Result<Self> {
        if nameless {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            let made = rustix::fs::openat(near, ".", flags, Mode::from_raw_mode(0o666))?;
            let file = File::from_std(std::fs::File::from(made));
            return Ok(Self { file, folder, name: None, spare });
        }
        let file = folder.create(&spare)?;
        Ok(Self { file, folder, name: Some(spare.clone()), spare })
    }

    /// Gives it the name `base` in `parent`, where there must be none.
    pub(crate) fn name_new(&self, parent: &Dir, base: &str) -> io::Result<()> {
        match &self.name {
            Some(name) => self.folder.hard_link(name, parent, base),
            None => self.link(parent, base),
        }
    }

    /// Puts it in the place of `base` in `parent`.
    pub(crate) fn replace(&mut self, parent: &Dir, base: &str) -> io::Result<()> {
        if self.name.is_none() {
            self.link(self.folder, &self.spare)?;
            self.name = Some(self.spare.clone());
        }
        self.folder.rename(&self.spare, parent, base)?;
        self.name = None;
        Ok(())
    }

    fn link(&self, parent: &Dir, base: &str) -> io::Result<()> {
        use std::os::fd::{AsFd, AsRawFd};
        let path = format!("/proc/self/fd/{}", self.file.as_fd().as_raw_fd());
        Ok(rustix::fs::linkat(CWD, path, parent, base, AtFlags::SYMLINK_FOLLOW)?)
    }

    /// Whether files without a name work at `folder`.
    pub(crate) fn can_be_nameless(folder: &Dir, trial: &str) -> bool {
        let tried = Draft::begin(folder, folder, trial.to_owned(), true).and_then(|draft| {
            draft.name_new(folder, trial)?;
            folder.remove_file(trial)
        });
        tried.is_ok()
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Named at its key by a link, or not wanted; if this fails, the next start clears it away.
            let _ = self.folder.remove_file(name);
        }
    }
}
