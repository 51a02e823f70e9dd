//! The zip of a stage: `bootstrap` and the stage file, always in the same bytes.

use std::io::{Cursor, Write};

use tidemill_core::deployment::STAGE_FILE;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// What Lambda's runtime `provided` starts.
const BOOTSTRAP: &str = "bootstrap";

/// A zip of a binary and its stage file: sorted, without times, executable.
pub(super) fn pack(bootstrap: &[u8], stage_file: &[u8]) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    // The first day that the format knows (APPNOTE.TXT 4.4.6).
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default());
    writer.start_file(BOOTSTRAP, options.unix_permissions(0o755))?;
    writer.write_all(bootstrap)?;
    writer.start_file(STAGE_FILE, options.unix_permissions(0o644))?;
    writer.write_all(stage_file)?;
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn holds_both_files_without_times() {
        let bytes = pack(b"binary", b"{}").unwrap();
        assert_eq!(bytes, pack(b"binary", b"{}").unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut file = archive.by_name(BOOTSTRAP).unwrap();
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(file.last_modified(), Some(DateTime::default()));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "binary");
        drop(file);
        assert_eq!(archive.len(), 2);
        assert!(archive.by_name(STAGE_FILE).is_ok());
    }
}
