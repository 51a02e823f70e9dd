//! Blocks of a sequential scan (T.81, F.2.2).

use super::{Trouble, bad_code, scaled};
use crate::jpeg::ZIGZAG;
use crate::jpeg::huffman::{Bits, Table};

/// One block of a sequential scan (F.2.2), dequantised. Answers the zigzag index of the last coefficient.
#[inline]
pub(super) fn sequential(
    bits: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    prediction: &mut i32,
    quantiser: &[u16; 64],
    block: &mut [i16; 64],
) -> Result<usize, Trouble> {
    bits.refill();
    let size = u32::from(dc.symbol(bits).ok_or_else(bad_code)?);
    if size > 0 {
        if size > 15 {
            return Err(bad_code());
        }
        *prediction = prediction.wrapping_add(bits.signed(size));
    }
    block[0] = scaled((*prediction).clamp(-32768, 32767), quantiser[0]);
    let (mut k, mut last) = (1, 0);
    while k < 64 {
        bits.refill();
        let entry = ac.ac(bits);
        let (run, value) = if entry == 0 {
            let symbol = ac.symbol(bits).ok_or_else(bad_code)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            (run, if size == 0 { 0 } else { bits.signed(size) })
        } else {
            bits.skip((entry & 0xff) as u32);
            ((entry >> 8 & 15) as usize, entry >> 16)
        };
        if value == 0 {
            if run < 15 {
                break;
            }
            k += 16;
            continue;
        }
        k += run;
        if k > 63 {
            return Err(bad_code());
        }
        block[usize::from(ZIGZAG[k] & 63)] = scaled(value, quantiser[k]);
        last = k;
        k += 1;
    }
    Ok(last)
}
