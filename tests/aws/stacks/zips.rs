//! Binaries for zips: each function's `bootstrap` becomes this test binary once it is started.
//!
//! The test binary itself is far larger than a function, and would have to be packed for every stage.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::bootstrap;

const SOURCE: &str = r#"
use std::os::unix::process::CommandExt;
fn main() {
    let error = std::process::Command::new(env!("TIDEMILL_TEST_BINARY")).exec();
    panic!("{error}");
}
"#;

/// A folder with the binaries of all functions under test, made once.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let source = folder.path().join("bootstrap.rs");
            let made = folder.path().join("made");
            std::fs::write(&source, SOURCE).unwrap();
            let built = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
                .args(["--edition", "2024", "-C", "opt-level=s", "-C", "strip=symbols", "-o"])
                .args([&made, &source])
                .env("TIDEMILL_TEST_BINARY", std::env::current_exe().unwrap())
                .output()
                .unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            for function in bootstrap::functions() {
                std::fs::copy(&made, folder.path().join(function.name)).unwrap();
            }
            folder
        })
        .path()
}
