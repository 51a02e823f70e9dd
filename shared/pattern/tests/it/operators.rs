//! Each operator, with values that it takes and values that it does not.

use crate::{check, check_list};

#[test]
fn exact_values() {
    check_list(r#"["a"]"#, r#""a""#, true);
    check_list(r#"["a"]"#, r#""A""#, false);
    check_list(r#"["a", "b"]"#, r#""b""#, true);
    check_list(r#"["a", "b"]"#, r#""c""#, false);
    check_list("[1]", "1", true);
    check_list("[1]", r#""1""#, false);
    check_list(r#"["1"]"#, "1", false);
    check_list("[true]", "true", true);
    check_list("[true]", "false", false);
    check_list("[true]", r#""true""#, false);
    check_list("[false]", "false", true);
    check_list("[false]", "0", false);
    check(r#"{"f": ["a"]}"#, r"{}", false);
    check(r#"{"f": ["a"], "g": [1]}"#, r#"{"f": "a", "g": 1, "h": 2}"#, true);
    check(r#"{"f": ["a"], "g": [1]}"#, r#"{"f": "a", "g": 2}"#, false);
    check(r#"{"f": ["a"], "g": [1]}"#, r#"{"f": "a"}"#, false);
}

#[test]
fn null_and_empty() {
    check_list("[null]", "null", true);
    check_list("[null]", r#""""#, false);
    check_list("[null]", r#""null""#, false);
    check_list("[null]", "0", false);
    check(r#"{"f": [null]}"#, "{}", false);
    check_list(r#"[""]"#, r#""""#, true);
    check_list(r#"[""]"#, "null", false);
    check_list(r#"[""]"#, r#"" ""#, false);
    check_list(r#"[null, "", {"exists": false}]"#, "null", true);
    check(r#"{"f": [null, "", {"exists": false}]}"#, "{}", true);
}

#[test]
fn numbers_by_value() {
    for one in ["1", "1.0", "1e0", "10e-1"] {
        check_list(&format!("[{one}]"), "1", true);
        check_list("[1]", one, true);
    }
    check_list("[9007199254740993]", "9007199254740992", false);
    check_list("[9007199254740992]", "9007199254740993", false);
    check_list("[9007199254740993]", "9007199254740993", true);
    check_list("[18446744073709551615]", "18446744073709551614", false);
    check_list("[0.1]", "0.10000000000000000", true);
    check_list("[0]", "-0.0", true);
    check_list("[123456789012]", "123456789012", true);
    check_list("[300]", "3.0e2", true);
}

#[test]
fn prefix() {
    check_list(r#"[{"prefix": "in/"}]"#, r#""in/a""#, true);
    check_list(r#"[{"prefix": "in/"}]"#, r#""in/""#, true);
    check_list(r#"[{"prefix": "in/"}]"#, r#""IN/a""#, false);
    check_list(r#"[{"prefix": "in/"}]"#, r#""in""#, false);
    check_list(r#"[{"prefix": "1"}]"#, "12", false);
    check_list(r#"[{"prefix": ""}]"#, r#""""#, true);
    check_list(r#"[{"prefix": ""}]"#, "null", false);
    check_list(r#"[{"prefix": {"equals-ignore-case": "EventB"}}]"#, r#""eventbridge""#, true);
    check_list(r#"[{"prefix": {"equals-ignore-case": "EventB"}}]"#, r#""EVENTB""#, true);
    check_list(r#"[{"prefix": {"equals-ignore-case": "EventB"}}]"#, r#""event""#, false);
    check_list(r#"[{"prefix": {"equals-ignore-case": "EventB"}}]"#, "1", false);
}

#[test]
fn suffix() {
    check_list(r#"[{"suffix": ".png"}]"#, r#""a.png""#, true);
    check_list(r#"[{"suffix": ".png"}]"#, r#"".png""#, true);
    check_list(r#"[{"suffix": ".png"}]"#, r#""a.PNG""#, false);
    check_list(r#"[{"suffix": ".png"}]"#, r#""png""#, false);
    check_list(r#"[{"suffix": "é"}]"#, r#""café""#, true);
    check_list(r#"[{"suffix": {"equals-ignore-case": ".PNG"}}]"#, r#""a.pNg""#, true);
    check_list(r#"[{"suffix": {"equals-ignore-case": "É.png"}}]"#, r#""é.PNG""#, true);
    check_list(r#"[{"suffix": {"equals-ignore-case": ".PNG"}}]"#, r#""a.jpg""#, false);
    check_list(r#"[{"suffix": {"equals-ignore-case": ".PNG"}}]"#, r#""png""#, false);
}

#[test]
fn equals_ignore_case() {
    check_list(r#"[{"equals-ignore-case": "alice"}]"#, r#""Alice""#, true);
    check_list(r#"[{"equals-ignore-case": "ALICE"}]"#, r#""alice""#, true);
    check_list(r#"[{"equals-ignore-case": "alice"}]"#, r#""alice ""#, false);
    check_list(r#"[{"equals-ignore-case": "alice"}]"#, r#""alic""#, false);
    check_list(r#"[{"equals-ignore-case": "true"}]"#, "true", false);
    check_list(r#"[{"equals-ignore-case": ""}]"#, r#""""#, true);
}

#[test]
fn wildcard() {
    check_list(r#"[{"wildcard": "dir/*.png"}]"#, r#""dir/a/b.png""#, true);
    check_list(r#"[{"wildcard": "dir/*.png"}]"#, r#""dir.png""#, false);
    check_list(r#"[{"wildcard": "*"}]"#, r#""""#, true);
    check_list(r#"[{"wildcard": "*"}]"#, "1", false);
    check_list(r#"[{"wildcard": "a\\*b"}]"#, r#""a*b""#, true);
    check_list(r#"[{"wildcard": "a\\*b"}]"#, r#""aab""#, false);
    check_list(r#"[{"wildcard": "c:\\\\*"}]"#, r#""c:\\dir""#, true);
}

#[test]
fn numeric() {
    check_list(r#"[{"numeric": ["=", 5]}]"#, "5", true);
    check_list(r#"[{"numeric": ["=", 5]}]"#, "5.0", true);
    check_list(r#"[{"numeric": ["=", 5]}]"#, "5.1", false);
    check_list(r#"[{"numeric": ["=", 5]}]"#, r#""5""#, false);
    check_list(r#"[{"numeric": ["<", 5]}]"#, "4.999", true);
    check_list(r#"[{"numeric": ["<", 5]}]"#, "5", false);
    check_list(r#"[{"numeric": ["<=", 5]}]"#, "5", true);
    check_list(r#"[{"numeric": ["<=", 5]}]"#, "5.0000001", false);
    check_list(r#"[{"numeric": [">", 0]}]"#, "1e-300", true);
    check_list(r#"[{"numeric": [">", 0]}]"#, "0", false);
    check_list(r#"[{"numeric": [">=", 0]}]"#, "-0.0", true);
    check_list(r#"[{"numeric": [">=", 0]}]"#, "-1", false);
    check_list(r#"[{"numeric": [">", 10, "<=", 20]}]"#, "20", true);
    check_list(r#"[{"numeric": [">", 10, "<=", 20]}]"#, "10", false);
    check_list(r#"[{"numeric": [">", 10, "<=", 20]}]"#, "20.5", false);
    check_list(r#"[{"numeric": [">=", 10, "<", 20]}]"#, "10", true);
    check_list(r#"[{"numeric": [">", 0]}]"#, "6000000000", true);
    check_list(r#"[{"numeric": [">", 9007199254740992]}]"#, "9007199254740993", true);
    check_list(r#"[{"numeric": [">", 9007199254740992]}]"#, "9007199254740992", false);
    check_list(r#"[{"numeric": ["<", 1e300]}]"#, "18446744073709551615", true);
    check_list(r#"[{"numeric": [">", -1]}]"#, "null", false);
}

#[test]
fn cidr() {
    check_list(r#"[{"cidr": "10.0.0.0/24"}]"#, r#""10.0.0.255""#, true);
    check_list(r#"[{"cidr": "10.0.0.0/24"}]"#, r#""10.0.1.0""#, false);
    check_list(r#"[{"cidr": "10.0.0.0/24"}]"#, "10", false);
    check_list(r#"[{"cidr": "2001:db8::/32"}]"#, r#""2001:db8::7""#, true);
    check_list(r#"[{"cidr": "2001:db8::/32"}]"#, r#""10.0.0.1""#, false);
}

#[test]
fn exists_is_about_scalars() {
    let (there, missing) = (r#"[{"exists": true}]"#, r#"[{"exists": false}]"#);
    for value in ["0", "null", r#""""#, "false", "[1]", "[[1]]", r"[{}, 1]"] {
        check_list(there, value, true);
        check_list(missing, value, false);
    }
    for value in ["{}", r#"{"g": 1}"#, "[]", "[[]]", r#"[{"g": 1}]"#] {
        check_list(there, value, false);
        check_list(missing, value, true);
    }
    check(r#"{"f": [{"exists": true}]}"#, "{}", false);
    check(r#"{"f": [{"exists": false}]}"#, "{}", true);
    check(r#"{"f": {"g": [{"exists": false}]}}"#, "{}", true);
    check(r#"{"f": {"g": [{"exists": false}]}}"#, r#"{"f": 1}"#, true);
    check(r#"{"f": {"g": [{"exists": false}]}}"#, r#"{"f": {"g": null}}"#, false);
    check(r#"{"f": {"g": [{"exists": false}], "h": [1]}}"#, r#"{"f": {"h": 1}}"#, true);
    check(r#"{"f": {"g": [{"exists": false}], "h": [1]}}"#, "{}", false);
    check(r#"{"f": [{"exists": false}, "a"]}"#, r#"{"f": "a"}"#, true);
    check(r#"{"f": [{"exists": false}, "a"]}"#, r#"{"f": "b"}"#, false);
    check(r#"{"f": [{"exists": false}, {"exists": true}]}"#, r#"{"f": "b"}"#, true);
}

#[test]
fn anything_but_values() {
    check_list(r#"[{"anything-but": "a"}]"#, r#""b""#, true);
    check_list(r#"[{"anything-but": "a"}]"#, r#""a""#, false);
    check_list(r#"[{"anything-but": ["a", "b"]}]"#, r#""b""#, false);
    check_list(r#"[{"anything-but": ["a", "b"]}]"#, r#""c""#, true);
    check_list(r#"[{"anything-but": 5}]"#, "5.0", false);
    check_list(r#"[{"anything-but": 5}]"#, "6", true);
    check_list(r#"[{"anything-but": [5, 6]}]"#, "6", false);
    check_list(r#"[{"anything-but": 5}]"#, r#""5""#, true);
    check_list(r#"[{"anything-but": "5"}]"#, "5", true);
    check_list(r#"[{"anything-but": "a"}]"#, "null", true);
    check_list(r#"[{"anything-but": "a"}]"#, "true", true);
    check_list(r#"[{"anything-but": ""}]"#, r#""""#, false);
    check(r#"{"f": [{"anything-but": "a"}]}"#, "{}", false);
    check_list(r#"[{"anything-but": "a"}]"#, r#"{"g": 1}"#, false);
}

#[test]
fn anything_but_operators() {
    check_list(r#"[{"anything-but": {"prefix": "us-"}}]"#, r#""eu-1""#, true);
    check_list(r#"[{"anything-but": {"prefix": "us-"}}]"#, r#""us-1""#, false);
    check_list(r#"[{"anything-but": {"prefix": ["us-", "eu-"]}}]"#, r#""eu-1""#, false);
    check_list(r#"[{"anything-but": {"prefix": ["us-", "eu-"]}}]"#, r#""ap-1""#, true);
    check_list(r#"[{"anything-but": {"suffix": ".png"}}]"#, r#""a.png""#, false);
    check_list(r#"[{"anything-but": {"suffix": ".png"}}]"#, r#""a.jpg""#, true);
    check_list(r#"[{"anything-but": {"suffix": [".png", ".jpg"]}}]"#, r#""a.jpg""#, false);
    check_list(r#"[{"anything-but": {"suffix": [".png", ".jpg"]}}]"#, "7", true);
    check_list(r#"[{"anything-but": {"equals-ignore-case": "init"}}]"#, r#""INIT""#, false);
    check_list(r#"[{"anything-but": {"equals-ignore-case": "init"}}]"#, r#""INITS""#, true);
    check_list(r#"[{"anything-but": {"equals-ignore-case": ["a", "b"]}}]"#, r#""B""#, false);
    check_list(r#"[{"anything-but": {"equals-ignore-case": ["a", "b"]}}]"#, r#""C""#, true);
    check_list(r#"[{"anything-but": {"wildcard": "*/lib/*"}}]"#, r#""a/lib/b""#, false);
    check_list(r#"[{"anything-but": {"wildcard": "*/lib/*"}}]"#, r#""a/bin/b""#, true);
    check_list(r#"[{"anything-but": {"wildcard": ["*/lib/*", "*.o"]}}]"#, r#""a.o""#, false);
    check_list(r#"[{"anything-but": {"wildcard": ["*/lib/*", "*.o"]}}]"#, r#""a.c""#, true);
    check(r#"{"f": [{"anything-but": {"prefix": "a"}}]}"#, "{}", false);
}

#[test]
fn the_event_is_an_object() {
    for event in ["[]", r#"[{"f": 1}]"#, "1", "null", r#""f""#] {
        check(r#"{"f": [1]}"#, event, false);
        check(r#"{"f": [{"exists": false}]}"#, event, false);
    }
}

#[test]
fn a_dot_belongs_to_the_name() {
    check(r#"{"a.b": [1]}"#, r#"{"a": {"b": 1}}"#, false);
    check(r#"{"a": {"b": [1]}}"#, r#"{"a.b": 1}"#, false);
    check(r#"{"a.b": [1]}"#, r#"{"a.b": 1}"#, true);
}
