//! JSON as a source takes it: RFC 8259 to the letter, with no name twice and no depth without end.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Levels of maps and lists.
pub const MAX_DEPTH: usize = 64;

/// Reads a whole text, or says what is wrong with it and where.
pub(crate) fn read(text: &[u8]) -> Result<Value, String> {
    if text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        return Err("the body is empty, where a JSON value belongs".to_owned());
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Level(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| format!("the body is no JSON that is taken: {error}"))
}

/// Reads a value so many levels down.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn down<E: Error>(self) -> Result<Self, E> {
        if self.0 >= MAX_DEPTH {
            return Err(E::custom(format_args!("more than {MAX_DEPTH} levels of maps and lists")));
        }
        Ok(Self(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let below = self.down()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.down()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            // Readers differ in which of two they believe, so neither is.
            if map.contains_key(&name) {
                let name: String = name.chars().take(60).collect();
                return Err(A::Error::custom(format_args!("the name `{}` twice", name.escape_debug())));
            }
            let value = members.next_value_seed(below)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refused(text: &str, part: &str) {
        let reason = read(text.as_bytes()).expect_err("refused");
        assert!(reason.contains(part), "{reason}");
    }

    #[test]
    fn says_where() {
        refused("", "the body is empty");
        refused(" \r\n\t", "the body is empty");
        refused("{\n  \"a\": 1,\n  \"b\" 2\n}", "at line 3 column 7");
        refused("{\"a\":1,\"a\":2}", "the name `a` twice at line 1 column 10");
        refused("[1] [2]", "trailing characters at line 1 column 5");
        refused("[1,]", "trailing comma");
        refused("[01]", "at line 1 column 3");
        refused("NaN", "at line 1 column 1");
        refused("1e999", "number out of range");
        refused("\"\\ud800\"", "at line 1");
        refused("\u{feff}{}", "at line 1 column 1");
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        refused(&nested(MAX_DEPTH + 1), "more than 64 levels");
        refused(&"{\"a\":".repeat(100_000), "more than 64 levels");
        refused(&"[".repeat(1_000_000), "more than 64 levels");
    }

    #[test]
    fn values() {
        for value in
            [json!(null), json!(-1), json!(u64::MAX), json!(1.5), json!("ä\u{0}"), json!({"a": [{}]})]
        {
            assert_eq!(read(value.to_string().as_bytes()), Ok(value));
        }
        // A name that a reader of raw values would take for its own.
        let odd = json!({ "$serde_json::private::RawValue": "[" });
        assert_eq!(read(odd.to_string().as_bytes()), Ok(odd));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = read(&bytes) {
                prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
            }
        }

        #[test]
        fn almost_json_is_answered(text in "[\\[\\]{}:,\"a1.e\\\\ un-]{0,40}") {
            let _ = read(text.as_bytes());
        }
    }
}
