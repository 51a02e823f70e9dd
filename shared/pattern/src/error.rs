//! What is wrong with a pattern, and where.

use std::fmt;

/// One thing that is wrong with a pattern.
///
/// The message is lower case without a full stop, so that a caller can set it beside a line of the text that
/// the pattern came from; [`pointer`](Self::pointer) says which place that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// An RFC 6901 JSON pointer to the offending place; empty for the whole pattern.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PatternError {}

/// A message with its hint, before the place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn at(self, pointer: String) -> PatternError {
        PatternError { pointer, message: self.message, hint: self.hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_sentence() {
        let error = Complaint::new("unknown operator `sufix`").hint("write `suffix`").at("/key/0".to_owned());
        assert_eq!(error.to_string(), "unknown operator `sufix` at /key/0; hint: write `suffix`");
        assert_eq!(Complaint::new("not an object").at(String::new()).to_string(), "not an object");
    }
}
