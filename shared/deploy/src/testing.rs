//! Functions and plans for tests.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use tidemill_core::batch::Batch;
use tidemill_core::{ConfigError, Context, Entry, Fault, Function, Item, OutputName, Records, Verdicts};
use tidemill_pipeline::Plan;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A function of items that does nothing.
pub(crate) struct Copy;

impl Function for Copy {
    type Config = Nothing;
    const NAME: &'static str = "copy";
    const ABOUT: &'static str = "Copies";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![OutputName::new("copy", "bin")]
    }

    async fn handle(&self, _: &Item, _: &Context) -> Result<(), Fault> {
        Ok(())
    }
}

/// A function of records that does nothing.
pub(crate) struct Tally;

impl Records for Tally {
    type Config = Nothing;
    const NAME: &'static str = "tally";
    const ABOUT: &'static str = "Counts";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    async fn handle(&self, _: &Batch, _: &Context) -> Result<Verdicts, Fault> {
        Ok(Verdicts(Vec::new()))
    }
}

/// The plan of a manifest with these functions.
#[track_caller]
pub(crate) fn plan(text: &str) -> Plan {
    let functions = [Entry::function::<Copy>(), Entry::records::<Tally>()];
    match Plan::parse(Path::new("pipeline.yaml"), text, None, &functions) {
        Ok(plan) => plan,
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    }
}

/// A manifest with everything in it that a template can hold.
pub(crate) const EVERYTHING: &str = r#"
version: 1
name: everything
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
  bulk: { type: s3, bucket: bulk, via: sqs }
  old: { type: s3, bucket: archive }
  clicks: { type: kinesis, stream: clicks }
  hook: { type: http, auth: hmac, secret: hook, upload: uploads }
  api: { type: http }
stages:
  first:
    type: copy
    inputs: [uploads, old, hook]
    output: { bucket: made, key: "first/{key}/{rendition}.{ext}" }
    when: { data: { key: [{ prefix: in/a }, { prefix: in/b }] } }
    lambda: { memory: 1024, timeout: 60s, concurrency: 1, storage: 2GB, architecture: arm64, batch: 20 }
  second_one:
    type: copy
    inputs: [first, bulk, api]
    output: { bucket: made, key: "second/{key}.{ext}" }
  long:
    type: copy
    inputs: [first.outcomes, uploads]
    output: { bucket: made, key: "long/{key}.{ext}" }
    timeout: 1h
    runs_on: worker
  counts:
    type: tally
    inputs: [clicks]
aws:
  buckets: { archive: acme-archive }
  vpc: { subnets: [subnet-0123456789abcdef0], security_groups: [sg-0123456789abcdef0] }
  kms_key: arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
  log_retention: 14
resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
"#;
