//! Tests on strings: equal, prefix and suffix, each with or without regard to case, and wildcards.
//!
//! Without regard to case means character by character: two characters are equal if their simple upper or
//! lower case forms are. A character never equals several (`ß` is not `SS`), and an ASCII character only ever
//! equals an ASCII one, so that no Kelvin sign passes for a `k`.

use crate::wildcard::Wildcard;

#[derive(Debug, Clone)]
pub(crate) enum TextTest {
    Equal(String),
    Prefix(String),
    Suffix(String),
    EqualIgnoreCase(Folded),
    PrefixIgnoreCase(Folded),
    SuffixIgnoreCase(Folded),
    Wildcard(Wildcard),
}

impl TextTest {
    pub(crate) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Equal(other) => text == other,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::EqualIgnoreCase(Folded(other)) => text.chars().map(fold).eq(other.chars()),
            Self::PrefixIgnoreCase(Folded(prefix)) => begins(text.chars(), prefix.chars()),
            Self::SuffixIgnoreCase(Folded(suffix)) => begins(text.chars().rev(), suffix.chars().rev()),
            Self::Wildcard(wildcard) => wildcard.accepts(text),
        }
    }
}

fn begins(mut text: impl Iterator<Item = char>, mut start: impl Iterator<Item = char>) -> bool {
    start.all(|char| text.next().map(fold) == Some(char))
}

/// A string whose case has been levelled once.
#[derive(Debug, Clone)]
pub(crate) struct Folded(pub(crate) String);

impl Folded {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().map(fold).collect())
    }
}

fn fold(char: char) -> char {
    if char.is_ascii() {
        return char.to_ascii_lowercase();
    }
    let upper = only(char.to_uppercase()).unwrap_or(char);
    let folded = only(upper.to_lowercase()).unwrap_or(upper);
    if folded.is_ascii() { char } else { folded }
}

/// The one character of an iterator; nothing if it has several.
fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next();
    if chars.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_levelled_by_character() {
        let check = |a: &str, b: &str, expected: bool| {
            assert_eq!(TextTest::EqualIgnoreCase(Folded::new(a)).accepts(b), expected, "{a} and {b}");
            assert_eq!(TextTest::EqualIgnoreCase(Folded::new(b)).accepts(a), expected, "{b} and {a}");
        };
        check("alice", "ALICE", true);
        check("alice", "ALICE ", false);
        check("ÜBER", "über", true);
        check("ΣΑΣ", "σας", true);
        check("ẞ", "ß", true);
        check("ß", "SS", false);
        check("k", "\u{212a}", false);
        check("i", "ı", false);
        check("", "", true);
    }
}
