//! Colour profiles and Exif blocks: taken from the file as they are, once their size is known to be bearable.

#[cfg(feature = "png")]
use std::io::Read;
use std::sync::Arc;

use crate::limits::Limits;
use crate::reject::Reject;

fn too_large(what: &str, bytes: u64, limits: &Limits) -> Reject {
    Reject::TooLarge {
        what: format!("its {what} has {bytes} bytes"),
        limit: limits.metadata_bytes.to_string(),
    }
}

fn block(what: &str, bytes: &[u8], limits: &Limits) -> Result<Option<Arc<[u8]>>, Reject> {
    if bytes.len() as u64 > limits.metadata_bytes {
        return Err(too_large(what, bytes.len() as u64, limits));
    }
    Ok((!bytes.is_empty()).then(|| bytes.into()))
}

/// A colour profile that lies in the file in one piece.
pub(super) fn profile(bytes: &[u8], limits: &Limits) -> Result<Option<Arc<[u8]>>, Reject> {
    block("colour profile", bytes, limits)
}

/// An Exif block. Some writers leave JPEG's prefix on it where it does not belong.
pub(super) fn exif(bytes: &[u8], limits: &Limits) -> Result<Option<Arc<[u8]>>, Reject> {
    block("Exif block", bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes), limits)
}

/// A colour profile in a zlib stream, of which no more is inflated than the limit allows.
#[cfg(feature = "png")]
pub(super) fn inflated_profile(compressed: &[u8], limits: &Limits) -> Result<Option<Arc<[u8]>>, Reject> {
    let mut profile = Vec::new();
    let more = limits.metadata_bytes.saturating_add(1);
    if flate2::read::ZlibDecoder::new(compressed).take(more).read_to_end(&mut profile).is_err() {
        return Ok(None);
    }
    if profile.len() as u64 > limits.metadata_bytes {
        let what = format!("its colour profile has more than {} bytes", limits.metadata_bytes);
        return Err(Reject::TooLarge { what, limit: limits.metadata_bytes.to_string() });
    }
    Ok((!profile.is_empty()).then(|| profile.into()))
}

/// A colour profile in numbered parts, each after its number (from 1) and their count (ICC.1, B.4). Parts that
/// do not make a whole are no profile, as for libjpeg: the picture is whole without.
pub(super) fn profile_in_parts(parts: &[&[u8]], limits: &Limits) -> Result<Option<Arc<[u8]>>, Reject> {
    let bytes = parts.iter().map(|part| part.len().saturating_sub(2) as u64).sum();
    if bytes > limits.metadata_bytes {
        return Err(too_large("colour profile", bytes, limits));
    }
    let mut numbered = Vec::with_capacity(parts.len());
    for part in parts {
        let [number, count, part @ ..] = part else { return Ok(None) };
        if usize::from(*count) != parts.len() {
            return Ok(None);
        }
        numbered.push((*number, part));
    }
    numbered.sort_by_key(|(number, _)| *number);
    if !numbered.iter().zip(1..).all(|((number, _), expected)| usize::from(*number) == expected) {
        return Ok(None);
    }
    let profile: Vec<u8> = numbered.into_iter().flat_map(|(_, part)| part).copied().collect();
    Ok((!profile.is_empty()).then(|| profile.into()))
}

#[cfg(all(test, feature = "png"))]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn parts_are_put_in_order_or_left() {
        let check = |parts: &[&[u8]], expected: Option<&[u8]>| {
            let profile = profile_in_parts(parts, &Limits::default()).expect("it is small");
            assert_eq!(profile.as_deref(), expected, "{parts:?}");
        };
        check(&[], None);
        check(&[b"\x01\x01ab"], Some(b"ab"));
        check(&[b"\x02\x02cd", b"\x01\x02ab"], Some(b"abcd"));
        check(&[b"\x01\x02ab"], None);
        check(&[b"\x01\x02ab", b"\x01\x02cd"], None);
        check(&[b"\x00\x02ab", b"\x01\x02cd"], None);
        check(&[b"\x01\x02ab", b"\x02\x03cd"], None);
        check(&[b"\x01"], None);
        check(&[b"\x01\x01"], None);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let limits = Limits { metadata_bytes: 3, ..Limits::default() };
        let said = |result: Result<_, Reject>| result.expect_err("it is too large").to_string();
        let expected = "too large: its colour profile has 4 bytes, the limit is 3";
        assert_eq!(said(profile(b"abcd", &limits)), expected);
        assert_eq!(said(profile_in_parts(&[b"\x01\x02ab", b"\x02\x02cd"], &limits)), expected);
        assert_eq!(
            said(exif(b"Exif\0\0abcd", &limits)),
            "too large: its Exif block has 4 bytes, the limit is 3"
        );
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(&[7; 1000]).expect("memory");
        let zlib = zlib.finish().expect("memory");
        assert_eq!(
            said(inflated_profile(&zlib, &limits)),
            "too large: its colour profile has more than 3 bytes, the limit is 3"
        );
        let whole = inflated_profile(&zlib, &Limits::default()).expect("it is small");
        assert_eq!(whole.as_deref(), Some(&[7; 1000][..]));
        assert_eq!(inflated_profile(b"not deflate", &limits), Ok(None));
    }
}
