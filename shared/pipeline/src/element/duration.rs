//! Durations: a number and its unit, such as `30s`.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Finding, Sink};
use crate::fields::text;
use crate::near::quoted;
use crate::tree::{Kind, Pair, Scalar};

/// What a stage's attempt may take: the most is what SQS hides a message for.
pub(crate) const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(12);
/// The default of a stage's `timeout`.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// Reads a whole number with one of the units `ms`, `s`, `m` and `h`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// The duration as [`parse`] reads it, in the largest unit that holds it whole.
pub(crate) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        millis if millis % 3_600_000 == 0 => format!("{}h", millis / 3_600_000),
        millis if millis % 60_000 == 0 => format!("{}m", millis / 60_000),
        millis if millis % 1_000 == 0 => format!("{}s", millis / 1_000),
        millis => format!("{millis}ms"),
    }
}

/// A duration within a range.
pub(crate) fn read(pair: &Pair, range: &RangeInclusive<Duration>, sink: &mut Sink) -> Option<Duration> {
    let key = &pair.key.value;
    if let Kind::Scalar(Scalar::Number(_, number)) = &pair.value.kind {
        sink.report(
            Finding::new(pair.value.span, format!("`{key}` has no unit"))
                .hint(format!("write `{number}s`, or another of the units `ms`, `s`, `m` and `h`")),
        );
        return None;
    }
    let written = text(pair, sink)?;
    let Some(duration) = parse(&written.value) else {
        sink.report(
            Finding::new(written.span, format!("`{key}` is no duration: {}", quoted(&written.value)))
                .hint("write a whole number and a unit: `500ms`, `30s`, `5m`, `1h`"),
        );
        return None;
    };
    if !range.contains(&duration) {
        sink.report(
            Finding::new(written.span, format!("`{key}` is {}", quoted(&written.value))).hint(format!(
                "it may be from {} to {}",
                show(*range.start()),
                show(*range.end())
            )),
        );
        return None;
    }
    Some(duration)
}

pub(crate) fn schema() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "30", "s", "1.5s", "-1s", "30 s", "1d", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["500ms", "30s", "5m", "12h", "90s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
