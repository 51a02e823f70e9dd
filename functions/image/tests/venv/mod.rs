//! A Python environment of fixed packages, made once below the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// Where environments and what they write lie: `oracles` in the target folder.
pub(crate) fn folder() -> PathBuf {
    // The test binary lies in TARGET/PROFILE/deps.
    let target = env::current_exe().ok().and_then(|path| Some(path.ancestors().nth(3)?.to_owned()));
    target.unwrap_or_else(env::temp_dir).join("oracles")
}

/// The interpreter of an environment that has these packages, or why there is none.
pub(crate) fn python(packages: &[&str]) -> Result<PathBuf, String> {
    let name: String =
        packages.join("-").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let home = folder().join(name);
    let python = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let ready = home.join("ready");
    if ready.exists() {
        return Ok(python);
    }
    let run = |program: &Path, arguments: &[&str], trouble: &str| {
        let status = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(trouble.to_owned()),
        }
    };
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let place = home.to_string_lossy().into_owned();
    run(Path::new("python3"), &["--version"], "python3 is missing")?;
    run(Path::new("python3"), &["-m", "venv", "--clear", &place], "python3 has no venv")?;
    let install = [&["-m", "pip", "install", "--quiet", "--disable-pip-version-check"], packages].concat();
    run(&python, &install, &format!("pip cannot install {}", packages.join(" ")))?;
    fs::write(&ready, "").map_err(|error| error.to_string())?;
    Ok(python)
}
