//! A mark over pixels of every form.

use crate::finish::forms::{mix, pixels_of, ycc};
use crate::pixels::{Packed, Pixels, Plane, luma};

/// Lays `mark`, red, green, blue and alpha, over the picture. What stands out of the picture is not drawn.
///
/// Halved chroma takes the mean of what its pixels would take.
pub(super) fn over(pixels: &mut Pixels, mark: &Packed, at: (usize, usize)) {
    let luma_of = |[r, g, b, _]: [u8; 4]| luma(r.into(), g.into(), b.into());
    match pixels {
        Pixels::Grey(grey) => each(&mut grey.data, grey.width, mark, at, |sample, pixel| {
            *sample = mix(*sample, luma_of(pixel), pixel[3]);
        }),
        Pixels::Ycc(planes) => {
            let [y, cb, cr] = &mut **planes;
            each(&mut y.data, y.width, mark, at, |sample, pixel| {
                *sample = mix(*sample, luma_of(pixel), pixel[3]);
            });
            let picture = (y.width, y.height);
            chroma_over(cb, picture, mark, at, 1);
            chroma_over(cr, picture, mark, at, 2);
        }
        Pixels::Rgb(rgb) => {
            each(rgb.data.as_chunks_mut::<3>().0, rgb.width, mark, at, |below, [r, g, b, alpha]| {
                let [red, green, blue] = *below;
                *below = [mix(red, r, alpha), mix(green, g, alpha), mix(blue, b, alpha)];
            });
        }
        Pixels::Rgba(rgba) => each(rgba.data.as_chunks_mut::<4>().0, rgba.width, mark, at, upon),
        Pixels::Cmyk(_) => {}
    }
}

/// One pixel over one that may be transparent itself.
fn upon(below: &mut [u8; 4], [r, g, b, alpha]: [u8; 4]) {
    if alpha == 0 {
        return;
    }
    let (upper, lower) = (u32::from(alpha) * 255, u32::from(below[3]) * (255 - u32::from(alpha)));
    let sum = upper + lower;
    let mixed =
        |below: u8, above: u8| ((u32::from(below) * lower + u32::from(above) * upper + sum / 2) / sum) as u8;
    let [red, green, blue, _] = *below;
    *below = [mixed(red, r), mixed(green, g), mixed(blue, b), ((sum + 127) / 255) as u8];
}

/// Calls `draw` with each element of a picture that the mark covers, and the mark's pixel.
fn each<T>(
    below: &mut [T],
    width: usize,
    mark: &Packed,
    (left, top): (usize, usize),
    draw: impl Fn(&mut T, [u8; 4]),
) {
    let rows = below.chunks_exact_mut(width).skip(top);
    for (row, marks) in rows.zip(mark.data.as_chunks::<4>().0.chunks_exact(mark.width)) {
        for (below, pixel) in row.iter_mut().skip(left).zip(marks) {
            draw(below, *pixel);
        }
    }
}

/// `which` is 1 for Cb and 2 for Cr.
fn chroma_over(
    plane: &mut Plane,
    (width, height): (usize, usize),
    mark: &Packed,
    (left, top): (usize, usize),
    which: usize,
) {
    let marks = mark.data.as_chunks::<4>().0;
    for (y, row) in plane.data.chunks_exact_mut(plane.width).enumerate() {
        let rows = pixels_of(y, plane.height, height);
        if rows.end <= top || rows.start >= top + mark.height {
            continue;
        }
        for (x, sample) in row.iter_mut().enumerate() {
            let columns = pixels_of(x, plane.width, width);
            if columns.end <= left || columns.start >= left + mark.width {
                continue;
            }
            // What the mark covers of the sample, and its chroma there.
            let (mut covered, mut sum) = (0, 0);
            for row in rows.start.max(top)..rows.end.min(top + mark.height) {
                for column in columns.start.max(left)..columns.end.min(left + mark.width) {
                    let [r, g, b, alpha] = marks[(row - top) * mark.width + column - left];
                    covered += u64::from(alpha);
                    sum += u64::from(alpha) * u64::from(ycc([r, g, b])[which]);
                }
            }
            let whole = (rows.len() * columns.len()) as u64 * 255;
            *sample = ((u64::from(*sample) * (whole - covered) + sum + whole / 2) / whole) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::{every_form, flat, of};
    use crate::pixels::separate;

    fn mark(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Packed {
        match of(width, height, pixel).pop() {
            Some(Pixels::Rgba(mark)) => mark,
            _ => unreachable!("the last form has alpha"),
        }
    }

    #[test]
    fn nothing_visible_changes_nothing() {
        for picture in every_form(9, 7) {
            let mut drawn = picture.clone();
            over(&mut drawn, &mark(5, 5, |x, y| [x as u8, y as u8, 200, 0]), (3, 1));
            assert_eq!(drawn, picture);
        }
    }

    #[test]
    fn what_is_opaque_replaces_what_is_below() {
        for (below, expected) in
            flat(6, 4, [10, 200, 30, 80]).into_iter().zip(flat(6, 4, [250, 120, 10, 255]))
        {
            let mut drawn = below;
            over(&mut drawn, &mark(6, 4, |_, _| [250, 120, 10, 255]), (0, 0));
            assert_eq!(drawn, expected);
        }
    }

    #[test]
    fn what_stands_out_is_not_drawn() {
        for picture in every_form(6, 4) {
            let mut drawn = picture.clone();
            over(&mut drawn, &mark(9, 9, |_, _| [255; 4]), (4, 2));
            assert_ne!(drawn, picture);
            over(&mut drawn.clone(), &mark(2, 2, |_, _| [255; 4]), (6, 4));
        }
    }

    /// Planes are drawn on as RGB would be, at odd places and sizes too.
    #[test]
    fn planes_and_colours_agree() {
        for (size, at) in [((9, 7), (3, 1)), ((8, 8), (1, 2)), ((5, 5), (2, 2)), ((1, 1), (0, 0))] {
            // One colour below, so that halving chroma loses nothing there.
            let forms = flat(size.0, size.1, [90, 160, 40, 255]);
            let mark = mark(4, 3, |x, y| [(x * 60) as u8, 200, (y * 80) as u8, (50 + x * 40 + y * 9) as u8]);
            let (mut planes, mut rgb) = (forms[1].clone(), forms[3].clone());
            over(&mut planes, &mark, at);
            over(&mut rgb, &mark, at);
            let (Pixels::Ycc(planes), Pixels::Rgb(rgb)) = (planes, rgb) else { unreachable!() };
            for (plane, expected) in planes.iter().zip(separate::<3>(&rgb)) {
                for (is, expected) in plane.data.iter().zip(&expected.data) {
                    assert!(is.abs_diff(*expected) <= 2, "{size:?} {at:?}: {is} and {expected}");
                }
            }
        }
    }

    #[test]
    fn a_mark_shows_on_nothing() {
        let mut pixel = [9, 9, 9, 0];
        upon(&mut pixel, [200, 100, 50, 128]);
        assert_eq!(pixel, [200, 100, 50, 128]);
        let mut pixel = [0, 0, 0, 255];
        upon(&mut pixel, [255, 255, 255, 51]);
        assert_eq!(pixel, [51, 51, 51, 255]);
    }
}
