//! `aws.vpc`: the network that functions run in.

use serde_json::{Value, json};

use super::Key;
use crate::diagnostic::{Finding, Sink};
use crate::fields::{Fields, wrong_type};
use crate::near::quoted;
use crate::tree::{Kind, Pair, Scalar};

/// The network, as far as it could be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vpc {
    pub(crate) subnets: Vec<String>,
    pub(crate) security_groups: Vec<String>,
}

/// The bounds of `VpcConfig` in Lambda's API Reference.
const MAX_SUBNETS: usize = 16;
const MAX_GROUPS: usize = 5;

pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "subnets",
        required: true,
        takes: "a list of subnet ids, at most 16",
        default: "",
        about: "The subnets; they need a way to S3, SQS and the other services.",
        schema: || ids_schema("subnet", MAX_SUBNETS),
    },
    Key {
        name: "security_groups",
        required: true,
        takes: "a list of security group ids, at most 5",
        default: "",
        about: "What the functions may reach.",
        schema: || ids_schema("sg", MAX_GROUPS),
    },
];

pub(crate) fn read(pair: &Pair, sink: &mut Sink) -> Option<Vpc> {
    let mut fields = Fields::of(&pair.value, "`vpc`", pair.key.span, sink)?;
    fields.close(KEYS, sink);
    let hint = "a function in a VPC has subnets and security groups: `vpc: { subnets: [subnet-…], \
                security_groups: [sg-…] }`";
    let subnets = fields.require("subnets", hint, sink).map(|pair| ids(pair, "subnet", MAX_SUBNETS, sink));
    let groups = fields.require("security_groups", hint, sink).map(|pair| ids(pair, "sg", MAX_GROUPS, sink));
    Some(Vpc { subnets: subnets.unwrap_or_default(), security_groups: groups.unwrap_or_default() })
}

/// A list of ids of one kind.
fn ids(pair: &Pair, kind: &str, most: usize, sink: &mut Sink) -> Vec<String> {
    let key = &pair.key.value;
    let Kind::List(items) = &pair.value.kind else {
        wrong_type(key, &pair.value, pair.place(), "a list", sink);
        return Vec::new();
    };
    if items.is_empty() || items.len() > most {
        sink.report(
            Finding::new(pair.place(), format!("`{key}` has {} entries", items.len()))
                .hint(format!("it has 1 to {most}")),
        );
        return Vec::new();
    }
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        let Kind::Scalar(Scalar::Text(text)) = &item.kind else {
            wrong_type(key, item, item.span, "a list of ids", sink);
            continue;
        };
        let digits = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
        let fits = (8..=40).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_alphanumeric());
        if !fits {
            sink.report(
                Finding::new(item.span, format!("`{key}` holds {}, which is no such id", quoted(text)))
                    .hint(format!("it begins with `{kind}-`")),
            );
        } else if ids.contains(text) {
            sink.report(
                Finding::new(item.span, format!("{} is given twice", quoted(text))).hint("remove one"),
            );
        } else {
            ids.push(text.clone());
        }
    }
    ids
}

fn ids_schema(kind: &str, most: usize) -> Value {
    json!({
        "type": "array",
        "items": { "type": "string", "pattern": format!("^{kind}-[a-zA-Z0-9]{{8,40}}$") },
        "minItems": 1,
        "maxItems": most,
        "uniqueItems": true,
    })
}

pub(crate) fn schema() -> Value {
    crate::schema::object(KEYS)
}
