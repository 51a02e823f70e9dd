//! Manifests with what is said about them: below a line, `^^^^` under the offending text and the message.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests may read files and clocks")]

mod deployment;
mod fixture;
mod graphs;
mod hostile;
mod manifests;
mod readme;
mod schemas;

use std::fmt::Write;
use std::path::Path;

use tidemill_core::Entry;

use crate::{Diagnostics, Plan};

pub(crate) use fixture::{Copy, Tally};

/// The table of functions that the tests use.
pub(crate) const FUNCTIONS: &[Entry] = &[Entry::function::<Copy>(), Entry::records::<Tally>()];

pub(crate) fn parse(text: &str) -> Result<Plan, Diagnostics> {
    Plan::parse(Path::new("pipeline.yaml"), text, None, FUNCTIONS)
}

/// Checks a manifest in which each finding is written below its line:
///
/// ```text
///     hight: 3
///     ^^^^^ unknown key `hight` in the stage (hint: did you mean `height`?)
/// ```
///
/// `(hint: …)` and `(also LINE: …)` may be left out; `@prod` before the message says that the finding shows only
/// in that environment.
#[track_caller]
pub(crate) fn check(annotated: &str) {
    let text: String =
        annotated.lines().filter(|line| !is_annotation(line)).fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        });
    let found = parse(&text).err();
    let mut expected = annotated.lines().filter(|line| is_annotation(line));
    let mut shown = String::new();
    for (number, line) in text.lines().enumerate() {
        let _ = writeln!(shown, "{line}");
        for diagnostic in found.iter().flatten().filter(|diagnostic| diagnostic.line == number + 1) {
            let wanted = expected.next().unwrap_or_default();
            let indent = " ".repeat(diagnostic.column - 1);
            let carets = "^".repeat(text[diagnostic.span.clone()].chars().count().max(1));
            let mut said = format!("{indent}{carets} ");
            for name in &diagnostic.environments {
                let _ = write!(said, "@{name} ");
            }
            said.push_str(&diagnostic.message);
            let tail = wanted.trim_start_matches([' ', '^']);
            if tail.contains("(also ")
                && let Some((span, remark)) = &diagnostic.also
            {
                let line = text[..span.start].matches('\n').count() + 1;
                let _ = write!(said, " (also {line}: {remark})");
            }
            if (wanted.is_empty() || tail.contains("(hint: "))
                && let Some(hint) = &diagnostic.hint
            {
                let _ = write!(said, " (hint: {hint})");
            }
            let _ = writeln!(shown, "{said}");
        }
    }
    let rendered = found.as_ref().map(ToString::to_string).unwrap_or_default();
    let wanted: String = annotated.lines().fold(String::new(), |text, line| text + line + "\n");
    assert!(shown == wanted, "expected:\n{wanted}\nfound:\n{shown}\nas shown to people:\n{rendered}");
}

fn is_annotation(line: &str) -> bool {
    line.trim_start().starts_with('^')
}

/// Checks the keys of one stage inside a manifest that is right otherwise. It has the sources `uploads` (bucket
/// `uploads`, prefix `in/`) and `clicks`.
#[track_caller]
pub(crate) fn check_stage(annotated: &str) {
    let mut whole = String::from(HEAD);
    whole.push_str("stages:\n  one:\n");
    for line in annotated.trim_matches('\n').lines() {
        let _ = writeln!(whole, "    {line}");
    }
    check(&whole);
}

/// Checks everything from `stages:` on, with the same sources.
#[track_caller]
pub(crate) fn check_stages(annotated: &str) {
    check(&format!("{HEAD}{}", annotated.trim_start_matches('\n')));
}

/// What a manifest begins with.
pub(crate) const HEAD: &str = "\
version: 1
name: test
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
  clicks: { type: kinesis, stream: clicks }
";
