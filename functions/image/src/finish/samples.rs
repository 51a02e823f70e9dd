//! Pictures for the tests of this folder.

use crate::pixels::{Packed, Pixels, Plane, separate};

/// A picture of one colour, as grey, luma and chroma (both halved and whole), RGB and RGBA.
pub(crate) fn flat(width: usize, height: usize, [r, g, b, a]: [u8; 4]) -> Vec<Pixels> {
    of(width, height, |_, _| [r, g, b, a])
}

/// A picture that has something everywhere, in each form.
pub(crate) fn every_form(width: usize, height: usize) -> Vec<Pixels> {
    of(width, height, |x, y| {
        let mixed = (x * 31 + y * 57 + 1).wrapping_mul(2_654_435_761) >> 7;
        [mixed as u8, (mixed >> 8) as u8, (mixed >> 3) as u8, (mixed >> 5) as u8 | 1]
    })
}

/// A picture by its pixels, in each form.
pub(crate) fn of(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Vec<Pixels> {
    let all: Vec<[u8; 4]> = (0..width * height).map(|at| pixel(at % width, at / width)).collect();
    let packed = |data| Packed { width, height, scale: (1.0, 1.0), data };
    let rgb = packed(all.iter().flat_map(|pixel| pixel[..3].to_vec()).collect());
    let halved = separate::<3>(&rgb);
    // One pixel at a time, chroma is not halved.
    let whole = [0, 1, 2].map(|plane: usize| {
        let one = |pixel: &[u8; 3]| {
            let one = Packed { width: 1, height: 1, scale: (1.0, 1.0), data: pixel.to_vec() };
            separate::<3>(&one)[plane].data[0]
        };
        let data = rgb.data.as_chunks::<3>().0.iter().map(one).collect();
        Plane { width, height, scale: (1.0, 1.0), data }
    });
    vec![
        Pixels::Grey(halved[0].clone()),
        Pixels::Ycc(Box::new(halved)),
        Pixels::Ycc(Box::new(whole)),
        Pixels::Rgb(rgb),
        Pixels::Rgba(packed(all.concat())),
    ]
}
