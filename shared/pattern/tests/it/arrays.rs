//! Arrays in the event: any scalar for a list, one element for the conditions under an object.

use crate::{check, check_list};

const STAFF: &str = r#"{"staff": [
    {"first": "Anna", "last": "Smith", "phones": [{"kind": "home", "area": 1}, {"kind": "work", "area": 2}]},
    {"first": "John", "last": "Doe", "phones": [{"kind": "home", "area": 3}]},
    {"first": "Mary"}
]}"#;

#[test]
fn any_scalar_of_an_array_will_do() {
    check_list(r#"["a", "b"]"#, r#"["c", "b"]"#, true);
    check_list(r#"["a", "b"]"#, r#"["c"]"#, false);
    check_list(r#"["a"]"#, "[]", false);
    check_list(r#"["a"]"#, r#"[["c"], ["b", ["a"]]]"#, true);
    check_list(r#"["a"]"#, r#"[{"f": "a"}]"#, false);
    check_list(r#"[{"anything-but": "a"}]"#, r#"["a", "b"]"#, true);
    check_list(r#"[{"anything-but": "a"}]"#, r#"["a", "a"]"#, false);
    check_list(r#"[{"anything-but": "a"}]"#, "[]", false);
    check_list(r#"[{"numeric": [">", 5, "<", 7]}]"#, "[1, 9]", false);
    check_list(r#"[{"numeric": [">", 5, "<", 7]}]"#, "[1, 6]", true);
    check_list("[null]", "[1, null]", true);
}

#[test]
fn one_element_meets_all_conditions() {
    check(r#"{"staff": {"first": ["Anna"]}}"#, STAFF, true);
    check(r#"{"staff": {"first": ["Anna"], "last": ["Smith"]}}"#, STAFF, true);
    check(r#"{"staff": {"first": ["Anna"], "last": ["Doe"]}}"#, STAFF, false);
    check(r#"{"staff": {"first": ["Anna"], "phones": {"area": [2]}}}"#, STAFF, true);
    check(r#"{"staff": {"first": ["Anna"], "phones": {"area": [3]}}}"#, STAFF, false);
    check(r#"{"staff": {"first": ["Anna"], "phones": {"area": [2], "kind": ["home"]}}}"#, STAFF, false);
    check(r#"{"staff": {"phones": {"area": [3], "kind": ["home"]}}}"#, STAFF, true);
}

#[test]
fn arrays_of_arrays_and_mixed_ones() {
    check(r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [[{"b": 1}], [{"c": 2}, {"b": 1, "c": 2}]]}"#, true);
    check(r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [[{"b": 1}, {"c": 2}], [{"c": 2}]]}"#, false);
    check(r#"{"a": {"b": [1]}}"#, r#"{"a": ["b", 1, null, {"b": 1}]}"#, true);
    check(r#"{"a": {"b": [1]}}"#, r#"{"a": ["b", 1, null]}"#, false);
    check(r#"{"a": {"b": [1]}, "c": {"b": [2]}}"#, r#"{"a": [{"b": 1}], "c": [{}, {"b": 2}]}"#, true);
}

/// `{"exists": false}` looks at the element that the other conditions settle on, else at all of them.
#[test]
fn absence_in_an_element() {
    check(r#"{"staff": {"first": ["Mary"], "last": [{"exists": false}]}}"#, STAFF, true);
    check(r#"{"staff": {"first": ["Anna"], "last": [{"exists": false}]}}"#, STAFF, false);
    check(r#"{"staff": {"last": [{"exists": false}]}}"#, STAFF, false);
    check(r#"{"staff": {"age": [{"exists": false}]}}"#, STAFF, true);
    check(r#"{"staff": {"first": ["Mary"], "phones": {"area": [{"exists": false}]}}}"#, STAFF, true);
    check(r#"{"staff": {"first": ["John"], "phones": {"area": [{"exists": false}]}}}"#, STAFF, false);
    check(r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": []}"#, true);
    check(r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": [1, {"c": 1}]}"#, true);
    // The name of the other field comes before or after: the same.
    check(r#"{"a": {"b": [{"exists": false}], "c": [1]}}"#, r#"{"a": [{"c": 1}, {"b": 1}]}"#, true);
    check(r#"{"a": {"c": [1], "d": [{"exists": false}]}}"#, r#"{"a": [{"c": 1}, {"d": 1}]}"#, true);
}
