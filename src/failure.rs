//! Why a command ended early, for a person: one sentence, then what to do next.

use std::io;
use std::process::ExitCode;
use std::sync::Mutex;

use tidemill_pipeline::Diagnostics;

use crate::say;

/// How a command ended that said all it had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is done.
    Done,
    /// Something was dead-lettered, failed or did not match.
    Failed,
    /// Ctrl-C: stopped cleanly, a rerun goes on.
    Interrupted,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::SUCCESS,
            Ending::Failed => Self::from(1),
            Ending::Interrupted => Self::from(INTERRUPTED),
        }
    }
}

/// The exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A manifest is wrong, in ways that it shows itself.
    Manifest(Box<Diagnostics>),
    /// Anything else.
    Other {
        /// Lower case, no full stop.
        message: String,
        /// What to do next.
        hint: Option<String>,
        /// Whether the way of calling is at fault, and not the world.
        usage: bool,
    },
}

impl Failure {
    /// The world is at fault.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), hint: None, usage: false }
    }

    /// The way of calling is at fault.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), hint: None, usage: true }
    }

    /// The same with what to do next.
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Other { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// All of these; the last one is left for [`Failure::say`].
    #[cfg(feature = "aws")]
    pub(crate) fn all(problems: tidemill_deploy::Problems) -> Self {
        let mut rest = problems.0;
        let last = rest.pop();
        for problem in rest {
            Self::from(problem).say();
        }
        last.map_or_else(|| Self::new("it could not be done"), Self::from)
    }

    /// The same where the manifest or the way of calling is at fault.
    #[cfg(feature = "aws")]
    pub(crate) fn refused(problems: tidemill_deploy::Problems) -> Self {
        match Self::all(problems) {
            Self::Other { message, hint, .. } => Self::Other { message, hint, usage: true },
            manifest @ Self::Manifest(_) => manifest,
        }
    }

    /// Says it on stderr, and gives the exit code.
    pub(crate) fn say(&self) -> ExitCode {
        match self {
            Self::Manifest(diagnostics) => {
                say::talk(&diagnostics.render(say::colour()));
                ExitCode::from(2)
            }
            Self::Other { message, hint, usage } => {
                say::error(message);
                if let Some(hint) = hint {
                    say::hint(hint);
                }
                ExitCode::from(if *usage { 2 } else { 1 })
            }
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Manifest(Box::new(diagnostics))
    }
}

#[cfg(feature = "aws")]
impl From<tidemill_deploy::Problem> for Failure {
    fn from(problem: tidemill_deploy::Problem) -> Self {
        Self::new(problem.message).hint(problem.hint)
    }
}

/// An I/O error as the end of a sentence.
pub(crate) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::StorageFull => "no space is left".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is no folder".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut letters = text.chars();
            letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
        }
    }
}

/// What the last panic said, and where.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps panics from printing: a host turns a function's panic into a retry that tells of it, and
/// [`panicked`] tells of one that nobody caught. `RUST_BACKTRACE` brings the usual print back.
pub(crate) fn quiet_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map_or_else(String::new, |place| format!(" ({place})"));
        let said = format!("{}{place}", message.lines().next().unwrap_or_default());
        if let Ok(mut last) = PANIC.lock() {
            *last = Some(said);
        }
    }));
}

/// Tells of a panic that nobody caught.
pub(crate) fn panicked() -> ExitCode {
    let said = PANIC.lock().ok().and_then(|mut last| last.take());
    say::error(&format!("tidemill has a bug and gave up: {}", said.as_deref().unwrap_or("a panic")));
    say::hint(
        "what was done is kept, and running it again goes on from there; please report this, with what \
         `RUST_BACKTRACE=1` in front of the command prints",
    );
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_end_a_sentence() {
        assert_eq!(why(&io::Error::from_raw_os_error(13)), "permission denied");
        assert_eq!(why(&io::Error::from(io::ErrorKind::UnexpectedEof)), "unexpected end of file");
        assert_eq!(why(&io::Error::other("")), "");
    }
}
