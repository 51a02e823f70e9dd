//! What a file is, by its first bytes; and what it claims to be, by its name and media type.
//!
//! Content decides, claims only tell `skipped` from `rejected`: what neither claims to be an image nor is one
//! is none of this function's business; what claims to be one and is not is a broken upload. Signatures are
//! those of the formats' standards (T.81 B.1.1.3, PNG 5.2, RFC 9649 2.3, GIF89a 17, TIFF 6.0 2, ISO/IEC
//! 14496-12 4.3 for the HEIF family, ISO/IEC 18181-2 for JPEG XL); PDF and the like are known by name only so
//! that a refusal can name them.

use std::fmt;

use crate::reject::Reject;

/// A file format that can be told by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is the format it is called after")]
pub enum Kind {
    Jpeg,
    Png,
    Webp,
    Gif,
    Tiff,
    Bmp,
    Avif,
    Heic,
    JpegXl,
    Jpeg2000,
    Ico,
    Psd,
    Svg,
    CameraRaw,
    Pdf,
    Video,
}

impl Kind {
    /// The name that people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Avif => "AVIF",
            Self::Heic => "HEIC",
            Self::JpegXl => "JPEG XL",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Ico => "ICO",
            Self::Psd => "PSD",
            Self::Svg => "SVG",
            Self::CameraRaw => "camera raw",
            Self::Pdf => "PDF",
            Self::Video => "video",
        }
    }

    /// The media type, for those that have one of their own.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
            Self::JpegXl => "image/jxl",
            Self::Jpeg2000 => "image/jp2",
            Self::Ico => "image/vnd.microsoft.icon",
            Self::Psd => "image/vnd.adobe.photoshop",
            Self::Svg => "image/svg+xml",
            Self::CameraRaw | Self::Video => "application/octet-stream",
            Self::Pdf => "application/pdf",
        }
    }

    /// Whether this build reads it.
    pub fn readable(self) -> bool {
        (self == Self::Jpeg && cfg!(feature = "jpeg"))
            || (self == Self::Png && cfg!(feature = "png"))
            || (self == Self::Webp && cfg!(feature = "webp"))
            || (self == Self::Gif && cfg!(feature = "gif"))
            || (self == Self::Tiff && cfg!(feature = "tiff"))
            || (self == Self::Bmp && cfg!(feature = "bmp"))
    }

    /// Whether it is a picture at all (a PDF or a film is not).
    pub fn is_image(self) -> bool {
        !matches!(self, Self::Pdf | Self::Video)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The media types that [`decide`] lets through to the decoders.
pub const MEDIA_TYPES: &[&str] =
    &["image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp"];

/// What the bytes are. Sixteen bytes are enough for all but SVG, for which a few hundred are looked at.
pub fn content(head: &[u8]) -> Option<Kind> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    Some(match head {
        _ if at(0, b"\xff\xd8\xff") => Kind::Jpeg,
        _ if at(0, b"\x89PNG\r\n\x1a\n") => Kind::Png,
        _ if at(0, b"RIFF") && at(8, b"WEBP") => Kind::Webp,
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => Kind::Gif,
        _ if at(0, b"II*\0") && at(8, b"CR") => Kind::CameraRaw,
        _ if at(0, b"IIRO") || at(0, b"IIU\0") || at(0, b"FUJIFILMCCD-RAW") => Kind::CameraRaw,
        _ if at(0, b"II*\0") || at(0, b"MM\0*") || at(0, b"II+\0") || at(0, b"MM\0+") => Kind::Tiff,
        _ if at(4, b"ftyp") => match brand(head) {
            Brand::Avif => Kind::Avif,
            Brand::Heic => Kind::Heic,
            Brand::Raw => Kind::CameraRaw,
            Brand::Other => Kind::Video,
        },
        _ if at(0, b"\xff\x0a") || at(0, b"\0\0\0\x0cJXL \r\n\x87\n") => Kind::JpegXl,
        _ if at(0, b"\0\0\0\x0cjP  \r\n\x87\n") || at(0, b"\xff\x4f\xff\x51") => Kind::Jpeg2000,
        _ if at(0, b"BM") && bmp(head) => Kind::Bmp,
        _ if at(0, b"\0\0\x01\0") && head.get(4).is_some_and(|count| *count > 0) => Kind::Ico,
        _ if at(0, b"8BPS") => Kind::Psd,
        _ if at(0, b"%PDF-") => Kind::Pdf,
        _ if at(0, b"\x1a\x45\xdf\xa3") || (at(0, b"RIFF") && at(8, b"AVI ")) => Kind::Video,
        _ if svg(head) => Kind::Svg,
        _ => return None,
    })
}

/// "BM" alone begins many a text: the header's size has to be one of those that exist.
fn bmp(head: &[u8]) -> bool {
    head.get(14..18).is_some_and(|size| {
        matches!(u32::from_le_bytes([size[0], size[1], size[2], size[3]]), 12 | 40 | 52 | 56 | 64 | 108 | 124)
    })
}

fn svg(head: &[u8]) -> bool {
    let head = &head[..head.len().min(512)];
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg"))
}

enum Brand {
    Avif,
    Heic,
    Raw,
    Other,
}

/// The first known brand of an ISO base media file: major brand first, then the compatible ones.
fn brand(head: &[u8]) -> Brand {
    let size = match head.first_chunk::<4>() {
        Some(size) => u32::from_be_bytes(*size) as usize,
        None => 0,
    };
    let end = size.clamp(16, 256).min(head.len());
    let brands = head.get(8..end).unwrap_or_default().chunks_exact(4).enumerate();
    // The second word is the minor version.
    for (_, brand) in brands.filter(|(index, _)| *index != 1) {
        match brand {
            b"avif" | b"avis" => return Brand::Avif,
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => return Brand::Heic,
            b"crx " => return Brand::Raw,
            _ => {}
        }
    }
    match head.get(8..12) {
        Some(b"mif1" | b"msf1") => Brand::Heic,
        _ => Brand::Other,
    }
}

/// What the key's extension or the content type claims: the claim's own words, if it is one of an image.
///
/// A content type that says nothing (`application/octet-stream`, `binary/octet-stream`, none) is no claim.
pub fn claim(key: &str, content_type: Option<&str>) -> Option<String> {
    const EXTENSIONS: &[&str] = &[
        "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "tif", "tiff", "bmp", "dib", "avif",
        "heic", "heif", "jxl", "jp2", "ico", "psd", "svg",
    ];
    if let Some(content_type) = content_type {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("image/")) {
            return Some(essence.to_ascii_lowercase());
        }
    }
    let name = key.rsplit('/').next().unwrap_or(key);
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str()).then(|| format!(".{extension}"))
}

/// What to do with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is an image that this build reads.
    Take(Kind),
    /// It neither claims to be an image nor is one.
    Skip,
    /// It claims to be an image and is not, or is one that cannot be read.
    Reject(Reject),
}

/// Decides by content first, then by claim.
pub fn decide(head: &[u8], key: &str, content_type: Option<&str>) -> Decision {
    let is = content(head);
    match (is, claim(key, content_type)) {
        (Some(kind), _) if kind.readable() => Decision::Take(kind),
        (Some(kind), _) if kind.is_image() => Decision::Reject(Reject::Unsupported(kind.name().to_owned())),
        (_, Some(claim)) => Decision::Reject(Reject::NotAnImage { claim, is }),
        (_, None) => Decision::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_names_formats() {
        let check = |head: &[u8], kind: Option<Kind>| assert_eq!(content(head), kind, "{head:?}");
        check(b"\xff\xd8\xff\xe0", Some(Kind::Jpeg));
        check(b"\x89PNG\r\n\x1a\n", Some(Kind::Png));
        check(b"RIFF\x10\0\0\0WEBPVP8 ", Some(Kind::Webp));
        check(b"RIFF\x10\0\0\0WAVEfmt ", None);
        check(b"RIFF\x10\0\0\0AVI LIST", Some(Kind::Video));
        check(b"GIF89a\x01\0", Some(Kind::Gif));
        check(b"II*\0\x10\0\0\0CR\x02\0", Some(Kind::CameraRaw));
        check(b"MM\0*\0\0\0\x08", Some(Kind::Tiff));
        check(b"\0\0\0\x1cftypavif\0\0\0\0mif1", Some(Kind::Avif));
        check(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some(Kind::Heic));
        check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(Kind::Heic));
        check(b"\0\0\0\x18ftypisom\0\0\0\0isommp42", Some(Kind::Video));
        check(b"\xff\x0a\0\0", Some(Kind::JpegXl));
        check(b"%PDF-1.7", Some(Kind::Pdf));
        check(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Some(Kind::Bmp));
        check(b"BMW is a make of cars", None);
        check(b"<?xml version=\"1.0\"?>\n<svg xmlns", Some(Kind::Svg));
        check(b"<?xml version=\"1.0\"?>\n<html", None);
        check(b"", None);
        check(b"\xff\xd8", None);
    }

    #[test]
    fn claims_are_images_only() {
        let check = |key: &str, media: Option<&str>, expected: Option<&str>| {
            assert_eq!(claim(key, media).as_deref(), expected, "{key} {media:?}");
        };
        check("a/b.JPG", None, Some(".jpg"));
        check("a.b/c", None, None);
        check("notes.txt", Some("text/plain"), None);
        check("x", Some("Image/PNG; a=b"), Some("image/png"));
        check("x.png", Some("application/octet-stream"), Some(".png"));
        check("ä", Some("imagé/"), None);
    }

    #[test]
    fn decisions() {
        let check = |head: &[u8], key: &str, media: Option<&str>, expected: &str| {
            let said = match decide(head, key, media) {
                Decision::Take(kind) => format!("take {kind}"),
                Decision::Skip => "skip".to_owned(),
                Decision::Reject(reject) => reject.to_string(),
            };
            assert_eq!(said, expected);
        };
        check(b"%PDF-1.7", "scan.pdf", None, "skip");
        check(b"%PDF-1.7", "scan.jpg", None, "claims to be .jpg, but its bytes are PDF");
        check(b"hello", "notes", None, "skip");
        check(
            b"hello",
            "notes",
            Some("image/webp"),
            "claims to be image/webp, but its bytes are no image that is known here",
        );
        check(b"\xff\x0a\0\0", "notes", None, "JPEG XL cannot be read yet");
        check(b"", "empty.png", None, "claims to be .png, but its bytes are no image that is known here");
        if cfg!(feature = "png") {
            check(b"\x89PNG\r\n\x1a\n", "in-truth-a-png.jpg", None, "take PNG");
        }
    }
}
