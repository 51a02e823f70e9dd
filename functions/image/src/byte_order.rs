//! Numbers in either byte order, as TIFF files and the Exif blocks of other files have them (TIFF 6.0, section 2).

/// Bytes, and the order in which their numbers are written. Nothing beyond them can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    pub(crate) data: &'a [u8],
    /// Whether the most significant byte comes first.
    pub(crate) big: bool,
}

impl<'a> Bytes<'a> {
    /// An Exif block, whether or not `Exif\0\0` stands before its TIFF structure. None if there is none.
    pub(crate) fn of_exif(block: &'a [u8]) -> Option<Self> {
        let data = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        let big = match data.first_chunk::<4>()? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        Some(Self { data, big })
    }

    pub(crate) fn short(self, at: usize) -> Option<u16> {
        let bytes = *self.data.get(at..)?.first_chunk::<2>()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(crate) fn long(self, at: usize) -> Option<u32> {
        let bytes = *self.data.get(at..)?.first_chunk::<4>()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}
