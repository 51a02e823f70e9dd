//! ThumbHash by Evan Wallace (<https://evanw.github.io/thumbhash/>): a blurred placeholder in some 25 bytes.
//!
//! The arithmetic is that of the reference implementation (npm `thumbhash` 0.1.1), save for the cosine, which is our
//! own: that of a C library may differ from machine to machine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::thumbnail;
use crate::pixels::{Packed, Pixels};
use crate::resample::sin_pi;

/// The ThumbHash of a picture, in base64.
pub fn thumbhash(pixels: &Pixels) -> String {
    STANDARD.encode(hash(&thumbnail(pixels)))
}

fn hash(picture: &Packed) -> Vec<u8> {
    let (width, height) = (picture.width, picture.height);
    let pixels = picture.data.as_chunks::<4>().0;
    let count = pixels.len() as f64;
    // The mean colour, by alpha.
    let mut mean = [0.0; 3];
    let mut alphas = 0.0;
    for pixel in pixels {
        let alpha = f64::from(pixel[3]) / 255.0;
        for (mean, sample) in mean.iter_mut().zip(pixel) {
            *mean += alpha / 255.0 * f64::from(*sample);
        }
        alphas += alpha;
    }
    if alphas > 0.0 {
        mean = mean.map(|sum| sum / alphas);
    }
    let translucent = alphas < count;
    let longest = width.max(height) as f64;
    // There are fewer bits for luminance where there is alpha.
    let most = if translucent { 5.0 } else { 7.0 };
    let across = (rounded(most * width as f64 / longest)).max(1);
    let down = (rounded(most * height as f64 / longest)).max(1);
    // Luminance, yellow against blue, red against green, and alpha, on the mean colour.
    let mut planes = [const { Vec::new() }; 4];
    for pixel in pixels {
        let alpha = f64::from(pixel[3]) / 255.0;
        let on = |index: usize| mean[index] * (1.0 - alpha) + alpha / 255.0 * f64::from(pixel[index]);
        let (r, g, b) = (on(0), on(1), on(2));
        planes[0].push((r + g + b) / 3.0);
        planes[1].push(f64::midpoint(r, g) - b);
        planes[2].push(r - g);
        planes[3].push(alpha);
    }
    let size = (width, height);
    let luminance = Waves::of(&planes[0], size, (across.max(3), down.max(3)));
    let yellow = Waves::of(&planes[1], size, (3, 3));
    let red = Waves::of(&planes[2], size, (3, 3));
    let alpha = translucent.then(|| Waves::of(&planes[3], size, (5, 5)));

    let landscape = width > height;
    let header = rounded(63.0 * luminance.mean)
        | rounded(31.5 + 31.5 * yellow.mean) << 6
        | rounded(31.5 + 31.5 * red.mean) << 12
        | rounded(31.0 * luminance.scale) << 18
        | u32::from(translucent) << 23;
    let more = (if landscape { down } else { across })
        | rounded(63.0 * yellow.scale) << 3
        | rounded(63.0 * red.scale) << 9
        | u32::from(landscape) << 15;
    let mut hash =
        vec![header as u8, (header >> 8) as u8, (header >> 16) as u8, more as u8, (more >> 8) as u8];
    if let Some(alpha) = &alpha {
        hash.push((rounded(15.0 * alpha.mean) | rounded(15.0 * alpha.scale) << 4) as u8);
    }
    let halves: Vec<u8> = [Some(&luminance), Some(&yellow), Some(&red), alpha.as_ref()]
        .into_iter()
        .flatten()
        .flat_map(|waves| waves.parts.iter().map(|part| rounded(15.0 * part) as u8))
        .collect();
    hash.extend(halves.chunks(2).map(|pair| pair[0] | pair.get(1).map_or(0, |high| high << 4)));
    hash
}

/// As JavaScript rounds what is not negative.
fn rounded(x: f64) -> u32 {
    (x + 0.5) as u32
}

/// A channel as a sum of cosines: its mean, and the others between 0 and 1 by the largest of them.
struct Waves {
    mean: f64,
    scale: f64,
    parts: Vec<f64>,
}

impl Waves {
    fn of(channel: &[f64], (width, height): (usize, usize), (across, down): (u32, u32)) -> Self {
        let cosines = |side: usize, frequency: u32| -> Vec<f64> {
            let cosine = |at: usize| sin_pi(f64::from(frequency) * (at as f64 + 0.5) / side as f64 + 0.5);
            (0..side).map(cosine).collect()
        };
        let (mut mean, mut scale, mut parts) = (0.0, 0.0f64, Vec::new());
        for y in 0..down {
            let columns = cosines(height, y);
            for x in (0..across).take_while(|x| x * down < across * (down - y)) {
                let rows = cosines(width, x);
                let mut sum = 0.0;
                for (samples, column) in channel.chunks_exact(width).zip(&columns) {
                    for (sample, row) in samples.iter().zip(&rows) {
                        sum += sample * row * column;
                    }
                }
                let part = sum / (width * height) as f64;
                if x == 0 && y == 0 {
                    mean = part;
                } else {
                    parts.push(part);
                    scale = scale.max(part.abs());
                }
            }
        }
        // What is flat has only the noise of its last bits, which nobody is to see.
        if scale < 1e-9 {
            scale = 0.0;
            parts.fill(0.0);
        } else {
            for part in &mut parts {
                *part = 0.5 + 0.5 / scale * *part;
            }
        }
        Self { mean, scale, parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::{every_form, flat, of};

    type Pixel = fn(usize, usize) -> [usize; 4];

    /// The hash, and by how much its half bytes differ at most from those of the reference implementation.
    fn check(width: usize, height: usize, pixel: Pixel, expected: &str) -> u8 {
        let forms = of(width, height, |x, y| pixel(x, y).map(|sample| sample as u8));
        let hash = thumbhash(forms.last().expect("the last has alpha"));
        let halves = |hash: &str| -> Vec<u8> {
            let bytes = STANDARD.decode(hash).expect("it is base64");
            bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]).collect()
        };
        let (is, expected) = (halves(&hash), halves(expected));
        assert_eq!(is.len(), expected.len());
        // Everything before the waves is to be the same.
        assert_eq!(is[..10], expected[..10], "{width} x {height}");
        is.iter().zip(&expected).map(|(is, expected)| is.abs_diff(*expected)).max().unwrap_or(0)
    }

    /// What `rgbaToThumbHash` of npm's thumbhash 0.1.1 makes of the same pixels.
    #[test]
    fn agrees_with_the_reference() {
        let cases: [(usize, usize, Pixel, &str); 4] = [
            (23, 61, |x, y| [x * y, 255 - y * 4, x * 11, 255], "3scNWx5gfGeHh4d3f3tnBmc="),
            (
                100,
                90,
                |x, y| if ((x >> 4) + (y >> 4)) % 2 == 1 { [250, 240, 30, 255] } else { [10, 20, 90, 255] },
                "GvoBDoB2dlVnVzdnZ3d1dXYFYwU2VmA=",
            ),
            (
                31,
                33,
                |x, y| match x.abs_diff(12).pow(2) + y.abs_diff(9).pow(2) {
                    ..60 => [0, 0, 0, 0],
                    _ => [30, y * 5, 90, 255],
                },
                "EYeFHQ4saIeAd4hnd2iAePl39HxQrIrWqQ==",
            ),
            (
                60,
                25,
                |x, y| [(x >> 3) * 37 + (y >> 2) * 91, (x >> 2) * 53 + y * 7, x * y, 255],
                "XfgFG4JDVgYzZUiH3X8Oanc=",
            ),
        ];
        for (width, height, pixel, expected) in cases {
            assert_eq!(check(width, height, pixel, expected), 0, "{width} x {height}");
        }
    }

    /// Pictures of few kinds of waves have many of exactly none, half way between two half bytes: there the
    /// reference rounds by its cosine's last bit.
    #[test]
    fn agrees_with_the_reference_up_to_ties() {
        let cases: [(usize, usize, Pixel, &str); 5] = [
            (40, 30, |x, y| [x * 6, y * 8, (x * x) >> 3, 255], "mAkSNZiAh4eDiIiHiHiIh0xwB/eI"),
            (64, 20, |x, y| [200, 10 * y, (x * y) >> 3, x * 4], "HMuGCoo3hoewh3gvSHf3dHB3h4iIeHg="),
            (100, 1, |x, _| [x * 2, (x * x) >> 6, 255 - x * 2, 255], "WVUyoZiHh4eIiAh4gHdvhgg="),
            (
                17,
                40,
                |x, y| [x * y, x * x + y, y * y, 255 - x * 9 - y * 2],
                "VAeGIgQoQFE4SGdAeuoCKI94i4iHiHg=",
            ),
            (
                5,
                3,
                |x, y| [x * y * 30, x * x * 12 + y * 9, y * y * 50 + x, 255],
                "k9cRTI6Rh3iQiHiJiHiQn8QEfA==",
            ),
        ];
        for (width, height, pixel, expected) in cases {
            assert!(check(width, height, pixel, expected) <= 1, "{width} x {height}");
        }
    }

    #[test]
    fn every_form_and_size_has_one() {
        for (width, height) in [(1, 1), (1, 200), (333, 250), (100, 100)] {
            for picture in every_form(width, height).iter().chain(&flat(width, height, [9, 99, 199, 255])) {
                let hash = STANDARD.decode(thumbhash(picture)).expect("it is base64");
                assert!((14..=26).contains(&hash.len()), "{}", hash.len());
            }
        }
    }

    /// Nothing but the mean: no noise of last bits.
    #[test]
    fn flat_is_flat() {
        let picture = flat(37, 23, [10, 200, 90, 255]).swap_remove(3);
        let hash = hash(&thumbnail(&picture));
        assert!(hash[5..].iter().all(|halves| *halves == 0), "{hash:?}");
    }
}
