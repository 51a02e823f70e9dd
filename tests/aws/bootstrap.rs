//! The process of a function: this test binary, started again as Lambda starts a `bootstrap`.

use std::process::ExitCode;

use tidemill_core::Entry;

use crate::eat::Eat;
use crate::functions;
use crate::tally::Tally;

/// The environment variable that makes this binary a function's process, and says of which function.
pub const FUNCTION: &str = "TIDEMILL_TEST_FUNCTION";

/// All functions under test.
pub fn functions() -> Vec<Entry> {
    let mut all = functions::functions();
    all.extend([Entry::function::<Eat>(), Entry::records::<Tally>()]);
    all
}

pub fn main(name: &str) -> ExitCode {
    let entry = functions().into_iter().find(|entry| entry.name == name);
    entry.map_or(ExitCode::FAILURE, |entry| tidemill_lambda::main(&entry, "test"))
}
