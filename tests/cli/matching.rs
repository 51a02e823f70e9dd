//! `match`.

use crate::context::Context;

const CSV: &str = r#"{"data":{"key":[{"suffix":".csv"}]}}"#;

#[test]
fn events_that_match_and_do_not() {
    let context = Context::new();
    insta::assert_snapshot!(context.run(&["match", CSV, r#"{"data":{"key":"a.csv"}}"#]), @r#"
    $ tidemill match {"data":{"key":[{"suffix":".csv"}]}} {"data":{"key":"a.csv"}}
    exit code: 0
    ----- stdout -----
    match  {"data":{"key":"a.csv"}}
    "#);
    insta::assert_snapshot!(context.run(&["match", CSV, r#"{"data":{"key":"a.txt"}}"#]), @r#"
    $ tidemill match {"data":{"key":[{"suffix":".csv"}]}} {"data":{"key":"a.txt"}}
    exit code: 1
    ----- stdout -----
    no match  {"data":{"key":"a.txt"}}
    "#);
    context.write("pattern.json", CSV);
    context.write("one.json", "{\n  \"data\": { \"key\": \"a.csv\" }\n}\n");
    context.write("many.ndjson", "{\"data\":{\"key\":\"b.csv\"}}\n{\"data\":{\"key\":\"c\"}}\n");
    insta::assert_snapshot!(context.run(&["match", "pattern.json", "one.json", "many.ndjson"]), @"
    $ tidemill match pattern.json one.json many.ndjson
    exit code: 1
    ----- stdout -----
    match  one.json
    match  many.ndjson #1
    no match  many.ndjson #2
    ");
    insta::assert_snapshot!(context.run_with(&["match", CSV, "-"], b"{\"data\":{\"key\":\"d.csv\"}}"), @r#"
    $ tidemill match {"data":{"key":[{"suffix":".csv"}]}} -
    exit code: 0
    ----- stdout -----
    match  stdin
    "#);
}

#[test]
fn refusals() {
    let context = Context::new();
    insta::assert_snapshot!(context.run(&["match", r#"{"data":{"key":[{"sufix":".csv"}],"bytes":3}}"#, "{}"]), @r#"
    $ tidemill match {"data":{"key":[{"sufix":".csv"}],"bytes":3}} {}
    exit code: 2
    ----- stderr -----
    error: the pattern is wrong in 2 places:
      a field takes a list of values or an object, not a number at /data/bytes; hint: write [3]
      unknown operator `sufix` at /data/key/0/sufix; hint: the operators are `anything-but`, `cidr`, `equals-ignore-case`, `exists`, `numeric`, `prefix`, `suffix`, `wildcard`
    hint: a pattern is an object of fields with lists, such as {"data": {"key": [{"suffix": ".csv"}]}}
    "#);
    insta::assert_snapshot!(context.run(&["match", "{", "{}"]), @r#"
    $ tidemill match { {}
    exit code: 2
    ----- stderr -----
    error: the pattern is wrong: not JSON: EOF while parsing an object at line 1 column 1
    hint: a pattern is an object of fields with lists, such as {"data": {"key": [{"suffix": ".csv"}]}}
    "#);
    insta::assert_snapshot!(context.run(&["match", "pattern.json", "{}"]), @"
    $ tidemill match pattern.json {}
    exit code: 2
    ----- stderr -----
    error: cannot read `pattern.json`: it is not there
    hint: give the name of a file, or JSON in quotes: it begins with `{`
    ");
    insta::assert_snapshot!(context.run(&["match", CSV, "{\"a\":}"]), @r#"
    $ tidemill match {"data":{"key":[{"suffix":".csv"}]}} {"a":}
    exit code: 2
    ----- stderr -----
    error: the event {"a":} is not JSON: expected value at line 1 column 6
    hint: give JSON, or a file that holds it
    "#);
    insta::assert_snapshot!(context.run_with(&["match", CSV, "-"], b""), @r#"
    $ tidemill match {"data":{"key":[{"suffix":".csv"}]}} -
    exit code: 2
    ----- stderr -----
    error: stdin holds no event
    hint: give JSON, or a file that holds it
    "#);
    context.write("pattern.json", r#"{"a":[{"prefx":"x"}]}"#);
    insta::assert_snapshot!(context.run(&["match", "pattern.json", "{}"]), @"
    $ tidemill match pattern.json {}
    exit code: 2
    ----- stderr -----
    error: the pattern pattern.json is wrong: unknown operator `prefx` at /a/0/prefx
    hint: the operators are `anything-but`, `cidr`, `equals-ignore-case`, `exists`, `numeric`, `prefix`, `suffix`, `wildcard`
    ");
}
