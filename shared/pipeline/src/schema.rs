//! The JSON Schema of manifests, for editors. The tables of keys are its source, so it knows what the checks know;
//! what lies between elements (names, rings, loops, shared keys) only `check` can tell.

use std::fmt::Write;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use tidemill_core::Entry;

use crate::element::{Key, manifest, name, source, stage};
use crate::limits::{MAX_SOURCES, MAX_STAGES};

/// The names of a function's own keys. None may be one of [`COMMON_KEYS`](crate::COMMON_KEYS).
pub fn function_keys(function: &Entry) -> Vec<String> {
    crate::check::schema_of(function).keys()
}

/// The JSON Schema (2020-12) of a whole manifest, with the keys of these functions.
pub fn schema(functions: &[Entry]) -> Value {
    let mut generator = SchemaGenerator::default();
    let own: Vec<(&Entry, Value)> =
        functions.iter().map(|function| (function, (function.schema)(&mut generator).to_value())).collect();
    let definitions = generator.take_definitions(true);
    let common = properties(stage::KEYS);

    let mut kinds: Vec<Value> = Vec::new();
    for (function, schema) in own {
        let then = match closed(&schema, &definitions) {
            Some((own, required)) => {
                let mut properties: Map<String, Value> =
                    common.keys().map(|key| (key.clone(), Value::Bool(true))).collect();
                properties.extend(own);
                json!({ "properties": properties, "required": required, "additionalProperties": false })
            }
            // Its keys are not those of one map: whatever else it says holds, but other keys stay open.
            None => json!({ "allOf": [open(schema)] }),
        };
        kinds.push(json!({
            "if": { "properties": { "type": { "const": function.name } }, "required": ["type"] },
            "then": then,
        }));
    }
    let mut stage = object(stage::KEYS);
    stage["additionalProperties"] = Value::Bool(true);
    stage["properties"]["type"] = json!({
        "description": "The function that does the work.",
        "oneOf": functions
            .iter()
            .map(|function| json!({ "const": function.name, "description": function.about }))
            .collect::<Vec<_>>(),
    });
    if !kinds.is_empty() {
        stage["allOf"] = kinds.into();
    }

    let mut root = object(manifest::KEYS);
    let members = |what: &str, most: usize| {
        json!({
            "description": root["properties"][format!("{what}s")]["description"],
            "type": "object",
            "minProperties": 1,
            "maxProperties": most,
            "propertyNames": { "pattern": name::name_pattern() },
            "additionalProperties": { "$ref": format!("#/$defs/tidemill-{what}") },
        })
    };
    let (sources, stages) = (members("source", MAX_SOURCES), members("stage", MAX_STAGES));
    root["properties"]["sources"] = sources;
    root["properties"]["stages"] = stages;
    let mut all = definitions;
    all.insert("tidemill-source".to_owned(), source::schema());
    all.insert("tidemill-stage".to_owned(), stage);
    root["$defs"] = all.into();
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    whole.insert("title".to_owned(), "Tidemill pipeline".into());
    if let Value::Object(root) = root {
        whole.extend(root);
    }
    whole.into()
}

/// The properties and required keys of a schema that describes one map and nothing else.
fn closed(schema: &Value, definitions: &Map<String, Value>) -> Option<(Map<String, Value>, Vec<Value>)> {
    let mut schema = schema;
    while let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        schema = definitions.get(name.strip_prefix("#/$defs/")?)?;
    }
    let map = schema.as_object()?;
    let open =
        ["allOf", "anyOf", "oneOf", "if", "patternProperties"].iter().any(|key| map.contains_key(*key));
    if open || !matches!(map.get("additionalProperties"), None | Some(Value::Bool(false))) {
        return None;
    }
    let properties = map.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let required = map.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    Some((properties, required))
}

/// A schema that lets other keys stand beside its own.
fn open(mut schema: Value) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.remove("additionalProperties");
    }
    schema
}

/// The schemas of a table of keys.
pub(crate) fn properties(keys: &[Key]) -> Map<String, Value> {
    keys.iter()
        .map(|key| {
            let mut schema = (key.schema)();
            if let Some(map) = schema.as_object_mut() {
                map.insert("description".to_owned(), describe(key).into());
            }
            (key.name.to_owned(), schema)
        })
        .collect()
}

/// A key in plain text, as editors show it.
fn describe(key: &Key) -> String {
    let mut text = format!("{} Takes {}.", key.about, key.takes);
    if !key.default.is_empty() {
        let _ = write!(text, " Default: {}.", key.default);
    }
    text.replace('`', "")
}

/// The schema of a map that has these keys and no others.
pub(crate) fn object(keys: &[Key]) -> Value {
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema =
        json!({ "type": "object", "properties": properties(keys), "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// The same, with one key that tells which of several maps it is.
pub(crate) fn tagged(keys: &[Key], tag: &str, value: &str) -> Value {
    let mut schema = object(keys);
    schema["properties"][tag] = json!({ "const": value });
    schema
}
