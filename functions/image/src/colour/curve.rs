//! Tone curves: the `curveType` and `parametricCurveType` of ICC.1:2022, 10.6 and 10.18.

use moxcms::ToneReprCurve;

use super::power::power;

/// What a curve gives for `x` between 0 and 1. The answer is finite, and may lie outside of that.
pub(super) fn value(curve: &ToneReprCurve, x: f64) -> f64 {
    let y = match curve {
        ToneReprCurve::Lut(table) => match &table[..] {
            [] => x,
            // One entry is a gamma in eighths of a byte.
            [gamma] => power(x, f64::from(*gamma) / 256.0),
            table => interpolate(table.len(), x, |at| f64::from(table[at]) / 65535.0),
        },
        ToneReprCurve::Parametric(parameters) => parametric(parameters, x),
    };
    if y.is_finite() { y } else { 0.0 }
}

/// Types 0 to 4, told by their number of parameters.
fn parametric(parameters: &[f32], x: f64) -> f64 {
    let p = |index: usize| parameters.get(index).map_or(0.0, |value| f64::from(*value));
    let inner = p(1) * x + p(2);
    let powered = || if inner >= 0.0 { power(inner, p(0)) } else { 0.0 };
    match parameters.len() {
        1 => power(x, p(0)),
        3 => powered(),
        4 => powered() + p(3),
        5 if x >= p(4) => powered(),
        5 => p(3) * x,
        7 if x >= p(4) => powered() + p(5),
        7 => p(3) * x + p(6),
        _ => x,
    }
}

/// Between the two of `many` samples that `x`, from 0 to 1, lies between.
pub(super) fn interpolate(many: usize, x: f64, sample: impl Fn(usize) -> f64) -> f64 {
    let place = x.clamp(0.0, 1.0) * (many - 1) as f64;
    let below = (place as usize).min(many - 1);
    let above = (below + 1).min(many - 1);
    let part = place - below as f64;
    sample(below) * (1.0 - part) + sample(above) * part
}
