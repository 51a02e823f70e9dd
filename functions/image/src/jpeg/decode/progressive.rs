//! Blocks of a progressive scan (T.81, annex G).

use super::segments::Scan;
use super::sequential::mean;
use super::{Trouble, bad_code, missing};
use crate::jpeg::ZIGZAG;
use crate::jpeg::huffman::{Bits, Entry, Table};

/// One block of a progressive scan (G.1.2, G.2).
pub(super) fn progressive(
    bits: &mut Bits<'_>,
    scan: &Scan,
    dc: Option<&Table>,
    ac: Option<&Table>,
    prediction: &mut i32,
    skip: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), Trouble> {
    let low = scan.low;
    if scan.first == 0 {
        if scan.high > 0 {
            if bits.bit() {
                block[0] |= 1 << low;
            }
            return Ok(());
        }
        let Some(dc) = dc else { return missing() };
        mean(bits, dc, prediction)?;
        block[0] = prediction.wrapping_shl(low) as i16;
        return Ok(());
    }
    let Some(ac) = ac else { return missing() };
    if scan.high > 0 {
        return refine(bits, scan, ac, skip, block);
    }
    if *skip > 0 {
        *skip -= 1;
        return Ok(());
    }
    let mut k = scan.first;
    while k <= scan.last {
        bits.refill();
        let entry = bits.code(ac);
        if entry == Entry::NONE {
            return Err(bad_code());
        }
        let run = entry.run();
        if entry.size() == 0 {
            bits.skip_code(entry);
            if run < 15 {
                *skip = (1 << run) - 1;
                if run > 0 {
                    *skip += bits.take(run);
                }
                break;
            }
            k += 16;
            continue;
        }
        k += run as usize;
        if k > 63 {
            return Err(bad_code());
        }
        block[usize::from(ZIGZAG[k])] = bits.signed(entry).wrapping_shl(low) as i16;
        k += 1;
    }
    Ok(())
}

/// One more bit for the coefficients of a band (G.1.2.3).
pub(super) fn refine(
    bits: &mut Bits<'_>,
    scan: &Scan,
    ac: &Table,
    skip: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), Trouble> {
    let bit = 1i16 << scan.low;
    /// A coefficient that is known already takes a bit of correction.
    #[inline]
    fn correct(bits: &mut Bits<'_>, coefficient: &mut i16, bit: i16) {
        if bits.bit() && *coefficient & bit == 0 {
            *coefficient = coefficient.saturating_add(if *coefficient > 0 { bit } else { -bit });
        }
    }
    let mut k = scan.first;
    if *skip == 0 {
        while k <= scan.last {
            bits.refill();
            let entry = bits.code(ac);
            if entry == Entry::NONE {
                return Err(bad_code());
            }
            bits.skip_code(entry);
            let mut run = entry.run();
            let mut value = 0;
            match entry.size() {
                0 if run < 15 => {
                    *skip = 1 << run;
                    if run > 0 {
                        *skip += bits.take(run);
                    }
                    break;
                }
                0 => {}
                1 => value = if bits.bit() { bit } else { -bit },
                _ => return Err(bad_code()),
            }
            // Step over `run` coefficients that are still zero; those that are not are corrected on the way.
            while k <= scan.last {
                let coefficient = &mut block[usize::from(ZIGZAG[k])];
                if *coefficient != 0 {
                    correct(bits, coefficient, bit);
                } else if run == 0 {
                    *coefficient = value;
                    k += 1;
                    break;
                } else {
                    run -= 1;
                }
                k += 1;
            }
        }
    }
    if *skip > 0 {
        for place in ZIGZAG.get(k..=scan.last).unwrap_or_default() {
            let coefficient = &mut block[usize::from(*place)];
            if *coefficient != 0 {
                correct(bits, coefficient, bit);
            }
        }
        *skip -= 1;
    }
    Ok(())
}
