//! The operators in the list of a field: each with its operand, checked.

use crate::cidr::Network;
use crate::condition::Test;
use crate::error::Complaint;
use crate::numeric::{Bound, Exact, Range};
use crate::parse::{Reader, kind};
use crate::place::Place;
use crate::text::{Folded, TextTest};
use crate::wildcard::Wildcard;
use serde_json::{Map, Value};
use std::cmp::Ordering;

pub(crate) const OPERATORS: [&str; 8] =
    ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];
pub(crate) const COMPARISONS: [&str; 5] = ["<", "<=", "=", ">", ">="];

/// What an operator asks for.
pub(crate) enum Operator {
    Test(Test),
    Absent,
}

/// A plain value: the scalar itself.
pub(crate) fn exact(scalar: &Value) -> Option<Test> {
    match scalar {
        Value::Null => Some(Test::Null),
        Value::Bool(bool) => Some(Test::Bool(*bool)),
        Value::Number(number) => Exact::of(number).map(Test::Number),
        Value::String(text) => Some(Test::Text(TextTest::Equal(text.clone()))),
        Value::Array(_) | Value::Object(_) => None,
    }
}

impl Reader {
    pub(crate) fn operator(&mut self, place: &Place, operator: &Map<String, Value>) -> Option<Operator> {
        let (name, value) = self.single(place, operator)?;
        let place = place.name(name);
        let test = match name {
            "exists" => match value {
                Value::Bool(true) => Some(Test::Present),
                Value::Bool(false) => return Some(Operator::Absent),
                other => {
                    let kind = kind(other);
                    self.refuse(&place, Complaint::new(format!("`exists` takes true or false, not {kind}")))
                }
            },
            "prefix" | "suffix" => {
                let at_start = name == "prefix";
                if let Value::Object(inner) = value {
                    let (inner_name, text) = self.single(&place, inner)?;
                    let place = place.name(inner_name);
                    if inner_name != "equals-ignore-case" {
                        return self.refuse(
                            &place,
                            Complaint::new(format!("`{name}` cannot be combined with `{inner_name}`"))
                                .hint("a string or {\"equals-ignore-case\": …} goes here"),
                        );
                    }
                    let text = Folded::new(self.string(&place, inner_name, text)?);
                    Some(Test::Text(if at_start {
                        TextTest::PrefixIgnoreCase(text)
                    } else {
                        TextTest::SuffixIgnoreCase(text)
                    }))
                } else {
                    let text = self.string(&place, name, value)?.to_owned();
                    Some(Test::Text(if at_start { TextTest::Prefix(text) } else { TextTest::Suffix(text) }))
                }
            }
            "equals-ignore-case" => {
                let text = self.string(&place, name, value)?;
                Some(Test::Text(TextTest::EqualIgnoreCase(Folded::new(text))))
            }
            "wildcard" => self.wildcard(&place, value),
            "cidr" => match Network::parse(self.string(&place, name, value)?) {
                Ok(network) => Some(Test::Cidr(network)),
                Err(complaint) => self.refuse(&place, complaint),
            },
            "numeric" => self.numeric(&place, value),
            "anything-but" => self.anything_but(&place, value),
            unknown => {
                let known = OPERATORS.map(|name| format!("`{name}`")).join(", ");
                self.refuse(
                    &place,
                    Complaint::new(format!("unknown operator `{unknown}`"))
                        .hint(format!("the operators are {known}")),
                )
            }
        };
        test.map(Operator::Test)
    }

    /// The one key of an operator's object.
    fn single<'v>(&mut self, place: &Place, object: &'v Map<String, Value>) -> Option<(&'v str, &'v Value)> {
        let mut entries = object.iter();
        if let (Some((name, value)), None) = (entries.next(), entries.next()) {
            return Some((name, value));
        }
        let found = object.len();
        self.refuse(
            place,
            Complaint::new(format!("an object in a list holds one operator, not {found}"))
                .hint("operators in objects of their own are alternatives"),
        )
    }

    fn string<'v>(&mut self, place: &Place, operator: &str, value: &'v Value) -> Option<&'v str> {
        if let Value::String(text) = value {
            return Some(text);
        }
        let kind = kind(value);
        self.refuse(place, Complaint::new(format!("`{operator}` takes a string, not {kind}")))
    }

    fn wildcard(&mut self, place: &Place, value: &Value) -> Option<Test> {
        match Wildcard::parse(self.string(place, "wildcard", value)?) {
            Ok(wildcard) => Some(Test::Text(TextTest::Wildcard(wildcard))),
            Err(complaint) => self.refuse(place, complaint),
        }
    }

    fn numeric(&mut self, place: &Place, value: &Value) -> Option<Test> {
        let shape = || {
            Complaint::new("`numeric` takes a list of a comparison and a number, once or twice")
                .hint("write [\"=\", 5], [\">\", 0] or [\">\", 0, \"<=\", 5]")
        };
        let Value::Array(terms) = value else { return self.refuse(place, shape()) };
        if !matches!(terms.len(), 2 | 4) {
            return self.refuse(place, shape());
        }
        let mut range = Range { low: None, high: None };
        for (index, pair) in terms.chunks_exact(2).enumerate() {
            let at = place.index(2 * index);
            let [comparison, number] = pair else { return self.refuse(place, shape()) };
            let Some(comparison) = comparison.as_str().filter(|text| COMPARISONS.contains(text)) else {
                return self.refuse(
                    &at,
                    Complaint::new(format!("{comparison} is not a comparison"))
                        .hint("the comparisons are `=`, `<`, `<=`, `>`, `>=`"),
                );
            };
            let Some(value) = number.as_number().and_then(Exact::of) else {
                let kind = kind(number);
                return self.refuse(
                    &place.index(2 * index + 1),
                    Complaint::new(format!("`{comparison}` takes a number, not {kind}")),
                );
            };
            let bound = Bound { value, inclusive: comparison.ends_with('=') };
            match (comparison, index, terms.len()) {
                ("=", 0, 2) => range = Range { low: Some(bound), high: Some(bound) },
                (">" | ">=", 0, _) => range.low = Some(bound),
                ("<" | "<=", 0, 2) | ("<" | "<=", 1, _) => range.high = Some(bound),
                _ => {
                    return self.refuse(
                        &at,
                        Complaint::new(format!("`{comparison}` cannot stand here in a range"))
                            .hint("a range is a lower bound, then an upper one: [\">\", 0, \"<=\", 5]"),
                    );
                }
            }
        }
        if let (4, Some(low), Some(high)) = (terms.len(), range.low, range.high)
            && low.value.compare(high.value) != Ordering::Less
        {
            return self.refuse(
                place,
                Complaint::new("the lower bound of a range is not below the upper one")
                    .hint("a single number is written [\"=\", 5]"),
            );
        }
        Some(Test::Numeric(range))
    }

    fn anything_but(&mut self, place: &Place, value: &Value) -> Option<Test> {
        if let Value::Object(inner) = value {
            let (name, operand) = self.single(place, inner)?;
            let place = place.name(name);
            if !["equals-ignore-case", "prefix", "suffix", "wildcard"].contains(&name) {
                return self.refuse(
                    &place,
                    Complaint::new(format!("`anything-but` cannot be combined with `{name}`")).hint(
                        "it takes `equals-ignore-case`, `prefix`, `suffix`, `wildcard`, or plain values",
                    ),
                );
            }
            return self.each(&place, operand, |reader, place, value| {
                if name == "wildcard" {
                    return reader.wildcard(place, value);
                }
                let text = reader.string(place, name, value)?;
                match name {
                    "equals-ignore-case" => Some(TextTest::EqualIgnoreCase(Folded::new(text))),
                    _ if text.is_empty() => reader.refuse(
                        place,
                        Complaint::new(format!("every string has the empty {name}"))
                            .hint("write [\"\"] without an operator for the empty string"),
                    ),
                    "prefix" => Some(TextTest::Prefix(text.to_owned())),
                    _ => Some(TextTest::Suffix(text.to_owned())),
                }
                .map(Test::Text)
            });
        }
        let mut first = None;
        self.each(place, value, |reader, place, value| {
            let is_text = value.is_string();
            if !is_text && !value.is_number() {
                let kind = kind(value);
                return reader.refuse(
                    place,
                    Complaint::new(format!("`anything-but` takes strings or numbers, not {kind}")),
                );
            }
            if *first.get_or_insert(is_text) != is_text {
                return reader.refuse(
                    place,
                    Complaint::new("`anything-but` takes strings or numbers, not both at once"),
                );
            }
            exact(value)
        })
    }

    /// Reads the operand of `anything-but`: one value, or a list of some.
    fn each(
        &mut self,
        place: &Place,
        value: &Value,
        mut read: impl FnMut(&mut Self, &Place, &Value) -> Option<Test>,
    ) -> Option<Test> {
        let Value::Array(values) = value else {
            return read(self, place, value).map(|test| Test::AnythingBut(vec![test]));
        };
        if values.is_empty() {
            return self.refuse(
                place,
                Complaint::new("an empty list excludes nothing")
                    .hint("write {\"exists\": true} for any value"),
            );
        }
        let tests: Vec<_> = values
            .iter()
            .enumerate()
            .filter_map(|(index, value)| read(self, &place.index(index), value))
            .collect();
        (tests.len() == values.len()).then_some(Test::AnythingBut(tests))
    }
}
