//! The command as its user meets it: exit code, stdout and stderr, together.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail as the test itself may")]

mod check;
mod context;
mod convert;
mod extras;
mod help;
mod matching;
mod records;
mod rejections;
mod run;
mod synth;
