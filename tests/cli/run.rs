//! `run`, `dead` and `status` over photos.

use crate::context::{Context, sample};

/// A new pipeline with a good photo in it.
fn photos() -> Context {
    let context = Context::new();
    context.run(&["new", "pipeline", "photos"]);
    std::fs::remove_file(context.path("photos/buckets/uploads/incoming/.gitkeep")).unwrap();
    context.write("photos/buckets/uploads/incoming/cat.png", sample("cats/chelsea.png"));
    context
}

#[test]
fn twice_does_nothing_and_says_so() {
    let context = photos();
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  1  0  0  0  241 kB  33.5 kB  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    photos: 1 done in [TIME] ([RATE])
    ");
    for name in ["small.webp", "large.jpg", "info.json"] {
        assert!(context.path(&format!("photos/buckets/media/incoming/cat.png/{name}")).is_file(), "{name}");
    }
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stderr -----
    nothing to do: 1 object is as before
    hint: to do them again, remove photos/.tidemill and run again
    ");
    context.write("photos/buckets/uploads/incoming/a note", "hello");
    insta::assert_snapshot!(context.run(&["run", "photos/pipeline.yaml"]), @"
    $ tidemill run photos/pipeline.yaml
    exit code: 0
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  0  1  0  0  0 B  0 B  [TIME]  [TIME]  0
    ----- stderr -----
    photos: 0 done, 1 skipped, 1 unchanged in [TIME] ([RATE])
    ");
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stderr -----
    nothing to do: 2 objects are as before
    hint: to do them again, remove photos/.tidemill and run again
    ");
    // What the hint says is true.
    std::fs::remove_dir_all(context.path("photos/.tidemill")).unwrap();
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  1  1  0  0  241 kB  33.5 kB  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    photos: 1 done, 1 skipped in [TIME] ([RATE])
    ");
}

#[test]
fn nothing_there() {
    let context = photos();
    std::fs::remove_file(context.path("photos/buckets/uploads/incoming/cat.png")).unwrap();
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stderr -----
    nothing to do: no source has an object
    hint: put files below photos/buckets/uploads/incoming/, or say where a bucket is with --bucket NAME=DIR
    ");
}

#[test]
fn buckets() {
    let context = photos();
    std::fs::create_dir_all(context.path("elsewhere/incoming")).unwrap();
    std::fs::write(context.path("elsewhere/incoming/a.png"), sample("cats/chelsea.png")).unwrap();
    let run = |more: &[&str]| context.run(&[&["run", "photos"], more].concat());
    insta::assert_snapshot!(run(&["--bucket", "uploads=missing"]), @"
    $ tidemill run photos --bucket uploads=missing
    exit code: 2
    ----- stderr -----
    error: the bucket `uploads` should be the folder missing, which is not there
    hint: make it with `mkdir -p missing`, or name another folder with `--bucket uploads=DIR`
    ");
    insta::assert_snapshot!(run(&["--bucket", "uplaods=elsewhere"]), @"
    $ tidemill run photos --bucket uplaods=elsewhere
    exit code: 2
    ----- stderr -----
    error: the pipeline has no bucket `uplaods`
    hint: the pipeline's buckets are media, uploads
    ");
    insta::assert_snapshot!(run(&["--bucket", "uploads=elsewhere", "--bucket", "uploads=photos"]), @"
    $ tidemill run photos --bucket uploads=elsewhere --bucket uploads=photos
    exit code: 2
    ----- stderr -----
    error: --bucket names `uploads` twice
    hint: give each bucket one folder
    ");
    insta::assert_snapshot!(run(&["--bucket", "uploads=elsewhere", "--bucket", "media=out", "--state", "books"]), @"
    $ tidemill run photos --bucket uploads=elsewhere --bucket media=out --state books
    exit code: 2
    ----- stderr -----
    error: the bucket `media` should be the folder out, which is not there
    hint: make it with `mkdir -p out`, or name another folder with `--bucket media=DIR`
    ");
    std::fs::remove_dir_all(context.path("photos/buckets/uploads")).unwrap();
    insta::assert_snapshot!(run(&[]), @"
    $ tidemill run photos
    exit code: 2
    ----- stderr -----
    error: the bucket `uploads` should be the folder photos/buckets/uploads, which is not there
    hint: make it with `mkdir -p photos/buckets/uploads`, or name another folder with `--bucket uploads=DIR`
    ");
}

#[test]
fn a_bad_photo_beside_a_good_one() {
    let context = photos();
    let good = sample("cats/chelsea.png");
    let bad = "photos/buckets/uploads/incoming/half.png";
    context.write(bad, &good[..good.len() / 2]);
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 1
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  1  0  0  1  361 kB  33.5 kB  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    photos: 1 done, 1 dead in [TIME] ([RATE])
    dead: renditions: uploads/incoming/half.png: broken PNG: the file ends before the picture does
    hint: `tidemill dead list photos` shows what was given up
    hint: `tidemill dead retry photos --all` has it tried again
    ");
    assert!(
        context.path("photos/buckets/media/incoming/cat.png/small.webp").is_file(),
        "its neighbour is done"
    );
    assert!(!context.path("photos/buckets/media/incoming/half.png").exists());
    insta::assert_snapshot!(context.run(&["dead", "list", "photos"]), @"
    $ tidemill dead list photos
    exit code: 0
    ----- stdout -----
    id  stage  subject  attempts  time  reason
    [ID]  renditions  uploads/incoming/half.png  1  [WHEN]  broken PNG: the file ends before the picture does
    ");
    insta::assert_snapshot!(context.run(&["status", "photos"]), @"
    $ tidemill status photos
    exit code: 0
    ----- stdout -----
    photos: not running

    stage  waiting  delayed  oldest  dead  done  skipped  superseded
    renditions  0  0  -  1  1  0  0
    ----- stderr -----
    hint: `tidemill dead list photos` shows the dead letters
    ");
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stderr -----
    nothing to do: 2 objects are as before
    hint: to do them again, remove photos/.tidemill and run again
    1 dead letter from before
    hint: `tidemill dead list photos` shows what was given up
    hint: `tidemill dead retry photos --all` has it tried again
    ");

    let list: serde_json::Value =
        serde_json::from_slice(&context.stdout(&["dead", "list", "photos", "--json"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["subject"], "uploads/incoming/half.png");
    let id = list[0]["id"].as_str().unwrap();
    let shown = String::from_utf8(context.stdout(&["dead", "show", "photos", &id[..4]])).unwrap();
    assert!(shown.contains(id) && shown.contains("\"tidemill.object.created\""), "{shown}");

    // Tried again as it is, it is given up again.
    insta::assert_snapshot!(context.run(&["dead", "retry", "photos", "--all"]), @"
    $ tidemill dead retry photos --all
    exit code: 0
    ----- stderr -----
    1 dead letter will be tried again
    hint: `tidemill run photos` does it
    ");
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 1
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  0  0  0  1  120 kB  0 B  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    photos: 0 done, 1 dead, 1 resumed, 1 unchanged in [TIME] ([RATE])
    dead: renditions: uploads/incoming/half.png: broken PNG: the file ends before the picture does
    hint: `tidemill dead list photos` shows what was given up
    hint: `tidemill dead retry photos --all` has it tried again
    ");
    // Mended, it is a new version of its key, and done.
    context.write(bad, &good);
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 0
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  1  0  0  0  241 kB  33.5 kB  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    photos: 1 done, 1 unchanged in [TIME] ([RATE])
    ");
    insta::assert_snapshot!(context.run(&["dead", "drop", "photos", "--all"]), @"
    $ tidemill dead drop photos --all
    exit code: 0
    ----- stderr -----
    no dead letters
    ");
    insta::assert_snapshot!(context.run(&["dead", "list", "photos"]), @"
    $ tidemill dead list photos
    exit code: 0
    ----- stderr -----
    no dead letters
    ");
}

#[test]
fn dead_refusals() {
    let context = photos();
    insta::assert_snapshot!(context.run(&["dead", "list", "photos"]), @"
    $ tidemill dead list photos
    exit code: 2
    ----- stderr -----
    error: the pipeline has not run yet: there is no photos/.tidemill
    hint: run the pipeline first: `tidemill run photos`
    ");
    insta::assert_snapshot!(context.run(&["status", "photos", "--state", "no where"]), @"
    $ tidemill status photos --state no where
    exit code: 2
    ----- stderr -----
    error: the pipeline has not run yet: there is no no where
    hint: run the pipeline first: `tidemill run photos`
    ");
    context.run(&["run", "photos"]);
    insta::assert_snapshot!(context.run(&["dead", "list", "photos"]), @"
    $ tidemill dead list photos
    exit code: 0
    ----- stderr -----
    no dead letters
    ");
    insta::assert_snapshot!(context.run(&["dead", "show", "photos", "3f2a"]), @"
    $ tidemill dead show photos 3f2a
    exit code: 2
    ----- stderr -----
    error: no dead letter has the id `3f2a`
    hint: `tidemill dead list photos` shows the ids
    ");
    insta::assert_snapshot!(context.run(&["dead", "retry", "photos", "--all"]), @"
    $ tidemill dead retry photos --all
    exit code: 0
    ----- stderr -----
    no dead letters
    ");
    insta::assert_snapshot!(context.run(&["dead", "drop", "photos", "--all", "--json"]), @r#"
    $ tidemill dead drop photos --all --json
    exit code: 0
    ----- stdout -----
    {"dropped":0}
    "#);
}

#[test]
fn json_is_the_last_line() {
    let context = photos();
    context.write("photos/buckets/uploads/incoming/bad.jpg", "hello");
    let output = context.command(&["run", "photos", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let figure = |name: &str| summary["stages"][0][name].as_u64().unwrap();
    assert_eq!(summary["pipeline"], "photos");
    let ended = figure("done") + figure("skipped") + figure("superseded") + figure("dead");
    assert_eq!(summary["found"]["uploads"].as_u64(), Some(ended), "{summary}");
    assert_eq!((figure("done"), figure("dead")), (1, 1));
    // Nothing to do is a summary too.
    let text = String::from_utf8(context.stdout(&["run", "photos", "--json"])).unwrap();
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(summary["unchanged"], 2, "{summary}");
}

/// `--watch` until Ctrl-C; meanwhile a second run is told who holds the pipeline.
#[cfg(unix)]
#[test]
fn watching_and_interrupted() {
    use std::io::{BufRead, BufReader, Read};
    let context = photos();
    let mut child = context.command(&["run", "photos", "--watch"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut until = |expected: &str| {
        let mut line = String::new();
        while line.trim_end() != expected {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended before it said: {expected}");
        }
    };
    until("1 of 1 done; waiting for changes");
    let said = context.run(&["run", "photos"]).replace(&child.id().to_string(), "[PID]");
    insta::assert_snapshot!(said, @"
    $ tidemill run photos
    exit code: 1
    ----- stderr -----
    error: process [PID] is running this pipeline (it holds photos/.tidemill)
    hint: wait until it ends, or stop it; `tidemill status` works meanwhile
    ");
    let said = context.run(&["status", "photos"]).replace(&child.id().to_string(), "[PID]");
    insta::assert_snapshot!(said, @"
    $ tidemill status photos
    exit code: 0
    ----- stdout -----
    photos: process [PID] runs it

    stage  waiting  delayed  oldest  dead  done  skipped  superseded
    renditions  0  0  -  0  1  0  0
    ");
    context.write("photos/buckets/uploads/incoming/bad.png", "hello");
    until(
        "dead: renditions: incoming/bad.png: claims to be .png, but its bytes are no image that is known here",
    );
    until("1 of 2 done, 1 dead; waiting for changes");
    let interrupt =
        std::process::Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(interrupt.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = rest.into_bytes();
    insta::assert_snapshot!(context.said(&["run", "photos", "--watch"], &output), @"
    $ tidemill run photos --watch
    exit code: 130
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    renditions  1  0  0  1  241 kB  33.5 kB  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    stopping: what is under way ends or is left for the next run; Ctrl-C again stops at once
    photos: 1 done, 1 dead in [TIME] ([RATE])
    dead: renditions: uploads/incoming/bad.png: claims to be .png, but its bytes are no image that is known here
    hint: `tidemill dead list photos` shows what was given up
    hint: `tidemill dead retry photos --all` has it tried again
    ");
}
