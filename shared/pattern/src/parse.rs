//! From JSON to a checked pattern. Errors are gathered, each with its place.

use crate::condition::Leaf;
use crate::error::{Complaint, PatternError};
use crate::node::{Budget, Field, Node};
use crate::operator::{COMPARISONS, OPERATORS, Operator, exact};
use crate::place::{Place, escape};
use crate::{MAX_CASES, MAX_DEPTH, MAX_ERRORS, MAX_SIZE};
use serde_json::{Map, Value};

pub(crate) fn parse(value: &Value) -> Result<Node, Vec<PatternError>> {
    let mut reader = Reader { errors: Vec::new(), budget: Budget(MAX_CASES) };
    let mut size = 0;
    if let Err((place, complaint)) = measure(value, 1, &mut size) {
        return Err(vec![complaint.at(place)]);
    }
    let root = Place(None);
    let node = if let Value::Object(fields) = value {
        reader.object(&root, fields, false)
    } else {
        let kind = kind(value);
        reader.refuse(
            &root,
            Complaint::new(format!("a pattern is an object, not {kind}"))
                .hint("name the fields to look at, as in {\"source\": [\"aws.s3\"]}"),
        )
    };
    match node {
        Some(node) if reader.errors.is_empty() => Ok(node),
        _ => Err(reader.errors),
    }
}

/// Checks depth and size before anything else looks at the pattern.
fn measure(value: &Value, depth: usize, size: &mut usize) -> Result<(), (String, Complaint)> {
    let grow = |size: &mut usize, by: usize| {
        *size = size.saturating_add(by);
        if *size > MAX_SIZE {
            let message = format!("the pattern is larger than {MAX_SIZE} bytes of keys, strings and values");
            return Err((String::new(), Complaint::new(message)));
        }
        Ok(())
    };
    let nested = matches!(value, Value::Array(_) | Value::Object(_));
    if nested && depth > MAX_DEPTH {
        return Err((String::new(), Complaint::new(format!("nested deeper than {MAX_DEPTH} levels"))));
    }
    let under = |segment: &str, (pointer, complaint): (String, Complaint)| {
        (format!("/{}{pointer}", escape(segment)), complaint)
    };
    grow(size, 1)?;
    match value {
        Value::String(text) => grow(size, text.len()),
        Value::Array(values) => values.iter().enumerate().try_for_each(|(index, value)| {
            measure(value, depth + 1, size).map_err(|error| under(&index.to_string(), error))
        }),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            grow(size, name.len())?;
            measure(value, depth + 1, size).map_err(|error| under(name, error))
        }),
        _ => Ok(()),
    }
}

pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads a pattern and gathers what is wrong with it.
pub(crate) struct Reader {
    errors: Vec<PatternError>,
    budget: Budget,
}

impl Reader {
    pub(crate) fn refuse<T>(&mut self, place: &Place, complaint: Complaint) -> Option<T> {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(complaint.at(place.pointer()));
        }
        None
    }

    fn object(&mut self, place: &Place, fields: &Map<String, Value>, in_or: bool) -> Option<Node> {
        if fields.is_empty() {
            return self.refuse(place, Complaint::new("an object without fields says nothing"));
        }
        let mut node = Node::default();
        let mut whole = true;
        for (name, value) in fields {
            let place = place.name(name);
            if name == "$or" {
                let choice = self.choice(&place, value);
                whole &= choice.is_some();
                node.choices.extend(choice);
            } else {
                let field = self.field(&place, name, value, in_or);
                whole &= field.is_some();
                node.fields.extend(field.map(|field| (name.clone(), field)));
            }
        }
        if !whole {
            return None;
        }
        match node.finish(&mut self.budget) {
            Ok(node) => Some(node),
            Err(_) => self.refuse(
                place,
                Complaint::new("the cases of `$or` multiply to too many")
                    .hint("name a field that holds an object either beside `$or` or inside it, not both"),
            ),
        }
    }

    fn choice(&mut self, place: &Place, value: &Value) -> Option<Vec<Node>> {
        let Value::Array(cases) = value else {
            let kind = kind(value);
            return self.refuse(
                place,
                Complaint::new(format!("`$or` takes a list of objects, not {kind}"))
                    .hint("`$or` cannot be the name of a field"),
            );
        };
        if cases.len() < 2 {
            let few = cases.len();
            return self.refuse(
                place,
                Complaint::new(format!("`$or` takes two objects or more, not {few}"))
                    .hint("write the fields of a single object without `$or`"),
            );
        }
        let nodes: Vec<_> = cases
            .iter()
            .enumerate()
            .filter_map(|(index, case)| {
                let place = place.index(index);
                let Value::Object(fields) = case else {
                    let kind = kind(case);
                    return self.refuse(&place, Complaint::new(format!("`$or` takes objects, not {kind}")));
                };
                self.object(&place, fields, true)
            })
            .collect();
        (nodes.len() == cases.len()).then_some(nodes)
    }

    fn field(&mut self, place: &Place, name: &str, value: &Value, in_or: bool) -> Option<Field> {
        if in_or && (OPERATORS.contains(&name) || COMPARISONS.contains(&name)) {
            return self.refuse(
                place,
                Complaint::new(format!("`{name}` is an operator and cannot name a field inside `$or`")).hint(
                    "an operator stands in the list of a field, as in {\"key\": [{\"prefix\": \"in/\"}]}",
                ),
            );
        }
        match value {
            Value::Array(conditions) => {
                let leaf = self.leaf(place, conditions)?;
                Some(Field { leaves: vec![leaf], inside: None })
            }
            Value::Object(fields) => {
                let inside = self.object(place, fields, in_or)?;
                Some(Field { leaves: Vec::new(), inside: Some(inside) })
            }
            scalar => {
                let kind = kind(scalar);
                self.refuse(
                    place,
                    Complaint::new(format!("a field takes a list of values or an object, not {kind}"))
                        .hint(format!("write [{scalar}]")),
                )
            }
        }
    }

    fn leaf(&mut self, place: &Place, conditions: &[Value]) -> Option<Leaf> {
        if conditions.is_empty() {
            return self.refuse(
                place,
                Complaint::new("an empty list matches nothing")
                    .hint("write [{\"exists\": true}] for any value, [\"\"] for the empty string"),
            );
        }
        let mut leaf = Leaf { tests: Vec::new(), absent: false };
        let mut whole = true;
        for (index, condition) in conditions.iter().enumerate() {
            let place = place.index(index);
            match condition {
                Value::Object(operator) => match self.operator(&place, operator) {
                    Some(Operator::Absent) => leaf.absent = true,
                    Some(Operator::Test(test)) => leaf.tests.push(test),
                    None => whole = false,
                },
                Value::Array(_) => {
                    whole = false;
                    self.refuse::<()>(
                        &place,
                        Complaint::new("a list inside the list of a field").hint(
                            "a condition on an array in the event is written as for one of its elements",
                        ),
                    );
                }
                scalar => match exact(scalar) {
                    Some(test) => leaf.tests.push(test),
                    None => whole = false,
                },
            }
        }
        whole.then_some(leaf)
    }
}
