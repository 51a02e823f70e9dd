//! The pipeline drawn: an SVG that is looked at, and Mermaid for where text is wanted.
//!
//! From left to right: the buckets, streams and endpoints that are read, the sources, the stages in the order of their work, the
//! buckets that are written. A dashed line carries outcomes; `when` stands where a pattern narrows what comes in.
//! The colours are readable on light and on dark ground. There is no script, no style sheet and no font to load, and
//! whatever a manifest says is escaped.

use std::collections::HashMap;
use std::fmt::Write;

use tidemill_core::deployment::Auth;
use tidemill_core::plan::Input;
use unicode_width::UnicodeWidthStr;

use crate::layout::{self, Layout};
use crate::plan::{Plan, PlannedStage, Source};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Bucket,
    Stream,
    Endpoint,
    Source,
    Stage,
}

/// One box.
struct Node {
    kind: Kind,
    title: String,
    /// Smaller lines below the title; each with what it stands for in full, where it is cut.
    lines: Vec<(String, Option<String>)>,
    column: usize,
    /// Whether a pattern narrows what comes in, in full.
    when: Option<String>,
    /// Whether anyone takes its outcomes.
    outcomes: bool,
}

/// One arrow.
struct Edge {
    from: usize,
    to: usize,
    outcomes: bool,
}

struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// The most characters of a line below a title.
const MOST: usize = 34;

impl Graph {
    fn of(plan: &Plan) -> Self {
        let mut graph = Self { nodes: Vec::new(), edges: Vec::new() };
        // What is read and what is written are two boxes even for one bucket, so that all arrows go one way.
        let mut read: HashMap<(Kind, String), usize> = HashMap::new();
        let mut written: HashMap<&str, usize> = HashMap::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for source in &plan.sources {
            let (kind, name, line) = match &source.source {
                Source::S3 { bucket, prefix, .. } if prefix.is_empty() => {
                    (Kind::Bucket, bucket.clone(), "the whole bucket".to_owned())
                }
                Source::S3 { bucket, prefix, .. } => (Kind::Bucket, bucket.clone(), format!("{prefix}*")),
                Source::Kinesis { stream } => (Kind::Stream, stream.clone(), "records".to_owned()),
                Source::Http { auth, upload } => {
                    let auth = match auth {
                        Auth::Iam => "signed by AWS",
                        Auth::Hmac { .. } => "signed by a secret",
                    };
                    let large = upload.as_ref().map(|to| format!(", large ones to {to}")).unwrap_or_default();
                    (Kind::Endpoint, format!("/{}", source.name), format!("{auth}{large}"))
                }
            };
            let from = *read.entry((kind, name.clone())).or_insert_with(|| graph.node(kind, &name, 0));
            let node = graph.node(Kind::Source, &source.name, 1);
            graph.nodes[node].lines.push(cut(&line));
            graph.edges.push(Edge { from, to: node, outcomes: false });
            places.insert(&source.name, node);
        }
        for stage in &plan.stages {
            let inputs: Vec<(usize, bool)> = stage
                .plan
                .inputs
                .iter()
                .filter_map(|input| Some((*places.get(input.name())?, matches!(input, Input::Outcomes(_)))))
                .collect();
            let column = inputs.iter().map(|(from, _)| graph.nodes[*from].column + 1).max().unwrap_or(2);
            let node = graph.node(Kind::Stage, &stage.plan.name, column);
            graph.describe(node, stage);
            places.insert(&stage.plan.name, node);
            for (from, outcomes) in inputs {
                graph.nodes[from].outcomes |= outcomes;
                graph.edges.push(Edge { from, to: node, outcomes });
            }
            if let Some(output) = &stage.plan.output {
                let to = *written
                    .entry(&output.bucket)
                    .or_insert_with(|| graph.node(Kind::Bucket, &output.bucket, column + 1));
                graph.nodes[to].column = graph.nodes[to].column.max(column + 1);
                graph.edges.push(Edge { from: node, to, outcomes: false });
            }
        }
        graph
    }

    fn node(&mut self, kind: Kind, title: &str, column: usize) -> usize {
        self.nodes.push(Node {
            kind,
            title: title.to_owned(),
            lines: Vec::new(),
            column,
            when: None,
            outcomes: false,
        });
        self.nodes.len() - 1
    }

    fn describe(&mut self, node: usize, stage: &PlannedStage) {
        let node = &mut self.nodes[node];
        let names: Vec<&str> = stage.built.outputs.iter().map(|output| output.name.as_str()).collect();
        node.lines.push((stage.plan.function.clone(), None));
        if !names.is_empty() {
            node.lines.push(cut(&names.join(" · ")));
        }
        if let Some(output) = &stage.plan.output {
            node.lines.push(cut(&format!("→ {}", output.key)));
        }
        node.when = stage.plan.when.as_ref().map(ToString::to_string);
    }
}

/// A line short enough to draw, and the whole of it where it had to be cut.
fn cut(text: &str) -> (String, Option<String>) {
    if text.chars().count() <= MOST {
        return (text.to_owned(), None);
    }
    let short: String = text.chars().take(MOST - 1).chain(['…']).collect();
    (short, Some(text.to_owned()))
}

/// Fill, border, and the word above the title.
fn look(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Bucket => ("#dcebfa", "#3f7fbf", "bucket"),
        Kind::Stream => ("#ece2fa", "#8459c4", "stream"),
        Kind::Endpoint => ("#fbe3e6", "#c2566b", "endpoint"),
        Kind::Source => ("#dcf2e3", "#36935a", "source"),
        Kind::Stage => ("#fdf0d0", "#bf8a1f", "stage"),
    }
}

const TEXT: &str = "#1f2328";
const SOFT: &str = "#57606a";
/// In the middle between light and dark ground.
const LINE: &str = "#7d8590";
const SANS: &str =
    "ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

/// Around everything.
const MARGIN: f64 = 20.0;
/// Above the columns: the pipeline's name.
const HEADER: f64 = 34.0;
const PAD: f64 = 14.0;
const TITLE_SIZE: f64 = 14.0;
const LINE_SIZE: f64 = 11.5;
const LINE_STEP: f64 = 16.0;
/// The height of a cylinder's lid.
const LID: f64 = 6.0;
const TAG_HEIGHT: f64 = 16.0;
const TAG_SIZE: f64 = 10.0;
/// How far a tag stands over the edge of its box.
const TAG_OVER: f64 = 8.0;

impl Node {
    fn own_width(&self) -> f64 {
        // Generous, since the font is whatever there is.
        let columns = |text: &str, size: f64| text.width() as f64 * size * 0.62;
        let lines = self.lines.iter().map(|(line, _)| columns(line, LINE_SIZE)).fold(0.0, f64::max);
        let tag = if self.when.is_some() { TAG_SIZE } else { 0.0 };
        (columns(&self.title, TITLE_SIZE).max(lines) + 2.0 * PAD + tag).max(104.0).ceil()
    }

    fn height(&self) -> f64 {
        // The word, the title, the lines; the lid of a cylinder and the tag of outcomes take some room.
        let lid = if self.kind == Kind::Bucket { 2.0 * LID } else { 0.0 };
        let tag = if self.outcomes { TAG_HEIGHT / 4.0 } else { 0.0 };
        46.0 + self.lines.len() as f64 * LINE_STEP + lid + tag
    }
}

impl Graph {
    /// Boxes of one kind in one column are equally wide; buckets are as wide as they need to be.
    fn width(&self, node: &Node) -> f64 {
        self.nodes
            .iter()
            .filter(|other| {
                other.column == node.column && other.kind == node.kind && node.kind != Kind::Bucket
            })
            .map(Node::own_width)
            .fold(node.own_width(), f64::max)
    }
}

/// The pipeline as an SVG document.
pub fn svg(plan: &Plan) -> String {
    let graph = Graph::of(plan);
    let boxes: Vec<layout::Box> = graph
        .nodes
        .iter()
        .map(|node| layout::Box { column: node.column, width: graph.width(node), height: node.height() })
        .collect();
    let edges: Vec<layout::Edge> =
        graph.edges.iter().map(|edge| layout::Edge { from: edge.from, to: edge.to }).collect();
    let layout = layout::layout(&boxes, &edges);

    let header = match &plan.environment {
        Some(environment) => format!("{} · {environment}", plan.name),
        None => plan.name.clone(),
    };
    let width = (layout.width + 2.0 * MARGIN).max(header.width() as f64 * 10.0 + 2.0 * MARGIN).ceil();
    let height = (layout.height + 2.0 * MARGIN + HEADER).ceil();
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{SANS}\">\n\
         <title>{}</title>\n",
        escape(&format!("The pipeline {header}"))
    );
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"16\" font-weight=\"600\" fill=\"{LINE}\">{}</text>",
        MARGIN + 13.0,
        escape(&header)
    );
    let _ = writeln!(out, "<g transform=\"translate({MARGIN} {})\">", MARGIN + HEADER);
    for (edge, way) in graph.edges.iter().zip(&layout.ways) {
        draw_edge(&mut out, &graph, &boxes, &layout, edge, way);
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        let left = layout.columns[node.column].0;
        draw_node(&mut out, node, left, layout.middles[at], &boxes[at]);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn draw_edge(
    out: &mut String,
    graph: &Graph,
    boxes: &[layout::Box],
    layout: &Layout,
    edge: &Edge,
    way: &[(usize, f64)],
) {
    let (from, to) = (&graph.nodes[edge.from], &graph.nodes[edge.to]);
    let (left, column_end) = layout.columns[from.column];
    let right = left + boxes[edge.from].width;
    let (over, mut y) = if edge.outcomes {
        (TAG_OVER, outcomes_height(layout.middles[edge.from], from.height()))
    } else {
        (0.0, layout.middles[edge.from])
    };
    // Straight out of the column first, since other boxes in it may be wider.
    let (start, mut x) = (right + over, column_end + over);
    let over = if to.when.is_some() { when_over() } else { 0.0 };
    let (end_x, end_y) = (layout.columns[to.column].0 - over, layout.middles[edge.to]);
    let mut path = format!("M{start:.1} {y:.1}H{x:.1}");
    let curve = |path: &mut String, x: f64, y: f64, next_x: f64, next_y: f64| {
        let middle = f64::midpoint(x, next_x);
        let _ = write!(path, "C{middle:.1} {y:.1} {middle:.1} {next_y:.1} {next_x:.1} {next_y:.1}");
    };
    for (column, height) in way {
        let (left, right) = layout.columns[*column];
        curve(&mut path, x, y, left, *height);
        let _ = write!(path, "H{right:.1}");
        (x, y) = (right, *height);
    }
    curve(&mut path, x, y, end_x - 6.0, end_y);
    let dash = if edge.outcomes { " stroke-dasharray=\"5 4\"" } else { "" };
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.6\"{dash}/>\
         <path d=\"M{end_x:.1} {end_y:.1}l-8 -4.5v9z\" fill=\"{LINE}\"/>"
    );
}

fn draw_node(out: &mut String, node: &Node, left: f64, middle: f64, area: &layout::Box) {
    let (width, height) = (area.width, area.height);
    let (right, top) = (left + width, middle - height / 2.0);
    let bottom = top + height;
    let (fill, border, word) = look(node.kind);
    let shape = format!("fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"1.4\"");
    let mut text_top = top;
    match node.kind {
        Kind::Bucket => {
            // A cylinder: its lid is an ellipse.
            let rim = width / 2.0;
            let (lid, base) = (top + LID, bottom - LID);
            let _ = writeln!(
                out,
                "<path d=\"M{left:.1} {lid:.1}V{base:.1}A{rim:.1} {LID} 0 0 0 {right:.1} {base:.1}V{lid:.1}\" {shape}/>\
                 <ellipse cx=\"{:.1}\" cy=\"{lid:.1}\" rx=\"{rim:.1}\" ry=\"{LID}\" {shape}/>",
                left + rim
            );
            text_top += 2.0 * LID - 1.0;
        }
        Kind::Stream => {
            // A band that flows to the right.
            let _ = writeln!(
                out,
                "<path d=\"M{left:.1} {top:.1}H{:.1}L{right:.1} {middle:.1}L{:.1} {bottom:.1}H{left:.1}L{:.1} {middle:.1}z\" \
                 stroke-linejoin=\"round\" {shape}/>",
                right - 10.0,
                right - 10.0,
                left + 10.0
            );
        }
        Kind::Endpoint => {
            // A flag: what comes in goes through its notch.
            let notch = left + 10.0;
            let _ = writeln!(
                out,
                "<path d=\"M{left:.1} {top:.1}H{right:.1}V{bottom:.1}H{left:.1}L{notch:.1} {middle:.1}z\" \
                 stroke-linejoin=\"round\" {shape}/>"
            );
        }
        Kind::Source | Kind::Stage => {
            let radius = if node.kind == Kind::Source { height / 2.0 } else { 7.0 };
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius:.1}\" {shape}/>"
            );
        }
    }
    let center = left + width / 2.0;
    let mut y = text_top + 15.0;
    let _ = writeln!(
        out,
        "<text x=\"{center:.1}\" y=\"{y:.1}\" font-size=\"9.5\" letter-spacing=\"0.6\" fill=\"{border}\" text-anchor=\"middle\">{word}</text>"
    );
    y += 17.0;
    let _ = writeln!(
        out,
        "<text x=\"{center:.1}\" y=\"{y:.1}\" font-size=\"{TITLE_SIZE}\" font-weight=\"600\" fill=\"{TEXT}\" text-anchor=\"middle\">{}</text>",
        escape(&node.title)
    );
    for (line, whole) in &node.lines {
        y += LINE_STEP;
        let whole =
            whole.as_ref().map(|whole| format!("<title>{}</title>", escape(whole))).unwrap_or_default();
        let _ = writeln!(
            out,
            "<text x=\"{center:.1}\" y=\"{y:.1}\" font-size=\"{LINE_SIZE}\" fill=\"{SOFT}\" text-anchor=\"middle\">{whole}{}</text>",
            escape(line)
        );
    }
    if let Some(pattern) = &node.when {
        tag(out, left - when_over(), middle, tag_width("when"), border, "when", Some(pattern));
    }
    if node.outcomes {
        let width = tag_width("outcomes");
        tag(out, right + TAG_OVER - width, outcomes_height(middle, height), width, border, "outcomes", None);
    }
}

/// How far the tag of a pattern stands out to the left.
fn when_over() -> f64 {
    tag_width("when") / 2.0
}

fn tag_width(text: &str) -> f64 {
    text.len() as f64 * TAG_SIZE * 0.6 + 12.0
}

/// The middle height of the tag of the port `outcomes`: on the lower edge of its box.
fn outcomes_height(middle: f64, height: f64) -> f64 {
    middle + height / 2.0
}

fn tag(
    out: &mut String,
    left: f64,
    middle: f64,
    width: f64,
    border: &str,
    text: &str,
    whole: Option<&String>,
) {
    let whole = whole.map(|whole| format!("<title>{}</title>", escape(whole))).unwrap_or_default();
    let _ = writeln!(
        out,
        "<g>{whole}<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{TAG_HEIGHT}\" rx=\"{:.1}\" fill=\"#ffffff\" stroke=\"{border}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{TAG_SIZE}\" fill=\"{TEXT}\" text-anchor=\"middle\">{text}</text></g>",
        middle - TAG_HEIGHT / 2.0,
        TAG_HEIGHT / 2.0,
        left + width / 2.0,
        middle + TAG_SIZE * 0.35
    );
}

/// Text as XML takes it, in content and in attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What XML 1.0 cannot hold, and what turns the direction of a line.
            c if c.is_control()
                || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}

/// The pipeline as a Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    let graph = Graph::of(plan);
    let mut out = String::from("flowchart LR\n");
    for (at, node) in graph.nodes.iter().enumerate() {
        let mut label = mermaid_text(&node.title);
        for (line, whole) in &node.lines {
            let _ = write!(label, "<br/>{}", mermaid_text(whole.as_ref().unwrap_or(line)));
        }
        let (open, close) = match node.kind {
            Kind::Bucket => ("[(", ")]"),
            Kind::Stream => (">", "]"),
            Kind::Endpoint => ("{{", "}}"),
            Kind::Source => ("([", "])"),
            Kind::Stage => ("[", "]"),
        };
        let _ = writeln!(out, "  n{at}{open}\"{label}\"{close}");
    }
    for Edge { from, to, outcomes } in &graph.edges {
        let when = graph.nodes[*to].when.is_some();
        let label = match (*outcomes, when) {
            (true, true) => "|outcomes, when|",
            (true, false) => "|outcomes|",
            (false, true) => "|when|",
            (false, false) => "",
        };
        let arrow = if *outcomes { "-.->" } else { "-->" };
        let _ = writeln!(out, "  n{from} {arrow}{label} n{to}");
    }
    for kind in [Kind::Bucket, Kind::Stream, Kind::Endpoint, Kind::Source, Kind::Stage] {
        let of_kind: Vec<String> = graph
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.kind == kind)
            .map(|(at, _)| format!("n{at}"))
            .collect();
        if !of_kind.is_empty() {
            let (fill, border, word) = look(kind);
            let _ = writeln!(out, "  classDef {word} fill:{fill},stroke:{border},color:{TEXT}");
            let _ = writeln!(out, "  class {} {word}", of_kind.join(","));
        }
    }
    out
}

/// Text inside the quotes of a Mermaid label: what is not plain becomes an entity.
fn mermaid_text(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_alphanumeric()
            || matches!(c, ' ' | '-' | '_' | '.' | '/' | '·' | '…' | '→' | ':' | ',' | '+' | '=')
        {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
        out
    })
}
