//! What is wrong with a manifest, where, and how it is shown.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::limits::MAX_FINDINGS;
use crate::tree::Span;

/// One finding in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of the text to underline; on one line.
    pub span: Range<usize>,
    /// What to do instead.
    pub hint: Option<String>,
    /// Another place that belongs to it, with a remark.
    pub also: Option<(Range<usize>, String)>,
    /// The environments in which it shows, if it does not show without one.
    pub environments: Vec<String>,
}

/// Everything that is wrong with a manifest, in the order of its text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    path: PathBuf,
    text: String,
    list: Vec<Diagnostic>,
    dropped: usize,
}

impl Diagnostics {
    /// The findings, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text that was checked, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many findings there are, those included that are not listed because there are too many.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.list.len() + self.dropped
    }

    /// All findings as a person reads them, in colour or without.
    pub fn render(&self, colour: bool) -> String {
        let path = self.path.display().to_string();
        // The library's coloured form links paths by terminal escapes too; a path shown is not always one that opens.
        let renderer = if colour { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
        let mut shown: Vec<String> =
            self.list.iter().map(|diagnostic| diagnostic.render(&renderer, &path, &self.text)).collect();
        if self.dropped > 0 {
            shown.push(format!("error: and {} more", self.dropped));
        }
        shown.join("\n\n")
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl Diagnostic {
    fn render(&self, renderer: &Renderer, path: &str, text: &str) -> String {
        // The renderer walks over the whole text that it is given, so it gets only the lines that it shows.
        let lines = |span: &Range<usize>| {
            let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
            let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
            start..end
        };
        let mut shown = lines(&self.span);
        if let Some((also, _)) = &self.also {
            let also = lines(also);
            shown = shown.start.min(also.start)..shown.end.max(also.end);
        }
        let first = self.line - text[shown.start..self.span.start].matches('\n').count();
        let within = |span: &Range<usize>| span.start - shown.start..span.end - shown.start;
        let mut snippet = Snippet::source(&text[shown.clone()])
            .path(path)
            .line_start(first)
            .annotation(AnnotationKind::Primary.span(within(&self.span)));
        if let Some((also, remark)) = &self.also {
            snippet = snippet.annotation(
                AnnotationKind::Context.span(within(also)).label(normalize_untrusted_str(remark)),
            );
        }
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if !self.environments.is_empty() {
            let names = crate::near::list(self.environments.iter().map(String::as_str), "and");
            let noun = if self.environments.len() == 1 { "environment" } else { "environments" };
            group = group.element(Level::NOTE.message(format!("in {noun} {names}")));
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.with_name("hint").message(normalize_untrusted_str(hint)));
        }
        renderer.render(&[group])
    }
}

/// A finding before it has line and column.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    also: Option<(Span, String)>,
    environments: Vec<String>,
}

impl Finding {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None, also: None, environments: Vec::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    pub(crate) fn also(mut self, span: Span, remark: impl Into<String>) -> Self {
        if span != self.span {
            self.also = Some((span, remark.into()));
        }
        self
    }
}

/// Gathers findings. The same one in several environments is kept once.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    list: Vec<Finding>,
    known: HashMap<(Span, String), usize>,
    dropped: usize,
    environment: Option<(String, Span)>,
}

impl Sink {
    pub(crate) fn report(&mut self, mut finding: Finding) {
        let environment = self
            .environment
            .as_ref()
            // What stands in the environment's own part of the text needs no remark.
            .filter(|(_, part)| finding.span.start < part.start || finding.span.end > part.end)
            .map(|(name, _)| name.clone());
        let key = (finding.span, finding.message.clone());
        if let Some(known) = self.known.get(&key) {
            let environments = &mut self.list[*known].environments;
            if let Some(name) =
                environment.filter(|name| !environments.is_empty() && !environments.contains(name))
            {
                environments.push(name);
            }
        } else if self.list.len() >= MAX_FINDINGS {
            self.dropped += 1;
        } else {
            finding.environments.extend(environment);
            self.known.insert(key, self.list.len());
            self.list.push(finding);
        }
    }

    /// What is reported from here on shows in an environment, whose own part of the text is `part`.
    pub(crate) fn enter(&mut self, environment: Option<(String, Span)>) {
        self.environment = environment;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn finish(mut self, path: PathBuf, text: String) -> Diagnostics {
        self.list.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        let mut lines = Lines::new(&text);
        let list = self
            .list
            .into_iter()
            .map(|finding| {
                let (line, column) = lines.place(finding.span.start);
                Diagnostic {
                    message: finding.message,
                    line,
                    column,
                    span: finding.span.start..finding.span.end,
                    hint: finding.hint,
                    also: finding.also.map(|(span, remark)| (span.start..span.end, remark)),
                    environments: finding.environments,
                }
            })
            .collect();
        Diagnostics { path, text, list, dropped: self.dropped }
    }
}

/// Line and column of offsets that only grow, in one pass over the text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1, column: 1 }
    }

    fn place(&mut self, offset: usize) -> (usize, usize) {
        for c in self.text[self.at..offset.max(self.at)].chars() {
            if c == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.at = offset.max(self.at);
        (self.line, self.column)
    }
}
