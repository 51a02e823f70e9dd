//! Blocks of a sequential scan (T.81, F.2.2).

use super::{Trouble, bad_code};
use crate::jpeg::ZIGZAG;
use crate::jpeg::huffman::{Bits, Entry, Table};

/// The coefficients of one block, in rows, into a block of zeros. Answers the zigzag index of the last one.
#[inline]
pub(super) fn sequential(
    all: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    prediction: &mut i32,
    block: &mut [i16; 64],
) -> Result<usize, Trouble> {
    let mut bits = *all;
    mean(&mut bits, dc, prediction)?;
    block[0] = *prediction as i16;
    let (mut k, mut last) = (1, 0);
    while k < 64 {
        bits.refill();
        let entry = bits.code(ac);
        k += entry.run() as usize;
        if entry.size() == 0 {
            if entry == Entry::NONE {
                return Err(bad_code());
            }
            bits.skip_code(entry);
            if entry.run() < 15 {
                break;
            }
            k += 1;
            continue;
        }
        if k > 63 {
            return Err(bad_code());
        }
        block[usize::from(ZIGZAG[k] & 63)] = bits.signed(entry) as i16;
        last = k;
        k += 1;
    }
    *all = bits;
    Ok(last)
}

/// Adds the difference of a block's mean to the prediction (F.2.2.1).
#[inline]
pub(super) fn mean(bits: &mut Bits<'_>, dc: &Table, prediction: &mut i32) -> Result<(), Trouble> {
    bits.refill();
    let entry = bits.code(dc);
    match entry.symbol() {
        0 if entry == Entry::NONE => return Err(bad_code()),
        0 => bits.skip_code(entry),
        1..=15 => *prediction = prediction.wrapping_add(bits.signed(entry)),
        _ => return Err(bad_code()),
    }
    Ok(())
}
