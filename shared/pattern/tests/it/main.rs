//! Event patterns as their users see them: what matches, what is refused, what is implied.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail as the test itself may")]

mod arrays;
mod bounds;
mod implied;
mod operators;
mod or;
mod properties;
mod readme;
mod reference;
mod refusals;

use serde_json::Value;
use tidemill_pattern::Pattern;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether the pattern matches the event, both as JSON text.
fn check(pattern: &str, event: &str, expected: bool) {
    let parsed = Pattern::parse(pattern).unwrap_or_else(|errors| panic!("{pattern}: {errors:?}"));
    assert_eq!(parsed.matches(&json(event)), expected, "{pattern} on {event}");
}

/// Whether a list of conditions matches a field's value.
fn check_list(list: &str, value: &str, expected: bool) {
    check(&format!(r#"{{"f": {list}}}"#), &format!(r#"{{"f": {value}}}"#), expected);
}
