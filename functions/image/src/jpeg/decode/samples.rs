//! From the coefficients of a block to the samples of a plane.

use super::Side;
use crate::jpeg::transform;
use crate::pixels::Plane;

/// Transforms a block and writes what of it lies inside the plane. A flat one has nothing but its mean.
#[inline]
pub(super) fn place(
    plane: &mut Plane,
    side: Side,
    bx: usize,
    by: usize,
    block: &[i16; 64],
    quantiser: &[i16; 64],
    flat: bool,
) {
    if flat || side == 1 {
        let value = transform::flat(block, quantiser);
        match side {
            8 => write(plane, bx, by, &[[value; 8]; 8]),
            4 => write(plane, bx, by, &[[value; 4]; 4]),
            2 => write(plane, bx, by, &[[value; 2]; 2]),
            _ => write(plane, bx, by, &[[value; 1]; 1]),
        }
        return;
    }
    match side {
        8 => write(plane, bx, by, &transform::inverse_8(block, quantiser)),
        4 => write(plane, bx, by, &transform::inverse_4(block, quantiser)),
        _ => write(plane, bx, by, &transform::inverse_2(block, quantiser)),
    }
}

#[inline]
fn write<const N: usize>(plane: &mut Plane, bx: usize, by: usize, samples: &[[u8; N]; N]) {
    let (x, y) = (bx * N, by * N);
    if x >= plane.width {
        return;
    }
    let count = N.min(plane.width - x);
    let mut at = y * plane.width + x;
    for samples in samples {
        // Past the last row there is nothing.
        let Some(row) = plane.data.get_mut(at..at + count) else { return };
        match row.first_chunk_mut::<N>() {
            Some(row) => *row = *samples,
            None => row.copy_from_slice(&samples[..count]),
        }
        at += plane.width;
    }
}
