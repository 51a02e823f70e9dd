//! `$or`: alone, beside fields, nested, under a field, and across one array.

use crate::check;

#[test]
fn either_will_do() {
    let pattern = r#"{"source": ["s"], "$or": [{"a": [1, 2]}, {"b": [3]}]}"#;
    check(pattern, r#"{"source": "s", "a": 2}"#, true);
    check(pattern, r#"{"source": "s", "b": 3}"#, true);
    check(pattern, r#"{"source": "s", "a": 3, "b": 1}"#, false);
    check(pattern, r#"{"source": "t", "a": 1}"#, false);
    check(pattern, r#"{"source": "s"}"#, false);
    // It is no field of the event.
    check(pattern, r#"{"source": "s", "$or": [{"a": 1}]}"#, false);
}

#[test]
fn fields_and_choices_nest() {
    let pattern =
        r#"{"$or": [{"a": [1]}, {"b": [1], "$or": [{"c": [1]}, {"d": {"$or": [{"e": [1]}, {"f": [1]}]}}]}]}"#;
    check(pattern, r#"{"a": 1}"#, true);
    check(pattern, r#"{"b": 1}"#, false);
    check(pattern, r#"{"b": 1, "c": 1}"#, true);
    check(pattern, r#"{"b": 1, "d": {"f": 1}}"#, true);
    check(pattern, r#"{"c": 1, "d": {"f": 1}}"#, false);
    let parallel = r#"{"$or": [{"a": [1]}, {"b": [1]}], "d": {"$or": [{"e": [1]}, {"f": [1]}]}}"#;
    check(parallel, r#"{"a": 1, "d": {"f": 1}}"#, true);
    check(parallel, r#"{"a": 1, "d": {"g": 1}}"#, false);
}

#[test]
fn one_field_beside_and_inside_meets_both() {
    let pattern = r#"{"a": [{"prefix": "x"}], "$or": [{"a": [{"suffix": "y"}]}, {"b": [1]}]}"#;
    check(pattern, r#"{"a": "x..y"}"#, true);
    check(pattern, r#"{"a": "x"}"#, false);
    check(pattern, r#"{"a": "y"}"#, false);
    check(pattern, r#"{"a": "x", "b": 1}"#, true);
}

/// What stands beside `$or` and in it about one array is about one element of it.
#[test]
fn one_element_beside_and_inside() {
    let pattern = r#"{"a": {"x": [1]}, "$or": [{"a": {"y": [1]}}, {"b": [1]}]}"#;
    check(pattern, r#"{"a": [{"x": 1}, {"y": 1}]}"#, false);
    check(pattern, r#"{"a": [{"x": 1}, {"x": 1, "y": 1}]}"#, true);
    check(pattern, r#"{"a": [{"x": 1}, {"y": 1}], "b": 1}"#, true);
    check(pattern, r#"{"a": {"x": 1, "y": 1}}"#, true);
    check(pattern, r#"{"a": {"y": 1}, "b": 1}"#, false);
    // Two levels down, and from one choice inside another.
    let deep = r#"{"a": {"b": {"x": [1]}}, "$or": [{"c": [1], "$or": [{"a": {"b": {"y": [1]}}}, {"d": [1]}]}, {"e": [1]}]}"#;
    check(deep, r#"{"c": 1, "a": {"b": [{"x": 1}, {"y": 1}]}}"#, false);
    check(deep, r#"{"c": 1, "a": [{"b": {"x": 1}}, {"b": {"y": 1}}]}"#, false);
    check(deep, r#"{"c": 1, "a": [{"b": {"x": 1, "y": 1}}]}"#, true);
    check(deep, r#"{"e": 1, "a": [{"b": {"x": 1}}]}"#, true);
    // Two choices that meet under the field that both name.
    let two = r#"{"a": {"$or": [{"x": [1]}, {"x": [2]}]}, "$or": [{"a": {"y": [1]}}, {"a": {"y": [2]}}]}"#;
    check(two, r#"{"a": [{"x": 1, "y": 2}]}"#, true);
    check(two, r#"{"a": [{"x": 1}, {"y": 2}]}"#, false);
    // Two choices side by side in one object, once both are there, that look inside one array.
    let side = r#"{"a": {"$or": [{"p": {"x": [1]}}, {"q": [1]}]}, "$or": [{"a": {"$or": [{"p": {"y": [1]}}, {"r": [1]}]}}, {"b": [1]}]}"#;
    check(side, r#"{"a": {"p": [{"x": 1}, {"y": 1}]}}"#, false);
    check(side, r#"{"a": {"p": [{"x": 1}, {"x": 1, "y": 1}]}}"#, true);
    check(side, r#"{"a": {"p": [{"x": 1}, {"y": 1}], "q": 1}}"#, true);
    check(side, r#"{"a": {"p": [{"x": 1}, {"y": 1}]}, "b": 1}"#, true);
}

#[test]
fn absence_in_a_choice() {
    let pattern = r#"{"$or": [{"a": [{"exists": false}]}, {"a": [1]}]}"#;
    check(pattern, "{}", true);
    check(pattern, r#"{"a": 1}"#, true);
    check(pattern, r#"{"a": 2}"#, false);
    // One case, not one for each element: no element may have a, or none may have b.
    let either = r#"{"s": {"$or": [{"a": [{"exists": false}]}, {"b": [{"exists": false}]}]}}"#;
    check(either, r#"{"s": [{"a": 1}, {"b": 1}]}"#, false);
    check(either, r#"{"s": [{"a": 1}, {"a": 1}]}"#, true);
}
