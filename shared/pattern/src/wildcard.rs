//! The `wildcard` operator: `*` stands for any run of characters, `\*` and `\\` for themselves.
//!
//! A pattern is cut at its stars once. The first piece is a prefix, the last a suffix, and each piece between
//! is taken at its leftmost place in what remains. Leftmost is never worse than a later place, so nothing is
//! tried twice: with the linear search of the standard library, a match takes time in proportion to the
//! lengths of pattern and text, whatever both hold.

use crate::error::Complaint;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    /// The literal pieces around the stars: one more than there are stars, none empty but the outer two.
    pieces: Vec<String>,
}

impl Wildcard {
    pub(crate) fn parse(pattern: &str) -> Result<Self, Complaint> {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            match char {
                '*' if piece.is_empty() && !pieces.is_empty() => {
                    return Err(Complaint::new("two `*` in a row in a wildcard").hint(
                        "one `*` stands for any number of characters; a star itself is written `\\*`",
                    ));
                }
                '*' => pieces.push(std::mem::take(&mut piece)),
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '\\')) => piece.push(escaped),
                    _ => {
                        return Err(Complaint::new("a backslash in a wildcard that escapes nothing").hint(
                            "only `\\*` and `\\\\` are escapes; a backslash itself is written `\\\\`",
                        ));
                    }
                },
                other => piece.push(other),
            }
        }
        pieces.push(piece);
        Ok(Self { pieces })
    }

    pub(crate) fn accepts(&self, text: &str) -> bool {
        let [first, between @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) =
            text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        between.iter().all(|piece| match rest.split_once(piece.as_str()) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }

    /// What every accepted text begins with.
    pub(crate) fn prefix(&self) -> &str {
        self.pieces.first().map_or("", String::as_str)
    }

    /// What every accepted text ends with.
    pub(crate) fn suffix(&self) -> &str {
        self.pieces.last().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        let wildcard = Wildcard::parse(pattern).unwrap();
        assert_eq!(wildcard.accepts(text), expected, "{pattern:?} on {text:?}");
    }

    #[test]
    fn stars() {
        check("*", "", true);
        check("*", "anything", true);
        check("a*", "a", true);
        check("a*", "ba", false);
        check("*.png", "dir/a.png", true);
        check("*.png", ".pngx", false);
        check("dir/*.png", "dir/a.png", true);
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("ab*ba", "aba", false);
        check("*b*", "abc", true);
        check("*b*", "ac", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("*ab*ab*", "abab", true);
        check("*ab*ab*", "abaab", true);
        check("*ab*ab*", "aab", false);
        check("ü*ß", "über-ß", true);
        check("", "", true);
        check("", "a", false);
        check("exact", "exact", true);
        check("exact", "exactly", false);
    }

    #[test]
    fn escapes() {
        check(r"a\*b", "a*b", true);
        check(r"a\*b", "axb", false);
        check(r"a\\*", r"a\b", true);
        check(r"a\\*", "ab", false);
        check(r"*\**", "x*y", true);
        check(r"*\**", "xy", false);
        check(r"\\", r"\", true);
    }

    #[test]
    fn refusals() {
        for (pattern, message) in [
            ("**", "two `*` in a row in a wildcard"),
            ("a**b", "two `*` in a row in a wildcard"),
            (r"a\b", "a backslash in a wildcard that escapes nothing"),
            (r"a\", "a backslash in a wildcard that escapes nothing"),
        ] {
            assert_eq!(Wildcard::parse(pattern).unwrap_err().message, message, "{pattern:?}");
        }
    }

    /// Any search that backtracks over the stars would not end on these within the age of the machine.
    #[test]
    fn nothing_is_tried_twice() {
        let stars = format!("{}*b", "*a".repeat(2_000));
        let text = "a".repeat(1_000_000);
        check(&stars, &text, false);
        check(&stars, &format!("{text}b"), true);
        let long = format!("*{}b*", "a".repeat(30_000));
        check(&long, &text, false);
    }

    /// A reference by definition: a star takes nothing, or one character and stays.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => naive(rest, text) || (!text.is_empty() && naive(pattern, &text[1..])),
            ['\\', char, rest @ ..] | [char, rest @ ..] => {
                text.first() == Some(char) && naive(rest, &text[1..])
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(pattern in r"([abé]|\*|\\\*|\\\\){0,8}", text in r"[abé*\\]{0,10}") {
            if let Ok(wildcard) = Wildcard::parse(&pattern) {
                let (pattern, chars): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
                prop_assert_eq!(wildcard.accepts(&text), naive(&pattern, &chars));
            }
        }

        #[test]
        fn what_is_accepted_has_its_prefix_and_suffix(pattern in r"[ab*]{0,6}", text in "[ab]{0,8}") {
            if let Ok(wildcard) = Wildcard::parse(&pattern)
                && wildcard.accepts(&text)
            {
                prop_assert!(text.starts_with(wildcard.prefix()) && text.ends_with(wildcard.suffix()));
            }
        }
    }
}
