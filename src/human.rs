//! Numbers, sizes, times and foreign text as a person reads them.

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 object`, `1,234 objects`.
pub(crate) fn of(number: u64, one: &str) -> String {
    let many = match one.strip_suffix("y") {
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    };
    format!("{} {}", count(number), if number == 1 { one } else { &many })
}

/// `17 B`, `4.2 MB`: three digits, powers of 1,000.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut value = number as f64;
    let mut unit = "B";
    for next in UNITS {
        value /= 1_000.0;
        unit = next;
        if value < 999.5 {
            break;
        }
    }
    format!("{} {unit}", three(value))
}

fn three(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `0.41 ms`, `38.2 ms`, `1.20 s`, `2 min 5 s`, `3 h 20 min`.
pub(crate) fn seconds(value: f64) -> String {
    if value <= 0.0 {
        return "0".to_owned();
    }
    if value < 0.9995 {
        return format!("{} ms", three(value * 1e3));
    }
    if value < 99.95 {
        return format!("{} s", three(value));
    }
    let whole = value.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A whole number of seconds, without parts of them.
pub(crate) fn age(whole: u64) -> String {
    match whole {
        0..100 => format!("{whole} s"),
        _ => seconds(whole as f64),
    }
}

/// Text from outside with control characters written out, so that no key can move a terminal's cursor.
pub(crate) fn clean(text: &str) -> String {
    // Bidirectional overrides (UAX 9) would show a name in another order than it has.
    let unsafe_character =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(unsafe_character) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if unsafe_character(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// At most `length` characters, the rest as `…`.
pub(crate) fn shorten(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

/// A size as a person writes it: `512MB`, `1.5 GiB`, `2G`.
pub(crate) fn read_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        "" => return Err("it has no unit; write for example 512MB or 2GB".to_owned()),
        other => return Err(format!("the unit `{other}` is not known; write for example 512MB or 2GB")),
    };
    let number: f64 =
        number.parse().map_err(|_| "it is no size; write for example 512MB or 2GB".to_owned())?;
    let size = number * factor as f64;
    if size < 1e6 {
        return Err("it is less than 1MB, in which nothing can run".to_owned());
    }
    if size > 1e18 {
        return Err("it is more than any machine has".to_owned());
    }
    Ok(size as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(of(1, "object"), "1 object");
        assert_eq!(of(0, "object"), "0 objects");
        assert_eq!(of(2, "entry"), "2 entries");
    }

    #[test]
    fn sizes() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn times() {
        for (value, text) in [
            (0.0, "0"),
            (0.000_41, "0.41 ms"),
            (0.038_2, "38.2 ms"),
            (0.999, "999 ms"),
            (0.9996, "1.00 s"),
            (99.9, "99.9 s"),
            (125.2, "2 min 5 s"),
            (12_000.0, "3 h 20 min"),
        ] {
            assert_eq!(seconds(value), text);
        }
        assert_eq!(age(7), "7 s");
        assert_eq!(age(125), "2 min 5 s");
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(clean("ä b/😀.jpg"), "ä b/😀.jpg");
        assert_eq!(clean("a\x1b[2J\n\u{202e}gpj.exe"), "a\\u{1b}[2J\\n\\u{202e}gpj.exe");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("äöü", 3), "äöü");
    }

    #[test]
    fn reads_sizes() {
        for (text, size) in
            [("512MB", 512_000_000), ("1.5 GiB", 3 << 29), ("2g", 2_000_000_000), ("1000 kB", 1_000_000)]
        {
            assert_eq!(read_bytes(text), Ok(size), "{text}");
        }
        for text in ["", "2", "GB", "-1GB", "1..2GB", "1 parsec", "3B", "999TB99", "1e9TB", "9999999999TB"] {
            assert!(read_bytes(text).is_err(), "{text}");
        }
    }
}
