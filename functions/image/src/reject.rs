//! Why an image was not turned into renditions.

use std::fmt;

use crate::sniff::Kind;

/// Why the input is bad, and always will be. Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reject {
    /// It claims to be an image, and its bytes are something else: `claim` is the extension or media type.
    NotAnImage {
        /// What the name or the content type said.
        claim: String,
        /// What the bytes are, if that is known.
        is: Option<Kind>,
    },
    /// A format, or a form of a format, that cannot be read.
    Unsupported(String),
    /// Above a limit.
    TooLarge {
        /// What is too large, with its numbers.
        what: String,
        /// The limit it is above.
        limit: String,
    },
    /// The file ends before the picture does.
    Truncated {
        /// The file's format.
        kind: Kind,
    },
    /// The bytes contradict the format.
    Broken {
        /// The file's format.
        kind: Kind,
        /// What is wrong with them.
        reason: String,
    },
    /// A rendition that this picture cannot have, such as a WebP of more than 16,383 pixels.
    Rendition {
        /// The rendition's name.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl Reject {
    /// The word that a metric counts it by.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnImage { .. } => "not_an_image",
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge { .. } => "too_large",
            Self::Truncated { .. } => "truncated",
            Self::Broken { .. } => "broken",
            Self::Rendition { .. } => "rendition",
        }
    }

    pub(crate) fn broken(kind: Kind, reason: impl Into<String>) -> Self {
        Self::Broken { kind, reason: reason.into() }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnImage { claim, is: Some(kind) } => {
                write!(f, "claims to be {claim}, but its bytes are {kind}")
            }
            Self::NotAnImage { claim, is: None } => {
                write!(f, "claims to be {claim}, but its bytes are no image that is known here")
            }
            Self::Unsupported(what) => write!(f, "{what} cannot be read yet"),
            Self::TooLarge { what, limit } => write!(f, "too large: {what}, the limit is {limit}"),
            Self::Truncated { kind } => write!(f, "broken {kind}: the file ends before the picture does"),
            Self::Broken { kind, reason } => write!(f, "broken {kind}: {reason}"),
            Self::Rendition { name, reason } => write!(f, "rendition {name:?} is impossible: {reason}"),
        }
    }
}

impl std::error::Error for Reject {}

/// Why [`crate::Plan::render`] ended without renditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The input is at fault: it will never work.
    Rejected(Reject),
    /// The caller asked to stop. Nothing is known about the input.
    Stopped,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(reject) => reject.fmt(f),
            Self::Stopped => f.write_str("stopped before it was done"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self::Rejected(reject)
    }
}
