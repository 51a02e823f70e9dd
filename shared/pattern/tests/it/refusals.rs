//! What is refused, where, and in which words.

use serde_json::{Value, json};
use tidemill_pattern::{MAX_DEPTH, MAX_ERRORS, MAX_SIZE, Pattern};

/// The errors of a pattern as "pointer: message".
fn errors(pattern: &str) -> Vec<String> {
    let errors = Pattern::parse(pattern).expect_err(pattern);
    errors.iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect()
}

fn check(pattern: &str, expected: &str) {
    assert_eq!(errors(pattern), [expected], "{pattern}");
}

#[test]
fn the_whole() {
    check("", ": not JSON: EOF while parsing a value at line 1 column 0");
    check("{", ": not JSON: EOF while parsing an object at line 1 column 1");
    check("[]", ": a pattern is an object, not a list");
    check("null", ": a pattern is an object, not null");
    check(r#""a""#, ": a pattern is an object, not a string");
    check("{}", ": an object without fields says nothing");
}

#[test]
fn fields() {
    check(r#"{"a": {}}"#, "/a: an object without fields says nothing");
    check(r#"{"a": []}"#, "/a: an empty list matches nothing");
    check(r#"{"a": "b"}"#, "/a: a field takes a list of values or an object, not a string");
    check(r#"{"a": {"b": 1}}"#, "/a/b: a field takes a list of values or an object, not a number");
    check(r#"{"a": null}"#, "/a: a field takes a list of values or an object, not null");
    check(r#"{"a": ["b", ["c"]]}"#, "/a/1: a list inside the list of a field");
    check(r#"{"a": [{}]}"#, "/a/0: an object in a list holds one operator, not 0");
    check(
        r#"{"a": [{"prefix": "b", "suffix": "c"}]}"#,
        "/a/0: an object in a list holds one operator, not 2",
    );
    check(r#"{"a": [{"sufix": "c"}]}"#, "/a/0/sufix: unknown operator `sufix`");
    check(r#"{"a/b": {"~": 1}}"#, "/a~1b/~0: a field takes a list of values or an object, not a number");
}

#[test]
fn operands() {
    check(r#"{"a": [{"exists": 1}]}"#, "/a/0/exists: `exists` takes true or false, not a number");
    check(r#"{"a": [{"prefix": 1}]}"#, "/a/0/prefix: `prefix` takes a string, not a number");
    check(r#"{"a": [{"prefix": ["b"]}]}"#, "/a/0/prefix: `prefix` takes a string, not a list");
    check(r#"{"a": [{"suffix": null}]}"#, "/a/0/suffix: `suffix` takes a string, not null");
    check(
        r#"{"a": [{"suffix": {"wildcard": "b"}}]}"#,
        "/a/0/suffix/wildcard: `suffix` cannot be combined with `wildcard`",
    );
    check(
        r#"{"a": [{"prefix": {"equals-ignore-case": 1}}]}"#,
        "/a/0/prefix/equals-ignore-case: `equals-ignore-case` takes a string, not a number",
    );
    check(
        r#"{"a": [{"equals-ignore-case": ["b"]}]}"#,
        "/a/0/equals-ignore-case: `equals-ignore-case` takes a string, not a list",
    );
    check(r#"{"a": [{"wildcard": 1}]}"#, "/a/0/wildcard: `wildcard` takes a string, not a number");
    check(r#"{"a": [{"wildcard": "b**"}]}"#, "/a/0/wildcard: two `*` in a row in a wildcard");
    check(
        r#"{"a": [{"wildcard": "b\\c"}]}"#,
        "/a/0/wildcard: a backslash in a wildcard that escapes nothing",
    );
    check(r#"{"a": [{"cidr": 1}]}"#, "/a/0/cidr: `cidr` takes a string, not a number");
    check(r#"{"a": [{"cidr": "10.0.0.0"}]}"#, "/a/0/cidr: `10.0.0.0` is not an address block");
}

#[test]
fn numeric() {
    let shape = "/a/0/numeric: `numeric` takes a list of a comparison and a number, once or twice";
    for operand in ["5", "[]", r#"["="]"#, r#"["=", 5, "<"]"#, r#"[">", 0, "<", 5, "<", 7]"#] {
        check(&format!(r#"{{"a": [{{"numeric": {operand}}}]}}"#), shape);
    }
    check(r#"{"a": [{"numeric": ["==", 5]}]}"#, r#"/a/0/numeric/0: "==" is not a comparison"#);
    check(r#"{"a": [{"numeric": [5, "="]}]}"#, "/a/0/numeric/0: 5 is not a comparison");
    check(r#"{"a": [{"numeric": ["=", "5"]}]}"#, "/a/0/numeric/1: `=` takes a number, not a string");
    check(r#"{"a": [{"numeric": [">", 0, "<", null]}]}"#, "/a/0/numeric/3: `<` takes a number, not null");
    check(r#"{"a": [{"numeric": ["<", 5, ">", 0]}]}"#, "/a/0/numeric/0: `<` cannot stand here in a range");
    check(r#"{"a": [{"numeric": [">", 5, ">", 0]}]}"#, "/a/0/numeric/2: `>` cannot stand here in a range");
    check(r#"{"a": [{"numeric": ["=", 5, "<", 9]}]}"#, "/a/0/numeric/0: `=` cannot stand here in a range");
    let empty = "/a/0/numeric: the lower bound of a range is not below the upper one";
    check(r#"{"a": [{"numeric": [">", 5, "<", 0]}]}"#, empty);
    check(r#"{"a": [{"numeric": [">=", 5, "<=", 5.0]}]}"#, empty);
}

#[test]
fn anything_but() {
    check(r#"{"a": [{"anything-but": []}]}"#, "/a/0/anything-but: an empty list excludes nothing");
    check(
        r#"{"a": [{"anything-but": true}]}"#,
        "/a/0/anything-but: `anything-but` takes strings or numbers, not a boolean",
    );
    check(
        r#"{"a": [{"anything-but": ["b", null]}]}"#,
        "/a/0/anything-but/1: `anything-but` takes strings or numbers, not null",
    );
    check(
        r#"{"a": [{"anything-but": ["b", 1]}]}"#,
        "/a/0/anything-but/1: `anything-but` takes strings or numbers, not both at once",
    );
    check(
        r#"{"a": [{"anything-but": [{"prefix": "b"}]}]}"#,
        "/a/0/anything-but/0: `anything-but` takes strings or numbers, not an object",
    );
    check(
        r#"{"a": [{"anything-but": {"numeric": ["=", 1]}}]}"#,
        "/a/0/anything-but/numeric: `anything-but` cannot be combined with `numeric`",
    );
    check(
        r#"{"a": [{"anything-but": {"prefix": ""}}]}"#,
        "/a/0/anything-but/prefix: every string has the empty prefix",
    );
    check(
        r#"{"a": [{"anything-but": {"suffix": ["b", ""]}}]}"#,
        "/a/0/anything-but/suffix/1: every string has the empty suffix",
    );
    check(
        r#"{"a": [{"anything-but": {"suffix": {"equals-ignore-case": "b"}}}]}"#,
        "/a/0/anything-but/suffix: `suffix` takes a string, not an object",
    );
    check(
        r#"{"a": [{"anything-but": {"wildcard": ["b", "**"]}}]}"#,
        "/a/0/anything-but/wildcard/1: two `*` in a row in a wildcard",
    );
    check(
        r#"{"a": [{"anything-but": {"prefix": []}}]}"#,
        "/a/0/anything-but/prefix: an empty list excludes nothing",
    );
    check(
        r#"{"a": [{"anything-but": {}}]}"#,
        "/a/0/anything-but: an object in a list holds one operator, not 0",
    );
}

#[test]
fn or() {
    check(r#"{"$or": {"a": [1]}}"#, "/$or: `$or` takes a list of objects, not an object");
    check(r#"{"$or": []}"#, "/$or: `$or` takes two objects or more, not 0");
    check(r#"{"$or": [{"a": [1]}]}"#, "/$or: `$or` takes two objects or more, not 1");
    check(r#"{"$or": [{"a": [1]}, "b"]}"#, "/$or/1: `$or` takes objects, not a string");
    check(r#"{"$or": [{"a": [1]}, {}]}"#, "/$or/1: an object without fields says nothing");
    check(
        r#"{"a": {"$or": [{"b": [1]}, {"prefix": ["b"]}]}}"#,
        "/a/$or/1/prefix: `prefix` is an operator and cannot name a field inside `$or`",
    );
    assert!(Pattern::parse(r#"{"a": {"prefix": ["b"]}}"#).is_ok(), "an operator names a field elsewhere");
}

#[test]
fn all_errors_come_at_once() {
    let pattern = r#"{"a": [], "b": {"c": ["x", {"wildcard": "**"}, []]}, "$or": [{"d": 1}, {"e": [{}]}]}"#;
    let mut found = errors(pattern);
    found.sort();
    assert_eq!(
        found,
        [
            "/$or/0/d: a field takes a list of values or an object, not a number",
            "/$or/1/e/0: an object in a list holds one operator, not 0",
            "/a: an empty list matches nothing",
            "/b/c/1/wildcard: two `*` in a row in a wildcard",
            "/b/c/2: a list inside the list of a field",
        ]
    );
    let many = json!({ "a": vec![json!([]); 5_000] });
    assert_eq!(Pattern::from_value(&many).unwrap_err().len(), MAX_ERRORS);
}

#[test]
fn hints_say_what_to_write() {
    let hint = |pattern: &str| Pattern::parse(pattern).unwrap_err().remove(0).hint.unwrap_or_default();
    assert_eq!(hint(r#"{"a": "b"}"#), r#"write ["b"]"#);
    assert_eq!(hint(r#"{"a": [{"cidr": "10.0.0.5/8"}]}"#), "write 10.0.0.0/8");
    assert!(hint(r#"{"a": [{"sufix": "b"}]}"#).contains("`suffix`"));
}

#[test]
fn size_and_depth() {
    let nested = |levels: usize| (1..levels).fold(json!([1]), |inside, _| json!({ "a": inside }));
    assert!(Pattern::from_value(&nested(MAX_DEPTH)).is_ok());
    let error = Pattern::from_value(&nested(MAX_DEPTH + 1)).unwrap_err().remove(0);
    assert_eq!(error.message, "nested deeper than 64 levels");
    assert_eq!(error.pointer, "/a".repeat(MAX_DEPTH));

    // The object, the list and the string take a byte each beside what they spell.
    let wide = |bytes: usize| json!({ "a": ["b".repeat(bytes - 4)] });
    assert!(Pattern::from_value(&wide(MAX_SIZE)).is_ok());
    let error = Pattern::from_value(&wide(MAX_SIZE + 1)).unwrap_err().remove(0);
    assert_eq!(error.message, "the pattern is larger than 65536 bytes of keys, strings and values");
    assert_eq!(error.pointer, "/a/0");
}

/// A choice on each level that looks inside the same field: the cases double with each.
#[test]
fn cases_do_not_explode() {
    let doubling = |levels: usize| {
        (0..levels).fold(json!({ "x": [1] }), |inside, level| {
            let deep =
                |field: &str| (0..=level).fold(json!({ field: [level] }), |inside, _| json!({ "a": inside }));
            json!({ "a": inside, "$or": [deep("y"), deep("z")] })
        })
    };
    assert!(Pattern::from_value(&doubling(6)).is_ok());
    let errors = Pattern::from_value(&doubling(30)).unwrap_err();
    assert!(errors.iter().all(|e| e.message == "the cases of `$or` multiply to too many"), "{errors:?}");
    // Choices that do not share a field's inside are left as they are.
    let apart: Value =
        (0..60).fold(json!([1]), |inside, _| json!({ "$or": [{ "b": [1] }, { "c": [2] }], "a": inside }));
    assert!(Pattern::from_value(&apart).is_ok());
}
