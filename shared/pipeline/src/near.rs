//! The nearest right name.

/// The one of `names` that `written` most likely stands for, if any is near enough.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    if length > 64 {
        return None;
    }
    let lower = written.to_lowercase();
    names
        .into_iter()
        .filter(|name| name.len() <= 256)
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| {
            *distance <= length.max(name.chars().count()).div_ceil(3) && *distance < name.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean …?`, if a name is near enough.
pub(crate) fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, names).map(|name| format!("did you mean `{name}`?"))
}

/// The names as a sentence lists them: `a`, `b` and `c`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    const MOST: usize = 24;
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        names if names.len() > MOST => {
            format!("{} and {} more", names[..MOST].join(", "), names.len() - MOST)
        }
        [head @ .., tail] => format!("{} {last} {tail}", head.join(", ")),
    }
}

/// What there is to choose from.
pub(crate) fn there_are<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => "there is none".to_owned(),
        [only] => format!("there is only `{only}`"),
        names => format!("there are {}", list(names.iter().copied(), "and")),
    }
}

/// Text that a message quotes: short, and on one line.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.chars().take(MOST).collect::<String>().escape_debug().to_string();
    // `escape_debug` is for Rust's literals: quotes stand in a message as they are.
    short = short.replace("\\\"", "\"").replace("\\'", "'");
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_name() {
        let names = ["renditions", "uploads", "trail"];
        for (written, right) in [
            ("rendition", Some("renditions")),
            ("Uploads", Some("uploads")),
            ("trial", Some("trail")),
            ("uplaods", Some("uploads")),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names), right, "{written}");
        }
    }

    #[test]
    fn lists_names() {
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list([], "or"), "nothing");
    }

    #[test]
    fn quotes_on_one_line() {
        assert_eq!(quoted("a \"b\"\n\u{1b}[31m"), "`a \"b\"\\n\\u{1b}[31m`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 63);
    }
}
