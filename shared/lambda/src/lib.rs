//! The Lambda host: what a function's binary is on AWS.
//!
//! A function's `main` is one line:
//!
//! ```no_run
//! # use tidemill_core::{ConfigError, Context, Entry, Fault, Function, Item};
//! # struct MyFunction;
//! # #[derive(serde::Deserialize, schemars::JsonSchema)] struct Nothing {}
//! # impl Function for MyFunction {
//! #     type Config = Nothing; const NAME: &'static str = "mine"; const ABOUT: &'static str = ""; const OUTPUT_VERSION: u32 = 1;
//! #     fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> { Ok(Self) }
//! #     async fn handle(&self, _: &Item, _: &Context) -> Result<(), Fault> { Ok(()) }
//! # }
//! fn main() -> std::process::ExitCode {
//!     tidemill_lambda::main(&Entry::function::<MyFunction>(), env!("CARGO_PKG_VERSION"))
//! }
//! ```
//!
//! - In: invocations of the Lambda Runtime API, which `lambda_runtime` speaks.
//! - Out: partial batch answers, dead letters, and one line of JSON an item.
//! - What the binary does is told by its surroundings: [`Task`] says which of a stage's three jobs, the stage
//!   file in the zip which stage, and the environment's [`Place`] where everything lies.
//! - Sources: the AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", "Handling
//!   errors for an SQS event source in Lambda", "Configuring partial batch response with Kinesis Data Streams
//!   and Lambda", "Lambda function URLs".

#![forbid(unsafe_code)]

mod answer;
mod http;
mod invocation;
mod start;

use std::process::ExitCode;

use tidemill_core::Entry;
#[cfg(doc)]
use tidemill_core::deployment::{Place, Task};

/// Runs `entry` as the process of a Lambda function; elsewhere, says what it is and how it is meant to run.
/// `version` is that of the function's crate.
pub fn main(entry: &Entry, version: &str) -> ExitCode {
    start::main(entry, version)
}
