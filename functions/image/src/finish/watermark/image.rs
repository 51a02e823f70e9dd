//! A mark that is a picture, from a data URL (RFC 2397).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::config::{MOST_IMAGE_BYTES, MOST_IMAGE_PIXELS};
use crate::decode::{self, Shrink};
use crate::finish::forms::rgba;
use crate::limits::Limits;
use crate::pixels::Packed;
use crate::reject::Failure;
use crate::resample::{Crop, Resampler};
use crate::sniff::{self, Kind};

#[derive(Clone, Debug)]
pub(super) struct ImageMark {
    /// Red, green, blue, alpha, as it is to be shown.
    picture: Packed,
}

impl ImageMark {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let file = file(url)?;
        let kind = sniff::content(&file);
        if !matches!(kind, Some(Kind::Png | Kind::Webp | Kind::Jpeg)) {
            let is = kind.map_or("no image that is known here", Kind::name);
            return Err(format!("a watermark image is PNG, WebP or JPEG; this is {is}"));
        }
        let limits =
            Limits { input_bytes: MOST_IMAGE_BYTES as u64, pixels: MOST_IMAGE_PIXELS, ..Limits::default() };
        let wrong = |why: String| format!("the watermark image cannot be used: {why}");
        let header = decode::header(&file, &limits).map_err(|reject| wrong(reject.to_string()))?;
        let pixels = decode::decode(&file, &header, &limits, Shrink::None, &|| false)
            .map_err(|failure: Failure| wrong(failure.to_string()))?;
        let stored = rgba(&pixels);
        let (data, width, height) = header.orientation.apply::<4>(&stored.data, stored.width, stored.height);
        Ok(Self { picture: Packed { width, height, scale: (1.0, 1.0), data } })
    }

    /// Width and height.
    pub(super) fn shape(&self) -> (f64, f64) {
        (self.picture.width as f64, self.picture.height as f64)
    }

    pub(super) fn pixels(&self) -> u64 {
        self.picture.width as u64 * self.picture.height as u64
    }

    pub(super) fn draw(&self, size: (u32, u32)) -> Packed {
        let (width, height) = self.shape();
        let whole = Crop { left: 0.0, top: 0.0, width, height };
        Resampler::new().packed::<4>(&self.picture, whole, size, true)
    }
}

/// The bytes behind a data URL.
fn file(url: &str) -> Result<Vec<u8>, String> {
    let encoded = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .and_then(|(kind, encoded)| kind.ends_with(";base64").then_some(encoded))
        .ok_or("a watermark image is a data URL: data:image/png;base64,...")?;
    let large = || {
        let mebibytes = MOST_IMAGE_BYTES >> 20;
        format!("the watermark image is too large: it may have {mebibytes} MiB and 4 megapixels at most")
    };
    if encoded.len() > MOST_IMAGE_BYTES.div_ceil(3) * 4 {
        return Err(large());
    }
    let file =
        STANDARD.decode(encoded).map_err(|error| format!("the watermark image is no base64: {error}"))?;
    if file.len() > MOST_IMAGE_BYTES { Err(large()) } else { Ok(file) }
}

#[cfg(all(test, feature = "jpeg", feature = "png", feature = "webp"))]
mod tests {
    use super::*;

    fn url(media_type: &str, file: &[u8]) -> String {
        format!("data:{media_type};base64,{}", STANDARD.encode(file))
    }

    fn check(url: &str, expected: &str) {
        let said = ImageMark::new(url).expect_err("it cannot be used");
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn every_format_becomes_a_mark_of_its_shape() {
        let files: [(&str, &[u8], (f64, f64)); 4] = [
            ("image/png", include_bytes!("../../../tests/data/good/rgba-8.png"), (37.0, 23.0)),
            ("image/webp", include_bytes!("../../../tests/data/good/lossy-alpha.webp"), (37.0, 23.0)),
            ("image/jpeg", include_bytes!("../../../tests/data/good/orientation-6.jpg"), (26.0, 40.0)),
            ("image/jpeg", include_bytes!("../../../tests/data/good/cmyk.jpg"), (67.0, 45.0)),
        ];
        for (media_type, file, shape) in files {
            let mark = ImageMark::new(&url(media_type, file)).expect("it is good");
            assert_eq!(mark.shape(), shape);
            for size in [(1, 1), (7, 3), (200, 100)] {
                let drawn = mark.draw(size);
                assert_eq!((drawn.width as u32, drawn.height as u32), size);
                assert_eq!(drawn.data.len() as u32, size.0 * size.1 * 4);
            }
        }
    }

    #[test]
    fn says_what_is_wrong() {
        check("logo.png", "data URL");
        check("data:image/png,abc", "data URL");
        check("data:image/png;base64,?", "no base64");
        check(&url("image/gif", b"GIF89a\0\0"), "this is GIF");
        check(&url("image/png", b"hello"), "this is no image");
        check(&url("image/png", &include_bytes!("../../../tests/data/good/rgba-8.png")[..60]), "broken PNG");
        check(&url("image/png", &vec![0; MOST_IMAGE_BYTES + 1]), "1 MiB and 4 megapixels");
        // A header that claims 3000 x 2000.
        let mut large = include_bytes!("../../../tests/data/good/rgba-8.png").to_vec();
        large[16..24].copy_from_slice(&[0, 0, 11, 184, 0, 0, 7, 208]);
        check(&url("image/png", &large), "3000 x 2000 pixels are 6 megapixels, the limit is 4");
    }
}
