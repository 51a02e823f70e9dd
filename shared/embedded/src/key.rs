//! Which keys a directory can hold. What it cannot hold is refused, never mangled.
//!
//! | rule | example | refused because |
//! |---|---|---|
//! | not empty | `` | it names nothing |
//! | no NUL | `a\0b` | file names end there |
//! | no empty part | `a//b`, `/a`, `a/` | directories have no such entry |
//! | no `.` or `..` part | `a/../b` | it would name another place |
//! | a part has at most 255 bytes | 256 letters | file systems hold no more |
//! | at most 1024 bytes in all | | S3 holds no more |
//! | not the host's own folder | `.tidemill/x` | reserved, for everyone but the host |
//!
//! Further, a directory cannot hold `a` beside `a/b`, nor, where it folds case, `A` beside `a`; both are
//! found when the object is written.

use tidemill_core::key::RESERVED;

/// Why `key` cannot be an object's key in a directory, if it cannot.
pub(crate) fn refused(key: &str) -> Option<String> {
    let reason = if key.is_empty() {
        "it is empty"
    } else if key.len() > 1024 {
        "it has more than 1024 bytes"
    } else if key.contains('\0') {
        "it holds a NUL"
    } else if key.split('/').any(str::is_empty) {
        "a part between slashes is empty"
    } else if key.split('/').any(|part| part == "." || part == "..") {
        "a part is `.` or `..`"
    } else if key.split('/').any(|part| part.len() > 255) {
        "a part between slashes has more than 255 bytes"
    } else {
        return None;
    };
    Some(format!("a directory cannot hold the key `{}`: {reason}", key.escape_debug()))
}

/// Whether the key belongs to the host itself.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED) || key == RESERVED.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules() {
        for key in ["a b", "+", "%2F", "ä/😀", ".hidden", "a/.b", "...", "a\\b", "a:b", "\n"] {
            assert_eq!(refused(key), None, "{key}");
        }
        let long = "x".repeat(256);
        for key in ["", "a\0", "/a", "a/", "a//b", "..", "a/../b", "./a", long.as_str()] {
            assert!(refused(key).is_some(), "{key}");
        }
        assert!(is_reserved(".tidemill/x") && is_reserved(".tidemill") && !is_reserved(".tidemillx"));
    }

    proptest! {
        #[test]
        fn an_accepted_key_stays_inside(key in "\\PC{0,40}|[./a]{0,12}") {
            if refused(&key).is_none() {
                let path = std::path::Path::new(&key);
                let normal = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(path.components().all(normal));
                prop_assert_eq!(path.components().count(), key.split('/').count());
            }
        }
    }
}
