//! Without colour.

use crate::pixels::{Pixels, Plane, luma};

/// The picture in shades of grey: its luma. Alpha stays.
pub fn grey(pixels: Pixels) -> Pixels {
    let of = |[r, g, b]: [u8; 3]| luma(r.into(), g.into(), b.into());
    match pixels {
        Pixels::Ycc(planes) => {
            let [y, _, _] = *planes;
            Pixels::Grey(y)
        }
        Pixels::Rgb(rgb) => {
            let data = rgb.data.as_chunks::<3>().0.iter().map(|pixel| of(*pixel)).collect();
            Pixels::Grey(Plane { width: rgb.width, height: rgb.height, scale: rgb.scale, data })
        }
        Pixels::Rgba(mut rgba) => {
            for [r, g, b, _] in rgba.data.as_chunks_mut::<4>().0 {
                let y = of([*r, *g, *b]);
                (*r, *g, *b) = (y, y, y);
            }
            Pixels::Rgba(rgba)
        }
        other @ (Pixels::Grey(_) | Pixels::Cmyk(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::flat;

    #[test]
    fn every_form_has_its_luma() {
        let y = luma(200, 31, 77);
        for picture in flat(5, 3, [200, 31, 77, 128]) {
            let expected = match &picture {
                Pixels::Grey(plane) => plane.data.clone(),
                Pixels::Rgba(_) => [y, y, y, 128].repeat(15),
                _ => vec![y; 15],
            };
            match grey(picture) {
                Pixels::Grey(plane) => assert_eq!(plane.data, expected),
                Pixels::Rgba(packed) => assert_eq!(packed.data, expected),
                other => panic!("{other:?} is not grey"),
            }
        }
    }
}
