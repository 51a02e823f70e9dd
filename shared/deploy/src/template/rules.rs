//! EventBridge rules: which of a bucket's events a stage gets.
//!
//! A rule holds what the source and the stage's pattern imply about the key, and never less than the stage wants:
//! the host evaluates the pattern as a whole.

use serde_json::{Value, json};
use tidemill_pattern::Pattern;
use tidemill_pipeline::{Source, Via};

use super::logical;
use super::scope::{Placed, Scope};
use super::sheet::Sheet;
use crate::names::{LONGEST_ACCOUNT, LONGEST_REGION};

/// The longest event pattern that a rule takes (EventBridge User Guide, "Amazon EventBridge quotas").
const LONGEST: usize = 2_048;

/// The rules of a stage; gives their logical ids.
pub(crate) fn add(scope: &Scope<'_>, placed: &Placed<'_>, sheet: &mut Sheet) -> Vec<String> {
    let mut ids = Vec::new();
    for (name, source) in scope.sources(placed.stage) {
        let Source::S3 { bucket, prefix, via: Via::EventBridge } = source else { continue };
        let id = format!("{}{}Rule", placed.id, logical::id(name));
        let bucket = scope.bucket(bucket);
        let pattern = |keys| pattern(&bucket.value(), keys);
        let mut keys = keys(prefix, placed.stage.when.as_ref());
        let longest =
            pattern(keys.clone()).to_string().len() + bucket.plain(LONGEST_ACCOUNT, LONGEST_REGION).len();
        if longest > LONGEST {
            // The prefix alone is wider, and right all the same.
            keys = self::keys(prefix, None);
        }
        let rule = json!({
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": format!(
                    "Objects of source {name} for stage {} of {}",
                    placed.name(),
                    scope.names.pipeline()
                ),
                "EventPattern": pattern(keys),
                "State": "ENABLED",
                "Targets": [{
                    "Id": "queue",
                    "Arn": { "Fn::GetAtt": [format!("{}Queue", placed.id), "Arn"] },
                    // What cannot be delivered for a day is kept where everything is kept that went wrong.
                    "DeadLetterConfig": {
                        "Arn": { "Fn::GetAtt": [format!("{}DeadQueue", placed.id), "Arn"] },
                    },
                }],
            },
        });
        sheet.resource(&placed.owner, &id, rule);
        ids.push(id);
    }
    ids
}

fn pattern(bucket: &Value, keys: Option<Vec<Value>>) -> Value {
    let mut detail = json!({ "bucket": { "name": [bucket] } });
    if let Some(keys) = keys {
        detail["object"] = json!({ "key": keys });
    }
    json!({
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": detail,
    })
}

/// The list about the key: `None` lets every key through.
///
/// A field has one list in a rule, and its conditions are alternatives. So each alternative of the pattern is
/// narrowed by the prefix; where the two cannot be said in one condition, the prefix stands alone, since it is what
/// parts a stage's input from its output.
pub(crate) fn keys(prefix: &str, when: Option<&Pattern>) -> Option<Vec<Value>> {
    let implied = when.and_then(|pattern| pattern.implied(&["data", "key"]));
    let alone = || (!prefix.is_empty()).then(|| vec![json!({ "prefix": prefix })]);
    let Some(implied) = implied else { return alone() };
    let mut list = Vec::new();
    for condition in implied {
        match narrowed(prefix, condition) {
            Narrowed::To(condition) if list.contains(&condition) => {}
            Narrowed::To(condition) => list.push(condition),
            Narrowed::Nothing => {}
            Narrowed::Prefix => return alone(),
        }
    }
    if list.is_empty() { alone() } else { Some(list) }
}

enum Narrowed {
    /// Keys with the prefix that meet the condition meet this one.
    To(Value),
    /// No key meets both.
    Nothing,
    /// Only the prefix can be said.
    Prefix,
}

fn narrowed(prefix: &str, condition: Value) -> Narrowed {
    match &condition {
        Value::String(key) if key.starts_with(prefix) => Narrowed::To(condition),
        // A key is text and no number, and what is not below the prefix is not of this source.
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null | Value::Array(_) => {
            Narrowed::Nothing
        }
        Value::Object(operator) => {
            let inner = operator.get("prefix").and_then(Value::as_str);
            match inner {
                Some(inner) if inner.starts_with(prefix) => Narrowed::To(condition),
                Some(inner) if prefix.starts_with(inner) => Narrowed::Prefix,
                Some(_) => Narrowed::Nothing,
                None if operator.contains_key("exists") => Narrowed::Prefix,
                None if operator.contains_key("numeric") => Narrowed::Nothing,
                None if prefix.is_empty() => Narrowed::To(condition),
                None => Narrowed::Prefix,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(prefix: &str, key: &str, expected: &Value) {
        let when = Pattern::parse(&format!(r#"{{"data": {{"key": [{key}]}}}}"#)).unwrap();
        let expected = if expected.is_null() { None } else { expected.as_array().cloned() };
        assert_eq!(keys(prefix, Some(&when)), expected, "{prefix} {key}");
    }

    #[test]
    fn a_source_without_a_pattern_listens_to_its_prefix() {
        assert_eq!(keys("", None), None);
        assert_eq!(keys("in/", None), Some(vec![json!({ "prefix": "in/" })]));
    }

    #[test]
    fn a_pattern_narrows_where_one_condition_can_say_both() {
        check("", r#"{"suffix": ".csv"}"#, &json!([{ "suffix": ".csv" }]));
        check("in/", r#"{"prefix": "in/a"}"#, &json!([{ "prefix": "in/a" }]));
        check("in/", r#"{"prefix": "in/a"}, "in/b", "out/c""#, &json!([{ "prefix": "in/a" }, "in/b"]));
    }

    #[test]
    fn else_the_prefix_stands_alone() {
        let alone = json!([{ "prefix": "in/" }]);
        check("in/", r#"{"suffix": ".csv"}"#, &alone);
        check("in/", r#"{"prefix": "i"}"#, &alone);
        check("in/", r#"{"anything-but": "in/a"}"#, &alone);
        check("in/", r#""in/b", {"suffix": ".csv"}"#, &alone);
        check("in/", r#""out/b""#, &alone);
        check("in/", r#"{"exists": true}"#, &alone);
        check("", r#"{"exists": true}"#, &Value::Null);
    }

    proptest! {
        #[test]
        fn what_the_stage_wants_passes_the_rule(
            prefix in "[ab]{0,2}",
            conditions in prop::collection::vec(("(prefix|suffix|equal|wildcard|but|case)", "[abA]{1,2}"), 1..4),
            key in "[abA]{0,4}",
        ) {
            let list: Vec<Value> = conditions.iter().map(|(operator, text)| match operator.as_str() {
                "equal" => json!(text),
                "wildcard" => json!({ "wildcard": format!("{text}*b") }),
                "but" => json!({ "anything-but": text }),
                "case" => json!({ "equals-ignore-case": text }),
                operator => json!({ operator: text }),
            }).collect();
            let when = Pattern::from_value(&json!({ "data": { "key": list } })).unwrap();
            let event = json!({ "data": { "key": key } });
            if key.starts_with(&prefix) && when.matches(&event) {
                let passes = keys(&prefix, Some(&when)).is_none_or(|list| {
                    Pattern::from_value(&json!({ "data": { "key": list } })).unwrap().matches(&event)
                });
                prop_assert!(passes, "{:?}", keys(&prefix, Some(&when)));
            }
        }
    }
}
