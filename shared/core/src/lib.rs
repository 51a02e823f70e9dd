//! The contracts of Tidemill: items, batches, the shapes of functions, and the protocol by which a host
//! commits what a function did.
//!
//! This crate opens no file and no socket, reads no clock, starts no thread and knows no host and no
//! function. What it needs of the world it asks for through [`ports`].

#![forbid(unsafe_code)]

pub mod batch;
pub mod context;
mod deliver;
pub mod deployment;
pub mod digest;
pub mod document;
pub mod fault;
pub mod function;
pub mod generation;
pub mod item;
pub mod key;
pub mod limits;
pub mod mark;
pub mod plan;
pub mod ports;
mod records;
pub mod retry;
mod run;
mod sequence_number;

pub use batch::Batch;
pub use context::{Context, Input, Output, Stop};
pub use deliver::{End, Stage, Usage, deliver, give_up};
pub use fault::{ConfigError, Fault};
pub use function::{Accept, Built, Entry, Function, Records, Verdicts, Work};
pub use generation::{Generation, Sequence};
pub use item::{Data, Item, Object};
pub use key::OutputName;
pub use limits::{Cost, Limits};
pub use records::{Fed, Progress, RecordStage, ShardHead, batch_of, feed};
pub use run::run;
