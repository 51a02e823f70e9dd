//! How a picture is to be turned for viewing: the orientation tag of Exif 2.3 (4.6.4 A), 1 to 8.

use crate::byte_order::Bytes;

/// One of the eight ways to show a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Orientation {
    /// As stored.
    #[default]
    Upright = 1,
    /// Left and right change places.
    Mirrored = 2,
    /// Turned by 180 degrees.
    Turned180 = 3,
    /// Top and bottom change places.
    Flipped = 4,
    /// Mirrored along the diagonal from top left.
    Transposed = 5,
    /// Turned clockwise by 90 degrees.
    Turned90 = 6,
    /// Mirrored along the diagonal from top right.
    Transversed = 7,
    /// Turned clockwise by 270 degrees.
    Turned270 = 8,
}

impl Orientation {
    /// By the tag's value.
    pub fn from_tag(tag: u16) -> Option<Self> {
        Some(match tag {
            1 => Self::Upright,
            2 => Self::Mirrored,
            3 => Self::Turned180,
            4 => Self::Flipped,
            5 => Self::Transposed,
            6 => Self::Turned90,
            7 => Self::Transversed,
            8 => Self::Turned270,
            _ => return None,
        })
    }

    /// The tag's value.
    pub fn tag(self) -> u8 {
        self as u8
    }

    /// Whether width and height change places.
    pub fn swaps(self) -> bool {
        self.tag() > 4
    }

    /// The two, as shown if they were as stored, or the other way round.
    pub fn swap<T>(self, (width, height): (T, T)) -> (T, T) {
        if self.swaps() { (height, width) } else { (width, height) }
    }

    /// Turns pixels of `N` samples. Answers them with their new width and height.
    pub(crate) fn apply<const N: usize>(
        self,
        data: &[u8],
        width: usize,
        height: usize,
    ) -> (Vec<u8>, usize, usize) {
        let source = data.as_chunks::<N>().0;
        let (across, down) = self.swap((width, height));
        let mut out = vec![0; data.len()];
        let target = out.as_chunks_mut::<N>().0;
        // Where a row of the result begins in the source, and how far apart its pixels are there.
        let (w, h) = (width as isize, height as isize);
        let last = w * h - 1;
        let (origin, right, below) = match self {
            Self::Upright => (0, 1, w),
            Self::Mirrored => (w - 1, -1, w),
            Self::Turned180 => (last, -1, -w),
            Self::Flipped => (last - w + 1, 1, -w),
            Self::Transposed => (0, w, 1),
            Self::Turned90 => (last - w + 1, -w, 1),
            Self::Transversed => (last, -w, -1),
            Self::Turned270 => (w - 1, w, -1),
        };
        // In tiles, so that both sides stay in the cache.
        const TILE: usize = 32;
        for top in (0..down).step_by(TILE) {
            for left in (0..across).step_by(TILE) {
                let end = (left + TILE).min(across);
                for y in top..(top + TILE).min(down) {
                    let mut from = origin + y as isize * below + left as isize * right;
                    for pixel in &mut target[y * across + left..y * across + end] {
                        *pixel = source[from as usize];
                        from += right;
                    }
                }
            }
        }
        (out, across, down)
    }
}

/// Reads the orientation from an Exif block: a TIFF structure whose first directory may have tag 0x0112.
pub(crate) fn from_exif(exif: &[u8]) -> Orientation {
    fn find(exif: &[u8]) -> Option<Orientation> {
        let bytes = Bytes::of_exif(exif)?;
        let directory = bytes.long(4)? as usize;
        let entries = usize::from(bytes.short(directory)?);
        for entry in 0..entries {
            let at = directory.checked_add(2 + entry * 12)?;
            if bytes.short(at)? == 0x0112 {
                // SHORT is what the standard says; LONG is what some write.
                let tag = match bytes.short(at + 2)? {
                    4 => u16::try_from(bytes.long(at + 8)?).ok()?,
                    _ => bytes.short(at + 8)?,
                };
                return Orientation::from_tag(tag);
            }
        }
        None
    }
    find(exif).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_as_the_standard_shows() {
        let check = |tag: u16, expected: &[&str]| {
            let orientation = Orientation::from_tag(tag).expect("1 to 8");
            let (data, width, height) = orientation.apply::<1>(b"abcdef", 3, 2);
            assert_eq!(data, expected.concat().as_bytes(), "{tag}");
            assert_eq!((width, height), (expected[0].len(), expected.len()), "{tag}");
        };
        check(1, &["abc", "def"]);
        check(2, &["cba", "fed"]);
        check(3, &["fed", "cba"]);
        check(4, &["def", "abc"]);
        check(5, &["ad", "be", "cf"]);
        check(6, &["da", "eb", "fc"]);
        check(7, &["fc", "eb", "da"]);
        check(8, &["cf", "be", "ad"]);
    }

    #[test]
    fn large_pictures_turn_in_tiles() {
        let (width, height) = (70, 45);
        let data: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
        let (once, w, h) = Orientation::Turned90.apply::<3>(&data, width, height);
        let (back, w, h) = Orientation::Turned270.apply::<3>(&once, w, h);
        assert_eq!((back, w, h), (data, width, height));
    }

    #[test]
    fn reads_both_byte_orders_and_survives_nonsense() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let big = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0";
        assert_eq!(from_exif(little), Orientation::Turned90);
        assert_eq!(from_exif(big), Orientation::Turned270);
        for end in 0..little.len() {
            from_exif(&little[..end]);
        }
        assert_eq!(from_exif(b"MM\0*\xff\xff\xff\xff"), Orientation::Upright);
        assert_eq!(from_exif(b""), Orientation::Upright);
    }
}
