//! Whole manifests: what is planned, and what is said.

use std::path::Path;
use std::time::Duration;

use tidemill_core::plan::{Input, OnRemove, StagePlan};
use tidemill_core::{Entry, Limits};

use super::{FUNCTIONS, HEAD, check, check_stage, check_stages, parse};
use crate::{Aws, LambdaSettings, Plan, RunsOn, Source, Via};

const PHOTOS: &str = r#"
version: 1
name: media-on-upload
description: photos, pressed
sources:
  uploads:
    type: s3
    bucket: uploads
    prefix: incoming/
stages:
  trail:
    type: copy
    inputs: [uploads, renditions.outcomes]
  renditions:
    type: copy
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    copies:
      - { name: small, ext: webp }
      - { name: large, ext: jpg }
    when: { data: { key: [{ suffix: .jpg }] } }
    on_remove: keep
    attempts: 5
    timeout: 2m
    limits: { megapixels: 50 }
    lambda: { memory: 1769, timeout: 30s, concurrency: 50, storage: 512MB }
environments:
  prod:
    sources: { uploads: { bucket: uploads-of-prod } }
    stages: { renditions: { lambda: { memory: 3008 }, copies: [{ name: only }], timeout: 1h } }
  dev: {}
"#;

fn in_environment(text: &str, environment: &str) -> Plan {
    Plan::parse(Path::new("pipeline.yaml"), text, Some(environment), FUNCTIONS).unwrap()
}

#[test]
fn plans_a_pipeline() {
    let plan = parse(PHOTOS).unwrap();
    assert_eq!(plan.name, "media-on-upload");
    assert_eq!(plan.environment, None);
    let uploads = Source::S3 { bucket: "uploads".into(), prefix: "incoming/".into(), via: Via::EventBridge };
    assert_eq!(plan.source("uploads").unwrap().source, uploads);
    let names: Vec<&str> = plan.stages.iter().map(|stage| stage.plan.name.as_str()).collect();
    assert_eq!(names, ["renditions", "trail"], "each after those it takes from");
    assert_eq!(plan.buckets().into_iter().collect::<Vec<_>>(), ["media", "uploads"]);
    assert!(plan.streams().is_empty());
    let consumers = |input: Input| -> Vec<&str> {
        plan.consumers(&input).map(|stage| stage.plan.name.as_str()).collect()
    };
    assert_eq!(consumers(Input::Source("uploads".into())), ["renditions", "trail"]);
    assert_eq!(consumers(Input::Outcomes("renditions".into())), ["trail"]);
    assert_eq!(consumers(Input::Items("renditions".into())), [""; 0]);

    let stage = plan.stage("renditions").unwrap();
    let StagePlan { pipeline, function, inputs, output, .. } = &stage.plan;
    assert_eq!((pipeline.as_str(), function.as_str()), ("media-on-upload", "copy"));
    assert_eq!(inputs, &[Input::Source("uploads".into())]);
    let output = output.as_ref().unwrap();
    assert_eq!(
        (output.bucket.as_str(), output.key.to_string().as_str()),
        ("media", "{key}/{rendition}.{ext}")
    );
    assert_eq!((stage.plan.on_remove, stage.plan.attempts), (OnRemove::Keep, 5));
    assert_eq!(stage.plan.timeout.as_secs(), 120);
    assert_eq!(stage.plan.limits, Limits { megapixels: 50, ..Limits::default() });
    assert_eq!(
        stage.plan.config,
        serde_json::json!({ "copies": [{ "name": "small", "ext": "webp" }, { "name": "large", "ext": "jpg" }] })
    );
    let recipe = StagePlan::recipe_of("copy", 1, &stage.plan.config, &stage.plan.limits, Some(output));
    assert_eq!((stage.plan.recipe.as_str(), stage.plan.revision), (recipe.as_str(), 0));
    assert_eq!(stage.built.outputs.len(), 2);
    assert!(stage.when.as_ref().unwrap().matches(&serde_json::json!({ "data": { "key": "a.jpg" } })));
    assert_eq!(
        stage.lambda,
        LambdaSettings {
            memory: Some(1_769),
            timeout: Some(Duration::from_secs(30)),
            concurrency: Some(50),
            storage: Some(512),
            ..LambdaSettings::default()
        }
    );

    let trail = plan.stage("trail").unwrap();
    assert_eq!((trail.plan.on_remove, trail.plan.attempts), (OnRemove::Delete, 3));
    assert_eq!((trail.plan.timeout.as_secs(), &trail.plan.limits), (60, &Limits::default()));
    assert_eq!(trail.plan.config, serde_json::json!({}));
    assert_eq!((trail.runs_on, trail.lambda), (RunsOn::Lambda, LambdaSettings::default()));
    assert_eq!((plan.aws, plan.resources.len()), (Aws::default(), 0));
}

#[test]
fn an_environment_is_laid_over() {
    let plan = in_environment(PHOTOS, "prod");
    assert_eq!(plan.environment.as_deref(), Some("prod"));
    let uploads =
        Source::S3 { bucket: "uploads-of-prod".into(), prefix: "incoming/".into(), via: Via::EventBridge };
    assert_eq!(plan.source("uploads").unwrap().source, uploads, "maps merge");
    let stage = plan.stage("renditions").unwrap();
    assert_eq!(stage.lambda.memory, Some(3_008));
    assert_eq!(stage.lambda.concurrency, Some(50));
    assert_eq!(stage.plan.config, serde_json::json!({ "copies": [{ "name": "only" }] }), "lists replace");
    assert_eq!(stage.plan.timeout.as_secs(), 3600, "scalars replace");

    let plan = in_environment(PHOTOS, "dev");
    assert_eq!(plan.environment.as_deref(), Some("dev"));
    assert_eq!(plan.stage("renditions").unwrap().lambda.memory, Some(1_769));
}

#[test]
fn an_environment_that_is_not_there() {
    let said = |text: &str, asked: &str| {
        let error = Plan::parse(Path::new("pipeline.yaml"), text, Some(asked), FUNCTIONS).unwrap_err();
        assert_eq!(error.len(), 1);
        let one = error.iter().next().unwrap().clone();
        format!("{}: {} ({})", one.line, one.message, one.hint.unwrap_or_default())
    };
    assert_eq!(said(PHOTOS, "prd"), "27: there is no environment `prd` (did you mean `prod`?)");
    assert_eq!(said(PHOTOS, "qa"), "27: there is no environment `qa` (there are `prod` and `dev`)");
    let bare = format!("{HEAD}stages: {{ a: {{ type: copy, inputs: [uploads] }} }}\n");
    assert_eq!(
        said(&bare, "qa"),
        "1: there is no environment `qa` (add `environments: { qa: {} }`, or leave the environment away)"
    );
}

#[test]
fn a_byte_order_mark_and_windows_lines_are_taken() {
    let text = format!("\u{feff}{}", PHOTOS.trim_start().replace('\n', "\r\n"));
    assert_eq!(parse(&text).unwrap().name, "media-on-upload");
    let error = parse(&text.replace("prefix", "prefx")).unwrap_err();
    let one = error.iter().next().unwrap();
    assert_eq!((one.line, one.column), (8, 5));
}

#[test]
fn the_same_manifest_gives_the_same_recipe_however_it_is_written() {
    let one = format!("{HEAD}stages: {{ a: {{ type: copy, inputs: [uploads], level: 3, mode: quick }} }}\n");
    let other = format!(
        "{HEAD}stages:\n  a:\n    mode: \"quick\"\n    level: 0x3\n    type: copy\n    inputs:\n    - uploads\n"
    );
    let recipe = |text: &str| parse(text).unwrap().stages[0].plan.recipe.clone();
    assert_eq!(recipe(&one), recipe(&other));
    assert_ne!(recipe(&one), recipe(&one.replace("level: 3", "level: 4")));
}

#[test]
fn top_level() {
    check(
        "
version: 2
         ^ `version` is the number `2`, which this version cannot read (hint: write `version: 1`)
names: x
^^^^^ unknown key `names` in the manifest (hint: did you mean `name`?)
sources: []
         ^^ `sources` must be a map, not a list (hint: write `key: value` lines, indented below it)
stages: {}
        ^^ `stages` is empty (hint: a pipeline has at least one stage: `stages:` and its name below)
",
    );
    check("
name: Media
      ^^^^^ `Media` is no name for a pipeline (hint: it begins with a letter and has 1 to 40 of the characters `a` to `z`, `0` to `9` and `-`)
version: \"1\"
         ^^^ `version` is the text `1`, which this version cannot read (hint: write `version: 1`)
description: [1]
             ^^^ `description` must be text, not a list
source:
^^^^^^ unknown key `source` in the manifest (hint: did you mean `resources`?)
  uploads: { type: s3, bucket: uploads }
sources: {}
         ^^ `sources` is empty (hint: a pipeline has at least one source: `sources:` and its name below)
stages:
^^^^^^ `stages` must be a map, not nothing (hint: write `key: value` lines, indented below it)
");
    check(
        "
- version: 1
^^^^^^^^^^^^ the manifest must be a map, not a list (hint: write `key: value` lines, indented below it)
",
    );
    check(
        "
hello
^^^^^ the manifest must be a map, not the text `hello` (hint: write `key: value` lines, indented below it)
",
    );
}

#[test]
fn an_empty_manifest() {
    for text in ["", "\n", "# nothing\n", "---\n", "~\n", "\u{feff}"] {
        let error = parse(text).unwrap_err();
        let one = error.iter().next().unwrap();
        assert_eq!((one.message.as_str(), one.line, one.column), ("the manifest is empty", 1, 1), "{text:?}");
    }
}

#[test]
fn yaml() {
    check("
version: 1
name: a: b
       ^ not valid YAML: mapping values are not allowed in this context (hint: text that holds `: ` goes in quotes; keys of one map stand in one column)
");
    check(
        "
version: 1
sources:
\tuploads: x
 ^ a tab may not stand here (hint: YAML is indented by spaces: two for each level)
",
    );
    check(
        "
version: [1
name: x
    ^ not valid YAML: illegal placement of ':' indicator
",
    );
    check(
        "
version: \"1
         ^ not valid YAML: invalid indentation in quoted scalar
name: x
",
    );
    check("
version: 1
 name: x
     ^ not valid YAML: mapping values are not allowed in this context (hint: text that holds `: ` goes in quotes; keys of one map stand in one column)
");
    check(
        "
a: &anchor 1
   ^^^^^^^^^ anchors are not supported (hint: write the value out where it is used)
b: *anchor
   ^^^^^^^ aliases are not supported (hint: write the value out where it is used)
c: *nothing
   ^ aliases are not supported (hint: write the value out where it is used)
",
    );
    check("
a: !!str 1
^ unknown key `a` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^^^^ tags are not supported (hint: remove what begins with `!`; text goes in quotes)
b: !own { c: d }
^ unknown key `b` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^^^ tags are not supported (hint: remove what begins with `!`; text goes in quotes)
e: &f { g: h }
^ unknown key `e` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^ anchors are not supported (hint: write the value out where it is used)
i:
^ unknown key `i` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
  <<: { j: k }
  ^^ merge keys are not supported (hint: write the keys out where they are used)
");
    check(
        "
a: *nothing
   ^ aliases are not supported (hint: write the value out where it is used)
",
    );
    check(
        "
version: 1
---
^^^ a second document begins here; a manifest is one (hint: give each pipeline a folder and a file of its own)
version: 1
",
    );
    check("
a: 1
^ unknown key `a` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
\"a\": 2
^^^ the key `a` is given twice (hint: remove one of them)
1: 3
^ the number `1` stands as a key; keys are text (hint: put the key in quotes)
true: 4
^^^^ `true` stands as a key; keys are text (hint: put the key in quotes)
~: 5
^ nothing stands as a key; keys are text (hint: put the key in quotes)
[a, b]: 6
^^^^^^ a list stands as a key; keys are text (hint: put the key in quotes)
? { c: d }
  ^^^^^^^^ a map stands as a key; keys are text (hint: put the key in quotes)
: 7
e: .inf
^ unknown key `e` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^ `.inf` is not a number that can be held (hint: if it is text, put it in quotes)
f: .NaN
^ unknown key `f` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^ `.NaN` is not a number that can be held (hint: if it is text, put it in quotes)
g: 123456789012345678901234567890
^ unknown key `g` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `123456789012345678901234567890` is not a number that can be held (hint: if it is text, put it in quotes)
h: 1e999
^ unknown key `h` in the manifest (hint: there are `version`, `name`, `description`, `sources`, `stages`, `aws`, `resources` and `environments`)
   ^^^^^ `1e999` is not a number that can be held (hint: if it is text, put it in quotes)
");
}

#[test]
fn sources() {
    check("
version: 1
name: test
sources:
  Uploads: { type: s3, bucket: uploads }
  ^^^^^^^ `Uploads` is no name for a source (hint: a name has 1 to 40 of the characters `a` to `z`, `0` to `9`, `_` and `-`)
  b: { bucket: uploads }
  ^ source `b` has no `type` (hint: write `type: s3`, `type: kinesis` or `type: http`)
  c: { type: s3 }
  ^ source `c` has no `bucket` (hint: name the bucket: `bucket: uploads`)
  d: { type: s3, bucket: Up, prefix: /x, prefx: y }
                         ^^ `Up` is no name for a bucket (hint: it has 3 to 63 of the characters `a` to `z`, `0` to `9`, `.` and `-`, begins and ends with a letter or a digit, holds no `..` and is no IP address)
                                     ^^ this prefix cannot be used (hint: a key does not begin with `/`: leave it away)
                                         ^^^^^ unknown key `prefx` in source `d` (hint: there are `type`, `bucket`, `prefix` and `via`)
  e: { type: s3, buket: uploads, prefix: 7 }
                 ^^^^^ unknown key `buket` in source `e` (hint: did you mean `bucket`?)
                                         ^ `prefix` must be text, not the number `7` (hint: put it in quotes: \"7\")
  f: { type: s3, bucket: uploads, prefix: .tidemill/x }
                                          ^^^^^^^^^^^ this prefix cannot be used (hint: what begins with `.tidemill/` is the host's own)
  g: { type: s3, bucket: uploads, prefix: a/../b/ }
                                          ^^^^^^^ this prefix cannot be used (hint: a part of a key may not be `.` or `..`)
  h: { type: kinesis, bucket: clicks }
  ^ source `h` has no `stream` (hint: name the stream: `stream: clicks`)
                      ^^^^^^ unknown key `bucket` in source `h` (hint: there are `type` and `stream`)
  i: { type: kinesis, stream: a_b }
                              ^^^ `a_b` is no name for a stream (hint: it has 3 to 63 of the characters `a` to `z`, `0` to `9`, `.` and `-`, begins and ends with a letter or a digit, holds no `..` and is no IP address)
  j: { type: queue }
             ^^^^^ `type: queue` is not supported by this version (hint: this version has the sources `s3`, `kinesis` and `http`)
  k: { type: kinesys, stream: abc }
             ^^^^^^^ unknown source type `kinesys` (hint: did you mean `kinesis`?)
  l: { type: mqtt }
             ^^^^ unknown source type `mqtt` (hint: there are `s3`, `kinesis` and `http`)
  m: s3
     ^^ source `m` must be a map, not the text `s3` (hint: write `key: value` lines, indented below it)
  n:
  ^ source `n` must be a map, not nothing (hint: write `key: value` lines, indented below it)
  o: { type: [s3] }
             ^^^^ `type` must be text, not a list
  one: { type: kinesis, stream: clicks }
  p: { type: s3, bucket: ~ }
                         ^ `bucket` must be text, not nothing
stages:
  one: { type: copy, inputs: [c] }
  ^^^ `one` is a source's name too (hint: rename one of them: `inputs` would not tell them apart)
");
}

#[test]
fn common_keys() {
    check_stage("
type: copy
inputs: [uploads]
attempts: 0
          ^ `attempts` is 0 (hint: it is a whole number from 1 to 10)
timeout: 30
         ^^ `timeout` has no unit (hint: write `30s`, or another of the units `ms`, `s`, `m` and `h`)
on_remove: deleted
           ^^^^^^^ `on_remove` is `deleted`, which is neither `delete` nor `keep` (hint: did you mean `delete`?)
");
    check_stage("
type: copy
inputs: [uploads]
attempts: \"3\"
          ^^^ `attempts` must be a whole number, not the text `3` (hint: write it without quotes: 3)
timeout: 30 seconds
         ^^^^^^^^^^ `timeout` is no duration: `30 seconds` (hint: write a whole number and a unit: `500ms`, `30s`, `5m`, `1h`)
on_remove: yes
           ^^^ `on_remove` is `yes`, which is neither `delete` nor `keep` (hint: `delete` lets the outputs go with their original, `keep` lets them stay)
output: media
        ^^^^^ `output` must be a map, not the text `media` (hint: write `key: value` lines, indented below it)
");
    check_stage("
type: copy
inputs: [uploads]
attempts: 2.5
          ^^^ `attempts` is 2.5 (hint: it is a whole number from 1 to 10)
timeout: 13h
         ^^^ `timeout` is `13h` (hint: it may be from 100ms to 12h)
on_remove: true
           ^^^^ `on_remove` is `true`, which is neither `delete` nor `keep` (hint: `delete` lets the outputs go with their original, `keep` lets them stay)
output: { key: \"{key}\", prefix: x }
^^^^^^ `output` has no `bucket` (hint: name the bucket: `output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }`)
                        ^^^^^^ unknown key `prefix` in `output` (hint: there are `bucket` and `key`)
");
    check_stage(
        "
type: copy
inputs: [uploads]
attempts:
^^^^^^^^ `attempts` must be a whole number, not nothing (hint: give it a value, or remove the key)
timeout: 5ms
         ^^^ `timeout` is `5ms` (hint: it may be from 100ms to 12h)
limits:
  megapixel: 3
  ^^^^^^^^^ unknown key `megapixel` in `limits` (hint: did you mean `megapixels`?)
  frames: 0
          ^ `limits.frames` is `0` (hint: it must be at least 1)
  megabytes: many
             ^^^^ `limits.megabytes` must be a whole number, not the text `many`
",
    );
    check_stage(
        "
type: copy
inputs: [uploads]
limits: 3
        ^ `limits` must be a map, not the number `3`
lambda:
  memory: 64
          ^^ `memory` is 64 (hint: it is a whole number from 128 to 10240)
  timeout: 1500ms
           ^^^^^^ `timeout` is not in whole seconds (hint: write `2s`)
  concurrency: lots
               ^^^^ `concurrency` must be a whole number, not the text `lots`
  storage: 512
           ^^^ `storage` has no unit (hint: write `512MB`)
  runs: 3
  ^^^^ unknown key `runs` in `lambda` (hint: there are `memory`, `timeout`, `concurrency`, `storage`, `architecture` and `batch`)
",
    );
    check_stage("
type: copy
inputs: [uploads]
lambda: { memory: 3GB, timeout: 20m, concurrency: 0, storage: 256MB }
                  ^^^ `memory` must be a whole number, not the text `3GB`
                                ^^^ `timeout` is `20m` (hint: it may be from 1s to 15m)
                                                  ^ `concurrency` is 0 (hint: it is a whole number from 1 to 1000)
                                                              ^^^^^ `storage` is `256MB` (hint: it may be from 512MB to 10240MB)
");
    check_stage(
        "
type: copy
inputs: [uploads]
lambda: { storage: 2TB }
                   ^^^ `storage` is no size: `2TB` (hint: write a whole number and a unit: `512MB`, `2GB`)
attemps: 3
^^^^^^^ unknown key `attemps` in the stage (hint: did you mean `attempts`?)
",
    );
    check_stages(
        "
stages:
  one: { inputs: [uploads], levels: 3 }
  ^^^ stage `one` has no `type` (hint: name its function: `copy` or `tally`)
  two: { type: cpoy, inputs: [uploads] }
               ^^^^ unknown function `cpoy` (hint: did you mean `copy`? (there are `copy` and `tally`))
  three: { type: video }
  ^^^^^ stage `three` has no `inputs` (hint: name what it takes: `inputs: [uploads]`)
                 ^^^^^ unknown function `video` (hint: there are `copy` and `tally`)
  four: { type: copy, input: [uploads] }
                      ^^^^^ unknown key `input` in the stage (hint: did you mean `inputs`?)
",
    );
    check_stages("
stages:
  one:
  ^^^ stage `one` must be a map, not nothing (hint: write `key: value` lines, indented below it)
  Two: { type: copy, inputs: [uploads] }
  ^^^ `Two` is no name for a stage (hint: a name has 1 to 40 of the characters `a` to `z`, `0` to `9`, `_` and `-`)
  three: copy
         ^^^^ stage `three` must be a map, not the text `copy` (hint: write `key: value` lines, indented below it)
");
}

#[test]
fn inputs() {
    check_stages("
stages:
  one: { type: copy, inputs: uploads }
                             ^^^^^^^ `inputs` must be a list (hint: write `inputs: [uploads]`)
  two: { type: copy, inputs: [] }
                             ^^ `inputs` is empty: the stage would never run (hint: name a source or a stage)
  three: { type: copy, inputs: [uplaods, on, one.outcome, one.late, uploads.outcomes, one.outcomes.x, nothing.outcomes] }
                                ^^^^^^^ there is no source or stage `uplaods` (hint: did you mean `uploads`?)
                                         ^^ there is no source or stage `on` (hint: did you mean `one`?)
                                             ^^^^^^^^^^^ stage `one` has no port `outcome` (hint: did you mean `outcomes`?)
                                                          ^^^^^^^^ stage `one` has no port `late` (hint: it has `one.outcomes`; its items are `one` alone)
                                                                                      ^^^^^^^^^^^^^^ stage `one` has no port `outcomes.x` (hint: did you mean `outcomes`?)
                                                                                                      ^^^^^^^^^^^^^^^^ there is no source or stage `nothing` (hint: there are `uploads`, `clicks`, `one`, `two`, `three`, `four`, `five`, `six`, `seven` and `uploads`)
  four: { type: copy, inputs: [uploads, one, one.outcomes, uploads, one.outcomes] }
                                                           ^^^^^^^ the input `uploads` is given twice (hint: remove one of them)
                                                                    ^^^^^^^^^^^^ the input `one.outcomes` is given twice (hint: remove one of them)
  five: { type: copy, inputs: [1, {a: b}, ~] }
                               ^ `inputs` must be a list of names, not the number `1`
                                  ^^^^^^ `inputs` must be a list of names, not a map
                                          ^ `inputs` must be a list of names, not nothing (hint: give it a value, or remove the key)
  six: { type: copy, inputs: { a: b } }
                             ^^^^^^^^ `inputs` must be a list, not a map
  seven: { type: copy, inputs: [clicks.outcomes] }
                                ^^^^^^^^^^^^^^^ `clicks` is a source, and a source has no port `outcomes` (hint: write `clicks` alone, or a stage's port)
  uploads: { type: copy, inputs: [one] }
  ^^^^^^^ `uploads` is a source's name too (hint: rename one of them: `inputs` would not tell them apart)
");
}

#[test]
fn shapes() {
    check_stages("
stages:
  items: { type: copy, inputs: [clicks, records, records.outcomes] }
                                ^^^^^^ `copy` takes objects, and the stream `clicks` gives records (hint: take an `s3` source, or a function that takes records)
                                        ^^^^^^^ the stages go round in a ring: `items` → `records` → `items` (hint: take one of these inputs away)
  records: { type: tally, inputs: [clicks, uploads, items, items.outcomes], by: x }
                                           ^^^^^^^ `tally` takes records, and the bucket `uploads` gives objects (hint: take a `kinesis` source, or a function that takes objects)
                                                    ^^^^^ `tally` takes records, and the stage `items` gives items (hint: take a `kinesis` source)
                                                           ^^^^^^^^^^^^^^ `tally` takes records, and the stage `items` gives items (hint: take a `kinesis` source)
");
}

#[test]
fn function_keys() {
    check_stage("
type: copy
inputs: [uploads]
output: { bucket: media, key: \"{key}/{rendition}\" }
level: 10
       ^^ `level` is `10` (hint: it must be at least 1 and at most 9)
mode: quickly
      ^^^^^^^ `mode` is `quickly`, which is none of `quick`, `thorough` or `store` (hint: did you mean `quick`?)
copies:
  - name: A
          ^ `copies[0].name` is `A`, which does not fit (hint: it must match the regular expression `^[a-z-]+$`)
    hight: 3
    ^^^^^ unknown key `hight` in `copies[0]` (hint: there are `ext` and `name`)
  - ext: 3
    ^^^^^^ `copies[1]` has no `name` (hint: `name`: Its name)
         ^ `copies[1].ext` must be text, not the number `3` (hint: put it in quotes: \"3\")
  - small
    ^^^^^ `copies[2]` must be a map, not the text `small`
  - { name: x, ext: x }
");
    check_stage("
type: copy
inputs: [uploads]
level: high
       ^^^^ `level` must be a whole number, not the text `high`
mode: thorogh
      ^^^^^^^ `mode` is `thorogh`, which is none of `quick`, `thorough` or `store` (hint: did you mean `thorough`?)
copies: { name: a }
        ^^^^^^^^^^^ `copies` must be a list, not a map
");
    check_stage(
        "
type: copy
inputs: [uploads]
level: 3.0
       ^^^ `level` must be a whole number, not the number `3.0`
mode: 3
      ^ `mode` is the number `3`, which is none of `quick`, `thorough` or `store`
copies:
^^^^^^ `copies` must be a list, not nothing (hint: give it a value, or remove the key)
",
    );
    check_stage(
        "
type: copy
inputs: [uploads]
lvel: 3
^^^^ unknown key `lvel` in the stage (hint: did you mean `level`?)
step: { do: skp }
            ^^^ `do` is `skp`, which is none of `skip` or `reverse` (hint: did you mean `skip`?)
",
    );
    check_stage(
        "
type: copy
inputs: [uploads]
step: { do: skip, bites: 3 }
                  ^^^^^ unknown key `bites` in `step` (hint: did you mean `bytes`?)
",
    );
    check_stage(
        "
type: copy
inputs: [uploads]
step: { bytes: 3 }
      ^^^^^^^^^^^^ `step` has no `do` (hint: it is one of `skip` or `reverse`)
",
    );
    check_stage(
        "
type: copy
inputs: [uploads]
step: reverse
      ^^^^^^^ `step` must be a map, not the text `reverse`
",
    );
    check_stages("
stages:
  one: { type: tally, inputs: [clicks], thn_by: x }
  ^^^ the stage has no `by` (hint: `by`: The field to count by)
                                        ^^^^^^ unknown key `thn_by` in the stage (hint: did you mean `then_by`?)
  two: { type: tally, inputs: [clicks], b: x }
                                        ^ unknown key `b` in the stage (hint: did you mean `by`?)
");
}

#[test]
fn the_functions_own_checks() {
    check_stage(
        "
type: copy
inputs: [uploads]
output: { bucket: media, key: \"{key}/{rendition}\" }
level: 3
       ^ what is stored has no level
mode: store
copies:
  - { name: a, ext: b }
  - name: c
          ^ the name is the extension too (hint: choose another name)
    ext: c
",
    );
    check_stages("
stages:
  one: { type: copy, inputs: [uploads], step: { do: skip, bytes: 13 } }
  ^^^ this function is superstitious
  two: { type: copy, inputs: [uploads], copies: [{ name: a }] }
  ^^^ stage `two` makes outputs, such as `a`, and has no `output` (hint: say where they go: `output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }`)
");
}

#[test]
fn patterns() {
    check_stage("
type: copy
inputs: [uploads]
when:
  data:
    key: [{ sufix: .csv }]
                   ^^^^ bad event pattern: unknown operator `sufix` (hint: the operators are `anything-but`, `cidr`, `equals-ignore-case`, `exists`, `numeric`, `prefix`, `suffix`, `wildcard`)
    bytes: 3
           ^ bad event pattern: a field takes a list of values or an object, not a number (hint: write [3])
");
    check_stage("
type: copy
inputs: [uploads]
when: { dta: { key: [{ suffix: .csv }] }, $or: [{ data: { bytes: [1] } }, { key: [a] }] }
        ^^^ no item has `dta`, so nothing would match (hint: did you mean `data`?)
                                                                            ^^^ no item has `key`, so nothing would match (hint: an object's key and size are asked for as `when: { data: { key: […], bytes: […] } }`)
");
    check_stage("
type: copy
inputs: [uploads]
when: [a]
      ^^^ bad event pattern: a pattern is an object, not a list (hint: name the fields to look at, as in {\"source\": [\"aws.s3\"]})
");
    check_stage(
        "
type: tally
inputs: [clicks]
by: x
when: { colour: [red] }
",
    );
}

#[test]
fn key_templates() {
    check_stages("
stages:
  a: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{rendition}\" } }
                                                                    ^^^^^^^^^^^^^ bad key template: every original would write to the same key; it needs `{key}` or `{id}` (hint: for example \"{key}/{rendition}.{ext}\")
  b: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{key}/{renditon}\" } }
                                                                    ^^^^^^^^^^^^^^^^^^ bad key template: `{renditon}` is not known; there are `{key}`, `{id}`, `{rendition}` and `{ext}` (hint: for example \"{key}/{rendition}.{ext}\")
  c: { type: copy, inputs: [uploads], output: { bucket: media, key: \"/x/{key}\" } }
                                                                    ^^^^^^^^^^ bad key template: a key may not begin with `/` or `.tidemill/` (hint: for example \"{key}/{rendition}.{ext}\")
  d: { type: copy, inputs: [uploads], output: { bucket: media, key: \"d/../{key}\" } }
                                                                    ^^^^^^^^^^^^ this key template cannot be used (hint: a part of a key may not be `.` or `..`)
  e: { type: copy, inputs: [uploads], output: { bucket: media, key: {key} } }
                                                                    ^^^^^ `key` must be text, not a map (hint: text with braces goes in quotes)
");
    check_stage("
type: copy
inputs: [uploads]
output: { bucket: media, key: /x/{key} }
                                 ^ not valid YAML: while parsing a flow mapping, did not find expected ',' or '}' (hint: text with braces goes in quotes: \"{key}/{rendition}.{ext}\")
");
    check_stage("
type: copy
inputs: [uploads]
output:
  bucket: media
  key: {key}/{rendition}.{ext}
            ^ not valid YAML: while parsing a block mapping, did not find expected key (hint: text with braces goes in quotes: \"{key}/{rendition}.{ext}\")
");
}

#[test]
fn outputs_that_would_share_a_key() {
    check_stage("
type: copy
inputs: [uploads]
output: { bucket: media, key: \"{key}.{ext}\" }
                              ^^^^^^^^^^^^^ the outputs `a` and `b` of one original would share the key `….bin` (hint: put `/{rendition}.{ext}` behind `{key}`: a `/` before the rendition's name keeps them apart)
copies: [{ name: a }, { name: b }]
");
    check_stage("
type: copy
inputs: [uploads]
output: { bucket: media, key: \"{key}-{rendition}\" }
                              ^^^^^^^^^^^^^^^^^^^ `…-small` of one original and `…-x-small` of another could be one key (hint: put `/{rendition}.{ext}` behind `{key}`: a `/` before the rendition's name keeps them apart)
copies: [{ name: small }, { name: x-small }]
");
    check_stage(
        "
type: copy
inputs: [uploads]
output:
  bucket: media
  key: \"{key}/{rendition}\"
       ^^^^^^^^^^^^^^^^^^^ two outputs are named `a` (hint: give each output a name of its own)
copies: [{ name: a }, { name: a, ext: z }]
",
    );
    check_stage(
        "
type: copy
inputs: [uploads]
output: { bucket: media, key: \"{key}/{rendition}\" }
copies: [{ name: small }, { name: x-small }]
",
    );
}

#[test]
fn stages_that_would_share_a_key() {
    check_stages("
stages:
  a: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }, copies: [{ name: x }] }
  b: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }, copies: [{ name: y }] }
  c: { type: copy, inputs: [uploads], output: { bucket: media, key: \"{key}/{rendition}.{ext}\" }, copies: [{ name: y }, { name: z }] }
                                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^ stages `b` and `c` write to the bucket `media` and could make the same key (hint: begin each key with its stage's name: \"c/…\")
  d: { type: copy, inputs: [uploads], output: { bucket: media, key: \"d/{key}\" } }
                                                                    ^^^^^^^^^ stages `a` and `d` write to the bucket `media` and could make the same key (hint: begin each key with its stage's name: \"d/…\")
  e: { type: copy, inputs: [uploads], output: { bucket: media, key: \"e/{key}\" } }
                                                                    ^^^^^^^^^ stages `a` and `e` write to the bucket `media` and could make the same key (hint: begin each key with its stage's name: \"e/…\")
  f: { type: copy, inputs: [uploads], output: { bucket: other, key: \"e/{key}\" } }
");
}

#[test]
fn trigger_loops() {
    check_stages("
stages:
  a: { type: copy, inputs: [uploads], output: { bucket: uploads, key: \"in/{key}\" } }
                                                                      ^^^^^^^^^^ trigger loop: `uploads` → `a` → `uploads`: stage `a` writes where source `uploads` listens (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
  b: { type: copy, inputs: [uploads], output: { bucket: uploads, key: \"{key}/b\" } }
                                                                      ^^^^^^^^^ stages `a` and `b` write to the bucket `uploads` and could make the same key (hint: begin each key with its stage's name: \"b/…\")
                                                                      ^^^^^^^^^ trigger loop: `uploads` → `b` → `uploads`: stage `b` writes where source `uploads` listens (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
  c: { type: copy, inputs: [uploads], output: { bucket: uploads, key: \"i{key}/c\" } }
                                                                      ^^^^^^^^^^ stages `a` and `c` write to the bucket `uploads` and could make the same key (hint: begin each key with its stage's name: \"c/…\")
                                                                      ^^^^^^^^^^ trigger loop: `uploads` → `c` → `uploads`: stage `c` writes where source `uploads` listens (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
  d: { type: copy, inputs: [uploads], output: { bucket: uploads, key: \"inn/{key}\" } }
                                                                      ^^^^^^^^^^^ stages `b` and `d` write to the bucket `uploads` and could make the same key (hint: begin each key with its stage's name: \"d/…\")
  e: { type: copy, inputs: [uploads], output: { bucket: uploads, key: \"in/e/{key}/e\" } }
                                                                      ^^^^^^^^^^^^^^ stages `a` and `e` write to the bucket `uploads` and could make the same key (hint: begin each key with its stage's name: \"e/…\")
                                                                      ^^^^^^^^^^^^^^ trigger loop: `uploads` → `e` → `uploads`: stage `e` writes where source `uploads` listens (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
  f: { type: copy, inputs: [d], output: { bucket: uploads, key: \"in/f/{key}/f\" } }
                                                                ^^^^^^^^^^^^^^ stages `a` and `f` write to the bucket `uploads` and could make the same key (hint: begin each key with its stage's name: \"f/…\")
                                                                ^^^^^^^^^^^^^^ trigger loop: `uploads` → `d` → `f` → `uploads`: stage `f` writes where source `uploads` listens (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
");
    check("
version: 1
name: test
sources:
  whole: { type: s3, bucket: media }
  other: { type: s3, bucket: other }
stages:
  a: { type: copy, inputs: [other], output: { bucket: media, key: \"a/{key}\" } }
                                                      ^^^^^ stage `a` writes where source `whole` listens, so its outputs would be new events (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
");
}

#[test]
fn rings() {
    check_stages("
stages:
  a: { type: copy, inputs: [uploads, c] }
                                     ^ the stages go round in a ring: `a` → `b` → `c` → `a` (hint: take one of these inputs away)
  b: { type: copy, inputs: [a] }
  c: { type: copy, inputs: [b.outcomes] }
  d: { type: copy, inputs: [d] }
                            ^ stage `d` takes its own items (hint: name another input)
  e: { type: copy, inputs: [c] }
");
    check_stages("
stages:
  below: { type: copy, inputs: [a] }
  a: { type: copy, inputs: [b] }
                            ^ the stages go round in a ring: `a` → `b` → `a` (hint: take one of these inputs away)
  b: { type: copy, inputs: [a, c] }
  c: { type: copy, inputs: [b] }
");
}

#[test]
fn sources_that_give_the_same_event() {
    check("
version: 1
name: test
sources:
  whole: { type: s3, bucket: uploads }
  part: { type: s3, bucket: uploads, prefix: a/ }
  beside: { type: s3, bucket: uploads, prefix: b/ }
  s: { type: kinesis, stream: clicks }
  t: { type: kinesis, stream: clicks }
stages:
  a: { type: copy, inputs: [whole, part] }
                                   ^^^^ sources `whole` and `part` overlap, so stage `a` would take the same event twice (hint: take the wider one alone, or give them prefixes of their own)
  b: { type: copy, inputs: [part, beside] }
  c: { type: copy, inputs: [whole] }
  d: { type: tally, inputs: [s, t], by: x }
                                ^ sources `s` and `t` overlap, so stage `d` would take the same event twice (hint: take the wider one alone, or give them prefixes of their own)
");
}

#[test]
fn environments() {
    check_stages("
stages:
  one:
    type: copy
    inputs: [uploads]
    output: { bucket: media, key: \"{key}\" }
                                  ^^^^^^^ @qa @staging trigger loop: `uploads` → `one` → `uploads`: stage `one` writes where source `uploads` listens (hint: write to another bucket, or begin the key with a text that no source's prefix begins with)
environments:
  prod:
    stages:
      two: {}
      ^^^ there is no stage `two` to override (hint: there is only `one`)
      on: {}
      ^^ there is no stage `on` to override (hint: did you mean `one`?)
      one: { type: tally, inputs: [clicks], level: 11, lambda: { memory: 1 } }
             ^^^^ an environment cannot change `type` (hint: it changes settings, and the graph is the same everywhere)
                          ^^^^^^ an environment cannot change `inputs` (hint: it changes settings, and the graph is the same everywhere)
                                                   ^^ `level` is `11` (hint: it must be at least 1 and at most 9)
                                                                         ^ `memory` is 1 (hint: it is a whole number from 128 to 10240)
    source: {}
    ^^^^^^ unknown key `source` in environment `prod` (hint: did you mean `sources`?)
  Test: {}
  ^^^^ `Test` is no name for an environment (hint: a name has 1 to 40 of the characters `a` to `z`, `0` to `9`, `_` and `-`)
  dev: [1]
       ^^^ environment `dev` must be a map, not a list (hint: write `key: value` lines, indented below it)
  qa:
    sources: { uploads: { bucket: media } }
  staging:
    sources: { uploads: { bucket: media }, clicks: { strem: x } }
                                                     ^^^^^ unknown key `strem` in source `clicks` (hint: there are `type` and `stream`)
    stages:
    ^^^^^^ `stages` must be a map, not nothing (hint: write `key: value` lines, indented below it)
");
    check_stages(
        "
stages:
  one: { type: copy, inputs: [uploads], level: 11 }
                                               ^^ `level` is `11` (hint: it must be at least 1 and at most 9)
environments:
  dev: { stages: { one: { lambda: {} } } }
  prod: { stages: { one: { level: 1 } } }
",
    );
    check_stages(
        "
stages:
  one: { type: copy, inputs: [uploads] }
environments: [a]
              ^^^ `environments` must be a map, not a list (hint: write `key: value` lines, indented below it)
",
    );
}

#[test]
fn a_table_without_functions() {
    let text = format!("{HEAD}stages: {{ a: {{ type: copy, inputs: [uploads] }} }}\n");
    let none: &[Entry] = &[];
    let error = Plan::parse(Path::new("p"), &text, None, none).unwrap_err();
    assert_eq!(error.iter().next().unwrap().message, "unknown function `copy`");
}
