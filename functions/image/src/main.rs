//! The function `image` on AWS Lambda.

use std::process::ExitCode;

use tidemill_core::Entry;

fn main() -> ExitCode {
    tidemill_lambda::main(&Entry::function::<tidemill_image::Image>(), env!("CARGO_PKG_VERSION"))
}
