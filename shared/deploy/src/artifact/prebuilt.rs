//! Binaries that are ready, in a folder.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use tidemill_pipeline::Architecture;

use crate::Problem;

/// The binary of a function: `FOLDER/FUNCTION/bootstrap` or `FOLDER/FUNCTION`, below a folder named like the
/// processors if there is one.
pub(super) fn read(dir: &Path, function: &str, architecture: Architecture) -> Result<Vec<u8>, Problem> {
    let places = [dir.join(architecture.name()), dir.to_owned()]
        .into_iter()
        .flat_map(|dir| [dir.join(function).join("bootstrap"), dir.join(function)]);
    for place in places {
        match fs::metadata(&place) {
            Ok(about) if about.is_file() => {
                return fs::read(&place).map_err(|error| {
                    Problem::new(
                        format!("cannot read {}: {error}", place.display()),
                        "give yourself the right to read it",
                    )
                });
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(Problem::new(
                    format!("cannot read {}: {error}", place.display()),
                    "give yourself the right to read it",
                ));
            }
        }
    }
    Err(Problem::new(
        format!("{} holds no function `{function}`", dir.display()),
        format!("put its binary for {} there as `{function}` or `{function}/bootstrap`", architecture.name()),
    ))
}
