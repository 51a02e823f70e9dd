//! YAML text to a tree whose nodes know where they stand.
//!
//! It takes a part of YAML: one document of maps, lists and scalars of the core schema (YAML 1.2.2, 10.3), so
//! `on`, `yes` and `no` are text. Anchors, aliases, merge keys, tags, and keys that are not text are refused.
//! Reading is a loop over the parser's events, not a recursion.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};

use crate::diagnostic::{Finding, Sink};
use crate::limits::{MAX_BYTES, MAX_DEPTH};
use crate::near::quoted;

/// Bytes of the text, on one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// One node. Of one that covers several lines, the span is what stands on the first.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) multiline: bool,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Pair>),
    /// Something that was reported already.
    Broken,
}

#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) key: Spanned<String>,
    pub(crate) value: Node,
}

/// A scalar by the core schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    /// A number, and how it was written.
    Number(Number, String),
    Text(String),
}

impl Node {
    /// The value under `key`, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|pair| pair.key.value == key).map(|pair| &pair.value)
    }

    /// The pairs, if this is a map.
    pub(crate) fn pairs(&self) -> &[Pair] {
        match &self.kind {
            Kind::Map(pairs) => pairs,
            _ => &[],
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Scalar::Null))
    }

    /// What stands here, in words.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Scalar(Scalar::Null) => "nothing".to_owned(),
            Kind::Scalar(Scalar::Bool(value)) => format!("`{value}`"),
            Kind::Scalar(Scalar::Number(_, text)) => format!("the number {}", quoted(text)),
            Kind::Scalar(Scalar::Text(text)) => format!("the text {}", quoted(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            Kind::Broken => "something else".to_owned(),
        }
    }

    /// Whether anything in it was reported already.
    pub(crate) fn is_broken(&self) -> bool {
        match &self.kind {
            Kind::Scalar(_) => false,
            Kind::List(items) => items.iter().any(Self::is_broken),
            Kind::Map(pairs) => pairs.iter().any(|pair| pair.value.is_broken()),
            Kind::Broken => true,
        }
    }

    /// The node as JSON.
    pub(crate) fn json(&self) -> Value {
        match &self.kind {
            Kind::Scalar(Scalar::Null) | Kind::Broken => Value::Null,
            Kind::Scalar(Scalar::Bool(value)) => Value::Bool(*value),
            Kind::Scalar(Scalar::Number(value, _)) => Value::Number(value.clone()),
            Kind::Scalar(Scalar::Text(text)) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::json).collect()),
            Kind::Map(pairs) => pairs
                .iter()
                .map(|pair| (pair.key.value.clone(), pair.value.json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// Where a JSON pointer (RFC 6901) leads, or the nearest place above it. `own` is where the node itself is
    /// named.
    pub(crate) fn at(&self, pointer: &str, own: Span) -> Span {
        let (mut node, mut place) = (self, own);
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.kind {
                Kind::Map(pairs) => {
                    pairs.iter().find(|pair| pair.key.value == part).map(|pair| (&pair.value, pair.place()))
                }
                Kind::List(items) => part
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .map(|item| (item, item.span)),
                _ => None,
            };
            match next {
                Some(next) => (node, place) = next,
                None => break,
            }
        }
        place
    }
}

impl Pair {
    /// What to underline for the value: the value itself, or its key where the value takes several lines.
    pub(crate) fn place(&self) -> Span {
        if self.value.multiline { self.key.span } else { self.value.span }
    }
}

/// Reads one document. Nothing comes of text that cannot be read to its end.
pub(crate) fn read(text: &str, sink: &mut Sink) -> Option<Node> {
    if text.len() > MAX_BYTES {
        sink.report(
            Finding::new(
                Span::default(),
                format!("the manifest has {} bytes; at most {MAX_BYTES} are read", text.len()),
            )
            .hint("a manifest is written by hand: move data into files of its own"),
        );
        return None;
    }
    if let Some((start, c)) = text.char_indices().find(|(_, c)| !printable(*c)) {
        sink.report(
            Finding::new(
                Span { start, end: start + c.len_utf8() },
                format!("the character U+{:04X} may not stand in a manifest", u32::from(c)),
            )
            .hint("remove it, or write it as an escape inside double quotes"),
        );
        return None;
    }
    let mut reader = Reader { text, places: Places::new(text), stack: Vec::new(), root: None, documents: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                let span = reader.places.span(span.start.index(), span.end.index());
                reader.event(event, span, sink)?;
            }
            Err(error) => {
                reader.scan_error(&error, sink);
                return None;
            }
        }
    }
    match reader.root {
        Some(node) if !matches!(node.kind, Kind::Scalar(Scalar::Null)) => Some(node),
        _ => {
            sink.report(
                Finding::new(Span::default(), "the manifest is empty")
                    .hint("begin with `version: 1`, `name:`, `sources:` and `stages:`"),
            );
            None
        }
    }
}

/// YAML 1.2.2, 5.1, less the byte order mark inside the text.
fn printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// Character offsets, which the parser counts, to byte offsets.
struct Places {
    /// The byte offset of each character; empty where all are ASCII.
    bytes: Vec<u32>,
    length: usize,
}

impl Places {
    fn new(text: &str) -> Self {
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect()
        };
        Self { bytes, length: text.len() }
    }

    fn byte(&self, index: usize) -> usize {
        if self.bytes.is_empty() {
            index.min(self.length)
        } else {
            self.bytes.get(index).map_or(self.length, |at| *at as usize)
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let start = self.byte(start);
        Span { start, end: self.byte(end).max(start) }
    }
}

enum Frame {
    List { start: Span, items: Vec<Node> },
    Map { start: Span, pairs: Vec<Pair>, key: Option<Pending>, seen: HashMap<String, Span> },
}

/// A key whose value has not come yet.
enum Pending {
    Key(Spanned<String>),
    /// A key that was reported: its value is dropped.
    Dropped(Span),
}

struct Reader<'a> {
    text: &'a str,
    places: Places,
    stack: Vec<Frame>,
    root: Option<Node>,
    documents: usize,
}

impl Reader<'_> {
    /// Takes one event. `None` ends the reading.
    fn event(&mut self, event: Event<'_>, span: Span, sink: &mut Sink) -> Option<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    sink.report(
                        Finding::new(
                            self.first_line(span).0,
                            "a second document begins here; a manifest is one",
                        )
                        .hint("give each pipeline a folder and a file of its own"),
                    );
                    return None;
                }
            }
            Event::Alias(_) => {
                sink.report(
                    Finding::new(span, "aliases are not supported")
                        .hint("write the value out where it is used"),
                );
                self.push(Node { span, multiline: false, kind: Kind::Broken }, sink);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let refused = self.refuse_properties(span, anchor, tag.is_some(), sink);
                let (mut span, multiline) = self.first_line(span);
                let plain = style == ScalarStyle::Plain;
                if plain && text.is_empty() {
                    span = self.pending_span().unwrap_or(span);
                }
                let kind = if refused { Kind::Broken } else { scalar(&text, plain, span, sink) };
                self.push(Node { span, multiline, kind }, sink);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_properties(span, anchor, tag.is_some(), sink);
                self.open(Frame::List { start: span, items: Vec::new() }, span, sink)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_properties(span, anchor, tag.is_some(), sink);
                let frame = Frame::Map { start: span, pairs: Vec::new(), key: None, seen: HashMap::new() };
                self.open(frame, span, sink)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (start, kind) = match self.stack.pop()? {
                    Frame::List { start, items } => (start, Kind::List(items)),
                    Frame::Map { start, pairs, .. } => (start, Kind::Map(pairs)),
                };
                let (span, multiline) = self.first_line(Span { start: start.start, end: span.end });
                self.push(Node { span, multiline, kind }, sink);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn open(&mut self, frame: Frame, span: Span, sink: &mut Sink) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("nested too deeply; at most {MAX_DEPTH} levels are read");
            sink.report(Finding::new(self.first_line(span).0, message));
            return None;
        }
        self.stack.push(frame);
        Some(())
    }

    fn refuse_properties(&self, span: Span, anchor: usize, tag: bool, sink: &mut Sink) -> bool {
        let span = self.first_line(span).0;
        if anchor > 0 {
            sink.report(
                Finding::new(span, "anchors are not supported").hint("write the value out where it is used"),
            );
        }
        if tag {
            sink.report(
                Finding::new(span, "tags are not supported")
                    .hint("remove what begins with `!`; text goes in quotes"),
            );
        }
        tag
    }

    fn pending_span(&self) -> Option<Span> {
        match self.stack.last()? {
            Frame::Map { key: Some(Pending::Key(key)), .. } => Some(key.span),
            Frame::Map { key: Some(Pending::Dropped(span)), .. } => Some(*span),
            _ => None,
        }
    }

    /// Puts a finished node where it belongs.
    fn push(&mut self, node: Node, sink: &mut Sink) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { pairs, key, seen, .. }) => match key.take() {
                None => *key = Some(pending(node, seen, sink)),
                Some(Pending::Key(key)) => pairs.push(Pair { key, value: node }),
                Some(Pending::Dropped(_)) => {}
            },
        }
    }

    /// The part of a span on its first line, and whether there is more.
    fn first_line(&self, span: Span) -> (Span, bool) {
        let covered = self.text.get(span.start..span.end).unwrap_or_default().trim_end();
        let line = covered.lines().next().unwrap_or_default();
        let mut end = span.start + line.trim_end().len();
        if end < span.start + covered.len() {
            // A comment after the first line's content is no part of it.
            if let Some(comment) = self.text[span.start..end].find(" #") {
                end = span.start + self.text[span.start..span.start + comment].trim_end().len();
            }
        }
        (Span { start: span.start, end }, covered.len() > line.len())
    }

    fn scan_error(&self, error: &ScanError, sink: &mut Sink) {
        let at = self.places.byte(error.marker().index());
        // An error at the end of the text or of a line is shown at the last character before it.
        let rest = &self.text[at..];
        let shown = match rest.chars().next() {
            Some(c) if c != '\n' && c != '\r' => Span { start: at, end: at + c.len_utf8() },
            _ => {
                let end = self.text[..at].trim_end().len();
                let start = self.text[..end].char_indices().next_back().map_or(0, |(start, _)| start);
                if rest.is_empty() || end == at { Span { start, end } } else { Span { start: at, end: at } }
            }
        };
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let info = error.info();
        let (message, hint) = if rest.starts_with('\t') || indent.contains('\t') {
            ("a tab may not stand here".to_owned(), Some("YAML is indented by spaces: two for each level"))
        } else if info.contains("recursion limit") {
            (format!("nested too deeply; at most {MAX_DEPTH} levels are read"), None)
        } else if info.contains("unknown anchor") {
            ("aliases are not supported".to_owned(), Some("write the value out where it is used"))
        } else {
            let braces = ["{key}", "{id}", "{rendition}", "{ext}"].iter().any(|part| line.contains(part));
            let hint = match info {
                _ if braces => Some("text with braces goes in quotes: \"{key}/{rendition}.{ext}\""),
                info if info.contains("mapping values are not allowed") => {
                    Some("text that holds `: ` goes in quotes; keys of one map stand in one column")
                }
                info if info.contains("quoted scalar") => Some("is a closing quote missing?"),
                info if info.contains("flow") || info.contains("illegal placement") => {
                    Some("is a comma, a `]` or a `}` missing here or above?")
                }
                info if info.contains("block") => {
                    Some("keys of one map, and entries of one list, stand in one column")
                }
                _ => None,
            };
            (format!("not valid YAML: {info}"), hint)
        };
        let mut finding = Finding::new(shown, message);
        finding.hint = hint.map(str::to_owned);
        sink.report(finding);
    }
}

/// A node that stands where a key does.
fn pending(node: Node, seen: &mut HashMap<String, Span>, sink: &mut Sink) -> Pending {
    let span = node.span;
    let text = match node.kind {
        Kind::Scalar(Scalar::Text(text)) => text,
        Kind::Broken => return Pending::Dropped(span),
        kind => {
            let node = Node { kind, ..node };
            sink.report(
                Finding::new(span, format!("{} stands as a key; keys are text", node.describe()))
                    .hint("put the key in quotes"),
            );
            return Pending::Dropped(span);
        }
    };
    if text == "<<" {
        sink.report(
            Finding::new(span, "merge keys are not supported").hint("write the keys out where they are used"),
        );
        return Pending::Dropped(span);
    }
    if let Some(first) = seen.get(&text) {
        sink.report(
            Finding::new(span, format!("the key {} is given twice", quoted(&text)))
                .also(*first, "first given here")
                .hint("remove one of them"),
        );
        return Pending::Dropped(span);
    }
    seen.insert(text.clone(), span);
    Pending::Key(Spanned { value: text, span })
}

/// A scalar by the core schema: quoted ones are text.
fn scalar(text: &str, plain: bool, span: Span, sink: &mut Sink) -> Kind {
    if !plain {
        return Kind::Scalar(Scalar::Text(text.to_owned()));
    }
    Kind::Scalar(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ => match number(text) {
            Numeric::Text => Scalar::Text(text.to_owned()),
            Numeric::Number(number) => Scalar::Number(number, text.to_owned()),
            Numeric::Beyond => {
                sink.report(
                    Finding::new(span, format!("{} is not a number that can be held", quoted(text)))
                        .hint("if it is text, put it in quotes"),
                );
                return Kind::Broken;
            }
        },
    })
}

/// What plain text is, where it looks like a number.
enum Numeric {
    /// A number.
    Number(Number),
    /// One whose value cannot be held.
    Beyond,
    /// Text all the same.
    Text,
}

/// A number by the core schema.
fn number(text: &str) -> Numeric {
    let held = |number: Option<Number>| number.map_or(Numeric::Beyond, Numeric::Number);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Numeric::Beyond;
    }
    let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(rest) = text.strip_prefix(prefix).filter(|rest| digits(rest, radix)) {
            return held(u64::from_str_radix(rest, radix).ok().map(Number::from));
        }
    }
    if digits(unsigned, 10) {
        let text = text.strip_prefix('+').unwrap_or(text);
        let number = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
        return held(number.ok());
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let float = (digits(whole, 10) && (part.is_empty() || digits(part, 10)))
        || (whole.is_empty() && digits(part, 10));
    if float && exponent.is_none_or(|exponent| digits(exponent, 10)) {
        held(text.parse::<f64>().ok().and_then(Number::from_f64))
    } else {
        Numeric::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Value {
        let mut sink = Sink::default();
        let node = read(text, &mut sink);
        assert!(sink.is_empty(), "{text}: {}", sink.finish("t".into(), text.into()));
        node.map_or(Value::Null, |node| node.json())
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("on", json!("on")),
            ("yes", json!("yes")),
            ("12e03", json!(12000.0)),
            ("0o14", json!(12)),
            ("0xC", json!(12)),
            ("-12", json!(-12)),
            ("+12", json!(12)),
            ("012", json!(12)),
            ("1_000", json!("1_000")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            (".", json!(".")),
            ("[-1, -x]", json!([-1, "-x"])),
            ("1e", json!("1e")),
            ("1.2.3", json!("1.2.3")),
            ("30s", json!("30s")),
            ("\"12\"", json!("12")),
            ("'null'", json!("null")),
            ("TRUE", json!(true)),
            ("tRUE", json!("tRUE")),
            ("2024-01-01", json!("2024-01-01")),
        ] {
            let read = value(&format!("a: {text}"));
            assert_eq!(read["a"], expected, "{text}");
        }
    }

    #[test]
    fn reads_block_flow_and_multiline_text() {
        assert_eq!(
            value("a:\n  - b: [1, x, {c: d}]\n  -\n    e: >-\n      one\n      two\n    f: |\n      x\n"),
            json!({"a": [{"b": [1, "x", {"c": "d"}]}, {"e": "one two", "f": "x\n"}]})
        );
        assert_eq!(value("{\"a\": [1, 2]}"), json!({"a": [1, 2]}), "JSON is YAML");
    }

    #[test]
    fn spans_are_bytes_of_the_first_line() {
        let text = "ä: é\nb: \"q ü\"\nc: # remark\n  - x\n  - y: 1\n    z: 2 # more\n  - {k: v}\n";
        let mut sink = Sink::default();
        let root = read(text, &mut sink).unwrap();
        let shown = |pointer: &str| {
            let span = root.at(pointer, root.span);
            &text[span.start..span.end]
        };
        assert_eq!(shown(""), "ä: é");
        assert_eq!(shown("/ä"), "é");
        assert_eq!(shown("/b"), "\"q ü\"");
        assert_eq!(shown("/c"), "c", "a block is shown by its key");
        assert_eq!(shown("/c/0"), "x");
        assert_eq!(shown("/c/1"), "y: 1");
        assert_eq!(shown("/c/1/z"), "2");
        assert_eq!(shown("/c/2"), "{k: v}");
        assert_eq!(shown("/c/2/k/9"), "v", "the nearest place");
    }
}
