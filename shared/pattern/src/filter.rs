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

    /// Whether there is no pattern at all, so that the item need not be written out to ask.
    pub fn is_open(&self) -> bool {
        self.whole.is_none()
    }

    /// Whether `event` passes.
    pub fn passes(&self, event: &Value) -> bool {
        self.whole.as_ref().is_none_or(|pattern| pattern.matches(event))
    }

    /// Whether `event` passes by its key alone: all that is asked of a removal, which knows no more.
    pub fn passes_by_key(&self, event: &Value) -> bool {
        self.key.as_ref().is_none_or(|pattern| pattern.matches(event))
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
        let removed = json!({ "data": { "key": "a.csv", "bytes": 0 } });
        assert!(!filter.passes(&removed) && filter.passes_by_key(&removed));
        assert!(!filter.passes_by_key(&json!({ "data": { "key": "a.txt" } })));
        assert!(Filter::default().passes(&removed));
    }
}
