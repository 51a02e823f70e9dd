//! A fresh folder, the built command in it, and what it said as one text.

use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex_lite::Regex;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_tidemill");

/// A folder of its own for a test, removed at its end.
pub(crate) struct Context {
    dir: tempfile::TempDir,
}

impl Context {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The command, about to run in the folder, with nothing of the outer environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command and gives what a person sees of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        self.said(arguments, &output)
    }

    /// The same with something on stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> String {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        self.said(arguments, &child.wait_with_output().unwrap())
    }

    /// Runs the command, which has to succeed, and gives its stdout.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", self.said(arguments, &output));
        output.stdout
    }

    /// What a person sees, without what differs from run to run.
    pub(crate) fn said(&self, arguments: &[&str], output: &Output) -> String {
        let code = output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
        let mut said = format!("$ tidemill {}\nexit code: {code}\n", arguments.join(" "));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = std::str::from_utf8(bytes).unwrap();
            let control = text.find(|c: char| c.is_control() && c != '\n');
            assert_eq!(control, None, "there is no terminal, so no control character: {text:?}");
            if !text.is_empty() {
                let _ = write!(said, "----- {name} -----\n{text}");
            }
        }
        self.filter(&said)
    }

    fn filter(&self, said: &str) -> String {
        let dir = self.dir.path().canonicalize().unwrap();
        let said = said
            .replace(PROGRAM, "tidemill")
            .replace(&*dir.to_string_lossy(), "[DIR]")
            .replace(&*self.dir.path().to_string_lossy(), "[DIR]");
        let said = [
            (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "[WHEN]"),
            (r"\b[0-9a-f]{32}\b", "[ID]"),
            (r"\b[0-9a-f]{16}\b", "[ID]"),
            (r"\b[0-9a-f]{8}\b", "[ID]"),
            (r"\([\d.,]+/s\)", "([RATE])"),
            (r"\b\d+(\.\d+)? (ms|s)\b", "[TIME]"),
            (r"\bprocess \d+\b", "process [PID]"),
            (r"\btidemill \d+\.\d+\.\d+", "tidemill [VERSION]"),
        ]
        .iter()
        .fold(said, |said, (pattern, to)| Regex::new(pattern).unwrap().replace_all(&said, *to).into_owned());
        // A table's columns are as wide as what differs in them; a quoted manifest stays as it is.
        let quoted = |line: &str| line.starts_with(' ') || line.contains(" | ");
        let narrow = Regex::new("(\\S)  +").unwrap();
        said.lines().fold(String::new(), |said, line| {
            said + &*if quoted(line) { line.into() } else { narrow.replace_all(line, "$1  ") } + "\n"
        })
    }
}

/// A file of the sample pipeline.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let uploads =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/media-on-upload/buckets/uploads/incoming");
    std::fs::read(uploads.join(name)).unwrap()
}
