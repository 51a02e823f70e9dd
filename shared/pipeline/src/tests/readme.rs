//! The tables of the README are those of the types. With `BLESS=1` they are written anew.

use std::fmt::Write;

use tidemill_core::Limits;

use crate::element::{Key, attempts, aws, duration, http, lambda, manifest, output, source, stage, vpc};

fn table(keys: &[&Key]) -> String {
    let mut out = String::from("| key | takes | default | |\n|---|---|---|---|\n");
    for key in keys {
        let default = match (key.required, key.default) {
            (true, _) => "required",
            (false, "") => "none",
            (false, default) => default,
        };
        let _ = writeln!(out, "| `{}` | {} | {default} | {} |", key.name, key.takes, key.about);
    }
    out
}

#[test]
fn the_tables_are_those_of_the_types() {
    let all = |keys: &'static [Key]| keys.iter().collect::<Vec<_>>();
    let sources: Vec<&Key> =
        source::S3_KEYS.iter().chain(&source::KINESIS_KEYS[1..]).chain(&http::KEYS[1..]).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let mut text = std::fs::read_to_string(path).unwrap();
    let before = text.clone();
    for (name, keys) in [
        ("manifest", all(manifest::KEYS)),
        ("sources", sources),
        ("stages", all(stage::KEYS)),
        ("output", all(output::KEYS)),
        ("lambda", all(lambda::KEYS)),
        ("aws", all(aws::KEYS)),
        ("vpc", all(vpc::KEYS)),
    ] {
        let (open, close) = (format!("<!-- keys: {name} -->\n"), "<!-- end -->");
        let start = text.find(&open).unwrap_or_else(|| panic!("no table {name}")) + open.len();
        let end = start + text[start..].find(close).unwrap();
        text.replace_range(start..end, &table(&keys));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, before, "README.md differs from the types; BLESS=1 writes it anew");
}

/// What is written by hand in the tables is what the code says.
#[test]
fn ranges_and_defaults_are_those_of_the_code() {
    let key = |name: &str| stage::KEYS.iter().find(|key| key.name == name).unwrap();
    let range = &attempts::RANGE;
    assert_eq!(key("attempts").takes, format!("a whole number from {} to {}", range.start(), range.end()));
    assert_eq!(key("attempts").default, format!("`{}`", attempts::DEFAULT));
    let shown = |at: &std::time::Duration| duration::show(*at);
    let range = duration::TIMEOUT;
    assert_eq!(
        key("timeout").takes,
        format!("a duration from `{}` to `{}`", shown(range.start()), shown(range.end()))
    );
    let default = key("timeout").default.trim_matches('`');
    assert_eq!(duration::parse(default), Some(duration::DEFAULT_TIMEOUT));
    let Limits { megabytes, megapixels, frames, output_megabytes } = Limits::default();
    assert_eq!(key("limits").takes, "`{ megabytes, megapixels, frames, output_megabytes }`");
    assert_eq!(
        key("limits").default,
        format!("`{megabytes}`, `{megapixels}`, `{frames}`, `{output_megabytes}`")
    );
}
