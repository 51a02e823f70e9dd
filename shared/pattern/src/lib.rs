#![forbid(unsafe_code)]
//! EventBridge event patterns: parsed, checked and matched, without I/O.
//!
//! A pattern is a JSON object that names fields of an event and lists what their values may be:
//!
//! ```
//! use tidemill_pattern::Pattern;
//!
//! let pattern = Pattern::parse(r#"{"data": {"key": [{"suffix": ".csv"}], "bytes": [{"numeric": [">", 0]}]}}"#)
//!     .map_err(|errors| errors[0].to_string())?;
//! assert!(pattern.matches(&serde_json::json!({"data": {"key": "in/a.csv", "bytes": 17}})));
//! # Ok::<(), String>(())
//! ```
//!
//! - In: a pattern once, then any number of events, as `serde_json` values.
//! - Out: yes or no; never an error, since what an event lacks simply does not match.
//! - Source: the Amazon EventBridge User Guide,
//!   [comparison operators](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html)
//!   and [event patterns](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html),
//!   as for event buses; where it is silent, the open-source matcher of AWS, aws/event-ruler.
//!
//! # How a pattern is read
//!
//! - The fields of an object all have to match; of a field's list, one condition; of `$or`, one object.
//! - A list is tried on scalars. Where the event has an array, any scalar in it will do, in arrays of arrays too;
//!   an empty array has none. An object is not a scalar, so a list never matches one.
//! - Under an array of objects, all conditions have to be met by one and the same element, those inside `$or`
//!   together with those beside it.
//! - `exists` is about scalars: `{"exists": false}` matches where the field is missing, an object or an empty array;
//!   `null` and `""` exist. Under an array it is asked of the element that the other conditions settle on, and of
//!   every element if there is no such condition.
//! - `anything-but` matches whatever scalar is there and is not excluded, of any type; not a missing field.
//! - An event that is not an object matches nothing.
//!
//! # What differs from EventBridge
//!
//! - **Numbers** are exact. EventBridge compares only what lies between -5e9 and 5e9, to six decimal places; here every
//!   integer of `i64` and `u64` and every float is compared by value: 9007199254740993 is not 9007199254740992, and
//!   1, 1.0 and 1e0 are one number. What JSON text writes with more digits than these hold, integers beyond `u64`
//!   among them, is the nearest float.
//! - A plain string matches that string only, also where it is an IP address that can be spelt in several ways.
//! - A dot in a field's name is part of the name.
//! - A field that `$or` names as well as the object around it has to meet both. (EventBridge keeps the list that
//!   comes last.)
//! - `{"exists": false}` under an array does not depend on the order of the names of the other fields.
//! - Refused here: `$or` as an ordinary field's name, an address block with bits set beyond its prefix, an empty range.
//! - Taken here: blocks of a single address (`/32`, `/128`).
//!
//! # Bounds
//!
//! A pattern has at most [`MAX_SIZE`] bytes and [`MAX_DEPTH`] levels. Matching never backtracks: wildcards take linear
//! time, and every condition meets each value at its path a bounded number of times. `$or` stays where it stands
//! instead of being multiplied out; only where a field's inside is named both in an `$or` and beside it (or in two of
//! them) are those cases written out, because one array element has to meet them together, and what that adds is
//! bounded by [`MAX_CASES`]. Matching recurses as deep as arrays are nested in the event; what `serde_json` parses is
//! no deeper than 128.

mod cidr;
mod condition;
mod error;
mod filter;
mod implied;
mod matching;
mod node;
mod numeric;
mod operator;
mod parse;
mod place;
mod text;
mod wildcard;

pub use error::PatternError;
pub use filter::Filter;

use serde_json::Value;
use std::collections::BTreeSet;

/// The most levels of lists and objects in a pattern.
pub const MAX_DEPTH: usize = 64;

/// The largest pattern: the bytes of its keys and strings, and one for each value.
pub const MAX_SIZE: usize = 64 * 1024;

/// The most fields and conditions that may be copied in writing out the cases of `$or`.
pub const MAX_CASES: usize = 64 * 1024;

/// The most errors that are reported at once.
pub const MAX_ERRORS: usize = 100;

/// A checked event pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    root: node::Node,
}

impl Pattern {
    /// Reads a pattern from JSON text. Errors come all at once, up to [`MAX_ERRORS`].
    ///
    /// Of two fields with one name in one object, JSON keeps the last.
    pub fn parse(text: &str) -> Result<Self, Vec<PatternError>> {
        let value = serde_json::from_str(text)
            .map_err(|error| vec![error::Complaint::new(format!("not JSON: {error}")).at(String::new())])?;
        Self::from_value(&value)
    }

    /// Reads a pattern from a JSON value. Errors come all at once, up to [`MAX_ERRORS`].
    pub fn from_value(value: &Value) -> Result<Self, Vec<PatternError>> {
        parse::parse(value).map(|root| Self { root })
    }

    /// Whether the event matches.
    pub fn matches(&self, event: &Value) -> bool {
        matching::matches(&self.root, event)
    }

    /// The top-level fields that the pattern names, in `$or` too.
    pub fn fields(&self) -> BTreeSet<&str> {
        fn gather<'a>(node: &'a node::Node, into: &mut BTreeSet<&'a str>) {
            into.extend(node.fields.keys().map(String::as_str));
            node.choices.iter().flatten().for_each(|case| gather(case, into));
        }
        let mut names = BTreeSet::new();
        gather(&self.root, &mut names);
        names
    }

    /// What the pattern implies about the field at a path, as the list of that field in an EventBridge rule.
    ///
    /// Every event that matches the pattern also matches one that has this list alone, here and in EventBridge, so a
    /// rule with it may be narrower than everything and never drops what the pattern wants. It holds no wildcard
    /// (but the prefix or suffix that one implies), no number that a rule would not compare exactly, and no
    /// `{"exists": false}` for a field inside another. `None` means that nothing is implied: the path is not named,
    /// or not in every case of an `$or`, or what is said about it cannot be put into such a list.
    ///
    /// ```
    /// # use tidemill_pattern::Pattern;
    /// let pattern = Pattern::parse(r#"{"data": {"key": [{"wildcard": "in/*.csv"}, "list"]}}"#).unwrap();
    /// assert_eq!(serde_json::json!(pattern.implied(&["data", "key"])), serde_json::json!([{"prefix": "in/"}, "list"]));
    /// assert_eq!(pattern.implied(&["data", "bytes"]), None);
    /// ```
    pub fn implied(&self, path: &[&str]) -> Option<Vec<Value>> {
        implied::implied(&self.root, path)
    }
}
