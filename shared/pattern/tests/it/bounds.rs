//! Inputs made to be slow. Anything that tries combinations would not end on them; nothing here is timed.

use serde_json::{Value, json};
use tidemill_pattern::Pattern;

fn pattern(value: &Value) -> Pattern {
    Pattern::from_value(value).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn wildcards_on_long_strings() {
    let wildcard = format!("{}*b", "*a".repeat(10_000));
    let text = "a".repeat(1_000_000);
    for condition in [json!({ "wildcard": wildcard }), json!({ "anything-but": { "wildcard": wildcard } })] {
        let excluded = condition.get("anything-but").is_some();
        let pattern = pattern(&json!({ "f": [condition] }));
        assert_eq!(pattern.matches(&json!({ "f": text })), excluded);
        assert_eq!(pattern.matches(&json!({ "f": format!("{text}b") })), !excluded);
    }
}

/// Arrays of arrays of objects, where every element fails in the last condition of the innermost pattern only.
#[test]
fn arrays_at_every_level() {
    let event = |last: u64| {
        (0..10).fold(json!({ "x": 1, "y": last }), |inside, level| {
            let elements = if level == 0 { 50 } else { 2 };
            json!({ "a": vec![inside; elements] })
        })
    };
    let nested = (0..10).fold(json!({ "x": [1], "y": [2] }), |inside, _| json!({ "a": inside }));
    assert!(!pattern(&nested).matches(&event(1)));
    let absent =
        (0..10).fold(json!({ "x": [1], "y": [{ "exists": false }] }), |inside, _| json!({ "a": inside }));
    assert!(!pattern(&absent).matches(&event(1)));
}

/// Ten to the hundredth ways to take an element from each array; the last array has none that will do.
#[test]
fn many_arrays_side_by_side() {
    let all =
        |of: &dyn Fn(u32) -> Value| -> Value { (0..100).map(|n| (format!("f{n:03}"), of(n))).collect() };
    let event = all(&|_| json!((0..10).map(|x| json!({ "x": x, "y": x })).collect::<Vec<_>>()));
    let met = all(&|_| json!({ "x": [{ "numeric": [">=", 0] }], "y": [{ "exists": true }] }));
    let last = all(&|n| json!({ "x": [{ "numeric": [">=", 0] }], "y": [if n == 99 { 10 } else { 9 }] }));
    assert!(pattern(&met).matches(&event));
    assert!(!pattern(&last).matches(&event));
}

/// Two to the sixtieth cases, were they written out, and one after the other fails.
#[test]
fn choices_at_every_level() {
    let nested =
        (0..60).fold(json!([1]), |inside, _| json!({ "$or": [{ "b": [1] }, { "c": [1] }], "a": inside }));
    let event = |last: u64| (0..60).fold(json!(last), |inside, _| json!({ "b": 1, "c": 1, "a": inside }));
    assert!(pattern(&nested).matches(&event(1)));
    assert!(!pattern(&nested).matches(&event(2)));

    // Each choice lies within the other.
    let within = (0..15).fold(
        json!({ "z": [1] }),
        |inside, _| json!({ "$or": [{ "b": [{ "exists": false }] }, { "c": [1], "$or": [{ "d": [1] }, inside] }] }),
    );
    assert!(!pattern(&within).matches(&json!({ "b": 1, "c": 1 })));
    assert!(pattern(&within).matches(&json!({ "b": 1, "c": 1, "z": 1 })));
}

#[test]
fn long_lists_on_long_arrays() {
    let list: Vec<_> = (0..2_000).map(|n| json!(format!("v{n}"))).collect();
    let event: Vec<_> = (2_000..5_000).map(|n| json!(format!("v{n}"))).collect();
    assert!(!pattern(&json!({ "f": list })).matches(&json!({ "f": event })));
}
