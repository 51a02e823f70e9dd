//! What a manifest says about AWS and about requests: what is planned, and what is said.

use std::path::Path;

use serde_json::json;
use tidemill_core::deployment::Auth;

use super::{FUNCTIONS, check, check_stage, check_stages, parse};
use crate::graph::{mermaid, svg};
use crate::{Architecture, Aws, LambdaSettings, Plan, RunsOn, Source, Via};

const SHOP: &str = r#"
version: 1
name: shop
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/, via: sqs }
  orders: { type: http }
  pushes: { type: http, auth: hmac, secret: web-hook, upload: uploads }
  clicks: { type: kinesis, stream: clicks }
stages:
  photos:
    type: copy
    inputs: [uploads]
    output: { bucket: media, key: "{key}" }
    runs_on: worker
    lambda: { architecture: arm64, batch: 1 }
  books: { type: copy, inputs: [orders, pushes] }
  pages: { type: tally, inputs: [clicks], by: page }
aws:
  buckets: { media: acme-media }
  streams: { clicks: Acme_Clicks }
  kms_key: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
  vpc: { subnets: [subnet-0a1b2c3d, subnet-1a1b2c3d], security_groups: [sg-0a1b2c3d] }
  log_retention: 90
resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties: { BillingMode: PAY_PER_REQUEST }
environments:
  prod:
    sources: { uploads: { via: eventbridge }, orders: { auth: hmac, secret: orders } }
    aws: { buckets: { uploads: acme-uploads }, log_retention: 365 }
  dev: {}
"#;

#[test]
fn plans_a_deployment() {
    let plan = parse(SHOP).unwrap();
    let source = |name: &str| plan.source(name).unwrap().source.clone();
    assert_eq!(
        source("uploads"),
        Source::S3 { bucket: "uploads".into(), prefix: "in/".into(), via: Via::Sqs }
    );
    assert_eq!(source("orders"), Source::Http { auth: Auth::Iam, upload: None });
    let auth = Auth::Hmac { secret: "web-hook".into() };
    assert_eq!(source("pushes"), Source::Http { auth, upload: Some("uploads".into()) });
    let photos = plan.stage("photos").unwrap();
    assert_eq!(photos.runs_on, RunsOn::Worker);
    let settings = LambdaSettings {
        architecture: Some(Architecture::Arm64),
        batch: Some(1),
        ..LambdaSettings::default()
    };
    assert_eq!(photos.lambda, settings);
    assert_eq!(plan.stage("books").unwrap().runs_on, RunsOn::Lambda);
    let aws = Aws {
        buckets: [("media".to_owned(), "acme-media".to_owned())].into(),
        streams: [("clicks".to_owned(), "Acme_Clicks".to_owned())].into(),
        subnets: vec!["subnet-0a1b2c3d".into(), "subnet-1a1b2c3d".into()],
        security_groups: vec!["sg-0a1b2c3d".into()],
        kms_key: Some(
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".into(),
        ),
        log_retention_days: 90,
    };
    assert_eq!(plan.aws, aws);
    assert_eq!(
        serde_json::Value::from(plan.resources.clone()),
        json!({ "Orders": { "Type": "AWS::DynamoDB::Table", "Properties": { "BillingMode": "PAY_PER_REQUEST" } } })
    );
    assert_eq!(plan.buckets().into_iter().collect::<Vec<_>>(), ["media", "uploads"]);
    assert_eq!(plan.streams().into_iter().collect::<Vec<_>>(), ["clicks"]);
}

#[test]
fn an_environment_has_names_and_secrets_of_its_own() {
    let plan = |environment: &str| {
        Plan::parse(Path::new("pipeline.yaml"), SHOP, Some(environment), FUNCTIONS).unwrap()
    };
    let prod = plan("prod");
    assert_eq!(prod.aws.buckets["media"], "acme-media", "maps merge");
    assert_eq!(prod.aws.buckets["uploads"], "acme-uploads");
    assert_eq!(prod.aws.log_retention_days, 365);
    let auth = Auth::Hmac { secret: "orders".into() };
    assert_eq!(prod.source("orders").unwrap().source, Source::Http { auth, upload: None });
    assert_eq!(plan("dev").aws, parse(SHOP).unwrap().aws);
    // Where the manifest has none, an environment may still have some.
    let bare = SHOP.replace("aws:\n  buckets: { media: acme-media }\n", "ignored:\n  media: 1\n");
    let bare = bare.split("ignored:").next().unwrap().to_owned()
        + "environments: { prod: { aws: { log_retention: 7 } } }\n";
    let bare = Plan::parse(Path::new("p"), &bare, Some("prod"), FUNCTIONS).unwrap();
    assert_eq!(bare.aws, Aws { log_retention_days: 7, ..Aws::default() });
}

#[test]
fn http_sources() {
    check("
version: 1
name: test
sources:
  uploads: { type: s3, bucket: uploads }
  clicks: { type: kinesis, stream: clicks }
  a: { type: http, auth: aws }
                         ^^^ `auth` cannot be `aws` (hint: write `iam` or `hmac`)
  b: { type: http, auth: hmac }
  ^ source `b` has no `secret` (hint: name the secret: `secret: webhook`)
  c: { type: http, secret: webhook }
                   ^^^^^^ `secret` goes with `auth: hmac`, and this source has `iam` (hint: write `auth: hmac`, or remove the secret)
  d: { type: http, auth: hmac, secret: s3cr3t! }
                                       ^^^^^^^ `s3cr3t!` is no name for a secret (hint: a name has 1 to 40 of the characters `a` to `z`, `0` to `9`, `_` and `-`)
  e: { type: http, upload: upload }
                           ^^^^^^ there is no source `upload` to upload to (hint: did you mean `uploads`?)
  f: { type: http, upload: clicks }
                           ^^^^^^ `clicks` is no `s3` source, so nothing can be uploaded to it (hint: there is only `uploads`)
  g: { type: http, bucket: uploads }
                   ^^^^^^ unknown key `bucket` in source `g` (hint: there are `type`, `auth`, `secret` and `upload`)
  h: { type: http, auth: [iam] }
                         ^^^^^ `auth` must be `iam` or `hmac`, not a list
  i: { type: http }
  ^ no stage takes the requests of `i` (hint: give a stage `inputs: [i]`, or remove the source)
stages:
  one: { type: copy, inputs: [uploads, a, b, c, d, e, f, g, h] }
  two: { type: tally, inputs: [clicks, a], by: x }
                                       ^ `tally` takes records, and the requests of `a` are items (hint: take a `kinesis` source, or a function that takes items)
");
    check("
version: 1
name: test
sources:
  a: { type: http, upload: a }
                           ^ `a` is no `s3` source, so nothing can be uploaded to it (hint: add a source of `type: s3`)
stages:
  one: { type: copy, inputs: [a] }
");
}

#[test]
fn via() {
    check("
version: 1
name: test
sources:
  one: { type: s3, bucket: aaa, via: sqs }
  two: { type: s3, bucket: bbb, via: sqs }
                                     ^^^ `via: sqs` reaches one stage, and `two` is taken by `a` and `b` (hint: write `via: eventbridge`, or leave the key away)
  none: { type: s3, bucket: ccc, via: sqs }
                                      ^^^ `via: sqs` needs a stage to send to, and no stage takes `none` (hint: write `via: eventbridge`, or leave the key away)
  sns: { type: s3, bucket: ddd, via: sns }
                                     ^^^ `via` cannot be `sns` (hint: did you mean `sqs`?)
stages:
  a: { type: copy, inputs: [one, two] }
  b: { type: copy, inputs: [two, sns] }
");
}

#[test]
fn where_and_how_a_stage_runs() {
    check_stage(
        "
type: copy
inputs: [uploads]
runs_on: fargate
         ^^^^^^^ `runs_on` cannot be `fargate` (hint: write `lambda` or `worker`)
lambda: { architecture: arm, batch: 0 }
                        ^^^ `architecture` cannot be `arm` (hint: did you mean `arm64`?)
                                    ^ `batch` is 0 (hint: it is a whole number from 1 to 100)
",
    );
    check_stage("
type: tally
inputs: [clicks]
by: x
runs_on: worker
         ^^^^^^ a worker polls queues, and this stage reads a stream (hint: write `runs_on: lambda`, or leave the key away)
lambda: { batch: 101, architecture: 64 }
                 ^^^ `batch` is 101 (hint: it is a whole number from 1 to 100)
                                    ^^ `architecture` must be `x86_64` or `arm64`, not the number `64`
");
}

#[test]
fn what_is_there_already() {
    check_stages("
stages:
  one: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{key}\" } }
aws:
  buckets:
    uploads: Acme
             ^^^^ `Acme` is no name for a bucket (hint: it has 3 to 63 of the characters `a` to `z`, `0` to `9`, `.` and `-`, begins and ends with a letter or a digit, holds no `..` and is no IP address)
    medai: acme-media
    ^^^^^ the pipeline uses no bucket `medai` (hint: did you mean `media`?)
  streams: { visits: acme-visits, clicks: \"a b\" }
             ^^^^^^ the pipeline uses no stream `visits` (hint: there is only `clicks`)
                                          ^^^^^ `a b` is no name for a stream (hint: it has 1 to 128 letters, digits, `_`, `.` and `-`)
  kms: x
  ^^^ unknown key `kms` in `aws` (hint: there are `buckets`, `streams`, `vpc`, `kms_key` and `log_retention`)
  kms_key: alias/acme
           ^^^^^^^^^^ `kms_key` is no key's ARN: `alias/acme` (hint: write it as `arn:aws:kms:REGION:ACCOUNT:key/ID`; an alias does not do in a policy)
  log_retention: 31
                 ^^ CloudWatch cannot keep logs for 31 days (hint: the next time that it has is 60 days)
");
    check_stages("
stages:
  one: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{key}\" } }
aws:
  buckets: { uploads: acme-all, media: acme-all }
                                ^^^^^ `uploads` and `media` would be one bucket, `acme-all` (hint: use one name in the whole manifest)
  vpc: { subnets: [subnet-1, 7], security_groups: sg-0a1b2c3d }
                   ^^^^^^^^ `subnets` holds `subnet-1`, which is no such id (hint: it begins with `subnet-`)
                             ^ `subnets` must be a list of ids, not the number `7`
                                                  ^^^^^^^^^^^ `security_groups` must be a list, not the text `sg-0a1b2c3d`
  log_retention: 0
                 ^ `log_retention` is 0 (hint: it is a whole number from 1 to 3653)
environments:
  prod: { aws: { streams: { click: x } } }
                            ^^^^^ the pipeline uses no stream `click` (hint: did you mean `clicks`?)
  test: { aws: [] }
               ^^ `aws` must be a map, not a list (hint: write `key: value` lines, indented below it)
");
    check_stages(
        "
stages:
  one: { type: copy, inputs: [uploads] }
aws:
  vpc: { subnets: [] }
  ^^^ `vpc` has no `security_groups` (hint: a function in a VPC has subnets and security groups: `vpc: { subnets: [subnet-…], security_groups: [sg-…] }`)
                  ^^ `subnets` has 0 entries (hint: it has 1 to 16)
",
    );
}

#[test]
fn resources() {
    check_stages("
stages:
  one: { type: copy, inputs: [uploads] }
resources:
  Orders: { Type: AWS::DynamoDB::Table }
  my-table: { Type: AWS::DynamoDB::Table }
  ^^^^^^^^ `my-table` is no logical id (hint: CloudFormation takes letters and digits, at most 255)
  A: { Properties: {} }
  ^ resource `A` has no `Type` (hint: say what it is: `Type: AWS::DynamoDB::Table`)
  B: { Type: Table, Properties: [1] }
             ^^^^^ `Table` is no type of a resource (hint: it has parts between `::`, such as `AWS::DynamoDB::Table`)
                                ^^^ `Properties` must be a map, not a list
  C: { Type: AWS::SNS::Topic, Propertys: {} }
                              ^^^^^^^^^ a resource has no `Propertys` (hint: did you mean `Properties`?)
  D: AWS::SNS::Topic
     ^^^^^^^^^^^^^^^ resource `D` must be a map, not the text `AWS::SNS::Topic` (hint: write `key: value` lines, indented below it)
");
}

#[test]
fn requests_are_drawn() {
    let plan = parse(SHOP).unwrap();
    let svg = svg(&plan);
    for text in [">endpoint</text>", ">/orders</text>", ">/pushes</text>", ">signed by AWS</text>"] {
        assert!(svg.contains(text), "{text}");
    }
    let mermaid = mermaid(&plan);
    assert!(mermaid.contains("{{\"/pushes\"}}"), "{mermaid}");
    assert!(mermaid.contains("signed by a secret, large ones to uploads"), "{mermaid}");
    assert!(mermaid.contains("classDef endpoint"), "{mermaid}");
}
