//! The small commands: `new`, `schema`, `graph`, `completions`, `man`; and a reader who leaves early.

use crate::context::Context;

#[test]
fn new_pipeline() {
    let context = Context::new();
    insta::assert_snapshot!(context.run(&["new", "pipeline", "pipelines/photos"]), @"
    $ tidemill new pipeline pipelines/photos
    exit code: 0
    ----- stderr -----
    made pipelines/photos
    hint: put photos below pipelines/photos/buckets/uploads/incoming, then type `tidemill run pipelines/photos`
    ");
    insta::assert_snapshot!(context.run(&["new", "pipeline", "pipelines/photos"]), @"
    $ tidemill new pipeline pipelines/photos
    exit code: 2
    ----- stderr -----
    error: `pipelines/photos` is there already
    hint: choose another name, or remove it
    ");
    insta::assert_snapshot!(context.run(&["new", "pipeline", "My Photos"]), @"
    $ tidemill new pipeline My Photos
    exit code: 2
    ----- stderr -----
    error: `My Photos` is no name for a pipeline
    hint: it begins with a letter and has 1 to 40 of the characters `a` to `z`, `0` to `9` and `-`
    ");
    insta::assert_snapshot!(context.run(&["new", "pipeline", ".."]), @"
    $ tidemill new pipeline ..
    exit code: 2
    ----- stderr -----
    error: `..` is no name for a pipeline
    hint: give it a value, or remove the key
    ");
    insta::assert_snapshot!(context.run(&["new", "pipeline", "photos #1"]), @"
    $ tidemill new pipeline photos #1
    exit code: 2
    ----- stderr -----
    error: `photos #1` is no name for a pipeline
    hint: use lower-case letters, digits and dashes, such as `photos`
    ");
    assert!(!context.path("My Photos").exists());
    insta::assert_snapshot!(context.run(&["check", "pipelines/photos"]), @"
    $ tidemill check pipelines/photos
    exit code: 0
    ----- stdout -----
    ok: photos with 1 source and 1 stage
    ");
    let readme = String::from_utf8(context.read("pipelines/photos/README.md")).unwrap();
    assert!(readme.starts_with("# photos\n"), "{readme}");
    assert!(context.path("pipelines/photos/buckets/uploads/incoming/.gitkeep").is_file());
}

#[test]
fn schema() {
    let context = Context::new();
    let schema: serde_json::Value = serde_json::from_slice(&context.stdout(&["schema"])).unwrap();
    assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"), "{schema}");
    let text = schema.to_string();
    for word in ["\"image\"", "\"count\"", "renditions", "megapixels"] {
        assert!(text.contains(word), "the schema does not speak of {word}");
    }
}

#[test]
fn graph() {
    let context = Context::new();
    context.run(&["new", "pipeline", "photos"]);
    let svg = String::from_utf8(context.stdout(&["graph", "photos"])).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("renditions"));
    let mermaid = String::from_utf8(context.stdout(&["graph", "photos", "--format", "mermaid"])).unwrap();
    assert!(mermaid.contains("flowchart") && mermaid.contains("renditions"), "{mermaid}");
    insta::assert_snapshot!(context.run(&["graph", "photos", "--output", "photos.mmd"]), @"
    $ tidemill graph photos --output photos.mmd
    exit code: 0
    ----- stderr -----
    wrote photos.mmd
    ");
    assert_eq!(context.read("photos.mmd"), mermaid.as_bytes());
    insta::assert_snapshot!(context.run(&["graph", "photos", "--output", "photos"]), @"
    $ tidemill graph photos --output photos
    exit code: 1
    ----- stderr -----
    error: cannot write `photos`: it is a folder
    hint: name another file
    ");
}

#[test]
fn completions() {
    let context = Context::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = String::from_utf8(context.stdout(&["completions", shell])).unwrap();
        assert!(text.contains("tidemill") && text.contains("watch"), "{shell}");
    }
}

#[test]
fn man() {
    let context = Context::new();
    let page = String::from_utf8(context.stdout(&["man"])).unwrap();
    assert!(page.contains(".TH tidemill 1"), "{page}");
    insta::assert_snapshot!(context.run(&["man", "share/man1"]), @"
    $ tidemill man share/man1
    exit code: 0
    ----- stderr -----
    wrote 30 pages into share/man1
    ");
    let page = String::from_utf8(context.read("share/man1/tidemill-dead-retry.1")).unwrap();
    assert!(page.contains("tidemill dead retry") && page.contains(".SH EXAMPLES"), "{page}");
}

/// `tidemill schema | head -1` ends quietly.
#[test]
fn a_reader_may_leave_early() {
    let context = Context::new();
    for arguments in [&["schema"][..], &["completions", "zsh"], &["--help"]] {
        let mut child = context.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", context.said(arguments, &output));
    }
}

/// What cannot be written is said.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout() {
    let context = Context::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = context.command(&["schema"]).stdout(full).output().unwrap();
    insta::assert_snapshot!(context.said(&["schema"], &output), @"
    $ tidemill schema
    exit code: 1
    ----- stderr -----
    error: cannot write to standard output: no space is left
    hint: see that what it is sent to takes it, such as a disk with space left
    ");
}
