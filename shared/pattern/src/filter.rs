//! What a listener lets through.

use serde_json::{Value, json};

use crate::Pattern;

/// A listener's pattern over items, and what of it speaks of the key alone.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    whole: Option<Pattern>,
    key: Option<Pattern>,
}

impl Filter {
    /// A filter by `pattern`; without one everything passes.
    pub fn new(pattern: Option<Pattern>) -> Self {
        let key = pattern.as_ref().and_then(|pattern| {
            let matchers = pattern.implied(&["data", "key"])?;
            Pattern::from_value(&json!({ "data": { "key": matchers } })).ok()
        });
        Self { whole: pattern, key }
    }

    /// A filter by the pattern that a JSON value holds; without one everything passes.
    pub fn of(pattern: Option<&Value>) -> Result<Self, String> {
        let pattern = pattern.map(Pattern::from_value).transpose().map_err(|errors| {
            errors.first().map_or_else(|| "the pattern cannot be read".to_owned(), ToString::to_string)
        })?;
        Ok(Self::new(pattern))
    }

    /// Whether an item passes. Of a removal, which knows no more, only the key is asked. `event` writes the item
    /// out, if it has to be looked at.
    pub fn lets_through(&self, removal: bool, event: impl FnOnce() -> Option<Value>) -> bool {
        let pattern = if removal { &self.key } else { &self.whole };
        pattern.as_ref().is_none_or(|pattern| event().is_some_and(|event| pattern.matches(&event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_is_asked_for_its_key_only() {
        let pattern =
            json!({ "data": { "key": [{ "suffix": ".csv" }], "bytes": [{ "numeric": [">", 0] }] } });
        let filter = Filter::new(Pattern::from_value(&pattern).ok());
        let csv = || Some(json!({ "data": { "key": "a.csv", "bytes": 0 } }));
        assert!(!filter.lets_through(false, csv) && filter.lets_through(true, csv));
        assert!(!filter.lets_through(true, || Some(json!({ "data": { "key": "a.txt" } }))));
        assert!(Filter::default().lets_through(false, || None));
    }
}
