//! Resampling: Lanczos where a picture shrinks, Catmull-Rom where it grows, a triangle where chroma alone does.
//!
//! Crops are given in pixels of the original picture, whatever the size of the samples at hand: their scale
//! says how the two relate. The weights come from a sine of our own, since that of a C library may differ in
//! its last bit from machine to machine, and outputs must not.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::pixels::{Packed, Plane};

/// A part of the original picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crop {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Resizes, and keeps its scratch memory between calls.
pub(crate) struct Resampler {
    inner: Resizer,
    lanczos: FilterType,
}

/// sin(pi x) for |x| < 2^31, by reduction to a quarter turn and the series of the sine, to within 1e-11.
pub(crate) fn sin_pi(x: f64) -> f64 {
    /// 1 / n! for odd n, with the signs of the series, highest first.
    const SERIES: [f64; 9] = [
        1.0 / 355_687_428_096_000.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 39_916_800.0,
        1.0 / 362_880.0,
        -1.0 / 5_040.0,
        1.0 / 120.0,
        -1.0 / 6.0,
        1.0,
    ];
    // The cast cuts towards zero; `round` would be a call.
    let turns = (x + 0.5_f64.copysign(x)) as i32;
    let r = (x - f64::from(turns)) * std::f64::consts::PI;
    let square = r * r;
    let sine = SERIES.iter().fold(0.0, |sum, factor| sum * square + factor) * r;
    if turns % 2 == 0 { sine } else { -sine }
}

fn lanczos3(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= 3.0 {
        return 0.0;
    }
    let pi_x = std::f64::consts::PI * x;
    3.0 * sin_pi(x) * sin_pi(x / 3.0) / (pi_x * pi_x)
}

impl Resampler {
    pub(crate) fn new() -> Self {
        let lanczos = Filter::new("lanczos", lanczos3, 3.0).map_or(FilterType::Lanczos3, FilterType::Custom);
        Self { inner: Resizer::new(), lanczos }
    }

    /// Resamples what `crop` covers to a plane of `width` by `height` samples. `samples` says how many of them
    /// there are for each pixel of the result, across and down (0.5 for halved chroma).
    pub(crate) fn plane(
        &mut self,
        source: &Plane,
        crop: Crop,
        size: (u32, u32),
        samples: (f64, f64),
    ) -> Plane {
        let side = |pixels: u32, samples: f64| ((f64::from(pixels) * samples).ceil() as usize).max(1);
        let (width, height) = (side(size.0, samples.0), side(size.1, samples.1));
        // A plane that is rounded up reaches beyond the picture by as much as was rounded.
        let covered = Crop {
            width: crop.width * (width as f64 / samples.0) / f64::from(size.0),
            height: crop.height * (height as f64 / samples.1) / f64::from(size.1),
            ..crop
        };
        let scale = (f64::from(size.0) * samples.0 / crop.width, f64::from(size.1) * samples.1 / crop.height);
        let window = Window::of(covered, source.scale, source.width, source.height);
        let from = (source.width, source.height);
        let data = self.run(&source.data, from, window, (width, height), grows(crop, size));
        Plane { width, height, scale, data }
    }

    /// Resamples what `crop` covers of interleaved pixels of `N` samples, of which the last may be alpha.
    ///
    /// It takes one channel after the other: the memory of one, and a library that is compiled for one type
    /// of pixel instead of three, which is most of this crate's compile time.
    pub(crate) fn packed<const N: usize>(
        &mut self,
        source: &Packed,
        crop: Crop,
        size: (u32, u32),
        alpha: bool,
    ) -> Packed {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let scale = (f64::from(size.0) / crop.width, f64::from(size.1) / crop.height);
        let window = Window::of(crop, source.scale, source.width, source.height);
        let from = (source.width, source.height);
        if let Some(data) = window.cut(&source.data, source.width, N, (width, height)) {
            return Packed { width, height, scale, data };
        }
        let mut data = vec![0; width * height * N];
        // Alpha first: the colours are divided by it.
        for channel in (0..N).rev() {
            let share = alpha && channel + 1 < N;
            let pixels = source.data.as_chunks::<N>().0.iter();
            let plane: Vec<u8> = if share {
                pixels.map(|pixel| multiplied(pixel[channel], pixel[N - 1])).collect()
            } else {
                pixels.map(|pixel| pixel[channel]).collect()
            };
            let plane = self.run(&plane, from, window, (width, height), grows(crop, size));
            for (pixel, sample) in data.as_chunks_mut::<N>().0.iter_mut().zip(plane) {
                pixel[channel] = if share { divided(sample, pixel[N - 1]) } else { sample };
            }
        }
        Packed { width, height, scale, data }
    }

    /// All of a plane, at a larger size.
    pub(crate) fn grow(&mut self, source: &Plane, width: usize, height: usize) -> Plane {
        let window = Window { left: 0.0, top: 0.0, width: source.width as f64, height: source.height as f64 };
        let from = (source.width, source.height);
        let data = self.run(&source.data, from, window, (width, height), false);
        let scale = (
            source.scale.0 * width as f64 / source.width as f64,
            source.scale.1 * height as f64 / source.height as f64,
        );
        Plane { width, height, scale, data }
    }

    /// `enlarges` tells that it is the picture that grows, not a plane that has fewer samples than others.
    fn run(
        &mut self,
        data: &[u8],
        from: (usize, usize),
        window: Window,
        to: (usize, usize),
        enlarges: bool,
    ) -> Vec<u8> {
        if let Some(data) = window.cut(data, from.0, 1, to) {
            return data;
        }
        let grows = to.0 as f64 > window.width * 1.001 || to.1 as f64 > window.height * 1.001;
        let filter = match grows {
            _ if enlarges => FilterType::CatmullRom,
            true => FilterType::Bilinear,
            false => self.lanczos,
        };
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(filter))
            .crop(window.left, window.top, window.width, window.height)
            .use_alpha(false);
        let mut out = vec![0; to.0 * to.1];
        let source = TypedImageRef::<U8>::from_buffer(from.0 as u32, from.1 as u32, data).ok();
        let resized = source.and_then(|source| {
            let mut target = TypedImage::<U8>::from_buffer(to.0 as u32, to.1 as u32, &mut out).ok()?;
            self.inner.resize_typed(&source, &mut target, &options).ok()
        });
        debug_assert!(resized.is_some(), "sizes were checked by the caller");
        out
    }
}

/// Whether a picture has more pixels than the part of the original that it shows.
fn grows(crop: Crop, size: (u32, u32)) -> bool {
    f64::from(size.0) > crop.width * 1.001 || f64::from(size.1) > crop.height * 1.001
}

/// A colour with its share of alpha, to the nearest.
fn multiplied(colour: u8, alpha: u8) -> u8 {
    ((u32::from(colour) * u32::from(alpha) + 127) / 255) as u8
}

/// The colour that has this share of alpha. Nothing is seen of one without.
fn divided(share: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    (u32::from(share) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0).min(255) as u8
}

/// A part of the samples at hand, never beyond them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Window {
    /// The samples of a window that only cuts, without changing the size.
    fn cut(self, data: &[u8], width: usize, channels: usize, to: (usize, usize)) -> Option<Vec<u8>> {
        let (left, top) = (self.left as usize, self.top as usize);
        let exact = Self { left: left as f64, top: top as f64, width: to.0 as f64, height: to.1 as f64 };
        if self != exact {
            return None;
        }
        if to.0 == width {
            return Some(data.get(top * width * channels..)?.get(..to.0 * to.1 * channels)?.to_vec());
        }
        let rows = data.chunks_exact(width * channels).skip(top).take(to.1);
        Some(rows.flat_map(|row| &row[left * channels..(left + to.0) * channels]).copied().collect())
    }

    fn of(crop: Crop, scale: (f64, f64), width: usize, height: usize) -> Self {
        let clip = |start: f64, length: f64, scale: f64, all: usize| {
            let all = all as f64;
            let start = (start * scale).clamp(0.0, all);
            let end = (start + length * scale).min(all);
            // Rounding of the scale must not cost the last sample's last billionth.
            let end = if (end - all).abs() < 1e-6 { all } else { end };
            (start, (end - start).max(1e-3))
        };
        let (left, width) = clip(crop.left, crop.width, scale.0, width);
        let (top, height) = clip(crop.top, crop.height, scale.1, height);
        Self { left, top, width, height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_is_a_sine() {
        for step in -4000..4000 {
            let x = f64::from(step) / 1000.0;
            assert!((sin_pi(x) - (x * std::f64::consts::PI).sin()).abs() < 1e-11, "{x}");
        }
    }

    /// Outputs are the same bytes on every processor only if the resampler's are.
    #[test]
    #[expect(unsafe_code, reason = "the library lets a processor's level be chosen only so")]
    fn every_instruction_set_gives_the_same_samples() {
        use fast_image_resize::CpuExtensions;
        let levels = [
            CpuExtensions::None,
            #[cfg(target_arch = "x86_64")]
            CpuExtensions::Sse4_1,
            #[cfg(target_arch = "x86_64")]
            CpuExtensions::Avx2,
            #[cfg(target_arch = "aarch64")]
            CpuExtensions::Neon,
        ];
        let data: Vec<u8> = (0..173 * 131u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for size in [(80, 61), (7, 5), (173, 40), (1, 1), (200, 150)] {
            let mut results = Vec::new();
            for level in levels.into_iter().filter(CpuExtensions::is_supported) {
                let mut resampler = Resampler::new();
                // SAFETY: only levels that this processor has.
                unsafe { resampler.inner.set_cpu_extensions(level) };
                let window = Window { left: 0.7, top: 1.3, width: 170.1, height: 128.9 };
                results.push(resampler.run(&data, (173, 131), window, size, false));
            }
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{size:?}");
        }
    }

    #[test]
    fn flat_stays_flat_at_every_size() {
        let mut resampler = Resampler::new();
        for (width, height) in [(1, 1), (2, 3), (17, 5), (64, 64)] {
            let source = Plane { width: 33, height: 21, scale: (0.5, 0.5), data: vec![77; 33 * 21] };
            let crop = Crop { left: 0.0, top: 0.0, width: 65.0, height: 41.0 };
            let plane = resampler.plane(&source, crop, (width, height), (0.5, 0.5));
            assert_eq!(
                (plane.width, plane.height),
                (width.div_ceil(2) as usize, height.div_ceil(2) as usize)
            );
            assert!(plane.data.iter().all(|sample| *sample == 77));
        }
    }

    #[test]
    fn transparent_pixels_lend_no_colour() {
        let data = [[255, 0, 0, 255], [0, 255, 0, 0]].concat();
        let source = Packed { width: 2, height: 1, scale: (1.0, 1.0), data };
        let crop = Crop { left: 0.0, top: 0.0, width: 2.0, height: 1.0 };
        let one = Resampler::new().packed::<4>(&source, crop, (1, 1), true);
        assert_eq!(one.data[..3], [255, 0, 0]);
        assert!(one.data[3].abs_diff(128) <= 1);
    }
}
