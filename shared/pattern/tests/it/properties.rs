//! Properties of parsing and of the operators.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidemill_pattern::Pattern;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[abAB]{0,4}".prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
    ]
}

/// JSON that is more often than not close to a pattern.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "[ab]",
        Just("$or".to_owned()),
        Just("anything-but".to_owned()),
        Just("cidr".to_owned()),
        Just("equals-ignore-case".to_owned()),
        Just("exists".to_owned()),
        Just("numeric".to_owned()),
        Just("prefix".to_owned()),
        Just("suffix".to_owned()),
        Just("wildcard".to_owned()),
    ];
    let text = prop_oneof![
        Just("=".to_owned()),
        Just("<".to_owned()),
        Just(">=".to_owned()),
        Just("10.0.0.0/8".to_owned()),
        Just("*a\\**".to_owned())
    ];
    let leaf = prop_oneof![scalar(), text.prop_map(Value::from)];
    leaf.prop_recursive(6, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name.clone(), inner, 0..3).prop_map(|fields| json!(fields)),
        ]
    })
}

/// A list with one condition that `anything-but` can turn around.
fn negatable() -> impl Strategy<Value = Value> {
    let text = "[abAB]{1,2}";
    prop_oneof![
        "[abAB]{0,2}".prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::from),
        text.prop_map(|text| json!({ "prefix": text })),
        text.prop_map(|text| json!({ "suffix": text })),
        text.prop_map(|text| json!({ "equals-ignore-case": text })),
        "\\*?[abAB]\\*?[abAB]?\\*?"
            .prop_filter("no two stars", |text| !text.contains("**"))
            .prop_map(|text| json!({ "wildcard": text })),
    ]
}

proptest! {
    #[test]
    fn parsing_never_panics(pattern in anything(), event in anything()) {
        match Pattern::from_value(&pattern) {
            Ok(pattern) => {
                let _ = pattern.matches(&event);
                prop_assert!(!pattern.fields().is_empty());
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    // An error points to a place that is there.
                    prop_assert!(pattern.pointer(&error.pointer).is_some(), "{error}");
                    prop_assert!(!error.message.ends_with('.'));
                }
            }
        }
    }

    #[test]
    fn text_never_panics(text in "\\PC{0,40}") {
        let _ = Pattern::parse(&text);
    }

    #[test]
    fn anything_but_is_the_negation(condition in negatable(), value in scalar()) {
        let plain = Pattern::from_value(&json!({ "f": [condition] })).unwrap();
        let negated = Pattern::from_value(&json!({ "f": [{ "anything-but": condition }] })).unwrap();
        let event = json!({ "f": value });
        prop_assert_eq!(plain.matches(&event), !negated.matches(&event));
        let missing = json!({});
        prop_assert!(!negated.matches(&missing));
    }

    /// A list of several excludes what each of them excludes.
    #[test]
    fn anything_but_a_list(texts in prop::collection::vec("[abAB]{1,2}", 1..4), value in scalar()) {
        let event = json!({ "f": value });
        for operator in ["prefix", "suffix", "equals-ignore-case", "wildcard"] {
            let all = json!({ "f": [{ "anything-but": { operator: texts } }] });
            let each = |text: &String| json!({ "f": [{ "anything-but": { operator: text } }] });
            let expected = texts.iter().all(|text| Pattern::from_value(&each(text)).unwrap().matches(&event));
            prop_assert_eq!(Pattern::from_value(&all).unwrap().matches(&event), expected);
        }
    }

    /// Whatever a condition takes, the list that it implies takes.
    #[test]
    fn implied_is_wider(condition in negatable(), value in scalar(), negated: bool, low in -9i64..9, span in 1i64..9) {
        let condition = if negated { json!({ "anything-but": condition }) } else { condition };
        let range = json!({ "numeric": [">", low, "<", low + span] });
        let pattern = Pattern::from_value(&json!({ "d": { "f": [condition, range] } })).unwrap();
        let event = json!({ "d": { "f": value } });
        if pattern.matches(&event) {
            let list = pattern.implied(&["d", "f"]).unwrap();
            prop_assert!(!json!(list).to_string().contains("wildcard"));
            let alone = json!({ "d": { "f": list } });
            prop_assert!(Pattern::from_value(&alone).unwrap().matches(&event));
        }
    }

    /// A scalar matches itself, alone and in an array.
    #[test]
    fn a_value_matches_itself(value in scalar(), other in scalar()) {
        let pattern = Pattern::from_value(&json!({ "f": [value] })).unwrap();
        let (alone, among) = (json!({ "f": value }), json!({ "f": [other, [value]] }));
        prop_assert!(pattern.matches(&alone) && pattern.matches(&among));
    }
}
