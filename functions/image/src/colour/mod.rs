//! What samples mean: into sRGB (IEC 61966-2-1), which is what every rendition is in unless it keeps its profile.
//!
//! A file's ICC profile (ICC.1:2022) is read by `moxcms`. What it says is applied by this module's own
//! arithmetic, in the four operations alone: a library's vectors round otherwise on each kind of processor, and
//! outputs must not. It is done once a level, after resampling, when the picture is small. Intent is perceptual,
//! with black kept black.

mod curve;
mod matrix;
mod power;
mod srgb;
mod table;

use std::fmt;

use moxcms::{ColorProfile, DataColorSpace};

use crate::pixels::{Packed, Pixels, Plane};
use matrix::Matrix;
use srgb::Writer;
use table::Table;

/// What the samples of a file are amounts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Grey,
    /// Red, green, blue, whether as such or as luma and chroma.
    Rgb,
    /// Inks.
    Cmyk,
}

/// The way from a file's own colours to sRGB.
pub(crate) struct Profile(Way);

enum Way {
    Grey(Box<[u8; 256]>),
    Matrix(Matrix),
    Table(Table<3>),
    Inks(Table<4>),
}

/// Above it a profile says nonsense: readers elsewhere stop there too.
const MOST_TAGS: u32 = 100;

impl Profile {
    /// Reads a profile for samples of a space. None where there is nothing to do: it is sRGB, it speaks of other
    /// samples, or it cannot be understood, which is no reason to refuse a picture.
    pub(crate) fn read(icc: &[u8], space: Space) -> Option<Self> {
        let profile = read(icc)?;
        let way = match (space, profile.color_space) {
            (Space::Grey, DataColorSpace::Gray) => {
                let curve = profile.gray_trc.as_ref()?;
                let writer = Writer::new();
                let byte = |byte: usize| writer.byte(curve::value(curve, byte as f64 / 255.0) as f32);
                Way::Grey(Box::new(std::array::from_fn(byte)))
            }
            (Space::Rgb, DataColorSpace::Rgb) => match Table::read(&profile, [0; 3]) {
                Some(table) => Way::Table(table),
                None => Way::Matrix(Matrix::read(&profile)?),
            },
            (Space::Cmyk, DataColorSpace::Cmyk) => Way::Inks(Table::read(&profile, [255; 4])?),
            _ => return None,
        };
        let profile = Self(way);
        (!profile.changes_nothing()).then_some(profile)
    }

    /// Whether it is sRGB, by what it does: no colour of a coarse grid changes by more than one step.
    fn changes_nothing(&self) -> bool {
        let writer = Writer::new();
        let same = |from: [u8; 3], to: [u8; 3]| from.iter().zip(to).all(|(from, to)| from.abs_diff(to) <= 1);
        let levels = || (0..=255u8).step_by(51);
        match &self.0 {
            Way::Grey(table) => table.iter().enumerate().all(|(from, to)| to.abs_diff(from as u8) <= 1),
            Way::Inks(_) => false,
            Way::Matrix(_) | Way::Table(_) => levels()
                .all(|r| levels().all(|g| levels().all(|b| same([r, g, b], self.colour([r, g, b], writer))))),
        }
    }

    fn colour(&self, rgb: [u8; 3], writer: Writer) -> [u8; 3] {
        match &self.0 {
            Way::Matrix(matrix) => matrix.convert(rgb, writer),
            Way::Table(table) => table.convert(rgb, writer),
            Way::Grey(_) | Way::Inks(_) => rgb,
        }
    }

    /// A picture in sRGB. Luma and chroma become red, green and blue; they have to have one size.
    fn apply(&self, pixels: Pixels) -> Pixels {
        let writer = Writer::new();
        match (&self.0, pixels) {
            (Way::Grey(table), Pixels::Grey(grey)) => {
                let data = grey.data.iter().map(|sample| table[usize::from(*sample)]).collect();
                Pixels::Grey(Plane { data, ..grey })
            }
            (Way::Inks(table), Pixels::Cmyk(inks)) => {
                let mut data = Vec::with_capacity(inks.width * inks.height * 3);
                let mut last = ([0; 4], table.convert([0; 4], writer));
                for samples in inks.data.as_chunks::<4>().0 {
                    if *samples != last.0 {
                        last = (*samples, table.convert(*samples, writer));
                    }
                    data.extend(last.1);
                }
                Pixels::Rgb(Packed { data, ..inks })
            }
            (Way::Matrix(_) | Way::Table(_), Pixels::Ycc(planes)) => {
                let mut rgb = crate::pixels::interleave(&planes);
                self.rewrite::<3>(&mut rgb, writer);
                Pixels::Rgb(rgb)
            }
            (Way::Matrix(_) | Way::Table(_), Pixels::Rgb(mut rgb)) => {
                self.rewrite::<3>(&mut rgb, writer);
                Pixels::Rgb(rgb)
            }
            (Way::Matrix(_) | Way::Table(_), Pixels::Rgba(mut rgba)) => {
                self.rewrite::<4>(&mut rgba, writer);
                Pixels::Rgba(rgba)
            }
            (_, pixels) => pixels,
        }
    }

    fn rewrite<const N: usize>(&self, packed: &mut Packed, writer: Writer) {
        for pixel in packed.data.as_chunks_mut::<N>().0 {
            let colour = self.colour([pixel[0], pixel[1], pixel[2]], writer);
            pixel[..3].copy_from_slice(&colour);
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Way::Grey(_) => "Profile(grey)",
            Way::Matrix(_) => "Profile(matrix)",
            Way::Table(_) => "Profile(table)",
            Way::Inks(_) => "Profile(inks)",
        })
    }
}

/// What the samples are that a profile speaks of (ICC.1:2022, 7.2.6), if pictures have such samples.
pub(crate) fn space_of(icc: &[u8]) -> Option<Space> {
    match icc.get(16..20)? {
        b"GRAY" => Some(Space::Grey),
        b"RGB " => Some(Space::Rgb),
        b"CMYK" => Some(Space::Cmyk),
        _ => None,
    }
}

/// What a profile calls itself, of at most 100 characters: the first of the texts of its description
/// (ICC.1:2022, 10.15 and 10.24; ICC.1:2001, 6.5.17).
pub(crate) fn name_of(icc: &[u8]) -> Option<String> {
    // As many bytes as 100 characters can have, and a few that are not shown.
    const MOST_BYTES: usize = 800;
    let [_, _, _, _, at @ .., _, _, _, _] = *entries(icc)?.iter().find(|entry| entry.starts_with(b"desc"))?;
    let text = icc.get(u32::from_be_bytes(at) as usize..)?;
    let long = |at| Some(u32::from_be_bytes(*text.get(at..)?.first_chunk()?) as usize);
    let bytes = |at: usize, length: usize| {
        let rest = text.get(at..)?;
        Some(&rest[..length.min(rest.len()).min(MOST_BYTES)])
    };
    let name = match text.first_chunk()? {
        b"desc" => String::from_utf8_lossy(bytes(12, long(8)?)?).into_owned(),
        b"mluc" => {
            let words =
                bytes(long(24)?, long(20)?)?.as_chunks().0.iter().map(|word| u16::from_be_bytes(*word));
            String::from_utf16_lossy(&words.collect::<Vec<_>>())
        }
        b"text" => String::from_utf8_lossy(bytes(8, MOST_BYTES)?).split('\0').next()?.to_owned(),
        _ => return None,
    };
    let name = name.trim_end_matches('\0').trim();
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    (!name.is_empty()).then_some(name)
}

/// The table of tags (ICC.1:2022, 7.3): signature, offset and size of each.
fn entries(icc: &[u8]) -> Option<&[[u8; 12]]> {
    let count = u32::from_be_bytes(*icc.get(128..)?.first_chunk()?);
    if count > MOST_TAGS {
        return None;
    }
    Some(icc.get(132..)?.get(..count as usize * 12)?.as_chunks().0)
}

/// Parses what a profile says of its colours.
///
/// The library is shown nothing else, and of two tables the one that is taken. It would read the texts too, and
/// each of a hundred tags may be a list of a hundred thousand texts that all are the same megabyte.
fn read(icc: &[u8]) -> Option<ColorProfile> {
    const CURVES: [&[u8; 4]; 7] = [b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC"];
    let entries = entries(icc)?;
    let find = |tag: &[u8; 4]| entries.iter().find(|entry| entry.starts_with(tag)).copied();
    let mut shown: Vec<[u8; 12]> = CURVES.into_iter().filter_map(find).collect();
    // Perceptual, or else colorimetric.
    shown.extend(find(b"A2B0").or_else(|| find(b"A2B1")));
    let mut icc = icc.to_vec();
    icc[128..132].copy_from_slice(&(shown.len() as u32).to_be_bytes());
    icc[132..][..shown.len() * 12].copy_from_slice(shown.as_flattened());
    ColorProfile::new_from_slice(&icc).ok()
}

/// Any picture in sRGB: grey, luma and chroma, or red, green and blue.
pub(crate) fn to_srgb(pixels: Pixels, profile: Option<&Profile>) -> Pixels {
    let pixels = match profile {
        Some(profile) => profile.apply(pixels),
        None => pixels,
    };
    match pixels {
        Pixels::Cmyk(inks) => Pixels::Rgb(paper(&inks)),
        other => other,
    }
}

/// Four inks as they look on paper that knows no better: each takes its light away.
pub(crate) fn paper(inks: &Packed) -> Packed {
    let mut data = vec![0; inks.width * inks.height * 3];
    for (pixel, [c, m, y, k]) in data.as_chunks_mut::<3>().0.iter_mut().zip(inks.data.as_chunks::<4>().0) {
        let light = u32::from(255 - k);
        *pixel = [c, m, y].map(|ink| ((u32::from(255 - ink) * light + 127) / 255) as u8);
    }
    Packed { width: inks.width, height: inks.height, scale: inks.scale, data }
}
