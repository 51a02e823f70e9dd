//! Help is read, so it is kept.

use crate::context::Context;

/// Every command, with the words that lead to it.
const COMMANDS: &[&str] = &[
    "",
    "run",
    "check",
    "schema",
    "graph",
    "dead",
    "dead list",
    "dead show",
    "dead retry",
    "dead drop",
    "status",
    "build",
    "synth",
    "deploy",
    "destroy",
    "env",
    "env list",
    "logs",
    "test",
    "tune",
    "reconcile",
    "backfill",
    "worker",
    "convert",
    "probe",
    "match",
    "new",
    "new pipeline",
    "completions",
    "man",
];

#[test]
fn help() {
    let context = Context::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let name = words.join("-").replace("---", "-");
        insta::assert_snapshot!(name, context.run(&words));
        let short = words.iter().map(|word| if *word == "--help" { "-h" } else { word });
        let short = context.stdout(&short.collect::<Vec<_>>());
        assert_eq!(short, context.stdout(&words), "`{command} -h` says the same");
    }
}

#[test]
fn no_arguments() {
    let context = Context::new();
    let said = context.run(&[]);
    assert!(
        said.contains("exit code: 2\n----- stderr -----\n") && said.contains("Usage: tidemill <COMMAND>"),
        "{said}"
    );
    assert!(context.run(&["dead"]).contains("exit code: 2"));
    insta::assert_snapshot!(context.run(&["--version"]), @"
    $ tidemill --version
    exit code: 0
    ----- stdout -----
    tidemill [VERSION]
    ");
}

#[test]
fn usage_errors() {
    let context = Context::new();
    insta::assert_snapshot!(context.run(&["rnu", "photos"]), @"
    $ tidemill rnu photos
    exit code: 2
    ----- stderr -----
    error: unrecognized subcommand 'rnu'

    Usage: tidemill <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["run"]), @"
    $ tidemill run
    exit code: 2
    ----- stderr -----
    error: the following required arguments were not provided:
      <DIR>

    Usage: tidemill run <DIR>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["run", "photos", "--wacht"]), @"
    $ tidemill run photos --wacht
    exit code: 2
    ----- stderr -----
    error: unexpected argument '--wacht' found

      tip: a similar argument exists: '--watch'

    Usage: tidemill run --watch <DIR>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["run", "photos", "--bucket", "uploads"]), @"
    $ tidemill run photos --bucket uploads
    exit code: 2
    ----- stderr -----
    error: invalid value 'uploads' for '--bucket <NAME=DIR>': write the bucket's name, `=` and its folder, such as uploads=/srv/uploads

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["run", "photos", "--memory", "2"]), @"
    $ tidemill run photos --memory 2
    exit code: 2
    ----- stderr -----
    error: invalid value '2' for '--memory <SIZE>': it has no unit; write for example 512MB or 2GB

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["dead", "retry", "photos"]), @"
    $ tidemill dead retry photos
    exit code: 2
    ----- stderr -----
    error: the following required arguments were not provided:
      <ID>...

    Usage: tidemill dead retry <DIR> <ID>...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["dead", "drop", "photos", "3f", "--all"]), @"
    $ tidemill dead drop photos 3f --all
    exit code: 2
    ----- stderr -----
    error: the argument '[ID]...' cannot be used with '--all'

    Usage: tidemill dead drop <DIR> <ID>...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(context.run(&["completions", "tcsh"]), @"
    $ tidemill completions tcsh
    exit code: 2
    ----- stderr -----
    error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
}
