//! Templates as text: pretty, and in an order that people read in, whatever order a map keeps.

use serde_json::Value;

/// Keys that stand before others, in this order; the others follow by the alphabet.
const FIRST: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Type",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Version",
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "Resource",
    "Condition",
    "Resources",
    "Properties",
    "Outputs",
];

/// `value` as JSON text that ends with a line break.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

fn write(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| (rank(key), key.as_str()));
            let members = pairs.into_iter().map(|(key, value)| (Some(key.as_str()), value));
            group('{', members, '}', depth, text);
        }
        Value::Array(items) if !items.is_empty() => {
            group('[', items.iter().map(|item| (None, item)), ']', depth, text);
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn group<'a>(
    open: char,
    members: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    close: char,
    depth: usize,
    text: &mut String,
) {
    let line = |depth: usize, text: &mut String| {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    };
    text.push(open);
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            text.push(',');
        }
        line(depth + 1, text);
        if let Some(key) = key {
            text.push_str(&Value::from(key).to_string());
            text.push_str(": ");
        }
        write(value, depth + 1, text);
    }
    line(depth, text);
    text.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resource_begins_with_its_type() {
        let resource =
            json!({ "Properties": { "B": [1, "ä\""], "A": {} }, "DeletionPolicy": "Retain", "Type": "T" });
        let expected = "{\n  \"Type\": \"T\",\n  \"DeletionPolicy\": \"Retain\",\n  \"Properties\": {\n    \"A\": {},\n    \
                        \"B\": [\n      1,\n      \"ä\\\"\"\n    ]\n  }\n}\n";
        assert_eq!(pretty(&resource), expected);
        assert_eq!(serde_json::from_str::<Value>(&pretty(&resource)).unwrap(), resource);
    }
}
