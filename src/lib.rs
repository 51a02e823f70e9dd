//! The `tidemill` command as a library, and the table of its functions.
//!
//! The binary is three lines, and so is one of your own that knows a function more:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     let mut functions = tidemill::functions();
//!     // functions.push(tidemill::Entry::function::<my_function::MyFunction>());
//!     tidemill::main(&functions)
//! }
//! ```
//!
//! Here are the command line, its messages, and what it shows while a pipeline runs. What a manifest means is
//! known to `tidemill-pipeline`, how items are driven to `tidemill-embedded`, what is done to them to the
//! functions.
//!
//! - stdout is data, stderr is talk. Colour is only for terminals and says nothing that the words do not.
//! - Exit codes: 0 all done; 1 something was dead-lettered or failed; 2 usage or manifest error; 130 on Ctrl-C.
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `aws` | yes | `tidemill build`, `synth` and what else speaks to AWS |
//! | `image` | yes | the function `image` and `tidemill convert` |
//! | `jpeg`, `png`, `webp` | yes | the formats that `image` reads and writes |
//! | `count` | yes | the function `count` |

#![forbid(unsafe_code)]

mod command;
#[cfg(feature = "aws")]
mod confirm;
#[cfg(feature = "aws")]
mod deployed;
mod failure;
mod files;
mod functions;
mod human;
mod interrupt;
#[cfg(feature = "image")]
mod pictures;
mod place;
mod progress;
mod say;
#[cfg(feature = "aws")]
mod steps;
mod table;

use std::process::ExitCode;

pub use functions::functions;
pub use tidemill_core::Entry;

/// Runs the command with these functions on this process's arguments.
pub fn main(functions: &[Entry]) -> ExitCode {
    failure::quiet_panics();
    match std::panic::catch_unwind(|| command::main(functions)) {
        Ok(ending) => ending,
        Err(_) => failure::panicked(),
    }
}
