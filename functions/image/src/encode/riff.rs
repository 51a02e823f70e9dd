//! WebP's container with metadata in it (RFC 9649, 2.7): the extended header, the colour profile behind it, Exif
//! behind the pixels.

use super::{Metadata, Unwritten};

const ICC: u8 = 0x20;
const ALPHA: u8 = 0x10;
const EXIF: u8 = 0x08;

/// A file that libwebp wrote, and metadata in it.
pub(super) fn with_metadata(file: Vec<u8>, metadata: &Metadata<'_>) -> Result<Vec<u8>, Unwritten> {
    if metadata.icc.is_none() && metadata.exif.is_none() {
        return Ok(file);
    }
    let Some((mut header, pixels)) = extended(&file) else {
        return Err(Unwritten::Impossible("libwebp wrote something else than a picture".to_owned()));
    };
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    header[0] |= if metadata.icc.is_some() { ICC } else { 0 };
    header[0] |= if metadata.exif.is_some() { EXIF } else { 0 };
    chunk(&mut out, *b"VP8X", &header)?;
    if let Some(icc) = metadata.icc {
        chunk(&mut out, *b"ICCP", icc)?;
    }
    out.extend(pixels);
    if let Some(exif) = metadata.exif {
        chunk(&mut out, *b"EXIF", exif)?;
    }
    let size = length(out.len() - 8)?;
    out[4..8].copy_from_slice(&size);
    Ok(out)
}

fn length(bytes: usize) -> Result<[u8; 4], Unwritten> {
    // The largest file that the format knows (RFC 9649, 2.4).
    match u32::try_from(bytes) {
        Ok(size) if size <= u32::MAX - 9 => Ok(size.to_le_bytes()),
        _ => Err(Unwritten::Impossible("WebP ends at 4 GiB".to_owned())),
    }
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], body: &[u8]) -> Result<(), Unwritten> {
    out.extend(name);
    out.extend(length(body.len())?);
    out.extend(body);
    out.resize(out.len() + body.len() % 2, 0);
    Ok(())
}

/// The extended header of a file, made if it has none, and all chunks behind it.
fn extended(file: &[u8]) -> Option<([u8; 10], &[u8])> {
    let chunks = file.get(12..)?;
    let (name, body) = (chunks.first_chunk::<4>()?, chunks.get(8..)?);
    let new = |width: u32, height: u32, flags: u8| {
        let [w0, w1, w2, _] = width.checked_sub(1)?.to_le_bytes();
        let [h0, h1, h2, _] = height.checked_sub(1)?.to_le_bytes();
        Some([flags, 0, 0, 0, w0, w1, w2, h0, h1, h2])
    };
    match name {
        b"VP8X" => Some((*body.first_chunk::<10>()?, body.get(10..)?)),
        // Its size follows a tag of three bytes and a start code of three (RFC 6386, 9.1).
        b"VP8 " => {
            let [w0, w1, h0, h1] = *body.get(6..)?.first_chunk::<4>()?;
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
            Some((new(side(w0, w1), side(h0, h1), 0)?, chunks))
        }
        // Its size follows a signature, less by one; then whether it has transparency (RFC 9649, 3.4).
        b"VP8L" => {
            let bits = u32::from_le_bytes(*body.get(1..)?.first_chunk::<4>()?);
            let flags = if bits >> 28 & 1 == 1 { ALPHA } else { 0 };
            Some((new((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, flags)?, chunks))
        }
        _ => None,
    }
}
