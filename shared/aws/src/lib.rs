//! The ports of core on AWS, and what every host there does alike.
//!
//! - [`Clients`]: S3, SQS, Kinesis and Secrets Manager over one HTTP stack, made once.
//! - [`Buckets`] (core's `Objects`): pinned reads, conditional writes, multipart for what is large.
//! - [`Queues`] (core's `Outbox`): items to the stages that listen, large values by claim.
//! - [`Graveyard`] (core's `DeadLetters`): dead letters as documents.
//! - [`Station`]: one stage, ready to take messages: everything above put together from a zip's stage file and
//!   the environment's names.
//!
//! Names in the manifest become physical names here and nowhere else.

#![forbid(unsafe_code)]

mod books;
mod bucket;
mod claim;
mod clients;
mod dead;
mod fault;
mod log;
mod queue;
mod secret;
mod station;
mod stream;

pub use books::{document, documents, letters, place_in_history};
pub use bucket::{Buckets, Listed, Page};
pub use clients::Clients;
pub use dead::{Graveyard, Letter};
pub use fault::{advised, explained, store_error};
pub use queue::{Queues, send_all};
pub use secret::secret;
pub use station::{Message, Settled, Station};
pub use stream::{Shard, read_shard, shards};
