//! Manifests from hell: an answer, soon, and never a panic.

use std::fmt::Write;

use proptest::prelude::*;

use super::{HEAD, parse};
use crate::limits::{MAX_BYTES, MAX_FINDINGS};

/// Enough for anything quadratic to be felt.
const LARGE: usize = MAX_BYTES / 4;

/// Says something about a text, and renders it. Time is not measured: a text that takes long shows in the test run.
fn survive(text: &str) -> Option<String> {
    let diagnostics = parse(text).err()?;
    for one in &diagnostics {
        assert!(one.span.start <= one.span.end && one.span.end <= diagnostics.text().len());
        assert!(diagnostics.text().is_char_boundary(one.span.start), "{one:?}");
        assert!(diagnostics.text().is_char_boundary(one.span.end), "{one:?}");
        assert!(!diagnostics.text()[one.span.clone()].contains('\n'), "{one:?}");
        assert!(one.line >= 1 && one.column >= 1);
        assert!(!one.message.is_empty() && !one.message.ends_with('.'), "{one:?}");
    }
    let rendered = diagnostics.to_string();
    assert!(!rendered.contains('\u{1b}'), "no terminal escapes");
    assert!(diagnostics.render(true).contains('\u{1b}'));
    Some(rendered)
}

#[track_caller]
fn refused(text: &str, part: &str) {
    let started = std::time::Instant::now();
    let said = survive(text).expect("refused");
    eprintln!(
        "{:?} for {} bytes: {}",
        started.elapsed(),
        text.len(),
        said.lines().next().unwrap_or_default()
    );
    assert!(said.contains(part), "{}", said.chars().take(2_000).collect::<String>());
}

#[test]
fn depth() {
    for (open, part) in
        [("[", "nested too deeply"), ("{a: ", "nested too deeply"), ("- ", "nested too deeply")]
    {
        refused(&open.repeat(100_000), part);
    }
    let mut indented = String::new();
    for level in 0..1_000 {
        let _ = writeln!(indented, "{}a:", " ".repeat(level));
    }
    refused(&indented, "nested too deeply");
}

#[test]
fn size() {
    refused(&"a".repeat(MAX_BYTES + 1), "at most 1048576 are read");
    refused(&"a".repeat(MAX_BYTES), "must be a map");
    refused(&format!("name: {}", "a".repeat(MAX_BYTES - 100)), "is no name for a pipeline");
    refused(&format!("\"{}", "a\n".repeat(LARGE / 2 - 100)), "not valid YAML");
    refused(&format!("a: \"{}", "\\n".repeat(LARGE / 2 - 100)), "not valid YAML");
    refused(&"# \n".repeat(LARGE / 3), "is empty");
    refused(&"\n".repeat(LARGE), "is empty");
    refused(&format!("a:{}b", " ".repeat(LARGE - 10)), "unknown key `a`");
    refused(&"? ".repeat(LARGE / 2), "");
    refused(&"- ".repeat(LARGE / 2), "nested too deeply");
    refused(&"&a ".repeat(LARGE / 3), "");
    refused(&"!a ".repeat(LARGE / 3), "");
    refused(&"a: |\n".repeat(LARGE / 6), "");
    refused(&"[a, ".repeat(LARGE / 4), "");
    refused(&format!("[{}", "a,".repeat(LARGE / 2 - 10)), "");
    refused(&format!("[{}]", "a: b,".repeat(LARGE / 5 - 10)), "must be a map");
    refused(&"ä: ü\n".repeat(LARGE / 7), "given twice");
    refused(&"---\n".repeat(LARGE / 4), "");
    refused(&"%YAML 1.2\n".repeat(LARGE / 10), "");
}

fn many(count: usize, line: &dyn Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn numbers_of_things() {
    refused(&many(20_000, &|at| format!("key{at}: {at}\n")), "more");
    let stages = many(5_000, &|at| format!("  s{at}: {{ type: copy, inputs: [uploads] }}\n"));
    refused(&format!("{HEAD}stages:\n{stages}"), "at most 128 are taken");
    let stages = many(128, &|at| {
        format!(
            "  s{at}: {{ type: copy, inputs: [uploads], output: {{ bucket: media, key: \"{{key}}{at}\" }} }}\n"
        )
    });
    refused(&format!("{HEAD}stages:\n{stages}"), "could make the same key");
    let inputs = many(20_000, &|at| format!("x{at}, "));
    refused(&format!("{HEAD}stages: {{ a: {{ type: copy, inputs: [{inputs}] }} }}\n"), "at most 64");
    let keys = many(20_000, &|at| format!("    key{at}: {at}\n"));
    refused(&format!("{HEAD}stages:\n  a:\n    type: copy\n    inputs: [uploads]\n{keys}"), "more");
    let copies = many(20, &|at| format!("{{ name: {} }}, ", "a".repeat(at + 1)));
    let output = "output: { bucket: media, key: \"{key}/{rendition}\" }";
    let stages = many(100, &|at| {
        format!("  s{at}: {{ type: copy, inputs: [uploads], {output}, copies: [{copies}] }}\n")
    });
    let environments =
        many(32, &|at| format!("  e{at}: {{ sources: {{ uploads: {{ prefix: \"{at}/\" }} }} }}\n"));
    refused(&format!("{HEAD}stages:\n{stages}environments:\n{environments}"), "could make the same key");
    let environments = many(1_000, &|at| format!("  e{at}: {{}}\n"));
    refused(
        &format!("{HEAD}stages: {{ a: {{ type: copy, inputs: [uploads] }} }}\nenvironments:\n{environments}"),
        "at most 32",
    );
    // A ring through every stage, and every stage taking from every other.
    let ring = many(128, &|at| format!("  s{at}: {{ type: copy, inputs: [s{}] }}\n", (at + 1) % 128));
    refused(&format!("{HEAD}stages:\n{ring}"), "go round in a ring");
    let all = many(64, &|at| format!("s{at}, "));
    let web = many(64, &|at| format!("  s{at}: {{ type: copy, inputs: [{all}] }}\n"));
    refused(&format!("{HEAD}stages:\n{web}"), "takes its own items");
}

#[test]
fn big_overrides() {
    let keys = many(20_000, &|at| format!("k{at}: 1, "));
    let text = format!(
        "{HEAD}stages: {{ a: {{ type: copy, inputs: [uploads], when: {{ data: {{ {keys} }} }} }} }}\n\
         environments: {{ prod: {{ stages: {{ a: {{ when: {{ data: {{ {keys} }} }} }} }} }} }}\n"
    );
    refused(&text, "bad event pattern");
}

#[test]
fn findings_are_bounded() {
    let text = many(5_000, &|at| format!("key{at}: {at}\n"));
    let diagnostics = parse(&text).unwrap_err();
    assert_eq!(diagnostics.iter().count(), MAX_FINDINGS);
    // Every unknown key, and the four that are missing.
    assert_eq!(diagnostics.len(), 5_004);
    assert!(diagnostics.to_string().ends_with("error: and 4504 more"));
}

#[test]
fn control_characters_are_refused_and_never_shown() {
    refused("name: \u{1b}[31mred", "the character U+001B may not stand in a manifest");
    refused("na\0me: x", "U+0000");
    refused("name: a\u{feff}", "U+FEFF");
    // Escapes make them again.
    refused("name: \"\\e[31mred\"", "`\\u{1b}[31mred` is no name");
    refused("\"\\e[31m\": 1", "unknown key `\\u{1b}[31m`");
    refused("name: \"\u{202e}drawkcab\"", "is no name");
}

#[test]
fn wide_characters_and_tabs_are_underlined_where_they_stand() {
    let said = survive("日本語: 1\n名前: [\"ü\", 3]\n").unwrap();
    assert!(said.contains(" --> pipeline.yaml:2:1\n  |\n2 | 名前: [\"ü\", 3]\n  | ^^^^\n"), "{said}");
    let said = survive("{version: 1,\tname: X}\n").unwrap();
    assert!(said.contains("1 | {version: 1,    name: X}\n  |                       ^\n"), "{said}");
}

/// Pieces that manifests are made of, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "version: 1\n", "name: x\n", "sources:\n", "stages:\n", "  a:\n", "  b:\n", "    type: copy\n",
            "    type: s3\n", "    inputs: [a, b.outcomes]\n", "    output: { bucket: media, key: \"{key}\" }\n",
            "    bucket: uploads\n", "    prefix: in/\n", "    when: { data: { key: [{ prefix: a }] } }\n",
            "    copies: [{ name: a }]\n", "environments:\n", "  prod: { stages: { a: { level: 3 } } }\n",
            "- ", "? ", ": ", "{", "}", "[", "]", ",", "\"", "'", "|", ">", "&a ", "*a ", "!t ", "#", "\n", "\t", " ",
            "  ", "%", "---\n", "...\n", "<<: ", "~", "\u{feff}", "\r\n", "\r", "\u{85}", "\u{2028}", "日本", "\\", "@", "`",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => any::<char>().prop_map(|c| c.to_string()),
    ]
}

const RIGHT: &str = "version: 1
name: media
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
  clicks: { type: kinesis, stream: clicks }
stages:
  small:
    type: copy
    inputs: [uploads]
    output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }
    copies:
      - { name: ä, ext: \"b\" }
    when: { data: { key: [{ suffix: .jpg }] } }
    limits: { megapixels: 50 }
    lambda: { memory: 1769, timeout: 30s }
  count: { type: tally, inputs: [clicks], by: x }
  trail: { type: copy, inputs: [small.outcomes, small] }
environments:
  prod: { stages: { small: { lambda: { memory: 3008 } } } }
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        survive(&text);
    }

    #[test]
    fn pieces_of_manifests_get_an_answer(pieces in prop::collection::vec(piece(), 0..60)) {
        survive(&pieces.concat());
    }

    #[test]
    fn a_mutated_manifest_gets_an_answer(
        cuts in prop::collection::vec((0usize..1_000, 0usize..12, piece()), 1..6),
    ) {
        let mut text = RIGHT.to_owned();
        for (at, length, piece) in cuts {
            let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (start, end) = (boundary(at), boundary(at + length));
            text.replace_range(start..end, &piece);
        }
        survive(&text);
    }

    #[test]
    fn whatever_is_planned_holds_together(lines in prop::sample::subsequence(RIGHT.lines().collect::<Vec<_>>(), 8..20)) {
        if let Ok(plan) = parse(&lines.join("\n")) {
            for (at, stage) in plan.stages.iter().enumerate() {
                for input in &stage.plan.inputs {
                    let before = plan.stages[..at].iter().any(|above| above.plan.name == input.name());
                    prop_assert!(before || plan.source(input.name()).is_some());
                }
            }
        }
    }
}
