//! Sizes of temporary storage: a number and its unit, such as `512MB`.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::diagnostic::{Finding, Sink};
use crate::fields::text;
use crate::near::quoted;
use crate::tree::{Kind, Pair, Scalar};

/// What Lambda gives a function, in MB ("Configure ephemeral storage", Lambda Developer Guide).
const RANGE: RangeInclusive<u64> = 512..=10_240;

/// Megabytes, from a whole number with the unit `MB` or `GB`. As in Lambda, 1 GB is 1,024 MB.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (number, factor) = match text.strip_suffix("MB") {
        Some(number) => (number, 1),
        None => (text.strip_suffix("GB")?, 1_024),
    };
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(factor)
}

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<u64> {
    let key = &pair.key.value;
    if let Kind::Scalar(Scalar::Number(_, number)) = &pair.value.kind {
        sink.report(
            Finding::new(pair.value.span, format!("`{key}` has no unit")).hint(format!("write `{number}MB`")),
        );
        return None;
    }
    let written = text(pair, sink)?;
    let megabytes = parse(&written.value);
    match megabytes {
        None => sink.report(
            Finding::new(written.span, format!("`{key}` is no size: {}", quoted(&written.value)))
                .hint("write a whole number and a unit: `512MB`, `2GB`"),
        ),
        Some(size) if !RANGE.contains(&size) => sink.report(
            Finding::new(written.span, format!("`{key}` is {}", quoted(&written.value))).hint(format!(
                "it may be from {}MB to {}MB",
                RANGE.start(),
                RANGE.end()
            )),
        ),
        Some(_) => return megabytes,
    }
    None
}

pub(crate) fn schema() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+(MB|GB)$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads() {
        assert_eq!(parse("512MB"), Some(512));
        assert_eq!(parse("2GB"), Some(2_048));
        for text in ["", "MB", "512", "512mb", "+1MB", "0.5GB", "1TB", "99999999999999999999GB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
