//! Whether a binary runs on Amazon Linux 2023: for its processors, and with its C library.

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, StringTable};
use tidemill_pipeline::Architecture;

use crate::Problem;

/// The C library of Amazon Linux 2023 (Amazon Linux 2023 User Guide, "Comparing AL2 and AL2023").
const GLIBC: (u32, u32) = (2, 34);

/// Refuses what would fail at its start.
pub(super) fn check(function: &str, bytes: &[u8], architecture: Architecture) -> Result<(), Problem> {
    let (machine, versions) = read(bytes).ok_or_else(|| {
        Problem::new(
            format!("what is to run function `{function}` is no ELF executable of 64 bits"),
            "give the binary that cargo built for Linux",
        )
    })?;
    let wanted = match architecture {
        Architecture::X86_64 => elf::EM_X86_64,
        Architecture::Arm64 => elf::EM_AARCH64,
    };
    if machine != wanted {
        return Err(Problem::new(
            format!("function `{function}` is built for other processors than {}", architecture.name()),
            "build it for them, or say `lambda: { architecture: … }` in the manifest",
        ));
    }
    let newest = versions.iter().filter_map(|version| glibc(version)).max();
    match newest {
        Some(newest) if newest > GLIBC => Err(Problem::new(
            format!(
                "function `{function}` needs GLIBC_{}.{}, and Amazon Linux 2023 has {}.{}",
                newest.0, newest.1, GLIBC.0, GLIBC.1
            ),
            "build it on a system of the same age or older, or with `cargo zigbuild` for `….2.34`, and name the \
             folder with --zips",
        )),
        _ => Ok(()),
    }
}

/// `GLIBC_2.34` as numbers; `GLIBC_PRIVATE` and other libraries' versions are none.
fn glibc(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// The machine, and the names of all versions of symbols that the binary needs (Linux Standard Base Core
/// Specification 5.0, "Symbol Versioning").
fn read(bytes: &[u8]) -> Option<(u16, Vec<String>)> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        return None;
    }
    let sections = header.sections(endian, bytes).ok()?;
    let mut versions = Vec::new();
    for section in sections.iter() {
        let Some((mut needs, link)) = section.gnu_verneed(endian, bytes).ok()? else { continue };
        let strings: StringTable<'_> = sections.strings(endian, bytes, link).ok()?;
        while let Some((_, mut parts)) = needs.next().ok()? {
            while let Some(part) = parts.next().ok()? {
                let name = part.name(endian, strings).ok()?;
                versions.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Some((header.e_machine(endian), versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(glibc("GLIBC_2.4") < glibc("GLIBC_2.34"));
        assert_eq!(glibc("GLIBC_2.3.4"), Some((2, 3)));
        assert_eq!(glibc("GLIBC_PRIVATE"), None);
        assert_eq!(glibc("GCC_3.0"), None);
    }

    #[test]
    fn reads_this_program() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let (machine, versions) = read(&bytes).unwrap();
        assert!([elf::EM_X86_64, elf::EM_AARCH64].contains(&machine));
        assert!(versions.iter().any(|version| glibc(version).is_some()), "{versions:?}");
        let other = if machine == elf::EM_X86_64 { Architecture::Arm64 } else { Architecture::X86_64 };
        assert!(check("f", &bytes, other).unwrap_err().message.contains("other processors"));
    }

    #[test]
    fn refuses_what_is_no_binary() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF\x02\x01\x01"] {
            assert!(check("f", bytes, Architecture::X86_64).unwrap_err().message.contains("no ELF"));
        }
    }
}
