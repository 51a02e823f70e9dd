//! A place to stand between any two steps of the host, for tests that let it fail or die there.

use std::io;
use std::sync::Arc;

/// What the host is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Make a directory for a key.
    MakeDirectory(&'a str),
    /// Make the temporary file for a key.
    MakeTemporary(&'a str),
    /// Write the bytes of a key.
    Write(&'a str),
    /// Keep media type, mark and checksum with the file of a key.
    Describe(&'a str),
    /// Make the file's contents outlive a power cut.
    SyncFile(&'a str),
    /// Give the file its name: from now on the object is there.
    Name(&'a str),
    /// Make the names in a directory outlive a power cut.
    SyncDirectory(&'a str),
    /// Remove the object at a key.
    Remove(&'a str),
    /// Write the document at a reserved key.
    Document(&'a str),
    /// Put an item into a stage's queue.
    Send(&'a str),
    /// Keep a dead letter of a stage.
    Bury(&'a str),
    /// Take an item of a stage out of its queue, for good.
    Acknowledge(&'a str),
    /// The item of a stage is out of its queue.
    Acknowledged(&'a str),
}

/// Called before each step; an error makes the step fail without being done.
pub type Probe = Arc<dyn Fn(Step<'_>) -> io::Result<()> + Send + Sync>;
