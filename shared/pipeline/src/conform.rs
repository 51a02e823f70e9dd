//! JSON Schema over the tree: where a value does not conform, a person is told what to write instead.
//!
//! It knows what `schemars` writes for Rust's types: `$ref`, `type`, `const`, `enum`, `properties`, `required`,
//! `additionalProperties`, `propertyNames`, `items`, `prefixItems`, `allOf`, `anyOf`, `oneOf`, and the bounds of
//! numbers, texts, lists and maps (JSON Schema 2020-12, Core 10 and Validation 6). What it does not know it lets
//! pass, since a configuration that conforms is still read by its type and checked by its function. Two things it
//! takes more strictly: a map with `properties` and nothing that opens it has no other keys, and `integer` means a
//! number written without a point.

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::diagnostic::{Finding, Sink};
use crate::fields::type_hint;
use crate::near::{did_you_mean, list, nearest, quoted, there_are};
use crate::tree::{Kind, Node, Scalar, Span};

/// Schemas that are walked into for one value. Alternatives inside alternatives multiply.
const MAX_STEPS: usize = 250_000;
/// References that lead to references.
const MAX_REFERENCES: usize = 64;

/// A JSON Schema with its definitions inside.
pub(crate) struct Schema {
    root: Value,
}

/// Where the walk is.
#[derive(Clone)]
struct At<'a> {
    /// As a person writes it: `renditions[0].width`.
    path: String,
    /// What to underline for the value as a whole.
    place: Span,
    /// Names that are right elsewhere in the same map.
    beside: &'a [&'a str],
    /// How many schemas led to this one without leaving the value.
    passed: usize,
}

impl At<'_> {
    fn name(&self) -> String {
        if self.path.is_empty() { "the stage".to_owned() } else { format!("`{}`", self.path) }
    }

    /// The same value under another schema.
    fn pass(&self) -> Self {
        Self { passed: self.passed + 1, ..self.clone() }
    }
}

impl Schema {
    pub(crate) fn new(root: Value) -> Self {
        Self { root }
    }

    /// Whether `node` conforms. `path` and `place` are what it is called and where that stands.
    pub(crate) fn check(&self, node: &Node, path: &str, place: Span, sink: &mut Sink) -> bool {
        self.check_with(node, path, place, &[], sink)
    }

    /// The same, with names that may be meant by an unknown key too.
    pub(crate) fn check_with(
        &self,
        node: &Node,
        path: &str,
        place: Span,
        beside: &[&str],
        sink: &mut Sink,
    ) -> bool {
        let mut found = Vec::new();
        let walk = Walk { root: &self.root, steps: Cell::new(0) };
        walk.value(&self.root, node, &At { path: path.to_owned(), place, beside, passed: 0 }, &mut found);
        if walk.steps.get() > MAX_STEPS {
            found = vec![Finding::new(place, "too large to be checked").hint("make several stages of it")];
        }
        let conforms = found.is_empty();
        for finding in found {
            sink.report(finding);
        }
        conforms
    }

    /// The keys of the map that the schema describes.
    pub(crate) fn keys(&self) -> Vec<String> {
        let walk = Walk { root: &self.root, steps: Cell::new(0) };
        let mut keys = Vec::new();
        walk.keys(&self.root, &mut keys);
        keys.sort();
        keys.dedup();
        keys
    }
}

struct Walk<'a> {
    root: &'a Value,
    steps: Cell<usize>,
}

impl<'a> Walk<'a> {
    /// The schema itself, where it is a reference alone.
    fn target(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..MAX_REFERENCES {
            match reference(schema) {
                Some(pointer) => schema = self.root.pointer(pointer).unwrap_or(&Value::Bool(true)),
                None => return schema,
            }
            // Other keywords beside a reference count too; they are looked at by `value`.
            if schema.as_object().is_some_and(|map| map.len() > 1) {
                return schema;
            }
        }
        &Value::Bool(true)
    }

    fn keys(&self, schema: &'a Value, keys: &mut Vec<String>) {
        if self.steps.replace(self.steps.get() + 1) > MAX_REFERENCES * MAX_REFERENCES {
            return;
        }
        let Some(map) = schema.as_object() else { return };
        if let Some(pointer) = reference(schema)
            && let Some(target) = self.root.pointer(pointer)
        {
            self.keys(target, keys);
        }
        keys.extend(
            map.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned(),
        );
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in list_of(map, keyword) {
                self.keys(part, keys);
            }
        }
    }

    fn value(&self, schema: &'a Value, node: &Node, at: &At<'_>, found: &mut Vec<Finding>) {
        if matches!(node.kind, Kind::Broken)
            || at.passed > MAX_REFERENCES
            || self.steps.replace(self.steps.get() + 1) > MAX_STEPS
        {
            return;
        }
        let map = match schema {
            Value::Object(map) => map,
            Value::Bool(false) => {
                found.push(Finding::new(at.place, format!("{} is not allowed here", at.name())));
                return;
            }
            _ => return,
        };
        if let Some(pointer) = reference(schema)
            && let Some(target) = self.root.pointer(pointer)
        {
            self.value(target, node, &at.pass(), found);
        }
        if let Some(types) = map.get("type")
            && !type_fits(types, node)
        {
            let expected = type_name(types);
            let message = format!("{} must be {expected}, not {}", at.name(), node.describe());
            found.push(Finding::new(at.place, message).maybe_hint(type_hint(node, &expected)));
            return;
        }
        if let Some(choices) = choices(schema) {
            one_of(&choices, node, at, found);
        }
        for part in list_of(map, "allOf") {
            self.value(part, node, &at.pass(), found);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(parts)) = map.get(keyword) {
                self.alternatives(parts, node, at, found);
            }
        }
        match &node.kind {
            Kind::Scalar(Scalar::Number(number, written)) => {
                bounds_of_number(map, number.as_f64().unwrap_or(f64::NAN), written, at, found);
            }
            Kind::Scalar(Scalar::Text(text)) => bounds_of_text(map, text, at, found),
            Kind::List(items) => self.items(map, items, at, found),
            Kind::Map(_) => self.properties(map, node, at, found),
            _ => {}
        }
    }

    /// At least one part has to fit. Where none does, the findings of the one that was most likely meant are told.
    fn alternatives(&self, parts: &'a [Value], node: &Node, at: &At<'_>, found: &mut Vec<Finding>) {
        let likely: Vec<&Value> = parts.iter().filter(|part| self.may_be(part, node)).collect();
        let mut best: Option<Vec<Finding>> = None;
        for part in &likely {
            let mut own = Vec::new();
            self.value(part, node, &at.pass(), &mut own);
            if own.is_empty() {
                return;
            }
            if best.as_ref().is_none_or(|best| own.len() < best.len()) {
                best = Some(own);
            }
        }
        // All scalars that any part names are one list of choices.
        let scalars: Vec<&Value> =
            parts.iter().filter_map(|part| choices(self.target(part))).flatten().collect();
        let nullable = |part: &&Value| part["type"] == "null";
        if !scalars.is_empty() && matches!(node.kind, Kind::Scalar(_)) {
            one_of(&scalars, node, at, found);
        } else if let Some(best) = best {
            found.extend(best);
        } else if let [only] = parts.iter().filter(|part| !nullable(part)).collect::<Vec<_>>().as_slice() {
            self.value(only, node, &at.pass(), found);
        } else if let Some((key, values)) = self.tags(parts)
            && matches!(node.kind, Kind::Map(_))
        {
            let all = list(values.iter().map(String::as_str), "or");
            match node.pairs().iter().find(|pair| pair.key.value == key) {
                None => found.push(
                    Finding::new(at.place, format!("{} has no `{key}`", at.name()))
                        .hint(format!("it is one of {all}")),
                ),
                Some(pair) => {
                    let written = match &pair.value.kind {
                        Kind::Scalar(Scalar::Text(text)) => quoted(text),
                        _ => pair.value.describe(),
                    };
                    let near = match &pair.value.kind {
                        Kind::Scalar(Scalar::Text(text)) => {
                            did_you_mean(text, values.iter().map(String::as_str))
                        }
                        _ => None,
                    };
                    let message = format!("`{key}` is {written}, which is none of {all}");
                    found.push(Finding::new(pair.place(), message).maybe_hint(near));
                }
            }
        } else {
            let mut expected: Vec<String> =
                parts.iter().map(|part| type_name(&self.target(part)["type"])).collect();
            expected.dedup();
            let message = format!("{} must be {}, not {}", at.name(), expected.join(" or "), node.describe());
            found.push(Finding::new(at.place, message));
        }
    }

    /// Whether a part is worth walking into: its type, its constants and the keys that it requires fit.
    fn may_be(&self, part: &'a Value, node: &Node) -> bool {
        let Some(map) = self.target(part).as_object() else { return true };
        let constant = |schema: &'a Value| self.target(schema).get("const");
        map.get("type").is_none_or(|types| type_fits(types, node))
            && choices(self.target(part)).is_none_or(|choices| {
                let value = node.json();
                choices.iter().any(|choice| same(choice, &value))
            })
            && map.get("properties").and_then(Value::as_object).is_none_or(|properties| {
                properties.iter().all(|(key, schema)| {
                    constant(schema).is_none_or(|constant| match node.get(key) {
                        Some(value) => same(constant, &value.json()),
                        None => !list_of(map, "required").iter().any(|required| required == key),
                    })
                })
            })
    }

    /// The key whose constant tells the parts of a tagged union apart, and those constants.
    fn tags(&self, parts: &'a [Value]) -> Option<(&'a str, Vec<String>)> {
        let constants = |part: &'a Value, key: &str| {
            self.target(part)["properties"][key].get("const").and_then(Value::as_str).map(str::to_owned)
        };
        let first = self.target(parts.first()?)["properties"].as_object()?;
        first.keys().find_map(|key| {
            let values: Option<Vec<String>> = parts.iter().map(|part| constants(part, key)).collect();
            Some((key.as_str(), values?))
        })
    }

    fn items(&self, map: &'a Map<String, Value>, items: &[Node], at: &At<'_>, found: &mut Vec<Finding>) {
        bounds_of_size(map, ["minItems", "maxItems"], items.len(), ["entry", "entries"], at, found);
        let first = list_of(map, "prefixItems");
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(index).or_else(|| map.get("items")) {
                let path = format!("{}[{index}]", at.path);
                self.value(schema, item, &At { path, place: item.span, beside: &[], passed: 0 }, found);
            }
        }
        if map.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = std::collections::HashMap::new();
            for item in items {
                if let Some(first) = seen.insert(item.json().to_string(), item.span) {
                    found.push(
                        Finding::new(item.span, format!("an entry of {} is given twice", at.name()))
                            .also(first, "first given here"),
                    );
                }
            }
        }
    }

    fn properties(&self, map: &'a Map<String, Value>, node: &Node, at: &At<'_>, found: &mut Vec<Finding>) {
        let pairs = node.pairs();
        bounds_of_size(map, ["minProperties", "maxProperties"], pairs.len(), ["key", "keys"], at, found);
        let empty = Map::new();
        let known = map.get("properties").and_then(Value::as_object);
        let opened = ["allOf", "anyOf", "oneOf", "$ref", "if", "patternProperties"]
            .iter()
            .any(|key| map.contains_key(*key));
        let rest = match map.get("additionalProperties") {
            None if known.is_some() && !opened => Some(&Value::Bool(false)),
            rest => rest,
        };
        let known = known.unwrap_or(&empty);
        // Keys that others were most likely meant to be: for these, that the key is missing is not said as well.
        let mut misspelt = Vec::new();
        for pair in pairs {
            let key = &pair.key.value;
            let path = if at.path.is_empty() { key.clone() } else { format!("{}.{key}", at.path) };
            if let Some(names) = map.get("propertyNames") {
                let text = Node {
                    span: pair.key.span,
                    multiline: false,
                    kind: Kind::Scalar(Scalar::Text(key.clone())),
                };
                self.value(
                    names,
                    &text,
                    &At { path: path.clone(), place: pair.key.span, beside: &[], passed: 0 },
                    found,
                );
            }
            let schema = match (known.get(key), rest) {
                (Some(schema), _) => schema,
                (None, Some(Value::Bool(false))) => {
                    // Only names that are not taken yet are worth a suggestion.
                    let names = known
                        .keys()
                        .map(String::as_str)
                        .chain(at.beside.iter().copied())
                        .filter(|name| !pairs.iter().take(64).any(|pair| pair.key.value == *name));
                    let meant = nearest(key, names);
                    misspelt.extend(meant);
                    let hint = match meant {
                        Some(name) => format!("did you mean `{name}`?"),
                        None if known.is_empty() && at.beside.is_empty() => {
                            format!("{} has no keys of its own", at.name())
                        }
                        None => there_are(known.keys().map(String::as_str).chain(at.beside.iter().copied())),
                    };
                    let place = if at.path.is_empty() { "the stage".to_owned() } else { at.name() };
                    found.push(
                        Finding::new(pair.key.span, format!("unknown key {} in {place}", quoted(key)))
                            .hint(hint),
                    );
                    continue;
                }
                (None, Some(rest)) => rest,
                (None, None) => continue,
            };
            self.value(schema, &pair.value, &At { path, place: pair.place(), beside: &[], passed: 0 }, found);
        }
        for required in list_of(map, "required").iter().filter_map(Value::as_str) {
            if !misspelt.contains(&required) && !pairs.iter().any(|pair| pair.key.value == required) {
                let takes = known
                    .get(required)
                    .and_then(|schema| schema.get("description"))
                    .and_then(Value::as_str)
                    .map(|about| about.lines().next().unwrap_or_default().trim_end_matches('.').to_owned());
                found.push(
                    Finding::new(at.place, format!("{} has no `{required}`", at.name()))
                        .maybe_hint(takes.map(|takes| format!("`{required}`: {takes}"))),
                );
            }
        }
    }
}

/// Reports a value that is none of the choices.
fn one_of(choices: &[&Value], node: &Node, at: &At<'_>, found: &mut Vec<Finding>) {
    let value = node.json();
    if choices.iter().any(|choice| same(choice, &value)) {
        return;
    }
    let texts: Vec<String> = choices
        .iter()
        .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
        .collect();
    let known = || texts.iter().map(String::as_str);
    let written = match &node.kind {
        Kind::Scalar(Scalar::Text(text)) => quoted(text),
        _ => node.describe(),
    };
    let all = list(known(), "or");
    let hint = match &node.kind {
        Kind::Scalar(Scalar::Text(text)) => did_you_mean(text, known()),
        _ => None,
    };
    let message = match texts.as_slice() {
        [only] => format!("{} must be `{only}`, not {written}", at.name()),
        _ => format!("{} is {written}, which is none of {all}", at.name()),
    };
    found.push(Finding::new(at.place, message).maybe_hint(hint));
}

/// The JSON pointer that a reference is, within the same document.
fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix('#')
}

fn list_of<'a>(map: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    map.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The values of `const` or `enum`.
fn choices(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(only), _) => Some(vec![only]),
        (None, Some(Value::Array(choices))) => Some(choices.iter().collect()),
        _ => None,
    }
}

/// Equality of JSON, in which 1 and 1.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn type_fits(types: &Value, node: &Node) -> bool {
    let fits = |name: &Value| match (name.as_str(), &node.kind) {
        (Some("null"), Kind::Scalar(Scalar::Null))
        | (Some("boolean"), Kind::Scalar(Scalar::Bool(_)))
        | (Some("number"), Kind::Scalar(Scalar::Number(..)))
        | (Some("string"), Kind::Scalar(Scalar::Text(_)))
        | (Some("array"), Kind::List(_))
        | (Some("object"), Kind::Map(_)) => true,
        (Some("integer"), Kind::Scalar(Scalar::Number(number, _))) => !number.is_f64(),
        _ => false,
    };
    match types {
        Value::Array(types) => types.iter().any(fits),
        name => fits(name),
    }
}

/// The type in words.
fn type_name(types: &Value) -> String {
    let name = |name: &Value| match name.as_str() {
        Some("null") => "nothing",
        Some("boolean") => "`true` or `false`",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("string") => "text",
        Some("array") => "a list",
        Some("object") => "a map",
        _ => "something else",
    };
    match types {
        // That nothing may stand there too helps nobody who wrote something.
        Value::Array(types) => {
            types.iter().filter(|one| *one != "null").map(name).collect::<Vec<_>>().join(" or ")
        }
        one => name(one).to_owned(),
    }
}

fn bounds_of_number(
    map: &Map<String, Value>,
    value: f64,
    written: &str,
    at: &At<'_>,
    found: &mut Vec<Finding>,
) {
    let bound = |keyword: &str| map.get(keyword).and_then(Value::as_f64);
    let least = bound("minimum").is_none_or(|least| value >= least);
    let most = bound("maximum").is_none_or(|most| value <= most);
    let above = bound("exclusiveMinimum").is_none_or(|least| value > least);
    let below = bound("exclusiveMaximum").is_none_or(|most| value < most);
    if !(least && most && above && below) {
        let show = |keyword: &str| map.get(keyword).map(ToString::to_string);
        let bounds = [
            show("minimum").map(|least| format!("at least {least}")),
            show("exclusiveMinimum").map(|least| format!("more than {least}")),
            show("maximum").map(|most| format!("at most {most}")),
            show("exclusiveMaximum").map(|most| format!("less than {most}")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        found.push(
            Finding::new(at.place, format!("{} is {}", at.name(), quoted(written)))
                .hint(format!("it must be {}", bounds.join(" and "))),
        );
    }
    if let Some(step) = bound("multipleOf")
        && step > 0.0
        && (value / step).fract() != 0.0
    {
        found.push(
            Finding::new(at.place, format!("{} is {}", at.name(), quoted(written)))
                .hint(format!("it must be a multiple of {step}")),
        );
    }
}

fn bounds_of_text(map: &Map<String, Value>, text: &str, at: &At<'_>, found: &mut Vec<Finding>) {
    bounds_of_size(
        map,
        ["minLength", "maxLength"],
        text.chars().count(),
        ["character", "characters"],
        at,
        found,
    );
    // A pattern that this engine cannot read is left to the function's own check.
    if let Some(pattern) = map.get("pattern").and_then(Value::as_str)
        && let Ok(regex) = regex_lite::Regex::new(pattern)
        && !regex.is_match(text)
    {
        found.push(
            Finding::new(at.place, format!("{} is {}, which does not fit", at.name(), quoted(text)))
                .hint(format!("it must match the regular expression `{pattern}`")),
        );
    }
}

fn bounds_of_size(
    map: &Map<String, Value>,
    [least, most]: [&str; 2],
    size: usize,
    [one, many]: [&str; 2],
    at: &At<'_>,
    found: &mut Vec<Finding>,
) {
    let size = size as u64;
    let bound = |keyword: &str| map.get(keyword).and_then(Value::as_u64);
    let noun = |count: u64| if count == 1 { one } else { many };
    let hint = match (bound(least), bound(most)) {
        (Some(least), _) if size < least => format!("it must have at least {least} {}", noun(least)),
        (_, Some(most)) if size > most => format!("it may have at most {most} {}", noun(most)),
        _ => return,
    };
    let has = if size == 0 { "is empty".to_owned() } else { format!("has {size} {}", noun(size)) };
    found.push(Finding::new(at.place, format!("{} {has}", at.name())).hint(hint));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;
    use serde_json::json;

    /// What is said about a text under a schema, with the text that is underlined.
    fn check(schema: &Value, text: &str, expected: &[&str]) {
        let mut sink = Sink::default();
        let node = tree::read(text, &mut sink).expect("YAML");
        let mut found = Vec::new();
        let walk = Walk { root: schema, steps: Cell::new(0) };
        let at = At { path: "x".to_owned(), place: node.span, beside: &[], passed: 0 };
        walk.value(schema, &node, &at, &mut found);
        let said: Vec<String> = found
            .iter()
            .map(|finding| {
                let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{}: {}{hint}", &text[finding.span.start..finding.span.end], finding.message)
            })
            .collect();
        assert_eq!(said, expected, "{text}");
    }

    #[test]
    fn numbers() {
        check(&json!({ "type": "number", "minimum": 0.5 }), "0.5", &[]);
        check(
            &json!({ "type": "integer" }),
            "1.0",
            &["1.0: `x` must be a whole number, not the number `1.0`"],
        );
        check(
            &json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 1 }),
            "1",
            &["1: `x` is `1` (it must be more than 0 and less than 1)"],
        );
        check(&json!({ "multipleOf": 2 }), "3", &["3: `x` is `3` (it must be a multiple of 2)"]);
        check(
            &json!({ "type": "number" }),
            "\"3\"",
            &["\"3\": `x` must be a number, not the text `3` (write it without quotes: 3)"],
        );
    }

    #[test]
    fn texts() {
        check(
            &json!({ "minLength": 2 }),
            "ä",
            &["ä: `x` has 1 character (it must have at least 2 characters)"],
        );
        check(
            &json!({ "maxLength": 1 }),
            "ab",
            &["ab: `x` has 2 characters (it may have at most 1 character)"],
        );
        check(&json!({ "pattern": "(" }), "ab", &[]);
        check(&json!({ "items": { "type": ["string", "null"] } }), "[~, a]", &[]);
        check(
            &json!({ "type": ["string", "null"] }),
            "3",
            &["3: `x` must be text, not the number `3` (put it in quotes: \"3\")"],
        );
        check(&json!({ "const": "a" }), "b", &["b: `x` must be `a`, not `b`"]);
        check(
            &json!({ "enum": [1, 2.5, true, null] }),
            "2",
            &["2: `x` is the number `2`, which is none of `1`, `2.5`, `true` or `null`"],
        );
    }

    #[test]
    fn lists() {
        let items = json!({ "items": { "type": "integer" }, "minItems": 1, "uniqueItems": true });
        check(&items, "[1, a]", &["a: `x[1]` must be a whole number, not the text `a`"]);
        check(&items, "[]", &["[]: `x` is empty (it must have at least 1 entry)"]);
        check(&items, "[1, 2, 1]", &["1: an entry of `x` is given twice"]);
        let pair = json!({ "prefixItems": [{ "type": "string" }], "items": false, "maxItems": 1 });
        check(&pair, "[a]", &[]);
        check(
            &pair,
            "[1, 2]",
            &[
                "[1, 2]: `x` has 2 entries (it may have at most 1 entry)",
                "1: `x[0]` must be text, not the number `1` (put it in quotes: \"1\")",
                "2: `x[1]` is not allowed here",
            ],
        );
    }

    #[test]
    fn maps() {
        let open = json!({ "additionalProperties": { "type": "integer" }, "propertyNames": { "pattern": "^[a-z]+$" } });
        check(
            &open,
            "{ a: 1, B: 2, c: d }",
            &[
                "B: `x.B` is `B`, which does not fit (it must match the regular expression `^[a-z]+$`)",
                "d: `x.c` must be a whole number, not the text `d`",
            ],
        );
        let closed = json!({ "properties": { "a": true } });
        check(&closed, "{ a: 1, b: 2 }", &["b: unknown key `b` in `x` (there is only `a`)"]);
        check(&json!({ "properties": { "a": true }, "additionalProperties": true }), "{ b: 2 }", &[]);
    }

    #[test]
    fn alternatives() {
        let either = json!({ "anyOf": [{ "type": "integer", "minimum": 3 }, { "type": "array" }] });
        check(&either, "[]", &[]);
        check(&either, "2", &["2: `x` is `2` (it must be at least 3)"]);
        check(&either, "a", &["a: `x` must be a whole number or a list, not the text `a`"]);
        let named = json!({ "oneOf": [
            { "const": "first" },
            { "enum": ["second"] },
            { "type": "object", "properties": { "third": { "type": "integer" } }, "required": ["third"] },
        ] });
        check(
            &named,
            "frist",
            &["frist: `x` is `frist`, which is none of `first` or `second` (did you mean `first`?)"],
        );
        check(&named, "{ third: x }", &["x: `x.third` must be a whole number, not the text `x`"]);
    }

    #[test]
    fn references_that_go_round_and_alternatives_that_multiply_end() {
        check(&json!({ "$ref": "#" }), "1", &[]);
        let node = json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/n" } } });
        let schema = Schema::new(json!({ "$ref": "#/$defs/n", "$defs": { "n": { "anyOf": [node, node] } } }));
        let text = format!("{}1{}", "{ a: ".repeat(60), " }".repeat(60));
        let mut sink = Sink::default();
        let tree = tree::read(&text, &mut sink).expect("YAML");
        assert!(!schema.check(&tree, "x", tree.span, &mut sink));
        assert_eq!(sink.finish("p".into(), text).iter().next().unwrap().message, "too large to be checked");
    }
}
