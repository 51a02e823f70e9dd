//! Names: of pipelines, sources, stages and environments, and of buckets and streams.

use serde_json::{Value, json};

use crate::diagnostic::{Finding, Sink};
use crate::limits::MAX_NAME;
use crate::near::quoted;
use crate::tree::Span;

/// `[a-z0-9_-]`, at most [`MAX_NAME`] characters: the names of sources, stages and environments.
pub(crate) fn check_name(what: &str, name: &str, span: Span, sink: &mut Sink) -> bool {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'));
    if !fits {
        sink.report(Finding::new(span, format!("{} is no name for {what}", quoted(name))).hint(format!(
            "a name has 1 to {MAX_NAME} of the characters `a` to `z`, `0` to `9`, `_` and `-`"
        )));
    }
    fits
}

/// `[a-z0-9-]`, beginning with a letter: the name of a pipeline, which becomes part of every name on AWS.
pub(crate) fn check_pipeline(name: &str, span: Span, sink: &mut Sink) -> bool {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
    if !fits {
        sink.report(Finding::new(span, format!("{} is no name for a pipeline", quoted(name))).hint(format!(
            "it begins with a letter and has 1 to {MAX_NAME} of the characters `a` to `z`, `0` to `9` and `-`"
        )));
    }
    fits
}

/// What S3 takes as a general purpose bucket's name ("General purpose bucket naming rules", S3 User Guide), and what
/// streams are held to as well, so that one manifest runs everywhere.
pub(crate) fn check_resource(what: &str, name: &str, span: Span, sink: &mut Sink) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (3..=63).contains(&name.len())
        && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-'))
        && name.starts_with(edge)
        && name.ends_with(edge)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    if !fits {
        sink.report(Finding::new(span, format!("{} is no name for a {what}", quoted(name))).hint(
            "it has 3 to 63 of the characters `a` to `z`, `0` to `9`, `.` and `-`, begins and ends with a letter or \
             a digit, holds no `..` and is no IP address",
        ));
    }
    fits
}

/// What Kinesis takes as a stream's name (`StreamName`, Kinesis API Reference).
pub(crate) fn check_stream(what: &str, name: &str, span: Span, sink: &mut Sink) -> bool {
    let fits = (1..=128).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !fits {
        sink.report(
            Finding::new(span, format!("{} is no name for a {what}", quoted(name)))
                .hint("it has 1 to 128 letters, digits, `_`, `.` and `-`"),
        );
    }
    fits
}

pub(crate) fn pipeline_schema() -> Value {
    json!({ "type": "string", "pattern": format!("^[a-z][a-z0-9-]{{0,{}}}$", MAX_NAME - 1) })
}

pub(crate) fn name_pattern() -> String {
    format!("^[a-z0-9_-]{{1,{MAX_NAME}}}$")
}

pub(crate) fn stream_schema() -> Value {
    json!({ "type": "string", "pattern": "^[a-zA-Z0-9_.-]{1,128}$" })
}

pub(crate) fn resource_schema() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources() {
        let fits = |name: &str| check_resource("bucket", name, Span::default(), &mut Sink::default());
        for name in ["media", "a.b", "0-0", "uploads.example.com"] {
            assert!(fits(name), "{name}");
        }
        for name in
            ["ab", "", "Media", "a..b", "-ab", "ab.", "192.168.0.1", "a_b", "a/b", "..", &"a".repeat(64)]
        {
            assert!(!fits(name), "{name}");
        }
    }

    #[test]
    fn names() {
        let fits = |name: &str| check_name("a stage", name, Span::default(), &mut Sink::default());
        assert!(fits("a_b-0") && fits("0"));
        assert!(!fits("") && !fits("A") && !fits("a.b") && !fits("ä") && !fits(&"a".repeat(41)));
        let fits = |name: &str| check_pipeline(name, Span::default(), &mut Sink::default());
        assert!(fits("media-on-upload"));
        assert!(!fits("0a") && !fits("a_b") && !fits("") && !fits("-a"));
    }
}
