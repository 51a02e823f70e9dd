//! Blur and sharpening.

use super::gaussian::Channel;
use crate::pixels::{Packed, Pixels, Plane, fix};

/// The widest blur, in pixels.
pub const MOST_BLUR: f64 = 50.0;

/// The widest sharpening, in pixels.
pub const MOST_SHARPEN: f64 = 10.0;

/// Blurs by a Gaussian of `sigma` pixels, up to [`MOST_BLUR`]. Invisible pixels lend no colour.
///
/// It takes two bytes for each sample of a plane beside the picture, and twice that with alpha.
pub fn blur(pixels: &mut Pixels, sigma: f64) {
    let sigma = sigma.min(MOST_BLUR);
    match pixels {
        Pixels::Grey(grey) => blur_plane(grey, (sigma, sigma)),
        Pixels::Ycc(planes) => {
            let luma = planes[0].scale;
            for plane in planes.iter_mut() {
                let (across, down) = (plane.scale.0 / luma.0, plane.scale.1 / luma.1);
                blur_plane(plane, (sigma * across, sigma * down));
            }
        }
        Pixels::Rgb(rgb) => {
            for channel in 0..3 {
                let mut samples = channel_of(rgb, |pixel: &[u8; 3]| u16::from(pixel[channel]) << 8);
                samples.blur(sigma, sigma);
                for (pixel, sample) in rgb.data.as_chunks_mut::<3>().0.iter_mut().zip(samples.data) {
                    pixel[channel] = byte(i32::from(sample));
                }
            }
        }
        Pixels::Rgba(rgba) => {
            let mut alpha = channel_of(rgba, |pixel: &[u8; 4]| u16::from(pixel[3]) * 255);
            alpha.blur(sigma, sigma);
            for channel in 0..3 {
                let mut samples =
                    channel_of(rgba, |pixel: &[u8; 4]| u16::from(pixel[channel]) * u16::from(pixel[3]));
                samples.blur(sigma, sigma);
                let blurred = samples.data.iter().zip(&alpha.data);
                for (pixel, (sample, alpha)) in rgba.data.as_chunks_mut::<4>().0.iter_mut().zip(blurred) {
                    pixel[channel] = share(*sample, *alpha).unwrap_or(pixel[channel]);
                }
            }
            for (pixel, alpha) in rgba.data.as_chunks_mut::<4>().0.iter_mut().zip(alpha.data) {
                pixel[3] = ((u32::from(alpha) + 127) / 255) as u8;
            }
        }
        Pixels::Cmyk(_) => {}
    }
}

/// Sharpens by an unsharp mask of `sigma` pixels, up to [`MOST_SHARPEN`], over luma alone: colours keep their hue.
///
/// Small differences count once, larger ones twice, and none makes a pixel more than a tenth of the range
/// brighter or a fifth darker: the curve of libvips as sharp calls it (m1 1, m2 2, x1 2, y2 10, y3 20, in
/// hundredths).
pub fn sharpen(pixels: &mut Pixels, sigma: f64) {
    let sigma = sigma.min(MOST_SHARPEN);
    match pixels {
        Pixels::Grey(luma) => sharpen_plane(luma, sigma),
        Pixels::Ycc(planes) => sharpen_plane(&mut planes[0], sigma),
        Pixels::Rgb(rgb) => {
            let mut blurred = channel_of(rgb, fine_luma::<3>);
            blurred.blur(sigma, sigma);
            for (pixel, blurred) in rgb.data.as_chunks_mut::<3>().0.iter_mut().zip(blurred.data) {
                let more = more(i32::from(fine_luma(pixel)) - i32::from(blurred));
                *pixel = pixel.map(|sample| byte((i32::from(sample) << 8) + more));
            }
        }
        Pixels::Rgba(rgba) => {
            let mut alpha = channel_of(rgba, |pixel: &[u8; 4]| u16::from(pixel[3]) << 8);
            let mut shares = channel_of(rgba, |pixel: &[u8; 4]| {
                ((u32::from(fine_luma(pixel)) * u32::from(pixel[3]) + 127) / 255) as u16
            });
            alpha.blur(sigma, sigma);
            shares.blur(sigma, sigma);
            let blurred = shares.data.iter().zip(&alpha.data);
            for (pixel, (luma, alpha)) in rgba.data.as_chunks_mut::<4>().0.iter_mut().zip(blurred) {
                if *alpha == 0 {
                    continue;
                }
                let blurred = (u32::from(*luma) * (255 << 8) + u32::from(*alpha) / 2) / u32::from(*alpha);
                let more = more(i32::from(fine_luma(pixel)) - blurred.min(255 << 8) as i32);
                for sample in &mut pixel[..3] {
                    *sample = byte((i32::from(*sample) << 8) + more);
                }
            }
        }
        Pixels::Cmyk(_) => {}
    }
}

fn blur_plane(plane: &mut Plane, (across, down): (f64, f64)) {
    let mut samples = wide(plane);
    samples.blur(across, down);
    for (sample, blurred) in plane.data.iter_mut().zip(samples.data) {
        *sample = byte(i32::from(blurred));
    }
}

fn sharpen_plane(luma: &mut Plane, sigma: f64) {
    let mut blurred = wide(luma);
    blurred.blur(sigma, sigma);
    for (sample, blurred) in luma.data.iter_mut().zip(blurred.data) {
        let wide = i32::from(*sample) << 8;
        *sample = byte(wide + more(wide - i32::from(blurred)));
    }
}

/// What a pixel gains that differs so much from its surroundings; all in 256ths.
fn more(difference: i32) -> i32 {
    /// Hundredths of the range of 255, in 256ths.
    const fn hundredths(x: i32) -> i32 {
        x * 255 * 256 / 100
    }
    let slight = difference.clamp(-hundredths(2), hundredths(2));
    (2 * difference - slight).clamp(-hundredths(20), hundredths(10))
}

/// To the nearest, from 256ths.
fn byte(x: i32) -> u8 {
    ((x + 128) >> 8).clamp(0, 255) as u8
}

/// The colour that has this share of alpha, if any has.
fn share(sample: u16, alpha: u16) -> Option<u8> {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    Some((sample * 255 + alpha / 2).checked_div(alpha)?.min(255) as u8)
}

/// Luma in 256ths.
fn fine_luma<const N: usize>(pixel: &[u8; N]) -> u16 {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
    ((fix(0.299) * r + fix(0.587) * g + fix(0.114) * b + 128) >> 8) as u16
}

fn wide(plane: &Plane) -> Channel {
    let data = plane.data.iter().map(|sample| u16::from(*sample) << 8).collect();
    Channel { width: plane.width, height: plane.height, data }
}

fn channel_of<const N: usize>(packed: &Packed, sample: impl Fn(&[u8; N]) -> u16) -> Channel {
    let data = packed.data.as_chunks::<N>().0.iter().map(sample).collect();
    Channel { width: packed.width, height: packed.height, data }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::finish::forms::rgba;
    use crate::finish::samples::{every_form, flat};

    #[test]
    fn what_is_flat_stays_flat() {
        for (width, height) in [(1, 1), (2, 1), (1, 7), (17, 33), (40, 3)] {
            for picture in flat(width, height, [200, 31, 77, 128]) {
                for sigma in [0.3, 1.0, 4.0, 4.5, 50.0] {
                    let mut blurred = picture.clone();
                    blur(&mut blurred, sigma);
                    assert_eq!(blurred, picture, "{width} x {height}, {sigma}");
                    let mut sharpened = picture.clone();
                    sharpen(&mut sharpened, sigma);
                    assert_eq!(sharpened, picture, "{width} x {height}, {sigma}");
                }
            }
        }
    }

    #[test]
    fn the_form_and_the_size_stay() {
        for (width, height) in [(1, 1), (5, 3), (16, 16), (33, 18)] {
            for picture in every_form(width, height) {
                for step in [blur, sharpen] {
                    let mut done = picture.clone();
                    step(&mut done, 1.5);
                    assert_eq!(std::mem::discriminant(&done), std::mem::discriminant(&picture));
                    let sizes = |pixels: &Pixels| match pixels {
                        Pixels::Grey(grey) => vec![grey.data.len()],
                        Pixels::Ycc(planes) => planes.iter().map(|plane| plane.data.len()).collect(),
                        Pixels::Rgb(packed) | Pixels::Rgba(packed) | Pixels::Cmyk(packed) => {
                            vec![packed.data.len()]
                        }
                    };
                    assert_eq!(sizes(&done), sizes(&picture));
                    assert!(width * height == 1 || done != picture);
                }
            }
        }
    }

    /// The definition, in floating point: weights of the bell, edges repeated outwards.
    fn bell(
        data: &[f64],
        (length, step): (usize, usize),
        (lines, next): (usize, usize),
        sigma: f64,
    ) -> Vec<f64> {
        let reach = (sigma * 6.0).ceil() as i64;
        let weights: Vec<f64> =
            (-reach..=reach).map(|at| (-((at * at) as f64) / (2.0 * sigma * sigma)).exp()).collect();
        let all: f64 = weights.iter().sum();
        let mut out = vec![0.0; data.len()];
        for line in 0..lines {
            for at in 0..length {
                let near = (-reach..=reach).map(|off| (at as i64 + off).clamp(0, length as i64 - 1) as usize);
                let sum: f64 = near.zip(&weights).map(|(at, w)| data[line * next + at * step] * w).sum();
                out[line * next + at * step] = sum / all;
            }
        }
        out
    }

    #[test]
    fn a_blur_is_the_bell_up_to_the_edges() {
        for (width, height) in [(64, 48), (37, 5), (1, 20), (2, 1)] {
            let Pixels::Grey(grey) = every_form(width, height).swap_remove(0) else { unreachable!() };
            for sigma in [0.3, 0.8, 2.0, 4.0, 4.1, 7.0, 20.0, 50.0] {
                let exact: Vec<f64> = grey.data.iter().map(|sample| f64::from(*sample)).collect();
                let exact = bell(&exact, (width, 1), (height, width), sigma);
                let exact = bell(&exact, (height, width), (width, 1), sigma);
                let mut pixels = Pixels::Grey(grey.clone());
                blur(&mut pixels, sigma);
                let Pixels::Grey(blurred) = pixels else { unreachable!("it stays grey") };
                let differences = blurred.data.iter().zip(&exact).map(|(is, exact)| f64::from(*is) - exact);
                let worst = differences.fold(0.0, |worst: f64, difference| worst.max(difference.abs()));
                assert!(worst < if sigma > 4.0 { 3.0 } else { 1.2 }, "{width} x {height}, {sigma}: {worst}");
            }
        }
    }

    /// Guards against arithmetic that depends on the processor.
    #[test]
    fn the_same_bytes_everywhere() {
        let mut sum = Sha256::new();
        for picture in every_form(61, 37) {
            for sigma in [0.7, 3.0, 12.0] {
                let (mut blurred, mut sharpened) = (picture.clone(), picture.clone());
                blur(&mut blurred, sigma);
                sharpen(&mut sharpened, sigma);
                sum.update(rgba(&blurred).data);
                sum.update(rgba(&sharpened).data);
            }
        }
        let hash: [u8; 32] = sum.finalize().into();
        assert_eq!(hash[..8], 0xf8f6_f6d1_72c9_1cfb_u64.to_be_bytes());
    }

    #[test]
    fn halved_chroma_is_blurred_by_half() {
        let step = |width: usize, scale: f64| Plane {
            width,
            height: 1,
            scale: (scale, scale),
            data: (0..width).map(|x| if x < width / 2 { 0 } else { 255 }).collect(),
        };
        let mut pixels = Pixels::Ycc(Box::new([step(128, 0.4), step(64, 0.2), step(64, 0.2)]));
        blur(&mut pixels, 4.0);
        let Pixels::Ycc(planes) = pixels else { unreachable!() };
        for x in 0..64 {
            // A chroma sample lies between two of luma.
            let [before, after] = [2 * x, 2 * x + 1].map(|x| f64::from(planes[0].data[x]));
            let luma = f64::midpoint(before, after);
            assert!((luma - f64::from(planes[1].data[x])).abs() < 3.0, "{x}");
        }
    }

    #[test]
    fn invisible_pixels_lend_no_colour() {
        let data = [[255, 0, 0, 255], [0, 255, 0, 0]].concat();
        let mut pixels = Pixels::Rgba(Packed { width: 2, height: 1, scale: (1.0, 1.0), data });
        blur(&mut pixels, 2.0);
        let Pixels::Rgba(blurred) = &pixels else { unreachable!() };
        assert_eq!(
            (blurred.data[..3].to_vec(), blurred.data[4..7].to_vec()),
            (vec![255, 0, 0], vec![255, 0, 0])
        );
        assert!(blurred.data[3] < 255 && blurred.data[7] > 0);
    }

    #[test]
    fn edges_gain_contrast_within_bounds_and_keep_their_hue() {
        let pixel = |x: usize| if x < 16 { [90, 60, 60] } else { [180, 150, 150] };
        let data: Vec<u8> = (0..32).flat_map(pixel).collect();
        let mut pixels = Pixels::Rgb(Packed { width: 32, height: 1, scale: (1.0, 1.0), data });
        sharpen(&mut pixels, 1.0);
        let Pixels::Rgb(sharp) = pixels else { unreachable!() };
        let sharp = sharp.data.as_chunks::<3>().0;
        assert_eq!((sharp[0], sharp[31]), ([90, 60, 60], [180, 150, 150]));
        // A fifth of the range darker at most, a tenth brighter.
        assert!(sharp[15][0] < 70 && sharp[15][0] >= 90 - 51, "{:?}", sharp[15]);
        assert_eq!(
            sharp[16],
            [180 + 25, 150 + 25, 150 + 25].map(|sample: u8| sample + u8::from(sharp[16][0] == 206))
        );
        for [r, g, b] in sharp {
            assert_eq!((r.abs_diff(*g), g), (30, b));
        }
    }

    #[test]
    fn slight_differences_count_once() {
        assert_eq!([more(0), more(100), more(-1305)], [0, 100, -1305]);
        assert_eq!(more(2000), 2000 + (2000 - 1305));
        assert_eq!([more(60_000), more(-60_000)], [6528, -13_056]);
    }
}
