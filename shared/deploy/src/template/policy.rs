//! Statements of IAM policies, collected so that each stands once and is as narrow as the plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::scope::{bucket_arn, objects_arn};
use crate::names::{Name, sub};

/// Grants in the making.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    /// By statement id: actions and resources.
    plain: BTreeMap<&'static str, (Vec<&'static str>, BTreeSet<String>)>,
    /// By bucket: the prefixes that may be listed.
    lists: BTreeMap<String, BTreeSet<String>>,
}

impl Grants {
    /// Allows `actions` on `resource`. Statements with one id have the same actions.
    pub(crate) fn allow(&mut self, sid: &'static str, actions: &[&'static str], resource: String) {
        let (_, resources) = self.plain.entry(sid).or_insert_with(|| (actions.to_vec(), BTreeSet::new()));
        resources.insert(resource);
    }

    /// Allows `actions` on the objects below a prefix, and to list them: without that, S3 answers 403 for what is
    /// not there (S3 API Reference, `GetObject`, "Permissions").
    pub(crate) fn objects(
        &mut self,
        sid: &'static str,
        actions: &[&'static str],
        bucket: &Name,
        prefix: &str,
    ) {
        self.allow(sid, actions, objects_arn(bucket, prefix));
        self.lists.entry(bucket_arn(bucket)).or_default().insert(prefix.to_owned());
    }

    /// The same where the whole bucket has to be listed.
    pub(crate) fn objects_of_bucket(
        &mut self,
        sid: &'static str,
        actions: &[&'static str],
        bucket: &Name,
        prefix: &str,
    ) {
        self.allow(sid, actions, objects_arn(bucket, prefix));
        self.lists.entry(bucket_arn(bucket)).or_default().insert(String::new());
    }

    /// The statements.
    pub(crate) fn statements(self) -> Vec<Value> {
        let plain = self.plain.into_iter().map(|(sid, (actions, resources))| {
            let resources = resources.into_iter().map(sub).collect();
            json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": one_or_all(resources) })
        });
        let lists = self.lists.into_iter().enumerate().map(|(index, (bucket, prefixes))| {
            let mut statement = json!({
                "Sid": format!("List{index}"),
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": sub(bucket),
            });
            // A prefix that others begin with allows all of them; the empty one allows the whole bucket.
            let narrow: Vec<Value> = prefixes
                .iter()
                .filter(|prefix| {
                    !prefixes.iter().any(|other| other != *prefix && prefix.starts_with(other.as_str()))
                })
                .map(|prefix| json!(format!("{prefix}*")))
                .collect();
            if narrow != [json!("*")] {
                statement["Condition"] = json!({ "StringLike": { "s3:prefix": one_or_all(narrow) } });
            }
            statement
        });
        plain.chain(lists).collect()
    }
}

/// A policy document.
pub(crate) fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Refuses whoever comes without TLS.
pub(crate) fn refuse_plain_http(action: &str, resource: &Value) -> Value {
    json!({
        "Sid": "RefusePlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}

/// A list of one as the thing itself.
pub(crate) fn one_or_all(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}
