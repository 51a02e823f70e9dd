//! What a user may write under a stage of type `count`: keys, defaults, schema, checks.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::ConfigError;

/// The most distinct values that a stage may ask for: the state of a shard is read and written with each batch.
pub const MOST: u64 = 100_000;

/// The configuration of the count function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The field whose values are counted: names joined by dots, such as `user.country`.
    #[schemars(length(min = 1))]
    pub by: String,
    /// How many distinct values are told apart, per shard. What comes beyond is counted as `other`.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100_000))]
    pub limit: u64,
}

fn default_limit() -> u64 {
    10_000
}

/// A field's place in a record: one name per level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    /// Reads names joined by dots. None may be empty.
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<String> = text.split('.').map(str::to_owned).collect();
        names.iter().all(|name| !name.is_empty()).then_some(Self(names))
    }

    /// The names, outermost first.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Config {
    /// The checked configuration, or everything that is wrong with it.
    pub fn check(&self) -> Result<(Path, usize), Vec<ConfigError>> {
        let path = Path::parse(&self.by).ok_or_else(|| {
            let message = if self.by.is_empty() {
                "no field is named".to_owned()
            } else {
                format!("a name in `{}` is empty", self.by)
            };
            ConfigError::new("/by", message).hint("write names joined by single dots, such as `user.country`")
        });
        let limit = match self.limit {
            1..=MOST => Ok(self.limit as usize),
            other => Err(ConfigError::new("/limit", format!("{other} is not between 1 and {MOST}"))),
        };
        match (path, limit) {
            (Ok(path), Ok(limit)) => Ok((path, limit)),
            (path, limit) => Err(path.err().into_iter().chain(limit.err()).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(config: serde_json::Value, expected: &[&str]) {
        let config: Config = serde_json::from_value(config).expect("the shape is right");
        let errors = config.check().err().unwrap_or_default();
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn accepts() {
        check(json!({ "by": "level" }), &[]);
        check(json!({ "by": "user.country", "limit": 1 }), &[]);
        check(json!({ "by": "a b.ä", "limit": 100_000 }), &[]);
    }

    #[test]
    fn names_every_error_at_once() {
        check(
            json!({ "by": "", "limit": 0 }),
            &["/by: no field is named", "/limit: 0 is not between 1 and 100000"],
        );
        check(json!({ "by": "a..b" }), &["/by: a name in `a..b` is empty"]);
        check(
            json!({ "by": ".a", "limit": 100_001 }),
            &["/by: a name in `.a` is empty", "/limit: 100001 is not between 1 and 100000"],
        );
    }

    #[test]
    fn has_a_default_and_refuses_unknown_keys() {
        let config: Config = serde_json::from_value(json!({ "by": "a" })).unwrap();
        assert_eq!(config.limit, 10_000);
        assert!(serde_json::from_value::<Config>(json!({ "by": "a", "top": 3 })).is_err());
        assert!(serde_json::from_value::<Config>(json!({})).is_err());
    }

    #[test]
    fn the_schema_says_what_the_check_says() {
        let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
        assert_eq!(schema["properties"]["limit"]["maximum"], MOST);
        assert_eq!(schema["properties"]["limit"]["default"], 10_000);
        assert_eq!(schema["required"], json!(["by"]));
        assert_eq!(schema["additionalProperties"], false);
    }
}
