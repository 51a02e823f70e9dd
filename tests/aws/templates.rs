//! What linters say about the templates of all shipped pipelines: nothing.
//!
//! Needs python3; cfn-lint and parliament of fixed versions are installed below the target folder at the first run.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::venv;

const LINTERS: &[&str] = &["cfn-lint==1.58.0", "parliament==1.6.4"];

/// Every policy of a template, with what a deployment fills in, through parliament. Findings are printed.
const POLICIES: &str = r#"
import json, sys
import parliament

FILLED = {"AWS::AccountId": "123456789012", "AWS::Region": "us-east-1", "AWS::Partition": "aws"}

def filled(value):
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::Sub"]:
        text = value["Fn::Sub"]
        for name, to in FILLED.items():
            text = text.replace("${" + name + "}", to)
        return text
    if list(value) == ["Fn::GetAtt"]:
        name = value["Fn::GetAtt"][0]
        service = "sqs" if name.endswith("Queue") else "events"
        return f"arn:aws:{service}:us-east-1:123456789012:{'' if service == 'sqs' else 'rule/'}{name}"
    if list(value) == ["Ref"]:
        return FILLED.get(value["Ref"], value["Ref"])
    return {key: filled(item) for key, item in value.items()}

count = 0
for path in sys.argv[1:]:
    for name, resource in json.load(open(path))["Resources"].items():
        properties = resource["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for document in documents:
            count += 1
            for finding in parliament.analyze_policy_string(json.dumps(filled(document))).findings:
                print(path, name, finding)
print(count, "policies", file=sys.stderr)
"#;

/// Makes the templates of all shipped pipelines, and gives their paths.
fn templates(out: &Path) -> Vec<PathBuf> {
    let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(pipelines).unwrap() {
        let folder = entry.unwrap().path();
        let out = out.join(folder.file_name().unwrap());
        let made = Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .arg("synth")
            .arg(&folder)
            .args(["--env", "test", "--out"])
            .arg(&out)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        paths.extend([out.join("data.template.json"), out.join("compute.template.json")]);
    }
    assert!(paths.len() >= 4, "{paths:?}");
    paths
}

fn silent(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    if output.status.success() && output.stdout.is_empty() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&said).into_owned().into())
}

fn cfn_lint(python: &Path) -> Result<(), Failed> {
    let out = tempfile::tempdir()?;
    let lint = python.with_file_name("cfn-lint");
    silent(Command::new(lint).arg("--").args(templates(out.path())))
}

fn parliament(python: &Path) -> Result<(), Failed> {
    let out = tempfile::tempdir()?;
    silent(Command::new(python).args(["-c", POLICIES]).args(templates(out.path())))
}

/// The tests of this module: they fail, or are left out with the reason, where there are no linters.
pub fn trials(listing: bool, required: bool) -> Vec<Trial> {
    type Lint = fn(&Path) -> Result<(), Failed>;
    let tests: [(&str, Lint); 2] =
        [("cfn_lint_finds_nothing", cfn_lint), ("a_policy_linter_finds_nothing", parliament)];
    let python = if listing { Err("not looked for".to_owned()) } else { venv::python(LINTERS) };
    let trials = tests.into_iter().map(|(name, test)| match &python {
        Ok(python) => {
            let python = python.clone();
            Trial::test(name, move || test(&python))
        }
        Err(reason) if required => {
            let reason = reason.clone();
            Trial::test(name, move || Err(format!("required, and missing: {reason}").into()))
        }
        Err(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
    });
    trials.collect()
}
