//! The matcher against a reference by definition: every case of `$or`, every choice of scalars.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tidemill_pattern::Pattern;

/// For each array of the event, the element that a scalar lies in.
type Elements = BTreeMap<usize, usize>;

/// A condition on a path: the list of the field.
type Condition = (Vec<String>, Vec<Value>);

/// Every scalar of the event with its path and the array elements around it.
fn scalars(
    value: &Value,
    path: &[String],
    around: &Elements,
    arrays: &mut usize,
    into: &mut Vec<(Vec<String>, Value, Elements)>,
) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                scalars(value, &[path, std::slice::from_ref(name)].concat(), around, arrays, into);
            }
        }
        Value::Array(elements) => {
            let array = *arrays;
            *arrays += 1;
            for (index, element) in elements.iter().enumerate() {
                let mut around = around.clone();
                if element.is_object() {
                    around.insert(array, index);
                }
                scalars(element, path, &around, arrays, into);
            }
        }
        scalar => into.push((path.to_vec(), scalar.clone(), around.clone())),
    }
}

/// Every case of the pattern, as conditions that have to hold together.
fn cases(fields: &Map<String, Value>, path: &[String]) -> Vec<Vec<Condition>> {
    let mut cases_so_far = vec![Vec::new()];
    for (name, value) in fields {
        let inner = [path, std::slice::from_ref(name)].concat();
        let more: Vec<Vec<Condition>> = match value {
            Value::Array(choices) if name == "$or" => {
                choices.iter().flat_map(|choice| cases(choice.as_object().unwrap(), path)).collect()
            }
            Value::Array(list) => vec![vec![(inner, list.clone())]],
            Value::Object(fields) => cases(fields, &inner),
            _ => unreachable!(),
        };
        cases_so_far = cases_so_far
            .iter()
            .flat_map(|case| more.iter().map(move |more| [case.as_slice(), more].concat()))
            .collect();
    }
    cases_so_far
}

fn consistent(a: &Elements, b: &Elements) -> bool {
    a.iter().all(|(array, element)| b.get(array).is_none_or(|other| other == element))
}

fn meets(
    case: &[Condition],
    absent: &[&Vec<String>],
    settled: &Elements,
    event: &[(Vec<String>, Value, Elements)],
) -> bool {
    let Some(((path, list), rest)) = case.split_first() else {
        return absent.iter().all(|path| !event.iter().any(|(p, _, e)| &p == path && consistent(e, settled)));
    };
    list.iter().any(|condition| {
        if condition == &json!({ "exists": false }) {
            return meets(rest, &[absent, &[path]].concat(), settled, event);
        }
        event.iter().any(|(p, scalar, elements)| {
            p == path && scalar == condition && consistent(elements, settled) && {
                let mut settled = settled.clone();
                settled.extend(elements);
                meets(rest, absent, &settled, event)
            }
        })
    })
}

fn reference(pattern: &Value, event: &Value) -> bool {
    let mut fields = Vec::new();
    scalars(event, &[], &Elements::new(), &mut 0, &mut fields);
    cases(pattern.as_object().unwrap(), &[]).iter().any(|case| meets(case, &[], &Elements::new(), &fields))
}

fn list() -> impl Strategy<Value = Value> {
    let condition = prop_oneof![3 => (0..3).prop_map(|n| json!(n)), 1 => Just(json!({ "exists": false }))];
    prop::collection::vec(condition, 1..3).prop_map(Value::Array)
}

fn name() -> impl Strategy<Value = String> {
    "[ab]"
}

fn pattern() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::btree_map(name(), list(), 1..3).prop_map(|fields| json!(fields));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let field = prop_oneof![list(), inner.clone()];
        let choice = prop::option::of(prop::collection::vec(inner, 2..4));
        (prop::collection::btree_map(name(), field, 1..3), choice).prop_map(|(mut fields, choice)| {
            fields.extend(choice.map(|choice| ("$or".to_owned(), Value::Array(choice))));
            json!(fields)
        })
    })
}

/// Objects of scalars, objects and arrays; no array lies directly in an array.
fn event() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::btree_map(name(), (0..3).prop_map(|n| json!(n)), 0..3)
        .prop_map(|fields| json!(fields));
    leaf.prop_recursive(3, 24, 3, |inner| {
        let scalar = (0..3).prop_map(|n| json!(n));
        let element = prop_oneof![1 => scalar.clone(), 3 => inner.clone()];
        let field = prop_oneof![
            2 => scalar,
            2 => inner,
            3 => prop::collection::vec(element, 0..4).prop_map(Value::Array)
        ];
        prop::collection::btree_map(name(), field, 0..3).prop_map(|fields| json!(fields))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn agrees(pattern in pattern(), event in event()) {
        let parsed = Pattern::from_value(&pattern).unwrap();
        prop_assert_eq!(parsed.matches(&event), reference(&pattern, &event));
    }

    /// What the whole matches, the list about one field matches alone.
    #[test]
    fn implied_is_wider(pattern in pattern(), event in event()) {
        let parsed = Pattern::from_value(&pattern).unwrap();
        if !parsed.matches(&event) {
            return Ok(());
        }
        for path in [&["a"][..], &["b"], &["a", "a"], &["a", "b"], &["b", "a"], &["b", "b"]] {
            if let Some(list) = parsed.implied(path) {
                let alone = path.iter().rev().fold(json!(list), |inside, name| json!({ *name: inside }));
                prop_assert!(Pattern::from_value(&alone).unwrap().matches(&event), "{alone}");
            }
        }
    }
}
