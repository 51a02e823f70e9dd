//! Every bad image that the function's own tests know, through a run: a dead letter with its reason, and the
//! neighbour is done.

use std::fmt::Write;
use std::path::Path;

use crate::context::{Context, sample};

#[test]
fn each_bad_image_is_a_dead_letter_with_its_reason() {
    let context = Context::new();
    context.stdout(&["new", "pipeline", "photos"]);
    let incoming = "photos/buckets/uploads/incoming";
    std::fs::remove_file(context.path(&format!("{incoming}/.gitkeep"))).unwrap();
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions/image/tests/data/bad");
    let mut count = 0;
    for entry in std::fs::read_dir(bad).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        context.write(&format!("{incoming}/{name}"), std::fs::read(&path).unwrap());
        count += 1;
    }
    context.write(&format!("{incoming}/good.png"), sample("cats/chelsea.png"));

    let output = context.command(&["run", "photos", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stdout).unwrap();
    let summary: serde_json::Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    let figure = |name: &str| summary["stages"][0][name].as_u64().unwrap();
    assert_eq!(figure("done") + figure("skipped") + figure("superseded") + figure("dead"), count + 1);
    assert!(context.path("photos/buckets/media/incoming/good.png/small.webp").is_file());

    let list: serde_json::Value =
        serde_json::from_slice(&context.stdout(&["dead", "list", "photos", "--json"])).unwrap();
    let text = |entry: &serde_json::Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let mut letters: Vec<(String, String)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (text(entry, "subject"), text(entry, "reason")))
        .collect();
    letters.sort();
    let mut told = String::new();
    for (subject, reason) in letters {
        let _ = writeln!(told, "{}: {reason}", subject.rsplit('/').next().unwrap());
    }
    insta::assert_snapshot!(told);
}
