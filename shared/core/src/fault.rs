//! Why a piece of work did not succeed, in as few kinds as a host can act on differently.

use std::fmt;

/// What a function answers when it cannot do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The input is bad and always will be: a dead letter at once.
    Rejected(String),
    /// The world is at fault: tried again, with a growing delay, up to the stage's attempts.
    Unavailable(String),
    /// The object was replaced or is gone: whoever replaced it has an event of its own.
    Superseded,
}

impl Fault {
    /// The input is bad for `reason`, which a person reads: lower case, no full stop.
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected(reason.into())
    }

    /// The world is at fault for `cause`.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(reason) => write!(f, "rejected: {reason}"),
            Self::Unavailable(cause) => write!(f, "unavailable: {cause}"),
            Self::Superseded => f.write_str("superseded"),
        }
    }
}

impl std::error::Error for Fault {}

/// A stage's configuration that its function refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The offending place as a JSON pointer (RFC 6901), relative to the stage.
    pub pointer: String,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

impl ConfigError {
    /// An error at `pointer`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), hint: None }
    }

    /// The same error with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

impl std::error::Error for ConfigError {}
