//! The counts: payloads in, a document out, no async and no host.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::Fault;

use crate::config::Path;

/// The longest value that is told apart, in bytes of its JSON text.
pub const LONGEST: usize = 256;

/// The format of the state that this version writes.
const FORMAT: u32 = 1;

/// What a shard's records came to so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    format: u32,
    by: String,
    /// By the value's JSON text.
    values: BTreeMap<String, u64>,
    missing: u64,
    other: u64,
}

impl Counts {
    /// No record yet.
    pub fn new(path: &Path) -> Self {
        Self { format: FORMAT, by: path.to_string(), values: BTreeMap::new(), missing: 0, other: 0 }
    }

    /// Goes on from what [`Counts::state`] gave. Counts by another field are no beginning: it counts anew.
    pub fn resume(state: Option<&Value>, path: &Path) -> Result<Self, Fault> {
        let Some(state) = state else { return Ok(Self::new(path)) };
        if state["format"].as_u64().is_some_and(|format| format > u64::from(FORMAT)) {
            return Err(Fault::unavailable("the counts so far are of a format newer than this program"));
        }
        let counts = Self::deserialize(state)
            .map_err(|error| Fault::Unavailable(format!("the counts so far cannot be read: {error}")))?;
        Ok(if counts.by == path.to_string() { counts } else { Self::new(path) })
    }

    /// What is kept until the next batch.
    pub fn state(&self) -> Value {
        // Strings and integers only: there is nothing that could fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Counts one record, or says why it is none.
    pub fn add(&mut self, payload: &[u8], path: &Path, limit: usize) -> Result<(), String> {
        match find(payload, path)? {
            Found::Missing => self.missing += 1,
            Found::Value(text) => {
                if let Some(count) = self.values.get_mut(&text) {
                    *count += 1;
                } else if self.values.len() < limit {
                    self.values.insert(text, 1);
                } else {
                    self.other += 1;
                }
            }
            Found::Other => self.other += 1,
        }
        Ok(())
    }

    /// The counts as a document: the most frequent value first, equally frequent ones by their JSON text.
    pub fn document(&self) -> Vec<u8> {
        let mut sorted: Vec<(&String, u64)> =
            self.values.iter().map(|(text, count)| (text, *count)).collect();
        sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let records = sorted.iter().map(|(_, count)| count).sum::<u64>() + self.missing + self.other;
        let lines: Vec<String> = sorted
            .iter()
            .map(|(value, count)| format!("\n    {{ \"value\": {value}, \"count\": {count} }}"))
            .collect();
        let document = format!(
            "{{\n  \"by\": {},\n  \"records\": {records},\n  \"values\": {},\n  \"missing\": {},\n  \
             \"other\": {},\n  \"counts\": [{}{}]\n}}\n",
            Value::from(self.by.as_str()),
            sorted.len(),
            self.missing,
            self.other,
            lines.join(","),
            if lines.is_empty() { "" } else { "\n  " },
        );
        document.into_bytes()
    }
}

/// What stands in a record's field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// No field of that name, or null.
    Missing,
    /// A string, number or truth value, as JSON text.
    Value(String),
    /// An object, an array, or a value longer than [`LONGEST`].
    Other,
}

/// Looks a field up, reading the whole payload and keeping nothing else. Of two fields of one name the last
/// one counts.
fn find(payload: &[u8], path: &Path) -> Result<Found, String> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| format!("not JSON: not UTF-8 at column {}", error.valid_up_to() + 1))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Find(path.names()).deserialize(&mut json);
    found.and_then(|found| json.end().map(|()| found)).map_err(|error| not_json(&error))
}

fn not_json(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let said = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    if line > 1 {
        format!("not JSON: {said} at line {line}, column {column}")
    } else {
        format!("not JSON: {said} at column {column}")
    }
}

/// Reads any value: what it is if no name is left, else what its field has.
struct Find<'a>(&'a [String]);

impl Find<'_> {
    fn scalar(&self, text: impl FnOnce() -> String) -> Found {
        if !self.0.is_empty() {
            return Found::Missing;
        }
        let text = text();
        if text.len() > LONGEST { Found::Other } else { Found::Value(text) }
    }
}

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Missing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Found, E> {
        Ok(self.scalar(|| value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Found, E> {
        Ok(self.scalar(|| value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Found, E> {
        Ok(self.scalar(|| value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Found, E> {
        // 1.0 and 1 are one number; below 2^53 every integer is exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        Ok(self.scalar(|| {
            if value.fract() == 0.0 && value.abs() < EXACT {
                (value as i64).to_string()
            } else {
                Value::from(value).to_string()
            }
        }))
    }

    fn visit_str<E>(self, value: &str) -> Result<Found, E> {
        if value.len() > LONGEST {
            return Ok(if self.0.is_empty() { Found::Other } else { Found::Missing });
        }
        Ok(self.scalar(|| Value::from(value).to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(if self.0.is_empty() { Found::Other } else { Found::Missing })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Found, A::Error> {
        let Some((name, inner)) = self.0.split_first() else {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Found::Other);
        };
        let mut found = Found::Missing;
        while let Some(ours) = fields.next_key_seed(Is(name))? {
            if ours {
                found = fields.next_value_seed(Find(inner))?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a field's name is this one, without keeping it.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path")
    }

    fn check(by: &str, payload: &str, expected: Found) {
        assert_eq!(find(payload.as_bytes(), &path(by)), Ok(expected), "{by} in {payload}");
    }

    fn value(text: &str) -> Found {
        Found::Value(text.to_owned())
    }

    #[test]
    fn finds_scalars() {
        check("a", r#"{"a":"x"}"#, value(r#""x""#));
        check("a", r#"{"a":"1"}"#, value(r#""1""#));
        check("a", r#"{"a":1}"#, value("1"));
        check("a", r#" { "b" : [1,{"a":2}] , "a" : true } "#, value("true"));
        check("a", r#"{"a":"\u00e4\n\"😀"}"#, value(r#""ä\n\"😀""#));
        check("ä", r#"{"\u00e4":-7}"#, value("-7"));
    }

    #[test]
    fn one_number_however_it_is_written() {
        for payload in [r#"{"a":100}"#, r#"{"a":100.0}"#, r#"{"a":1e2}"#] {
            check("a", payload, value("100"));
        }
        check("a", r#"{"a":-0.0}"#, value("0"));
        check("a", r#"{"a":0.5}"#, value("0.5"));
        check("a", r#"{"a":18446744073709551615}"#, value("18446744073709551615"));
        check("a", r#"{"a":1e300}"#, value("1e+300"));
    }

    #[test]
    fn walks_down() {
        check("user.country", r#"{"user":{"name":{"country":1},"country":"de"}}"#, value(r#""de""#));
        check("a.b", r#"{"a.b":1}"#, Found::Missing);
        check("a.b", r#"{"a":"b"}"#, Found::Missing);
        check("a.b", r#"{"a":[{"b":1}]}"#, Found::Missing);
        check("a.b", r#"{"a":null}"#, Found::Missing);
    }

    #[test]
    fn the_last_field_of_a_name_counts() {
        check("a", r#"{"a":1,"a":2}"#, value("2"));
        check("a.b", r#"{"a":{"b":1},"a":3}"#, Found::Missing);
    }

    #[test]
    fn what_has_no_such_field_is_missing() {
        for payload in ["{}", r#"{"a":null}"#, "[]", r#"["a"]"#, "7", r#""a""#, "null", "false", r#"{"b":1}"#]
        {
            check("a", payload, Found::Missing);
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_other() {
        check("a", r#"{"a":{}}"#, Found::Other);
        check("a", r#"{"a":{"b":[1]}}"#, Found::Other);
        check("a", r#"{"a":[1,2]}"#, Found::Other);
        let of = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
        check("a", &of(LONGEST - 2), Found::Value(format!("\"{}\"", "x".repeat(LONGEST - 2))));
        check("a", &of(LONGEST - 1), Found::Other);
        check("a", &of(1_000_000), Found::Other);
    }

    #[test]
    fn says_what_is_not_json_and_where() {
        let check = |payload: &[u8], reason: &str| {
            assert_eq!(find(payload, &path("a")), Err(reason.to_owned()), "{}", payload.escape_ascii());
        };
        check(b"", "not JSON: EOF while parsing a value at column 0");
        check(b"hello", "not JSON: expected value at column 1");
        check(b"{\"a\":1", "not JSON: EOF while parsing an object at column 6");
        check(b"{\"a\":1} x", "not JSON: trailing characters at column 9");
        check(b"{\"a\":1}{\"a\":2}", "not JSON: trailing characters at column 8");
        check(b"{\"b\":\"\xff\"}", "not JSON: not UTF-8 at column 7");
        check(b"{\n\"a\":tru}", "not JSON: expected ident at line 2, column 8");
        check("\u{feff}{}".as_bytes(), "not JSON: expected value at column 1");
        let deep = [b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat();
        assert_eq!(find(&deep, &path("a")), Ok(Found::Missing));
        let deep = r#"{"a":"#.repeat(200);
        assert!(find(deep.as_bytes(), &path(&["a"; 200].join("."))).unwrap_err().contains("recursion limit"));
    }

    #[test]
    fn counts_and_sorts() {
        let by = path("a");
        let mut counts = Counts::new(&by);
        for payload in
            [r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#, r#"{"a":"a"}"#, r#"{"a":1}"#, "{}", "[]"]
        {
            counts.add(payload.as_bytes(), &by, 10).unwrap();
        }
        assert!(counts.add(b"x", &by, 10).is_err());
        let document = counts.document();
        let expected = r#"{
  "by": "a",
  "records": 7,
  "values": 4,
  "missing": 2,
  "other": 0,
  "counts": [
    { "value": "c", "count": 2 },
    { "value": "a", "count": 1 },
    { "value": "b", "count": 1 },
    { "value": 1, "count": 1 }
  ]
}
"#;
        assert_eq!(String::from_utf8(document).unwrap(), expected);
    }

    #[test]
    fn a_document_is_json_whatever_it_counts() {
        let by = path("\"\n");
        let empty: Value = serde_json::from_slice(&Counts::new(&by).document()).unwrap();
        assert_eq!(empty["counts"], serde_json::json!([]));
        let mut counts = Counts::new(&by);
        let strange = "\u{0}\"\\\u{7f}\u{2028}😀";
        counts.add(serde_json::json!({ "\"\n": strange }).to_string().as_bytes(), &by, 1).unwrap();
        let document: Value = serde_json::from_slice(&counts.document()).unwrap();
        assert_eq!(document["by"], "\"\n");
        assert_eq!(document["counts"][0]["value"], strange);
    }

    #[test]
    fn beyond_the_limit_only_known_values_are_told_apart() {
        let by = path("a");
        let mut counts = Counts::new(&by);
        for payload in [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":2}"#] {
            counts.add(payload.as_bytes(), &by, 2).unwrap();
        }
        assert_eq!(counts.other, 1);
        assert_eq!(counts.values, BTreeMap::from([("1".to_owned(), 1), ("2".to_owned(), 2)]));
    }

    #[test]
    fn goes_on_from_its_state() {
        let by = path("a.b");
        let mut counts = Counts::new(&by);
        counts.add(br#"{"a":{"b":"\"x\""}}"#, &by, 2).unwrap();
        let state = counts.state();
        assert_eq!(Counts::resume(Some(&state), &by), Ok(counts));
        assert_eq!(Counts::resume(Some(&state), &path("c")), Ok(Counts::new(&path("c"))), "counts anew");
        assert_eq!(Counts::resume(None, &by), Ok(Counts::new(&by)));
    }

    #[test]
    fn a_newer_or_broken_state_waits_for_a_program_that_reads_it() {
        for state in [serde_json::json!({ "format": 2 }), serde_json::json!({ "by": 3 })] {
            let fault = Counts::resume(Some(&state), &path("a")).unwrap_err();
            assert!(matches!(fault, Fault::Unavailable(_)), "{fault}");
        }
    }
}
