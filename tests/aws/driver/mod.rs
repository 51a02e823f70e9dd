//! What AWS does around a function, by its documented rules: the Runtime API, and the event source mappings of SQS
//! and Kinesis, which read the real APIs of the emulator.
//!
//! What a rule says and which page states it: tests/README.md. Where time only has to pass, as until a message is
//! visible again, it is taken to have passed.

pub mod function;
mod instance;
pub mod kinesis;
pub mod partial;
mod runtime_api;
pub mod script;
pub mod sqs;
pub mod steps;
mod tests;

pub use function::{Function, Outcome, Settings};
pub use instance::{Binary, Program};
pub use tests::{PLAIN, tests};
