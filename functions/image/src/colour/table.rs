//! Profiles that are a table of measured colours (ICC.1:2022, 10.10, 10.11, 10.12): presses and scanners.

use moxcms::{ColorProfile, DataColorSpace, LutStore, LutType, LutWarehouse, ProfileVersion, ToneReprCurve};

use super::curve::{self, interpolate};
use super::srgb::{D50, Writer};

/// The black of perceptual tables since version 4 (ICC.1:2022, 6.3.3).
const PERCEPTUAL_BLACK: [f64; 3] = [0.003_36, 0.003_473_1, 0.002_87];

/// How the numbers at the end of a table stand for a colour.
#[derive(Clone, Copy)]
enum Encoding {
    /// L to 100 and a, b from -128; at these numbers L is 100, and a and b are 127.
    Lab {
        l: f64,
        ab: f64,
    },
    Xyz,
}

/// A lookup from `N` samples to a colour, in steps: a curve for each sample, a grid, curves, a matrix, curves.
pub(super) struct Table<const N: usize> {
    first: [Box<[f32; 256]>; N],
    /// Points along each axis; the first varies slowest.
    points: [usize; N],
    /// Three numbers from 0 to 1 at each point.
    grid: Vec<[f32; 3]>,
    middle: Option<[ToneReprCurve; 3]>,
    matrix: Option<([[f64; 3]; 3], [f64; 3])>,
    last: [Vec<f32>; 3],
    encoding: Encoding,
    /// What is darkest: black is to become black.
    black: [f64; 3],
}

impl<const N: usize> Table<N> {
    /// Of the perceptual table: that is what photographs are prepared with, and what libvips and browsers take.
    pub(super) fn read(profile: &ColorProfile, darkest: [u8; N]) -> Option<Self> {
        let tables = [&profile.lut_a_to_b_perceptual, &profile.lut_a_to_b_colorimetric];
        let mut table = match tables.into_iter().flatten().next()? {
            LutWarehouse::Lut(table) => {
                let channels = (usize::from(table.num_input_channels), table.num_output_channels);
                if channels != (N, 3) {
                    return None;
                }
                let encoding = match (profile.pcs, table.lut_type) {
                    (DataColorSpace::Xyz, _) => Encoding::Xyz,
                    (DataColorSpace::Lab, LutType::Lut8) => Encoding::Lab { l: 1.0, ab: 1.0 },
                    // 16 bits of version 2: 0xFF00 is 100.
                    (DataColorSpace::Lab, _) => Encoding::Lab { l: 65535.0 / 65280.0, ab: 65535.0 / 65280.0 },
                    _ => return None,
                };
                let first = curves::<N>(&numbers(&table.input_table))?;
                let last = split(&numbers(&table.output_table), 3)?;
                Self {
                    first,
                    points: [usize::from(table.num_clut_grid_points); N],
                    grid: triples(&table.clut_table),
                    middle: None,
                    matrix: None,
                    last: last.try_into().ok()?,
                    encoding,
                    black: [0.0; 3],
                }
            }
            LutWarehouse::Multidimensional(table) => {
                let channels = (usize::from(table.num_input_channels), table.num_output_channels);
                if channels != (N, 3) {
                    return None;
                }
                let encoding = match profile.pcs {
                    DataColorSpace::Xyz => Encoding::Xyz,
                    DataColorSpace::Lab => Encoding::Lab { l: 1.0, ab: 1.0 },
                    _ => return None,
                };
                let sampled = |curve: &ToneReprCurve, many: usize| -> Vec<f32> {
                    let last = (many - 1) as f64;
                    (0..many).map(|at| curve::value(curve, at as f64 / last).clamp(0.0, 1.0) as f32).collect()
                };
                let flat = ToneReprCurve::Lut(Vec::new());
                let first: Vec<Box<[f32; 256]>> = (0..N)
                    .map(|at| sampled(table.a_curves.get(at).unwrap_or(&flat), 256).try_into().ok())
                    .collect::<Option<_>>()?;
                let mut points = [0; N];
                for (points, given) in points.iter_mut().zip(table.grid_points) {
                    *points = usize::from(given);
                }
                // Without a grid the samples go on as they are, which only three can.
                let grid = match &table.clut {
                    Some(clut) => triples(clut),
                    None if N == 3 => {
                        points = [2; N];
                        (0..8u8).map(|i| [i >> 2 & 1, i >> 1 & 1, i & 1].map(f32::from)).collect()
                    }
                    None => return None,
                };
                let last: Vec<Vec<f32>> =
                    (0..3).map(|at| sampled(table.b_curves.get(at).unwrap_or(&flat), 1024)).collect();
                let middle: Option<[ToneReprCurve; 3]> = table.m_curves.clone().try_into().ok();
                Self {
                    first: first.try_into().ok()?,
                    points,
                    grid,
                    matrix: middle.is_some().then_some((table.matrix.v, table.bias.v)),
                    middle,
                    last: last.try_into().ok()?,
                    encoding,
                    black: [0.0; 3],
                }
            }
        };
        let points = table.points.iter().try_fold(1usize, |all, points| all.checked_mul(*points))?;
        if table.points.iter().any(|points| *points < 2)
            || table.grid.len() < points
            || table.last.iter().any(|curve| curve.len() < 2)
        {
            return None;
        }
        table.black = if (ProfileVersion::V4_0..ProfileVersion::Unknown).contains(&profile.version()) {
            PERCEPTUAL_BLACK
        } else {
            table.darkest(darkest)
        };
        Some(table)
    }

    /// The colour of all ink or no light, made neutral, and never lighter than a middle grey.
    fn darkest(&self, samples: [u8; N]) -> [f64; 3] {
        let y = self.colour(samples)[1].clamp(0.0, 0.184_186_5);
        D50.map(|white| white * y)
    }

    pub(super) fn convert(&self, samples: [u8; N], writer: Writer) -> [u8; 3] {
        let colour = self.colour(samples);
        let mut scaled = [0.0; 3];
        for (axis, scaled) in scaled.iter_mut().enumerate() {
            let (white, black) = (D50[axis], self.black[axis]);
            *scaled = (colour[axis] - black) * white / (white - black);
        }
        writer.of_xyz(scaled)
    }

    /// XYZ under D50, with white at 1.
    fn colour(&self, samples: [u8; N]) -> [f64; 3] {
        let mut place = [0.0; N];
        for (axis, place) in place.iter_mut().enumerate() {
            *place = self.first[axis][usize::from(samples[axis])];
        }
        let mut values = self.look_up(place).map(f64::from);
        if let Some(curves) = &self.middle {
            for (value, curve) in values.iter_mut().zip(curves) {
                *value = curve::value(curve, *value);
            }
        }
        if let Some((rows, bias)) = &self.matrix {
            let [x, y, z] = values;
            for ((value, row), bias) in values.iter_mut().zip(rows).zip(bias) {
                *value = row[0] * x + row[1] * y + row[2] * z + bias;
            }
        }
        for (value, curve) in values.iter_mut().zip(&self.last) {
            *value = interpolate(curve.len(), *value, |at| f64::from(curve[at]));
        }
        match self.encoding {
            Encoding::Xyz => values.map(|value| value * (1.0 + 32767.0 / 32768.0)),
            Encoding::Lab { l, ab } => {
                let part = |value: f64| value * ab * 255.0 - 128.0;
                from_lab([values[0] * l * 100.0, part(values[1]), part(values[2])])
            }
        }
    }

    /// Between the corners of the cell of the grid that `place`, 0 to 1 on each axis, lies in.
    fn look_up(&self, place: [f32; N]) -> [f32; 3] {
        let mut corner = 0;
        let mut steps = [0; N];
        let mut parts = [0.0; N];
        let mut stride = 1;
        for axis in (0..N).rev() {
            let last = self.points[axis] - 1;
            let at = place[axis].clamp(0.0, 1.0) * last as f32;
            let below = (at as usize).min(last - 1);
            parts[axis] = at - below as f32;
            corner += below * stride;
            steps[axis] = stride;
            stride *= self.points[axis];
        }
        let mut sum = [0.0; 3];
        for corners in 0..1usize << N {
            let (mut index, mut weight) = (corner, 1.0);
            for axis in 0..N {
                if corners >> axis & 1 == 1 {
                    index += steps[axis];
                    weight *= parts[axis];
                } else {
                    weight *= 1.0 - parts[axis];
                }
            }
            for (sum, value) in sum.iter_mut().zip(self.grid[index]) {
                *sum += value * weight;
            }
        }
        sum
    }
}

/// CIE L*a*b* to XYZ, both under D50.
fn from_lab([l, a, b]: [f64; 3]) -> [f64; 3] {
    let middle = (l + 16.0) / 116.0;
    let inverse = |t: f64| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    let cone = [middle + a / 500.0, middle, middle - b / 200.0].map(inverse);
    [cone[0] * D50[0], cone[1] * D50[1], cone[2] * D50[2]]
}

/// Numbers from 0 to 1.
fn numbers(store: &LutStore) -> Vec<f32> {
    match store {
        LutStore::Store8(bytes) => bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect(),
        LutStore::Store16(words) => words.iter().map(|word| f32::from(*word) / 65535.0).collect(),
    }
}

/// Numbers from 0 to 1, at each point of a grid three.
fn triples(store: &LutStore) -> Vec<[f32; 3]> {
    match store {
        LutStore::Store8(bytes) => {
            bytes.as_chunks().0.iter().map(|point| point.map(|byte| f32::from(byte) / 255.0)).collect()
        }
        LutStore::Store16(words) => {
            words.as_chunks().0.iter().map(|point| point.map(|word| f32::from(word) / 65535.0)).collect()
        }
    }
}

/// So many tables of one length, one behind the other.
fn split(numbers: &[f32], many: usize) -> Option<Vec<Vec<f32>>> {
    let length = numbers.len() / many;
    (length > 0).then(|| numbers.chunks_exact(length).take(many).map(<[f32]>::to_vec).collect())
}

/// Input tables, each sampled at the 256 values of a byte.
fn curves<const N: usize>(numbers: &[f32]) -> Option<[Box<[f32; 256]>; N]> {
    let sampled = split(numbers, N)?.into_iter().map(|table| {
        let mut sampled = Box::new([0.0; 256]);
        for (byte, sample) in sampled.iter_mut().enumerate() {
            *sample = interpolate(table.len(), byte as f64 / 255.0, |at| f64::from(table[at])) as f32;
        }
        sampled
    });
    sampled.collect::<Vec<_>>().try_into().ok()
}
