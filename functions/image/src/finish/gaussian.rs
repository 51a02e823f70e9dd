//! A Gaussian over one channel, along rows and then along columns; edges are repeated outwards.
//!
//! Up to a sigma of 4 pixels it is the Gaussian's own samples. Above, three extended boxes stand for it (Gwosdek,
//! Grewenig, Bruhn, Weickert: Theoretical foundations of Gaussian convolution by extended box filtering, 2011),
//! which cost the same for every sigma and have its exact variance; Pillow does so too. Sixteen lines go through
//! at once, so that the compiler can use whatever vectors there are: the arithmetic is that of each sample alone,
//! and the same with and without them. Libraries for this (`libblur`, `image`) fuse or reorder operations by
//! processor, or weigh by the C library's `exp`.

/// Samples of 16 bits: room for a fraction, or for colour times alpha.
pub(super) struct Channel {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) data: Vec<u16>,
}

const LANES: usize = 16;
type Lanes = [f32; LANES];
/// Samples of a row that are turned at once.
const BLOCK: usize = 32;

enum Kernel {
    /// The weight of the centre, then of each step away from it.
    Samples(Vec<f32>),
    /// Three boxes, each of `2 * radius + 1` samples that weigh `whole` and one at either end that weighs `end`.
    Boxes { radius: usize, whole: f32, end: f32 },
}

/// The largest sigma that is worth its samples.
const SAMPLED: f64 = 4.0;

/// `exp(-x)` for x from 0 to 100, to within 1e-9, by basic operations only.
fn exp_minus(x: f64) -> f64 {
    let y = x / 4096.0;
    let mut power = 1.0 - y * (1.0 - y / 2.0 * (1.0 - y / 3.0 * (1.0 - y / 4.0)));
    for _ in 0..12 {
        power *= power;
    }
    power
}

impl Kernel {
    fn of(sigma: f64) -> Self {
        if sigma <= SAMPLED {
            let radius = (3.0 * sigma).ceil() as usize;
            let squares = (0..=radius).map(|step| (step * step) as f64);
            let samples: Vec<f64> =
                squares.map(|square| exp_minus((square / (2.0 * sigma * sigma)).min(100.0))).collect();
            let sum = samples[0] + 2.0 * samples[1..].iter().sum::<f64>();
            return Self::Samples(samples.iter().map(|sample| (sample / sum) as f32).collect());
        }
        // Of each of the three boxes.
        let variance = sigma * sigma / 3.0;
        let radius = (((12.0 * variance + 1.0).sqrt() - 1.0) / 2.0) as usize;
        let r = radius as f64;
        let end =
            (2.0 * r + 1.0) * (r * (r + 1.0) - 3.0 * variance) / (6.0 * (variance - (r + 1.0) * (r + 1.0)));
        let sum = 2.0 * r + 1.0 + 2.0 * end;
        Self::Boxes { radius, whole: (1.0 / sum) as f32, end: (end / sum) as f32 }
    }

    /// By how many samples a line has to be longer, at either end, than what comes out.
    fn reach(&self) -> usize {
        match self {
            Self::Samples(weights) => weights.len() - 1,
            Self::Boxes { radius, .. } => 3 * (radius + 1),
        }
    }

    /// Filters `line` into the first `line.len() - 2 * reach` of `out`; `line` is not what it was afterwards.
    fn run(&self, line: &mut [Lanes], out: &mut [Lanes]) {
        match self {
            Self::Samples(weights) => {
                let reach = weights.len() - 1;
                let length = line.len() - 2 * reach;
                for (at, out) in out[..length].iter_mut().enumerate() {
                    let centre = at + reach;
                    let mut sum = line[centre].map(|sample| sample * weights[0]);
                    for (step, weight) in weights.iter().enumerate().skip(1) {
                        let (before, after) = (&line[centre - step], &line[centre + step]);
                        for lane in 0..LANES {
                            sum[lane] += (before[lane] + after[lane]) * weight;
                        }
                    }
                    *out = sum.map(whole_number);
                }
            }
            Self::Boxes { radius, whole, end } => {
                let mut length = line.len();
                let (mut from, mut to) = (line, out);
                for _ in 0..3 {
                    length -= 2 * (radius + 1);
                    boxed(from, &mut to[..length], *radius, *whole, *end);
                    (from, to) = (to, from);
                }
            }
        }
    }
}

/// From 2^23 on there is no room for a fraction, so that adding this rounds what is less than 2^22, and the whole
/// number lies in the lowest bits.
const NO_FRACTION: f32 = 12_582_912.0;

fn whole_number(x: f32) -> f32 {
    (x + NO_FRACTION) - NO_FRACTION
}

fn to_sample(x: f32) -> u16 {
    (x + NO_FRACTION).to_bits() as u16
}

/// One box. Its running sum is of whole numbers and below 2^24, hence exact.
fn boxed(from: &[Lanes], to: &mut [Lanes], radius: usize, whole: f32, end: f32) {
    let mut sum = [0.0; LANES];
    for samples in &from[..=2 * radius] {
        for lane in 0..LANES {
            sum[lane] += samples[lane];
        }
    }
    for (at, out) in to.iter_mut().enumerate() {
        let (first, last) = (&from[at], &from[at + 2 * radius + 2]);
        let enters = &from[at + 2 * radius + 1];
        for lane in 0..LANES {
            sum[lane] += enters[lane] - first[lane];
            out[lane] = whole_number(sum[lane] * whole + (first[lane] + last[lane]) * end);
        }
    }
}

impl Channel {
    /// Blurs by `across` and `down` samples; by 0 changes nothing.
    pub(super) fn blur(&mut self, across: f64, down: f64) {
        let (width, height) = (self.width, self.height);
        // A line has so many samples, this far apart; there are so many lines, this far apart.
        self.lines(across, (width, 1), (height, width));
        self.lines(down, (height, width), (width, 1));
    }

    fn lines(&mut self, sigma: f64, (length, step): (usize, usize), (lines, next): (usize, usize)) {
        if sigma <= 0.0 || length < 2 {
            return;
        }
        let kernel = Kernel::of(sigma);
        let reach = kernel.reach();
        let mut line = vec![[0.0; LANES]; length + 2 * reach];
        let mut out = line.clone();
        for first in (0..lines).step_by(LANES) {
            let together = LANES.min(lines - first);
            self.load(&mut line[reach..reach + length], (first, together), (step, next));
            let (begin, end) = (line[reach], line[reach + length - 1]);
            line[..reach].fill(begin);
            line[reach + length..].fill(end);
            kernel.run(&mut line, &mut out);
            self.store(&out[..length], (first, together), (step, next));
        }
    }

    /// Lines side by side. Rows are turned in blocks, so that what is written stays in the cache.
    fn load(&self, line: &mut [Lanes], (first, together): (usize, usize), (step, next): (usize, usize)) {
        if step > 1 {
            for (samples, row) in line.iter_mut().zip(self.data.chunks_exact(step)) {
                if let Some(all) = row[first..].first_chunk::<LANES>() {
                    *samples = all.map(f32::from);
                } else {
                    for (to, from) in samples.iter_mut().zip(&row[first..]) {
                        *to = f32::from(*from);
                    }
                }
            }
            return;
        }
        for (block, samples) in line.chunks_mut(BLOCK).enumerate() {
            for lane in 0..together {
                let row = &self.data[(first + lane) * next + block * BLOCK..];
                for (to, from) in samples.iter_mut().zip(row) {
                    to[lane] = f32::from(*from);
                }
            }
        }
    }

    fn store(&mut self, line: &[Lanes], (first, together): (usize, usize), (step, next): (usize, usize)) {
        if step > 1 {
            for (samples, row) in line.iter().zip(self.data.chunks_exact_mut(step)) {
                if let Some(all) = row[first..].first_chunk_mut::<LANES>() {
                    *all = samples.map(to_sample);
                } else {
                    for (to, from) in row[first..].iter_mut().zip(samples) {
                        *to = to_sample(*from);
                    }
                }
            }
            return;
        }
        for (block, samples) in line.chunks(BLOCK).enumerate() {
            for lane in 0..together {
                let row = &mut self.data[(first + lane) * next + block * BLOCK..];
                for (to, from) in row.iter_mut().zip(samples) {
                    *to = to_sample(from[lane]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_exponential() {
        for step in 0..2000 {
            let x = f64::from(step) / 20.0;
            let expected = (-x).exp();
            assert!((exp_minus(x) - expected).abs() < 1e-9, "{x}");
        }
    }

    /// One bright sample spreads to the Gaussian, whichever way it is made.
    #[test]
    fn a_point_becomes_the_bell() {
        for sigma in [0.3, 0.5, 1.0, 2.7, 4.0, 4.1, 9.0, 50.0] {
            let width = 601;
            let mut line = Channel { width, height: 1, data: vec![0; width] };
            line.data[300] = 65_000;
            line.blur(sigma, sigma);
            let weights: Vec<f64> =
                (-300..=300).map(|x| (-f64::from(x * x) / (2.0 * sigma * sigma)).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let peak = 65_000.0 / sum;
            let worst = line
                .data
                .iter()
                .zip(&weights)
                .map(|(is, weight)| (f64::from(*is) - weight * peak).abs() / peak)
                .fold(0.0, f64::max);
            // Three boxes differ from the bell by six hundredths of its height.
            assert!(worst < if sigma > SAMPLED { 0.065 } else { 0.01 }, "{sigma}: {worst}");
            let mean = line.data.iter().enumerate().map(|(x, is)| x as f64 * f64::from(*is)).sum::<f64>();
            let all = line.data.iter().map(|is| f64::from(*is)).sum::<f64>();
            assert!((mean / all - 300.0).abs() < 0.01, "{sigma}");
        }
    }
}
