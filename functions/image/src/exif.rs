//! What of an Exif block may be shown to strangers: an allow list, and nothing else.
//!
//! Read are the first directory and the one of Exif (Exif 2.32, 4.6), each once; never the position, serial
//! numbers, owners, comments, thumbnails, or what makers hide. A library that reads every directory that a block
//! points to can be made to read as many as it has bytes, all overlapping: kamadak-exif 0.6.2 takes 200 MB for a
//! block of 64 KB that is made so. Here the work is bounded by two directories of 65,535 entries, and the memory by the texts
//! that are kept.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::byte_order::Bytes;

/// Characters of a text.
const MOST: usize = 256;

/// Bytes of a text that are looked at.
const MOST_BYTES: usize = 4096;

const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const SOFTWARE: u16 = 0x0131;
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;
const EXPOSURE: u16 = 0x829a;
const APERTURE: u16 = 0x829d;
const EXIF: u16 = 0x8769;
const GPS: u16 = 0x8825;
const ISO: u16 = 0x8827;
const TAKEN: u16 = 0x9003;
const TAKEN_OFFSET: u16 = 0x9011;
const FLASH: u16 = 0x9209;
const FOCAL_LENGTH: u16 = 0x920a;
const FOCAL_LENGTH_35MM: u16 = 0xa405;
const LENS: u16 = 0xa434;

/// The fields that tell of the picture and its making, by the names that the `info` rendition gives them.
///
/// `make`, `model`, `lens`, `software`, `artist`, `copyright`: text. `taken`: date and time as ISO 8601, with its
/// offset if there is one. `exposure`: seconds, such as `1/250`. `aperture`: the f-number. `iso`.
/// `focal_length`, `focal_length_35mm`: millimetres. `flash`: whether it fired. What is missing or makes no sense
/// is left away; so is all of a block that is broken.
pub fn safe_fields(exif: &[u8]) -> BTreeMap<&'static str, Value> {
    let mut fields = BTreeMap::new();
    let Some(block) = Block::of(exif) else { return fields };
    let mut put = |name, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name, value);
        }
    };
    for (name, tag) in [
        ("make", MAKE),
        ("model", MODEL),
        ("software", SOFTWARE),
        ("artist", ARTIST),
        ("copyright", COPYRIGHT),
    ] {
        put(name, block.main.get(&tag).and_then(|entry| block.text(entry)).map(Value::from));
    }
    let field = |tag| block.exif.get(&tag);
    put("lens", field(LENS).and_then(|entry| block.text(entry)).map(Value::from));
    let offset = field(TAKEN_OFFSET).and_then(|entry| block.text(entry));
    let taken = field(TAKEN).and_then(|entry| block.text(entry));
    put("taken", taken.and_then(|taken| time(&taken, offset.as_deref())).map(Value::from));
    put("exposure", field(EXPOSURE).and_then(|entry| seconds(block.ratio(entry)?)).map(Value::from));
    put("aperture", field(APERTURE).and_then(|entry| number(block.ratio(entry)?)));
    put("iso", field(ISO).and_then(|entry| block.whole(entry)).filter(|iso| *iso > 0).map(Value::from));
    put("focal_length", field(FOCAL_LENGTH).and_then(|entry| number(block.ratio(entry)?)));
    let equivalent = field(FOCAL_LENGTH_35MM).and_then(|entry| block.whole(entry));
    // 0 says that it is unknown.
    put("focal_length_35mm", equivalent.filter(|length| *length > 0).map(Value::from));
    put("flash", field(FLASH).and_then(|entry| block.whole(entry)).map(|bits| Value::from(bits & 1 == 1)));
    fields
}

/// Whether it tells a position. Where it lies is not looked at.
pub fn has_position(exif: &[u8]) -> bool {
    Block::of(exif).is_some_and(|block| block.main.contains_key(&GPS))
}

/// A new block with artist and copyright of another, and nothing else: a TIFF structure without the `Exif\0\0` that
/// JPEG puts before it. `None` if it has neither.
pub fn copyright(exif: &[u8]) -> Option<Vec<u8>> {
    let block = Block::of(exif)?;
    let texts: Vec<(u16, Vec<u8>)> = [ARTIST, COPYRIGHT]
        .into_iter()
        .filter_map(|tag| {
            let mut text = block.text(block.main.get(&tag)?)?.into_bytes();
            text.push(0);
            Some((tag, text))
        })
        .collect();
    if texts.is_empty() {
        return None;
    }
    let mut written = b"MM\0*\0\0\0\x08".to_vec();
    written.extend((texts.len() as u16).to_be_bytes());
    // Texts of more than four bytes lie behind the directory.
    let mut behind = Vec::new();
    let begin = written.len() + texts.len() * 12 + 4;
    for (tag, text) in &texts {
        written.extend(tag.to_be_bytes());
        written.extend(ASCII.to_be_bytes());
        written.extend((text.len() as u32).to_be_bytes());
        if text.len() <= 4 {
            let mut inline = [0; 4];
            inline[..text.len()].copy_from_slice(text);
            written.extend(inline);
        } else {
            written.extend(((begin + behind.len()) as u32).to_be_bytes());
            behind.extend(text);
            // Values begin at even offsets (TIFF 6.0, section 2).
            behind.resize(behind.len().next_multiple_of(2), 0);
        }
    }
    written.extend([0; 4]);
    written.extend(behind);
    Some(written)
}

const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
/// Of Exif 3.0.
const UTF8: u16 = 129;

/// An entry of a directory: the type of its values, how many there are, and where they begin.
struct Entry {
    kind: u16,
    count: usize,
    at: usize,
}

struct Block<'a> {
    bytes: Bytes<'a>,
    main: BTreeMap<u16, Entry>,
    exif: BTreeMap<u16, Entry>,
}

impl<'a> Block<'a> {
    fn of(data: &'a [u8]) -> Option<Self> {
        let bytes = Bytes::of_exif(data)?;
        let mut block = Self { bytes, main: BTreeMap::new(), exif: BTreeMap::new() };
        let first = bytes.long(4)? as usize;
        block.main = block.directory(first, &[MAKE, MODEL, SOFTWARE, ARTIST, COPYRIGHT, EXIF, GPS]);
        let second = block.main.get(&EXIF).and_then(|entry| block.whole(entry));
        if let Some(second) = second {
            let wanted =
                [EXPOSURE, APERTURE, ISO, TAKEN, TAKEN_OFFSET, FLASH, FOCAL_LENGTH, FOCAL_LENGTH_35MM, LENS];
            block.exif = block.directory(second as usize, &wanted);
        }
        Some(block)
    }

    /// The entries of the wanted tags, the first of each. What lies beyond the block is not there.
    fn directory(&self, at: usize, wanted: &[u16]) -> BTreeMap<u16, Entry> {
        let mut entries = BTreeMap::new();
        for index in 0..usize::from(self.bytes.short(at).unwrap_or(0)) {
            let Some(at) = at.checked_add(2 + index * 12) else { break };
            let Some(inline) = self.bytes.long(at.saturating_add(8)) else { break };
            let (Some(tag), Some(kind), Some(count)) =
                (self.bytes.short(at), self.bytes.short(at + 2), self.bytes.long(at + 4))
            else {
                break;
            };
            if !wanted.contains(&tag) {
                continue;
            }
            let size = match kind {
                BYTE | ASCII | UTF8 => 1,
                SHORT => 2,
                LONG => 4,
                RATIONAL => 8,
                _ => continue,
            };
            let Some(bytes) = (count as usize).checked_mul(size) else { continue };
            let begin = if bytes <= 4 { at + 8 } else { inline as usize };
            let inside = begin.checked_add(bytes).is_some_and(|end| end <= self.bytes.data.len());
            if count > 0 && inside {
                entries.entry(tag).or_insert(Entry { kind, count: count as usize, at: begin });
            }
        }
        entries
    }

    /// The first whole number.
    fn whole(&self, entry: &Entry) -> Option<u32> {
        match entry.kind {
            SHORT => self.bytes.short(entry.at).map(u32::from),
            LONG => self.bytes.long(entry.at),
            _ => None,
        }
    }

    /// The first ratio that is one.
    fn ratio(&self, entry: &Entry) -> Option<(u64, u64)> {
        if entry.kind != RATIONAL {
            return None;
        }
        let ratio = (u64::from(self.bytes.long(entry.at)?), u64::from(self.bytes.long(entry.at + 4)?));
        (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
    }

    /// A text, cleaned. It ends at the first zero; a copyright may have a second part behind it (the editor's).
    fn text(&self, entry: &Entry) -> Option<String> {
        if entry.kind != ASCII && entry.kind != UTF8 {
            return None;
        }
        let bytes = self.bytes.data.get(entry.at..entry.at + entry.count.min(MOST_BYTES))?;
        // Cameras fill up with zeros and spaces, and leave the photographer's part blank where there is an editor's.
        let parts = bytes.split(|byte| *byte == 0).take(2).map(clean);
        parts.into_iter().find(|part| !part.is_empty())
    }
}

/// UTF-8, or Latin-1 if it is not that, without what controls a terminal or a text's direction.
fn clean(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // The last character was cut.
        Err(error) if error.error_len().is_none() && bytes.len() == MOST_BYTES => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
        }
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let visible: String = text.trim().chars().filter(|c| !invisible(*c)).take(MOST).collect();
    visible.trim().to_owned()
}

/// `2024:05:04 03:02:01` and perhaps `+02:00`, as ISO 8601.
fn time(taken: &str, offset: Option<&str>) -> Option<String> {
    // The digits of a pattern, if all else is as it is there.
    fn digits(text: &str, pattern: &str) -> Option<Vec<u32>> {
        let text = text.as_bytes();
        let fits = text.len() == pattern.len()
            && text
                .iter()
                .zip(pattern.bytes())
                .all(|(is, expected)| if expected == b'0' { is.is_ascii_digit() } else { *is == expected });
        let parts = text.split(|byte| !byte.is_ascii_digit());
        let number = |part: &[u8]| part.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        fits.then(|| parts.map(number).collect())
    }
    let parts = digits(taken, "0000:00:00 00:00:00")?;
    let [year, month, day, hour, minute, second] = parts[..] else { return None };
    let sensible = year > 0
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let offset = offset.filter(|offset| {
        let parts = offset.strip_prefix(['+', '-']).and_then(|rest| digits(rest, "00:00"));
        parts.is_some_and(|parts| parts[0] < 24 && parts[1] < 60)
    });
    let offset = offset.unwrap_or_default();
    sensible.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{offset}"))
}

/// Seconds as cameras show them: `1/250`, `0.5`, `30`.
fn seconds((numerator, denominator): (u64, u64)) -> Option<String> {
    // Up to a quarter of a second it is one part of many.
    if numerator * 4 <= denominator {
        return Some(format!("1/{}", (denominator + numerator / 2) / numerator));
    }
    let tenths = (numerator * 10 + denominator / 2) / denominator;
    (tenths < 1_000_000).then(|| match tenths % 10 {
        0 => (tenths / 10).to_string(),
        tenth => format!("{}.{tenth}", tenths / 10),
    })
}

/// To the nearest tenth, or to the nearest whole number if that is what it is.
fn number((numerator, denominator): (u64, u64)) -> Option<Value> {
    let tenths = (numerator * 10 + denominator / 2) / denominator;
    (tenths > 0 && tenths < 1_000_000).then(|| {
        if tenths.is_multiple_of(10) { Value::from(tenths / 10) } else { Value::from(tenths as f64 / 10.0) }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Field<'a> = (u16, u16, u32, &'a [u8]);

    /// A block of two directories; values in the order of bytes that it has.
    fn block(big: bool, main: &[Field<'_>], exif: &[Field<'_>]) -> Vec<u8> {
        let short = |x: u16| if big { x.to_be_bytes() } else { x.to_le_bytes() };
        let long = |x: u32| if big { x.to_be_bytes() } else { x.to_le_bytes() };
        let mut data = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        data.extend(long(8));
        let second = 8 + 2 + (main.len() as u32 + 1) * 12 + 4;
        let mut heap = second + 2 + exif.len() as u32 * 12 + 4;
        let pointer = long(second);
        let mut values: Vec<u8> = Vec::new();
        for (directory, more) in [(main, Some((EXIF, LONG, 1, &pointer[..]))), (exif, None)] {
            let entries: Vec<_> = directory.iter().copied().chain(more).collect();
            data.extend(short(entries.len() as u16));
            for (tag, kind, count, value) in entries {
                data.extend([short(tag), short(kind)].concat());
                data.extend(long(count));
                if value.len() <= 4 {
                    data.extend(value);
                    data.resize(data.len() + 4 - value.len(), 0);
                } else {
                    data.extend(long(heap));
                    heap += value.len() as u32;
                    values.extend(value);
                }
            }
            data.extend(long(0));
        }
        data.extend(values);
        data
    }

    fn text(tag: u16, text: &[u8]) -> Field<'_> {
        (tag, ASCII, text.len() as u32, text)
    }

    fn check(exif: &[u8], expected: &Value) {
        assert_eq!(serde_json::to_value(safe_fields(exif)).ok().as_ref(), Some(expected));
    }

    #[test]
    fn a_position_is_noticed() {
        let with = b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0";
        assert!(has_position(with));
        assert!(safe_fields(with).is_empty());
        assert!(copyright(with).is_none());
        assert!(!has_position(&with[..12]));
        assert!(!has_position(b""));
    }

    #[test]
    fn what_is_safe_is_told() {
        for big in [true, false] {
            let short = |x: u16| if big { x.to_be_bytes() } else { x.to_le_bytes() };
            let ratio =
                |a: u32, b: u32| [a, b].map(|x| if big { x.to_be_bytes() } else { x.to_le_bytes() }).concat();
            let (exposure, aperture, length) = (ratio(10, 2500), ratio(28, 10), ratio(50, 1));
            let (iso, flash, equivalent) = (short(400), short(0x19), short(75));
            let main = [
                text(MAKE, b"Maker\0\0\0"),
                text(MODEL, b"M1\0"),
                text(SOFTWARE, b"1.0  \0"),
                text(ARTIST, b"Zo\xc3\xab\0"),
                text(COPYRIGHT, b" \0\xa9 editor\0"),
                // Description, and the host that it was made on.
                text(0x010e, b"private\0"),
                text(0x013c, b"private\0"),
            ];
            let exif = [
                (EXPOSURE, RATIONAL, 1, &exposure[..]),
                (APERTURE, RATIONAL, 1, &aperture[..]),
                (ISO, SHORT, 1, &iso[..]),
                text(TAKEN, b"2024:05:04 03:02:01\0"),
                text(TAKEN_OFFSET, b"+02:00\0"),
                (FLASH, SHORT, 1, &flash[..]),
                (FOCAL_LENGTH, RATIONAL, 1, &length[..]),
                (FOCAL_LENGTH_35MM, SHORT, 1, &equivalent[..]),
                text(LENS, b"50mm f/1.8\0"),
                // Comment, maker note, owner, serial numbers.
                text(0x9286, b"private\0"),
                text(0x927c, b"private\0"),
                text(0xa430, b"private\0"),
                text(0xa431, b"private\0"),
                text(0xa435, b"private\0"),
            ];
            let file = block(big, &main, &exif);
            let expected = json!({
                "make": "Maker", "model": "M1", "software": "1.0", "artist": "Zoë", "copyright": "© editor",
                "exposure": "1/250", "aperture": 2.8, "iso": 400, "taken": "2024-05-04T03:02:01+02:00",
                "flash": true, "focal_length": 50, "focal_length_35mm": 75, "lens": "50mm f/1.8",
            });
            check(&file, &expected);
            check(&[b"Exif\0\0", &file[..]].concat(), &expected);
        }
    }

    #[test]
    fn what_makes_no_sense_is_left_away() {
        let none = [0; 8];
        let exif = [
            (EXPOSURE, RATIONAL, 1, &none[..]),
            (APERTURE, RATIONAL, 1, &[0, 0, 0, 1, 0, 0, 0, 0][..]),
            (FOCAL_LENGTH, SHORT, 1, &none[..2]),
            (FOCAL_LENGTH_35MM, SHORT, 1, &none[..2]),
            (ISO, ASCII, 3, b"400"),
            text(TAKEN, b"0000:00:00 00:00:00\0"),
            text(LENS, b"\x1b\x07 \0"),
        ];
        check(&block(true, &[text(MAKE, b"   \0"), text(MODEL, b"\0")], &exif), &json!({}));
        for broken in [
            &b""[..],
            b"MM\0*",
            b"MM\0*\0\0\0\x08",
            b"MM\0*\xff\xff\xff\xff\0\x01",
            b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        ] {
            check(broken, &json!({}));
            assert_eq!(copyright(broken), None);
        }
    }

    #[test]
    fn texts_are_clean_and_short() {
        let long = format!("x{}", " é".repeat(3000));
        let main = [
            text(MAKE, b"a\x1b[31mb\r\nc\x7f\0"),
            text(MODEL, "x\u{202e}y\u{feff}z\0".as_bytes()),
            text(SOFTWARE, long.as_bytes()),
        ];
        let file = block(true, &main, &[]);
        let fields = safe_fields(&file);
        assert_eq!((&fields["make"], &fields["model"]), (&json!("a[31mbc"), &json!("xyz")));
        let software = fields["software"].as_str().unwrap_or_default();
        assert!(software.starts_with("x é é") && software.chars().count() <= 256, "{software}");
    }

    #[test]
    fn times_and_numbers_are_those_that_cameras_show() {
        let times = [
            ("2024:05:04 03:02:01", None, Some("2024-05-04T03:02:01")),
            ("2024:05:04 03:02:01", Some("-11:30"), Some("2024-05-04T03:02:01-11:30")),
            ("2024:05:04 03:02:01", Some("11:30"), Some("2024-05-04T03:02:01")),
            ("2024:13:04 03:02:01", None, None),
            ("2024:05:04 24:02:01", None, None),
            ("    :  :     :  :  ", None, None),
            ("2024:05:04", None, None),
            ("2024:05:04 03:02:0é", None, None),
        ];
        for (taken, offset, expected) in times {
            assert_eq!(time(taken, offset).as_deref(), expected, "{taken}");
        }
        let seconds_of = |a, b| seconds((a, b)).unwrap_or_default();
        assert_eq!(seconds_of(1, 8000), "1/8000");
        assert_eq!(seconds_of(1, 4), "1/4");
        assert_eq!(seconds_of(3, 10), "0.3");
        assert_eq!(seconds_of(13, 10), "1.3");
        assert_eq!(seconds_of(30, 1), "30");
        assert_eq!(seconds_of(u64::from(u32::MAX), 1), "");
        assert_eq!(number((4_970_000, 1_000_000)), Some(json!(5)));
        assert_eq!(number((18, 10)), Some(json!(1.8)));
        assert_eq!(number((1, 1000)), None);
    }

    #[test]
    fn a_new_block_has_artist_and_copyright_alone() {
        let main = [
            text(MAKE, b"secret\0"),
            text(ARTIST, b"Zo\xc3\xab\0"),
            text(COPYRIGHT, b"2024, all rights reserved\0"),
        ];
        let exif = [text(LENS, b"secret\0")];
        let kept = copyright(&block(false, &main, &exif)).expect("there is something to keep");
        check(&kept, &json!({ "artist": "Zoë", "copyright": "2024, all rights reserved" }));
        assert!(!kept.windows(6).any(|window| window == b"secret"));
        assert_eq!(copyright(&kept).as_ref(), Some(&kept));
        let short =
            copyright(&block(true, &[text(ARTIST, b"me\0")], &[])).expect("there is something to keep");
        assert_eq!(short.len(), 8 + 2 + 12 + 4);
        check(&short, &json!({ "artist": "me" }));
        assert_eq!(copyright(&block(true, &[text(MAKE, b"secret\0")], &exif)), None);
    }

    /// Any prefix, and any byte turned: an answer.
    #[test]
    fn damaged_blocks_are_answered() {
        let main = [text(MAKE, b"Maker\0"), text(COPYRIGHT, b"2024, all rights reserved\0")];
        let file = block(true, &main, &[text(TAKEN, b"2024:05:04 03:02:01\0")]);
        for at in 0..file.len() {
            let _ = (safe_fields(&file[..at]), copyright(&file[..at]));
            for bit in 0..8 {
                let mut damaged = file.clone();
                damaged[at] ^= 1 << bit;
                let _ = safe_fields(&damaged);
                let kept = copyright(&damaged);
                assert!(kept.is_none_or(|kept| kept.len() < 2200));
            }
        }
    }
}
