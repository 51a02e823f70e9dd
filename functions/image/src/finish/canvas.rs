//! The picture on a ground: a canvas of a given size, or an opaque colour where it is transparent.

use super::colour_value::Colour;
use super::forms::{mix, pixels_of, rgba, sample_of, ycc};
use super::gravity::Gravity;
use crate::pixels::{Packed, Pixels, Plane};

/// Lays the picture on a canvas of `size`, width and height in pixels, at the side that `gravity` names.
///
/// The rest of the canvas has the colour of `background`; transparent pixels of the picture stay so ([`flatten`]
/// fills them). With a translucent background the result is RGBA. Luma and chroma stay that: where halved chroma
/// covers pixels of both, it has its share of both. What is larger than the canvas is cut, and what is as large is
/// left as it is.
pub fn contain(pixels: &Pixels, size: (u32, u32), gravity: Gravity, background: Colour) -> Pixels {
    let (width, height) = match pixels {
        Pixels::Grey(grey) => (grey.width, grey.height),
        Pixels::Ycc(planes) => (planes[0].width, planes[0].height),
        Pixels::Rgb(packed) | Pixels::Rgba(packed) | Pixels::Cmyk(packed) => (packed.width, packed.height),
    };
    let (left, top) = gravity.place((width as u32, height as u32), size);
    let at = (left as usize, top as usize);
    let size = (size.0 as usize, size.1 as usize);
    if (width, height) == size {
        return pixels.clone();
    }
    let [r, g, b] = background.rgb();
    let translucent = background.a < 255;
    match pixels {
        Pixels::Grey(grey) if !translucent && r == g && g == b => Pixels::Grey(lay_plane(grey, size, at, r)),
        Pixels::Grey(grey) if !translucent => {
            let data = grey.data.iter().flat_map(|y| [*y; 3]).collect();
            let rgb = Packed { width, height, scale: grey.scale, data };
            Pixels::Rgb(lay(&rgb, size, at, [r, g, b]))
        }
        Pixels::Ycc(planes) if !translucent => {
            let [y, cb, cr] = &**planes;
            let ground = ycc([r, g, b]);
            Pixels::Ycc(Box::new([
                lay_plane(y, size, at, ground[0]),
                lay_chroma(cb, y, size, at, ground[1]),
                lay_chroma(cr, y, size, at, ground[2]),
            ]))
        }
        Pixels::Rgb(rgb) if !translucent => Pixels::Rgb(lay(rgb, size, at, [r, g, b])),
        Pixels::Rgba(rgba) => Pixels::Rgba(lay(rgba, size, at, [r, g, b, background.a])),
        Pixels::Cmyk(_) => pixels.clone(),
        opaque => Pixels::Rgba(lay(&rgba(opaque), size, at, [r, g, b, background.a])),
    }
}

/// Fills what is transparent with a colour, whose own alpha is not looked at. Other pictures stay as they are.
pub fn flatten(pixels: Pixels, background: Colour) -> Pixels {
    let Pixels::Rgba(Packed { width, height, scale, data }) = pixels else { return pixels };
    let [r, g, b] = background.rgb();
    let laid = |pixel: &[u8; 4]| {
        let [red, green, blue, alpha] = *pixel;
        [mix(r, red, alpha), mix(g, green, alpha), mix(b, blue, alpha)]
    };
    let data = data.as_chunks::<4>().0.iter().flat_map(laid).collect();
    Pixels::Rgb(Packed { width, height, scale, data })
}

fn lay<const N: usize>(
    picture: &Packed,
    (width, height): (usize, usize),
    at: (usize, usize),
    ground: [u8; N],
) -> Packed {
    let mut data = ground.repeat(width * height);
    let from = picture.data.as_chunks::<N>().0;
    copy(from, picture.width, data.as_chunks_mut::<N>().0, width, at);
    Packed { width, height, scale: picture.scale, data }
}

fn lay_plane(picture: &Plane, (width, height): (usize, usize), at: (usize, usize), ground: u8) -> Plane {
    let mut data = vec![ground; width * height];
    copy(&picture.data, picture.width, &mut data, width, at);
    Plane { width, height, scale: picture.scale, data }
}

fn copy<T: Copy>(from: &[T], from_width: usize, to: &mut [T], width: usize, (left, top): (usize, usize)) {
    let shown = from_width.min(width - left);
    let rows = to.chunks_exact_mut(width).skip(top);
    for (row, samples) in rows.zip(from.chunks_exact(from_width)) {
        row[left..left + shown].copy_from_slice(&samples[..shown]);
    }
}

/// Chroma of the canvas, where the picture has less of it than luma: each sample is the mean over its pixels.
fn lay_chroma(
    chroma: &Plane,
    luma: &Plane,
    (width, height): (usize, usize),
    (left, top): (usize, usize),
    ground: u8,
) -> Plane {
    let samples = |pixels: usize, ratio: f64| if ratio < 0.75 { pixels.div_ceil(2) } else { pixels };
    let across = samples(width, chroma.scale.0 / luma.scale.0);
    let down = samples(height, chroma.scale.1 / luma.scale.1);
    // The sample of the picture that covers a pixel of the canvas.
    let source = |pixel: usize, begin: usize, samples: usize, pixels: usize| {
        let inside = pixel.checked_sub(begin).filter(|pixel| *pixel < pixels)?;
        Some(sample_of(inside, samples, pixels))
    };
    let columns: Vec<Option<usize>> = (0..width).map(|x| source(x, left, chroma.width, luma.width)).collect();
    let mut data = Vec::with_capacity(across * down);
    for y in 0..down {
        let rows: Vec<Option<usize>> =
            pixels_of(y, down, height).map(|row| source(row, top, chroma.height, luma.height)).collect();
        for x in 0..across {
            let columns = &columns[pixels_of(x, across, width)];
            let mut sum = 0;
            for row in &rows {
                for column in columns {
                    sum += match (row, column) {
                        (Some(row), Some(column)) => usize::from(chroma.data[row * chroma.width + column]),
                        _ => usize::from(ground),
                    };
                }
            }
            let count = rows.len() * columns.len();
            data.push(((sum + count / 2) / count) as u8);
        }
    }
    Plane { width: across, height: down, scale: chroma.scale, data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::{every_form, flat, of};
    use crate::pixels::separate;

    const RED: Colour = Colour { r: 200, g: 10, b: 20, a: 255 };
    const GRAVITIES: [Gravity; 9] = [
        Gravity::Centre,
        Gravity::North,
        Gravity::NorthEast,
        Gravity::East,
        Gravity::SouthEast,
        Gravity::South,
        Gravity::SouthWest,
        Gravity::West,
        Gravity::NorthWest,
    ];

    #[test]
    fn each_form_keeps_its_pixels_and_has_ground_around_them() {
        for (size, canvas) in [((5, 3), (9, 8)), ((1, 1), (1, 1)), ((4, 4), (4, 5)), ((2, 7), (3, 7))] {
            for gravity in GRAVITIES {
                let (left, top) = gravity.place(size, canvas);
                for background in [RED, Colour::BLACK, Colour { a: 99, ..RED }, Colour::TRANSPARENT] {
                    for picture in every_form(size.0 as usize, size.1 as usize) {
                        let laid = rgba(&contain(&picture, canvas, gravity, background));
                        let before = rgba(&picture);
                        let planar = matches!(picture, Pixels::Ycc(_));
                        assert_eq!((laid.width, laid.height), (canvas.0 as usize, canvas.1 as usize));
                        for (index, pixel) in laid.data.as_chunks::<4>().0.iter().enumerate() {
                            let (x, y) = (index as u32 % canvas.0, index as u32 / canvas.0);
                            let inside = x >= left && x < left + size.0 && y >= top && y < top + size.1;
                            let expected = if inside {
                                let at = ((y - top) * size.0 + x - left) as usize;
                                before.data.as_chunks::<4>().0[at]
                            } else {
                                [background.r, background.g, background.b, background.a]
                            };
                            if planar && background.a == 255 {
                                assert_eq!(pixel[3], 255);
                            } else {
                                assert_eq!(*pixel, expected, "{picture:?} {gravity:?} {background:?}");
                            }
                        }
                    }
                }
            }
        }
    }

    /// Planes laid on a canvas are the planes of the picture laid on a canvas, where its chroma can tell: pictures
    /// whose blocks of two by two have one colour, and odd places.
    #[test]
    fn halved_chroma_has_its_share_of_both() {
        for size in [(8, 6), (7, 5), (1, 1)] {
            for canvas in [(12, 10), (11, 9), (13, 6), (8, 6)] {
                for gravity in GRAVITIES {
                    let forms = of(size.0 as usize, size.1 as usize, |x, y| {
                        [(x / 2 * 60) as u8, (y / 2 * 90) as u8, 40, 255]
                    });
                    let planes = contain(&forms[1], canvas, gravity, RED);
                    let Pixels::Rgb(rgb) = contain(&forms[3], canvas, gravity, RED) else {
                        panic!("not RGB")
                    };
                    let Pixels::Ycc(planes) = planes else { panic!("not planes") };
                    for (plane, expected) in planes.iter().zip(separate::<3>(&rgb)) {
                        assert_eq!((plane.width, plane.height), (expected.width, expected.height));
                        for (is, expected) in plane.data.iter().zip(&expected.data) {
                            assert!(is.abs_diff(*expected) <= 1, "{size:?} {canvas:?} {gravity:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_picture_as_large_as_its_canvas_is_itself() {
        for picture in every_form(7, 5) {
            assert_eq!(contain(&picture, (7, 5), Gravity::Centre, RED), picture);
        }
    }

    #[test]
    fn what_stands_out_is_cut() {
        for picture in every_form(9, 7) {
            let laid = rgba(&contain(&picture, (3, 2), Gravity::Centre, RED));
            assert_eq!((laid.width, laid.height, laid.data.len()), (3, 2, 24));
        }
    }

    #[test]
    fn transparent_pixels_take_the_colour() {
        let checks = [
            ([10, 20, 30, 0], [200, 10, 20]),
            ([10, 20, 30, 255], [10, 20, 30]),
            ([0, 0, 0, 51], [160, 8, 16]),
        ];
        for (pixel, expected) in checks {
            let Some(picture) = flat(3, 1, pixel).pop() else { unreachable!() };
            let Pixels::Rgb(rgb) = flatten(picture, RED) else { panic!("not RGB") };
            assert_eq!(rgb.data, expected.repeat(3));
        }
        for picture in flat(3, 1, [1, 2, 3, 4]).into_iter().take(4) {
            assert_eq!(flatten(picture.clone(), RED), picture);
        }
    }
}
