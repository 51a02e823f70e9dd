//! Taking keys out of a map by hand: unknown, missing and ill-typed ones are reported where they stand.

use std::ops::RangeInclusive;

use crate::diagnostic::{Finding, Sink};
use crate::element::Key;
use crate::near::{nearest, quoted, there_are};
use crate::tree::{Kind, Node, Pair, Scalar, Span, Spanned};

/// A map of the manifest.
pub(crate) struct Fields<'a> {
    /// What the map is, for messages: "source `uploads`".
    what: String,
    /// What to underline where a key is missing.
    place: Span,
    pairs: &'a [Pair],
    /// Whether something in it was reported already, so that a missing key may be no second finding.
    broken: bool,
    /// Keys that others were most likely meant to be.
    misspelt: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// `node` as a map. `place` is where the map is named.
    pub(crate) fn of(node: &'a Node, what: impl Into<String>, place: Span, sink: &mut Sink) -> Option<Self> {
        let what = what.into();
        match &node.kind {
            Kind::Map(pairs) => Some(Self {
                what,
                place,
                pairs,
                broken: pairs.iter().any(|pair| matches!(pair.value.kind, Kind::Broken)),
                misspelt: Vec::new(),
            }),
            Kind::Broken => None,
            _ => {
                sink.report(
                    Finding::new(node.span, format!("{what} must be a map, not {}", node.describe()))
                        .hint("write `key: value` lines, indented below it"),
                );
                None
            }
        }
    }

    pub(crate) fn pairs(&self) -> &'a [Pair] {
        self.pairs
    }

    pub(crate) fn pair(&self, key: &str) -> Option<&'a Pair> {
        self.pairs.iter().find(|pair| pair.key.value == key)
    }

    /// The pair of a key that must be there. Where a key was taken for it by [`close`](Self::close), that is all that
    /// is said.
    pub(crate) fn require(&self, key: &str, hint: &str, sink: &mut Sink) -> Option<&'a Pair> {
        let pair = self.pair(key);
        if pair.is_none() && !self.broken && !self.misspelt.contains(&key) {
            sink.report(Finding::new(self.place, format!("{} has no `{key}`", self.what)).hint(hint));
        }
        pair
    }

    /// Reports every key that is not one of `keys`.
    pub(crate) fn close(&mut self, keys: &[Key], sink: &mut Sink) {
        let names = || keys.iter().map(|key| key.name);
        let free: Vec<&'static str> = names().filter(|name| self.pair(name).is_none()).collect();
        for pair in self.pairs.iter().filter(|pair| !names().any(|name| name == pair.key.value)) {
            let meant = nearest(&pair.key.value, free.iter().copied());
            self.misspelt.extend(meant);
            let hint = meant.map_or_else(|| there_are(names()), |name| format!("did you mean `{name}`?"));
            let message = format!("unknown key {} in {}", quoted(&pair.key.value), self.what);
            sink.report(Finding::new(pair.key.span, message).hint(hint));
        }
    }
}

/// A text. Other scalars are refused: they would lose how they were written.
pub(crate) fn text(pair: &Pair, sink: &mut Sink) -> Option<Spanned<String>> {
    if let Kind::Scalar(Scalar::Text(text)) = &pair.value.kind {
        return Some(Spanned { value: text.clone(), span: pair.value.span });
    }
    wrong_type(&pair.key.value, &pair.value, pair.place(), "text", sink);
    None
}

/// A whole number within a range.
pub(crate) fn whole(pair: &Pair, range: RangeInclusive<u64>, sink: &mut Sink) -> Option<u64> {
    let Kind::Scalar(Scalar::Number(number, _)) = &pair.value.kind else {
        wrong_type(&pair.key.value, &pair.value, pair.place(), "a whole number", sink);
        return None;
    };
    let value = number.as_u64().filter(|value| range.contains(value));
    if value.is_none() {
        let (least, most) = (range.start(), range.end());
        sink.report(
            Finding::new(pair.value.span, format!("`{}` is {number}", pair.key.value))
                .hint(format!("it is a whole number from {least} to {most}")),
        );
    }
    value
}

/// Reports a value of the wrong type.
pub(crate) fn wrong_type(key: &str, node: &Node, place: Span, expected: &str, sink: &mut Sink) {
    if matches!(node.kind, Kind::Broken) {
        return;
    }
    let finding = Finding::new(place, format!("`{key}` must be {expected}, not {}", node.describe()));
    sink.report(finding.maybe_hint(type_hint(node, expected)));
}

/// How to make the expected type of what stands there, where that is plain.
pub(crate) fn type_hint(node: &Node, expected: &str) -> Option<String> {
    match &node.kind {
        Kind::Scalar(Scalar::Number(_, text)) if expected == "text" => {
            Some(format!("put it in quotes: \"{text}\""))
        }
        Kind::Scalar(Scalar::Bool(value)) if expected == "text" => {
            Some(format!("put it in quotes: \"{value}\""))
        }
        Kind::Scalar(Scalar::Text(text)) if expected.contains("number") && text.parse::<f64>().is_ok() => {
            Some(format!("write it without quotes: {text}"))
        }
        Kind::Scalar(Scalar::Null) => Some("give it a value, or remove the key".to_owned()),
        // `{key}` without quotes is a map whose one key has no value.
        Kind::Map(pairs) if expected == "text" && pairs.iter().all(|pair| pair.value.is_null()) => {
            Some("text with braces goes in quotes".to_owned())
        }
        _ => None,
    }
}
