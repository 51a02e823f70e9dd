//! Templates for output keys, such as `{key}/{rendition}.{ext}`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reserved first part of the keys of the host's own documents.
pub const RESERVED: &str = ".tidemill/";

/// An output of a function as far as configuration tells: what `{rendition}` and `{ext}` stand for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutputName {
    /// The rendition's name.
    pub name: String,
    /// The file name extension, without a dot.
    pub ext: String,
}

impl OutputName {
    /// The output `name` with the extension `ext`.
    pub fn new(name: impl Into<String>, ext: impl Into<String>) -> Self {
        Self { name: name.into(), ext: ext.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Key,
    Id,
    Rendition,
    Ext,
}

/// A template for output keys.
///
/// `{key}` is the input's key, `{id}` the input item's id, `{rendition}` the output's name, `{ext}` its
/// extension. It must hold `{key}` or `{id}`, so that no two originals share an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyTemplate {
    text: String,
    parts: Vec<Part>,
}

/// A key template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTemplate(String);

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTemplate {}

impl KeyTemplate {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inner = &rest[open..];
            let close = match inner.find('}') {
                Some(close) if close > 0 => close,
                Some(_) => return Err(InvalidTemplate("`}` without `{`".into())),
                None => return Err(InvalidTemplate("`{` without `}`".into())),
            };
            parts.push(match &inner[1..close] {
                "key" => Part::Key,
                "id" => Part::Id,
                "rendition" => Part::Rendition,
                "ext" => Part::Ext,
                other => {
                    return Err(InvalidTemplate(format!(
                        "`{{{other}}}` is not known; there are `{{key}}`, `{{id}}`, `{{rendition}}` and `{{ext}}`"
                    )));
                }
            });
            rest = &inner[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if !parts.iter().any(|part| matches!(part, Part::Key | Part::Id)) {
            return Err(InvalidTemplate(
                "every original would write to the same key; it needs `{key}` or `{id}`".into(),
            ));
        }
        if parts.iter().filter(|part| matches!(part, Part::Key)).count() > 1 {
            return Err(InvalidTemplate("`{key}` may stand only once".into()));
        }
        if text.starts_with('/') || text.starts_with(RESERVED) {
            return Err(InvalidTemplate(format!("a key may not begin with `/` or `{RESERVED}`")));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The key of one output of the input with `key` and item `id`.
    pub fn expand(&self, key: &str, id: &str, output: &OutputName) -> String {
        self.parts.iter().fold(String::new(), |mut text, part| {
            text.push_str(match part {
                Part::Text(literal) => literal,
                Part::Key => key,
                Part::Id => id,
                Part::Rendition => &output.name,
                Part::Ext => &output.ext,
            });
            text
        })
    }

    /// Whether `{id}` stands in it: then each version of an original has keys of its own.
    pub fn has_id(&self) -> bool {
        self.parts.contains(&Part::Id)
    }

    /// Everything before `{key}`, `{id}` or the first part that differs between outputs: all outputs'
    /// keys begin with it.
    pub fn prefix(&self) -> String {
        self.parts
            .iter()
            .map_while(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Two of `outputs` that could share a key, for one original or for two.
    ///
    /// Around one `{key}`, an output has a fixed text before and after. Two outputs can meet exactly if
    /// one's text before begins with the other's and one's text after ends with the other's.
    pub fn clash<'a>(&self, outputs: &'a [OutputName]) -> Option<(&'a OutputName, &'a OutputName)> {
        let around: Vec<(String, String)> = outputs.iter().map(|output| self.around(output)).collect();
        for (i, (before, after)) in around.iter().enumerate() {
            for (j, (other_before, other_after)) in around.iter().enumerate().skip(i + 1) {
                let fronts = before.starts_with(other_before.as_str()) || other_before.starts_with(before);
                let backs = after.ends_with(other_after.as_str()) || other_after.ends_with(after);
                if fronts && backs {
                    return Some((&outputs[i], &outputs[j]));
                }
            }
        }
        None
    }

    /// The texts before and after `{key}`; where there is none, `{id}` takes its place: ids have one
    /// length, so only equal texts can meet, and the test above is stricter than needed.
    fn around(&self, output: &OutputName) -> (String, String) {
        let pivot = if self.parts.contains(&Part::Key) { Part::Key } else { Part::Id };
        let (mut before, mut after, mut seen) = (String::new(), String::new(), false);
        for part in &self.parts {
            let text = match part {
                Part::Text(literal) => literal.as_str(),
                Part::Rendition => &output.name,
                Part::Ext => &output.ext,
                part if *part == pivot && !seen => {
                    seen = true;
                    continue;
                }
                // An id in a second place is the same unknown text in every output.
                Part::Key | Part::Id => "\0",
            };
            if seen { after.push_str(text) } else { before.push_str(text) }
        }
        (before, after)
    }
}

impl TryFrom<String> for KeyTemplate {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<KeyTemplate> for String {
    fn from(template: KeyTemplate) -> Self {
        template.text
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outputs() -> Vec<OutputName> {
        vec![OutputName::new("small", "webp"), OutputName::new("x-small", "webp")]
    }

    #[test]
    fn expands() {
        let template = KeyTemplate::parse("web/{key}/{rendition}.{ext}").unwrap();
        assert_eq!(template.expand("a b/ä.jpg", "7", &outputs()[0]), "web/a b/ä.jpg/small.webp");
        assert_eq!(template.prefix(), "web/");
    }

    #[test]
    fn refuses_what_cannot_be_used() {
        for (text, part) in [
            ("{rendition}.{ext}", "every original"),
            ("{key}/{name}", "`{name}` is not known"),
            ("{key", "`{` without `}`"),
            ("key}", "`}` without `{`"),
            ("{key}{key}", "only once"),
            ("/{key}", "may not begin"),
            (".tidemill/{key}", "may not begin"),
        ] {
            let error = KeyTemplate::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn finds_outputs_that_two_originals_could_share() {
        let clash = |text: &str| KeyTemplate::parse(text).unwrap().clash(&outputs()).is_some();
        assert!(!clash("{key}/{rendition}.{ext}"));
        assert!(!clash("{rendition}/{key}.{ext}"));
        assert!(clash("{key}-{rendition}.{ext}"), "`a-x` + `-small` is `a` + `-x-small`");
        assert!(clash("{key}.{ext}"), "two renditions of one original");
        assert!(!clash("{id}/{rendition}"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_text_survives(text in "[{}a-z/]{0,12}") {
            if let Ok(template) = KeyTemplate::parse(&text) {
                prop_assert_eq!(String::from(template), text);
            }
        }

        #[test]
        fn without_a_clash_no_two_originals_meet(
            template in "(\\{rendition\\}|[a/-]){0,2}\\{key\\}(\\{rendition\\}|\\{ext\\}|[a/.-]){0,3}",
            names in prop::collection::vec("[a-]{1,2}", 2..4),
            keys in prop::collection::vec("[a/-]{1,5}", 2..6),
        ) {
            let template = KeyTemplate::parse(&template);
            prop_assume!(template.is_ok());
            let template = template.unwrap();
            let outputs: Vec<_> = names.iter().map(|name| OutputName::new(name, "a")).collect();
            prop_assume!(template.clash(&outputs).is_none());
            let mut seen = std::collections::HashMap::new();
            for key in &keys {
                for output in &outputs {
                    let made = template.expand(key, "id", output);
                    let owner = (key.clone(), output.name.clone());
                    prop_assert_eq!(seen.entry(made).or_insert_with(|| owner.clone()), &owner);
                }
            }
        }
    }
}
