//! JPEG into planes; CMYK and the rare RGB file into packed pixels.

use super::{Header, Memory, Shrink, metadata};
use crate::jpeg::decode::{Frame, Head, Trouble};
use crate::jpeg::decode::{decode as planes, head};
use crate::limits::Limits;
use crate::orient;
use crate::pixels::{Packed, Pixels, Plane, rgb};
use crate::reject::{Failure, Reject};
use crate::resample::Resampler;
use crate::sniff::Kind;

fn reject(trouble: Trouble) -> Failure {
    let kind = Kind::Jpeg;
    match trouble {
        Trouble::Truncated => Reject::Truncated { kind }.into(),
        Trouble::Broken(reason) => Reject::Broken { kind, reason }.into(),
        Trouble::Unsupported(what) => Reject::Unsupported(what).into(),
        Trouble::TooManyScans(limit) => {
            let what = "it has more scans than any camera or editor writes".to_owned();
            Reject::TooLarge { what, limit: limit.to_string() }.into()
        }
        Trouble::Stopped => Failure::Stopped,
    }
}

/// What the components mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    Grey,
    Ycc,
    Rgb,
    /// With 255 for no ink, as Adobe writes it.
    InvertedCmyk,
    Cmyk,
    Ycck,
}

/// JFIF says YCbCr; Adobe's marker says what it says; without either the component names may be letters.
fn colour(head: &Head<'_>, frame: &Frame) -> Colour {
    let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
    match (ids.len(), head.adobe) {
        (1, _) => Colour::Grey,
        (3, Some(0)) if !head.jfif => Colour::Rgb,
        (3, None) if !head.jfif && ids == *b"RGB" => Colour::Rgb,
        (3, _) => Colour::Ycc,
        (_, Some(2)) => Colour::Ycck,
        (_, Some(_)) => Colour::InvertedCmyk,
        (_, None) => Colour::Cmyk,
    }
}

pub(super) fn header(data: &[u8], limits: &Limits) -> Result<Header, Reject> {
    let head = head(data).map_err(|trouble| match reject(trouble) {
        Failure::Rejected(reject) => reject,
        Failure::Stopped => Reject::Truncated { kind: Kind::Jpeg },
    })?;
    let Some(frame) = &head.frame else {
        return Err(Reject::broken(Kind::Jpeg, "it has no frame header"));
    };
    let colour = colour(&head, frame);
    let sampling = matches!(colour, Colour::Ycc).then(|| {
        let [y, cb, ..] = &frame.components[..] else { return (1, 1) };
        (y.h / cb.h, y.v / cb.v)
    });
    // Packed forms: all planes, those at full size, and the pixels made of them.
    let extra = match colour {
        Colour::Grey | Colour::Ycc => 0,
        Colour::Rgb => 6,
        Colour::InvertedCmyk | Colour::Cmyk | Colour::Ycck => 8,
    };
    let samples = match colour {
        Colour::Grey => 1,
        Colour::Ycc | Colour::Rgb => 3,
        Colour::InvertedCmyk | Colour::Cmyk | Colour::Ycck => 4,
    };
    let decoding = [8, 4, 2, 1].map(|side| {
        let pixels = u64::from(frame.width.div_ceil(8 / side)) * u64::from(frame.height.div_ceil(8 / side));
        let (planes, coefficients) = frame.memory(usize::from(side));
        let peak = planes + coefficients.max(pixels * extra);
        Memory { peak, kept: if extra == 0 { planes } else { pixels * samples } }
    });
    Ok(Header {
        orientation: head.exif.map(orient::from_exif).unwrap_or_default(),
        channels: frame.components.len() as u8,
        progressive: frame.progressive,
        sampling,
        icc: metadata::profile_in_parts(&head.icc, limits)?,
        exif: head.exif.map(|exif| metadata::exif(exif, limits)).transpose()?.flatten(),
        decoding,
        samples,
        planar: colour == Colour::Ycc,
        ..Header::new(Kind::Jpeg, frame.width.into(), frame.height.into())
    })
}

pub(super) fn decode(
    data: &[u8],
    limits: &Limits,
    shrink: Shrink,
    stop: &dyn Fn() -> bool,
) -> Result<Pixels, Failure> {
    let head = head(data).map_err(reject)?;
    let Some(frame) = &head.frame else {
        return Err(Reject::broken(Kind::Jpeg, "it has no frame header").into());
    };
    let colour = colour(&head, frame);
    let planes = planes(data, 8 >> shrink as usize, limits.scans, stop).map_err(reject)?;
    let shape = || Failure::from(Reject::broken(Kind::Jpeg, "its components do not fit its colours"));
    match colour {
        Colour::Grey => planes.into_iter().next().map(Pixels::Grey).ok_or_else(shape),
        Colour::Ycc => Ok(Pixels::Ycc(Box::new(planes.try_into().map_err(|_| shape())?))),
        Colour::Rgb => {
            let planes: [Plane; 3] = same_size(planes, stop)?.try_into().map_err(|_| shape())?;
            let [r, g, b] = &planes;
            let samples = r.data.iter().zip(&g.data).zip(&b.data).flat_map(|((r, g), b)| [*r, *g, *b]);
            Ok(Pixels::Rgb(Packed {
                width: r.width,
                height: r.height,
                scale: r.scale,
                data: samples.collect(),
            }))
        }
        Colour::InvertedCmyk | Colour::Cmyk | Colour::Ycck => {
            let planes: [Plane; 4] = same_size(planes, stop)?.try_into().map_err(|_| shape())?;
            Ok(Pixels::Cmyk(inks(&planes, colour)))
        }
    }
}

/// All planes at the size of the largest.
fn same_size(planes: Vec<Plane>, stop: &dyn Fn() -> bool) -> Result<Vec<Plane>, Failure> {
    let width = planes.iter().map(|plane| plane.width).max().unwrap_or(1);
    let height = planes.iter().map(|plane| plane.height).max().unwrap_or(1);
    let mut resampler = Resampler::new();
    let grow = |plane: Plane| {
        if stop() {
            return Err(Failure::Stopped);
        }
        if (plane.width, plane.height) == (width, height) {
            return Ok(plane);
        }
        Ok(resampler.grow(&plane, width, height))
    };
    planes.into_iter().map(grow).collect()
}

/// Interleaves four planes of one size, with 255 for all of an ink.
fn inks(planes: &[Plane; 4], colour: Colour) -> Packed {
    let [first, second, third, black] = planes;
    let mut data = vec![0; first.data.len() * 4];
    let samples = first.data.iter().zip(&second.data).zip(&third.data).zip(&black.data);
    for (pixel, (((a, b), c), k)) in data.as_chunks_mut::<4>().0.iter_mut().zip(samples) {
        *pixel = match colour {
            Colour::Ycck => {
                let [c, m, y] = rgb(*a, *b, *c);
                [c, m, y, 255 - k]
            }
            Colour::Cmyk => [*a, *b, *c, *k],
            _ => [255 - a, 255 - b, 255 - c, 255 - k],
        };
    }
    Packed { width: first.width, height: first.height, scale: first.scale, data }
}
