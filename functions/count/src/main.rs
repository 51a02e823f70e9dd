//! The function `count` on AWS Lambda.

use std::process::ExitCode;

use tidemill_core::Entry;

fn main() -> ExitCode {
    tidemill_lambda::main(&Entry::records::<tidemill_count::Count>(), env!("CARGO_PKG_VERSION"))
}
