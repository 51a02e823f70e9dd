//! The name of what is uploaded beside a request.

use crate::answer::Refusal;

/// The longest name that a caller may give.
const MAX_NAME: usize = 100;

/// What a query says about an upload: `upload` asks for a place, `upload=photo.jpg` says what the file is called.
pub fn wants_upload(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| match pair.split_once('=') {
        Some(("upload", name)) => Some(name),
        None if pair == "upload" => Some(""),
        _ => None,
    })
}

/// What comes behind the prefix in the object's key: the place's own id, and what the caller calls it, whose ending
/// may tell a stage what it is.
pub(crate) fn name(id: &str, asked: &str) -> Result<String, Refusal> {
    if asked.is_empty() {
        return Ok(id.to_owned());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if asked.len() > MAX_NAME || !asked.bytes().all(plain) {
        let reason = format!("`upload` names a file with 1 to {MAX_NAME} letters, digits, `.`, `_` and `-`");
        return Err(Refusal::new(400, reason));
    }
    Ok(format!("{id}-{asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        for (query, wants) in [
            ("upload", Some("")),
            ("upload=", Some("")),
            ("upload=photo.jpg", Some("photo.jpg")),
            ("a=b&upload=x=y", Some("x=y")),
            ("", None),
            ("uploads", None),
            ("a=upload", None),
        ] {
            assert_eq!(wants_upload(Some(query)), wants, "{query}");
        }
        assert_eq!(wants_upload(None), None);
    }

    #[test]
    fn names_lead_nowhere_else() {
        assert_eq!(name("17", "").as_deref(), Ok("17"));
        assert_eq!(name("17", "photo.jpg").as_deref(), Ok("17-photo.jpg"));
        assert_eq!(name("17", "..").as_deref(), Ok("17-.."));
        for bad in ["a/b", "../a", "%2e", "a b", "ä", "\\", &"a".repeat(101)] {
            assert_eq!(name("17", bad).expect_err("refused").status, 400, "{bad}");
        }
    }
}
