//! What a pattern implies about one field.

use crate::json;
use serde_json::json;
use tidemill_pattern::Pattern;

fn check(pattern: &str, path: &[&str], expected: &str) {
    let implied = Pattern::parse(pattern).unwrap().implied(path);
    assert_eq!(json!(implied), json(expected), "{path:?} of {pattern}");
}

/// The list that a field's list implies.
fn check_list(list: &str, expected: &str) {
    check(&format!(r#"{{"data": {{"key": {list}, "bytes": [1]}}}}"#), &["data", "key"], expected);
}

#[test]
fn what_a_rule_takes_stays() {
    for list in [
        r#"["a", null, true, 5]"#,
        r#"[{"prefix": "in/"}]"#,
        r#"[{"suffix": ".csv"}]"#,
        r#"[{"prefix": {"equals-ignore-case": "in/"}}]"#,
        r#"[{"suffix": {"equals-ignore-case": ".csv"}}]"#,
        r#"[{"equals-ignore-case": "a"}]"#,
        r#"[{"anything-but": "a"}]"#,
        r#"[{"anything-but": ["a", "b"]}]"#,
        r#"[{"anything-but": {"prefix": "a"}}]"#,
        r#"[{"anything-but": {"suffix": ["a", "b"]}}]"#,
        r#"[{"anything-but": {"equals-ignore-case": "a"}}]"#,
        r#"[{"numeric": [">=", 0, "<=", 5000000000]}]"#,
        r#"[{"numeric": ["=", -7]}]"#,
        r#"[{"cidr": "10.0.0.0/24"}]"#,
        r#"[{"exists": true}]"#,
    ] {
        check_list(list, list);
    }
}

#[test]
fn the_rest_is_widened() {
    check_list(r#"[{"wildcard": "in/*.csv"}]"#, r#"[{"prefix": "in/"}]"#);
    check_list(r#"[{"wildcard": "*.csv"}]"#, r#"[{"suffix": ".csv"}]"#);
    check_list(r#"[{"wildcard": "a\\*b*"}]"#, r#"[{"prefix": "a*b"}]"#);
    check_list(r#"[{"numeric": [">", 0, "<", 5]}]"#, r#"[{"numeric": [">=", 0, "<=", 5]}]"#);
    check_list(r#"[{"cidr": "10.0.0.7/32"}]"#, r#"[{"cidr": "10.0.0.6/31"}]"#);
    check_list(r"[5.0]", "[5]");
    for list in [
        r#"[{"wildcard": "*a*"}]"#,
        r#"[{"anything-but": {"wildcard": "a*"}}]"#,
        r#"[{"anything-but": 5}]"#,
        r#"[{"numeric": [">", 0]}]"#,
        r#"[{"numeric": [">", 0, "<", 5000000001]}]"#,
        r#"[{"numeric": [">", 0.5, "<", 5]}]"#,
        "[5000000001]",
        "[0.5]",
        r#"[{"cidr": "::/0"}]"#,
        r#"[{"equals-ignore-case": "ä"}]"#,
        r#"["a", {"prefix": ""}]"#,
    ] {
        check_list(list, r#"[{"exists": true}]"#);
    }
}

#[test]
fn paths() {
    let pattern = r#"{"a": {"b": ["x"]}, "c": [1, {"exists": false}]}"#;
    check(pattern, &["a", "b"], r#"["x"]"#);
    check(pattern, &["c"], r#"[1, {"exists": false}]"#);
    check(pattern, &["a"], "null");
    check(pattern, &["a", "b", "x"], "null");
    check(pattern, &["b"], "null");
    check(pattern, &[], "null");
}

/// In an array, the element that lacks the field may not be the only one.
#[test]
fn absence_inside_a_field_implies_nothing() {
    check_list(r#"["a", {"exists": false}]"#, "null");
    check(r#"{"c": [{"exists": true}, {"exists": false}]}"#, &["c"], "null");
}

#[test]
fn choices_need_every_case() {
    check(r#"{"$or": [{"a": [1]}, {"a": [2], "b": [3]}]}"#, &["a"], "[1, 2]");
    check(r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#, &["a"], "null");
    check(r#"{"a": {"b": [1]}, "$or": [{"a": {"b": [2]}}, {"c": [3]}]}"#, &["a", "b"], "[1, 1]");
    check(r#"{"a": [1], "$or": [{"a": [2]}, {"c": [3]}]}"#, &["a"], "[1]");
    check(r#"{"a": [{"numeric": [">", 1]}], "$or": [{"a": [2]}, {"a": [3]}]}"#, &["a"], "[2, 3]");
    check(
        r#"{"$or": [{"a": [1]}, {"$or": [{"a": [2]}, {"a": [{"wildcard": "*x*"}]}]}]}"#,
        &["a"],
        r#"[{"exists": true}]"#,
    );
}

#[test]
fn fields_are_those_at_the_top() {
    let pattern =
        Pattern::parse(r#"{"a": {"b": ["x"]}, "$or": [{"c": [1]}, {"a": {"d": [1]}, "e": [1]}]}"#).unwrap();
    assert_eq!(pattern.fields().into_iter().collect::<Vec<_>>(), ["a", "c", "e"]);
}
