//! The process of a function: this test binary, started again as Lambda starts a `bootstrap`.

use std::path::PathBuf;
use std::process::ExitCode;

use tidemill_core::Entry;
use tidemill_core::deployment::{STAGE_FILE, StageFile};

use crate::eat::Eat;
use crate::functions;
use crate::probe::Probe;
use crate::tally::Tally;

/// The environment variable that makes this binary a function's process, and says of which function.
pub const FUNCTION: &str = "TIDEMILL_TEST_FUNCTION";

/// All functions under test.
pub fn functions() -> Vec<Entry> {
    let mut all = functions::functions();
    all.extend([Entry::function::<Eat>(), Entry::function::<Probe>(), Entry::records::<Tally>()]);
    all
}

/// The function whose process this is, if it is one. In a zip of a deployment, the stage file says which.
pub fn function() -> Option<String> {
    if let Ok(function) = std::env::var(FUNCTION) {
        return Some(function);
    }
    std::env::var_os("AWS_LAMBDA_RUNTIME_API")?;
    let root = std::env::var_os("LAMBDA_TASK_ROOT").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let text = std::fs::read(root.join(STAGE_FILE)).unwrap();
    Some(serde_json::from_slice::<StageFile>(&text).unwrap().plan.function)
}

pub fn main(name: &str) -> ExitCode {
    let entry = functions().into_iter().find(|entry| entry.name == name);
    entry.map_or(ExitCode::FAILURE, |entry| tidemill_lambda::main(&entry, "test"))
}
