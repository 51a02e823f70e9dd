//! A JPEG codec whose pictures are planes: ITU-T T.81, with JFIF's and Adobe's markers.
//!
//! It reads baseline, extended sequential and progressive Huffman files of 8 bits, with one, three or four
//! components in any sampling, interleaved or not, and writes baseline and progressive ones with optimised tables. It never
//! converts colours: planes in, planes out. A file may be decoded at 1/2, 1/4 or 1/8 of its size, straight
//! from the coefficients. All of it is safe code, and no state survives an error.

pub(crate) mod decode;
pub(crate) mod encode;
mod huffman;
mod transform;

/// The order in which coefficients are written (T.81, figure A.6), as indices into a block of rows.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

#[cfg(test)]
mod tests {
    use super::decode;
    use super::encode::{Options, encode};
    use crate::pixels::Plane;

    /// Files that this encoder writes, of many sizes, contents and qualities, as another decoder reads them.
    #[test]
    fn another_decoder_reads_the_same() {
        let mut state = 7u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for round in 0..400 {
            let (width, height) = (random(70) as usize + 1, random(70) as usize + 1);
            let quality = random(100) as u8 + 1;
            let (slope, grain) = (random(9) as usize, random(200) + 1);
            let mut plane = |width: usize, height: usize, scale: f64| {
                let sample = |i: usize| ((i % width * slope) as u32 % 256 + random(grain)).min(255) as u8;
                Plane {
                    width,
                    height,
                    scale: (scale, scale),
                    data: (0..width * height).map(sample).collect(),
                }
            };
            let half = (width.div_ceil(2), height.div_ceil(2));
            let planes = [plane(width, height, 1.0), plane(half.0, half.1, 0.5), plane(half.0, half.1, 0.5)];
            for planes in [&planes[..1], &planes[..]] {
                let [file, progressive] = [false, true].map(|progressive| {
                    encode(planes, Options { quality, progressive }, &|| false).expect("nobody says stop")
                });
                let ours = decode::decode(&file, 8, 1, &|| false).expect("it is a JPEG");
                let [theirs, same] = [file, progressive]
                    .map(|file| jpeg_decoder::Decoder::new(&file[..]).decode().expect("it is a JPEG"));
                assert_eq!(theirs, same, "round {round}, {width}x{height} at {quality}");
                if planes.len() == 3 {
                    // Its chroma is interpolated and its colours are RGB: that it reads all of it must do.
                    assert_eq!(theirs.len(), width * height * 3);
                    continue;
                }
                let worst = ours[0].data.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(1), "round {round}, {width}x{height} at {quality}: {worst:?}");
            }
        }
    }
}
