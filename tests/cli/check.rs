//! `check`: every refusal, and the way to the manifest.

use std::path::Path;

use crate::context::Context;

/// One manifest per refusal, each with a snapshot of its name.
#[test]
fn refusals() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/manifests");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        let context = Context::new();
        context.write("photos/pipeline.yaml", std::fs::read(folder.join(&name)).unwrap());
        let said = context.run(&["check", "photos"]);
        assert!(said.contains("exit code: 2\n----- stderr -----\nerror: "), "{name}: {said}");
        insta::assert_snapshot!(format!("check-{}", name.trim_end_matches(".yaml")), said);
    }
}

/// What is refused by `check` is refused by every command that reads a manifest.
#[test]
fn every_command_refuses() {
    let context = Context::new();
    context.write("photos/pipeline.yaml", "version: 1\n");
    for command in ["check", "run", "graph"] {
        let said = context.run(&[command, "photos"]);
        assert!(said.contains("exit code: 2\n----- stderr -----\nerror: "), "{said}");
    }
    assert!(!context.path("photos/.tidemill").exists(), "nothing was begun");
}

#[test]
fn no_pipeline_there() {
    let context = Context::new();
    insta::assert_snapshot!(context.run(&["check", "photos"]), @"
    $ tidemill check photos
    exit code: 2
    ----- stderr -----
    error: there is no `photos`
    hint: name a folder that holds a pipeline.yaml, or make one: `tidemill new pipeline NAME`
    ");
    context.write("photos/pipeline.yml", "");
    insta::assert_snapshot!(context.run(&["check", "photos"]), @"
    $ tidemill check photos
    exit code: 2
    ----- stderr -----
    error: `photos` holds no pipeline.yaml
    hint: the manifest's name is pipeline.yaml: rename pipeline.yml
    ");
    context.write("empty/x", "");
    insta::assert_snapshot!(context.run(&["check", "empty"]), @"
    $ tidemill check empty
    exit code: 2
    ----- stderr -----
    error: `empty` holds no pipeline.yaml
    hint: name a folder that holds one, or make one: `tidemill new pipeline NAME`
    ");
    context.write("all/one/pipeline.yaml", "");
    insta::assert_snapshot!(context.run(&["run", "all"]), @"
    $ tidemill run all
    exit code: 2
    ----- stderr -----
    error: `all` holds no pipeline.yaml
    hint: did you mean all/one?
    ");
    context.write("all/two/pipeline.yaml", "");
    insta::assert_snapshot!(context.run(&["run", "all"]), @"
    $ tidemill run all
    exit code: 2
    ----- stderr -----
    error: `all` holds no pipeline.yaml
    hint: did you mean one of the 2 pipelines in it, all/one to all/two?
    ");
    std::fs::create_dir(context.path("photos/pipeline.yaml")).unwrap();
    insta::assert_snapshot!(context.run(&["run", "photos"]), @"
    $ tidemill run photos
    exit code: 2
    ----- stderr -----
    error: cannot read `photos/pipeline.yaml`: it is a folder
    hint: name a folder that holds a pipeline.yaml
    ");
    context.write("latin/pipeline.yaml", b"name: caf\xe9\n");
    insta::assert_snapshot!(context.run(&["check", "latin"]), @"
    $ tidemill check latin
    exit code: 2
    ----- stderr -----
    error: `latin/pipeline.yaml` is not UTF-8 text: see byte 10
    hint: save it as UTF-8
    ");
    insta::assert_snapshot!(context.run(&["check", "latin/pipeline.yaml/x"]), @"
    $ tidemill check latin/pipeline.yaml/x
    exit code: 2
    ----- stderr -----
    error: cannot read `latin/pipeline.yaml/x`: a part of the path is no folder
    hint: name a folder that holds a pipeline.yaml
    ");
}

#[cfg(unix)]
#[test]
fn no_permission() {
    use std::os::unix::fs::PermissionsExt;
    let context = Context::new();
    context.write("photos/pipeline.yaml", "version: 1\n");
    let path = context.path("photos/pipeline.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        // The superuser may read everything.
        return;
    }
    insta::assert_snapshot!(context.run(&["check", "photos"]), @"");
}

#[test]
fn unknown_environment() {
    let context = Context::new();
    context.run(&["new", "pipeline", "photos"]);
    insta::assert_snapshot!(context.run(&["run", "photos", "--env", "prod"]), @"
    $ tidemill run photos --env prod
    exit code: 2
    ----- stderr -----
    error: there is no environment `prod`
     --> photos/pipeline.yaml:2:1
      |
    2 | version: 1
      | ^^^^^^^^^^
      |
      = hint: add `environments: { prod: {} }`, or leave the environment away
    ");
}

#[test]
fn ok() {
    let context = Context::new();
    context.run(&["new", "pipeline", "photos"]);
    insta::assert_snapshot!(context.run(&["check", "photos"]), @"
    $ tidemill check photos
    exit code: 0
    ----- stdout -----
    ok: photos with 1 source and 1 stage
    ");
    let by_file = context.run(&["check", "photos/pipeline.yaml"]);
    assert!(by_file.contains("exit code: 0"), "{by_file}");
}
