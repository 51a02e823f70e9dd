//! `synth`: the templates of the shipped pipelines, whole.

use std::path::Path;

use crate::context::Context;

/// Every shipped pipeline, in the environment that its README deploys.
#[test]
fn templates_of_shipped_pipelines() {
    let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut names: Vec<_> =
        std::fs::read_dir(&pipelines).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let context = Context::new();
        let folder = pipelines.join(&name);
        context.stdout(&["synth", folder.to_str().unwrap(), "--env", "test", "--out", "out"]);
        for file in ["data", "compute"] {
            let text = String::from_utf8(context.read(&format!("out/{file}.template.json"))).unwrap();
            insta::assert_snapshot!(format!("synth-{}-{file}", name.to_str().unwrap()), text);
        }
    }
}

#[test]
fn says_what_aws_would_refuse() {
    let manifest = |prefix: &str| {
        format!(
            "version: 1\nname: photos\nsources:\n  uploads: {{ type: s3, bucket: uploads, prefix: \"{prefix}\" }}\n\
             stages:\n  small:\n    type: image\n    inputs: [uploads]\n    output: {{ bucket: media, key: \
             \"{{key}}/{{rendition}}.{{ext}}\" }}\n    renditions: [{{ name: a, format: jpeg, width: 10 }}]\n    \
             timeout: 15m\n"
        )
    };
    let context = Context::new();
    context.write("photos/pipeline.yaml", manifest("日本/"));
    insta::assert_snapshot!(
        "synth-refuses",
        context.run(&["synth", "photos", "--env", "te_st", "--out", "out"])
    );
    assert!(!context.path("out").exists(), "nothing is written");
}

#[test]
fn prints_paths_as_json() {
    let context = Context::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/visits-by-country");
    let out = context.run(&["synth", folder.to_str().unwrap(), "--env", "test", "--out", "out", "--json"]);
    let line = out.lines().find(|line| line.starts_with('{')).unwrap();
    let paths: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(paths["data"], "out/data.template.json");
}

#[test]
fn build_says_what_is_missing() {
    let context = Context::new();
    context.write("ready/other", "");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/visits-by-country");
    let said = context.run(&["build", folder.to_str().unwrap(), "--zips", "ready"]);
    assert!(said.contains("exit code: 1") && said.contains("holds no function `count`"), "{said}");
    assert!(said.contains("hint: put its binary for x86_64 there"), "{said}");
}

/// Nothing is asked of AWS before the manifest is right, and a question that nobody can answer is not asked.
#[test]
fn deploy_refuses_before_it_asks() {
    let context = Context::new();
    context.write("photos/pipeline.yaml", "version: 1\n");
    let said = context.run(&["deploy", "photos", "--env", "test"]);
    assert!(said.contains("exit code: 2"), "{said}");
}
