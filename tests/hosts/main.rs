//! What every host promises, held against the one-machine host: the conformance suite, crashes between any
//! two steps, failing writes, and kills at any moment.

#![expect(clippy::unwrap_used, reason = "a test says why it fails by where it fails")]
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod conformance;
mod embedded;
mod faults;
mod functions;
mod http;
mod kills;
mod pipelines;
mod watch;
