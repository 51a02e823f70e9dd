//! `X-Hub-Signature-256`: an HMAC-SHA-256 (RFC 2104) of the body under a shared secret, in hexadecimal digits behind
//! `sha256=`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub(crate) const HEADER: &str = "x-hub-signature-256";

/// Whether `header` is the signature of `body`. How long it takes does not depend on how much of it is right.
pub(crate) fn is_right(secret: &[u8], body: &[u8], header: &[u8]) -> bool {
    // Whoever knows nothing could sign with no secret.
    if secret.is_empty() {
        return false;
    }
    let Some(given) = header.strip_prefix(b"sha256=").and_then(digits) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

/// 64 hexadecimal digits as bytes.
fn digits(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's "Validating webhook deliveries".
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn githubs_example() {
        assert!(is_right(SECRET, BODY, SIGNATURE.as_bytes()));
        assert!(is_right(SECRET, BODY, SIGNATURE.to_uppercase().replace("SHA", "sha").as_bytes()));
    }

    #[test]
    fn anything_else_is_wrong() {
        assert!(!is_right(b"another", BODY, SIGNATURE.as_bytes()));
        assert!(!is_right(b"", BODY, SIGNATURE.as_bytes()));
        assert!(!is_right(SECRET, b"Hello, World", SIGNATURE.as_bytes()));
        let bare = SIGNATURE.trim_start_matches("sha256=");
        for wrong in
            ["", "sha256=", bare, &SIGNATURE[..70], &format!("{SIGNATURE}0"), &SIGNATURE.replace('7', "x")]
        {
            assert!(!is_right(SECRET, BODY, wrong.as_bytes()), "{wrong}");
        }
        assert!(!is_right(SECRET, BODY, b"sha256=\xff"));
        // RFC 4231, test case 2, with no secret: what an empty one would let through.
        assert!(!is_right(
            b"",
            b"",
            b"sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        ));
    }
}
