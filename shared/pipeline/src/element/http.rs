//! A source of `type: http`: requests that become items.

use serde_json::{Value, json};
use tidemill_core::deployment::Auth;

use super::source::TYPE;
use super::{Key, choice, name};
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, text};
use crate::tree::Spanned;

/// What an HTTP source says, as far as it could be read.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) auth: Option<Auth>,
    /// The S3 source that large bodies go to.
    pub(crate) upload: Option<Spanned<String>>,
}

pub(crate) const KEYS: &[Key] = &[
    TYPE,
    Key {
        name: "auth",
        required: false,
        takes: "`iam` or `hmac`",
        default: "`iam`",
        about: "How a caller proves who it is: by an AWS signature, or by a signature of the body under a shared \
                secret, as GitHub's webhooks have it (`type: http`).",
        schema: || json!({ "enum": ["iam", "hmac"] }),
    },
    Key {
        name: "secret",
        required: false,
        takes: "a secret's name",
        default: "required with `auth: hmac`",
        about: "The shared secret: its name, never what it is (`type: http`).",
        schema: || json!({ "type": "string", "pattern": name::name_pattern() }),
    },
    Key {
        name: "upload",
        required: false,
        takes: "an `s3` source's name",
        default: "",
        about: "Where bodies go that are too large for a request (`type: http`).",
        schema: || json!({ "type": "string", "pattern": name::name_pattern() }),
    },
];

pub(crate) fn read(fields: &mut Fields<'_>, sink: &mut Sink) -> Http {
    fields.close(KEYS, sink);
    let with_secret = match fields.pair("auth") {
        Some(pair) => choice::read(pair, &[("iam", false), ("hmac", true)], sink),
        None => Some(false),
    };
    let auth = match with_secret {
        Some(true) => fields
            .require("secret", "name the secret: `secret: webhook`", sink)
            .and_then(|pair| text(pair, sink))
            .filter(|secret| name::check_name("a secret", &secret.value, secret.span, sink))
            .map(|secret| Auth::Hmac { secret: secret.value }),
        Some(false) => {
            if let Some(pair) = fields.pair("secret") {
                sink.report(
                    Finding::new(pair.key.span, "`secret` goes with `auth: hmac`, and this source has `iam`")
                        .hint("write `auth: hmac`, or remove the secret"),
                );
            }
            Some(Auth::Iam)
        }
        None => None,
    };
    Http { auth, upload: fields.pair("upload").and_then(|pair| text(pair, sink)) }
}

pub(crate) fn schema() -> Value {
    let mut schema = crate::schema::tagged(KEYS, "type", "http");
    schema["if"] = json!({ "properties": { "auth": { "const": "hmac" } }, "required": ["auth"] });
    schema["then"] = json!({ "required": ["secret"] });
    schema["else"] = json!({ "properties": { "secret": false } });
    schema
}
