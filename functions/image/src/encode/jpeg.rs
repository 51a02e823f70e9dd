//! JPEG, with metadata in application segments: Exif in APP1 (Exif 2.3, 4.7.2), a colour profile in as many of
//! APP2 as it needs (ICC.1:2022, B.4).

use super::{Metadata, Settings, Unwritten, halved};
use crate::colour;
use crate::jpeg::encode::{Options, encode};
use crate::pixels::{Pixels, separate};

/// What a segment can hold besides its own length.
const SEGMENT: usize = 65_533;

/// JPEG, baseline or progressive. Chroma planes have half the luma's size. Transparency becomes white.
pub(crate) fn jpeg(
    pixels: &Pixels,
    settings: &Settings,
    metadata: &Metadata<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let segments = segments(metadata)?;
    let options = Options { quality: settings.quality, progressive: settings.progressive };
    let file = match pixels {
        Pixels::Grey(grey) => encode(std::slice::from_ref(grey), options, stop),
        Pixels::Ycc(planes) => encode(&halved(planes)?[..], options, stop),
        Pixels::Rgb(rgb) => encode(&separate::<3>(rgb), options, stop),
        Pixels::Rgba(rgba) => encode(&separate::<4>(rgba), options, stop),
        Pixels::Cmyk(cmyk) => encode(&separate::<3>(&colour::paper(cmyk)), options, stop),
    };
    let mut file = file.ok_or(Unwritten::Stopped)?;
    if !segments.is_empty() {
        // Behind the start and JFIF's segment, which has to be the first.
        let jfif = file.get(4..).and_then(|rest| rest.first_chunk::<2>());
        let place = 4 + jfif.map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
        file.splice(place..place, segments);
    }
    Ok(file)
}

/// Metadata as segments.
fn segments(metadata: &Metadata<'_>) -> Result<Vec<u8>, Unwritten> {
    let mut out = Vec::new();
    let mut segment = |marker: u8, parts: &[&[u8]]| {
        let length = parts.iter().map(|part| part.len()).sum::<usize>() as u16 + 2;
        out.extend([0xff, marker]);
        out.extend(length.to_be_bytes());
        for part in parts {
            out.extend(*part);
        }
    };
    if let Some(exif) = metadata.exif {
        let name = b"Exif\0\0";
        if exif.len() > SEGMENT - name.len() {
            return Err(Unwritten::Impossible("JPEG holds at most 65527 bytes of Exif".to_owned()));
        }
        segment(0xe1, &[name, exif]);
    }
    if let Some(icc) = metadata.icc {
        let name = b"ICC_PROFILE\0";
        let parts = icc.chunks(SEGMENT - name.len() - 2);
        let Ok(count) = u8::try_from(parts.len()) else {
            return Err(Unwritten::Impossible("JPEG holds at most 16707345 bytes of a profile".to_owned()));
        };
        for (number, part) in (1..=count).zip(parts) {
            segment(0xe2, &[name, &[number, count], part]);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Plane;

    const SETTINGS: Settings = Settings { quality: 80, lossless: false, progressive: false };

    fn written(metadata: &Metadata<'_>) -> Result<Vec<u8>, Unwritten> {
        let grey = Plane { width: 8, height: 8, scale: (1.0, 1.0), data: vec![99; 64] };
        jpeg(&Pixels::Grey(grey), &SETTINGS, metadata, &|| false)
    }

    #[test]
    fn a_profile_of_several_segments_is_whole_and_behind_jfif() {
        let profile: Vec<u8> = (0..150_000u32).map(|i| (i % 251) as u8).collect();
        let exif = b"II*\0\x08\0\0\0\0\0\0\0\0\0";
        let file = written(&Metadata { icc: Some(&profile), exif: Some(exif) }).expect("there is room");
        assert_eq!(file[..4], [0xff, 0xd8, 0xff, 0xe0]);
        let (mut at, mut found, mut seen, mut parts) = (2, Vec::<u8>::new(), Vec::<u8>::new(), 0);
        while file[at + 1] != 0xda {
            let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            let body = &file[at + 4..at + 2 + length];
            seen.push(file[at + 1]);
            if let Some(part) = body.strip_prefix(b"ICC_PROFILE\0") {
                parts += 1;
                assert_eq!(part[..2], [parts, 3]);
                found.extend(&part[2..]);
            }
            if let Some(part) = body.strip_prefix(b"Exif\0\0") {
                assert_eq!(part, exif);
            }
            at += 2 + length;
        }
        assert_eq!(found, profile);
        assert_eq!(seen[..5], [0xe0, 0xe1, 0xe2, 0xe2, 0xe2]);
    }

    #[test]
    fn nothing_is_written_of_what_has_no_room() {
        let exif = vec![0; 65_528];
        assert!(written(&Metadata { exif: Some(&exif[1..]), icc: None }).is_ok());
        assert!(matches!(written(&Metadata { exif: Some(&exif), icc: None }), Err(Unwritten::Impossible(_))));
        let profile = vec![0; 65_519 * 255 + 1];
        assert!(written(&Metadata { icc: Some(&profile[1..]), exif: None }).is_ok());
        assert!(matches!(
            written(&Metadata { icc: Some(&profile), exif: None }),
            Err(Unwritten::Impossible(_))
        ));
    }
}
