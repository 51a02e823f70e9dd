//! The `tidemill` command, with all functions that this build has.

fn main() -> std::process::ExitCode {
    tidemill::main(&tidemill::functions())
}
