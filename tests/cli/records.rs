//! `run --records` over a pipeline that counts.

use crate::context::Context;

const MANIFEST: &str = r#"version: 1
name: visits
sources:
  visits: { type: kinesis, stream: visits }
stages:
  countries:
    type: count
    inputs: [visits]
    output: { bucket: reports, key: "{key}/{rendition}.{ext}" }
    by: country
"#;

fn visits() -> Context {
    let context = Context::new();
    context.write("visits/pipeline.yaml", MANIFEST);
    context
}

#[test]
fn counts() {
    let context = visits();
    context
        .write("visits.ndjson", "{\"country\":\"de\"}\n{\"country\":\"fr\"}\n?\n{\"country\":\"de\"}\n{}\n");
    insta::assert_snapshot!(context.run(&["run", "visits", "--records", "visits.ndjson"]), @"
    $ tidemill run visits --records visits.ndjson
    exit code: 1
    ----- stdout -----
    stage  done  skipped  superseded  dead  in  out  p50  p95  CPU
    countries  4  0  0  1  51 B  171 B  [TIME]  [TIME]  [TIME]
    ----- stderr -----
    visits: 4 done, 1 dead in [TIME] ([RATE])
    dead: countries: visits/visits.ndjson-[ID]/36: not JSON: expected value at column 1
    hint: `tidemill dead list visits` shows what was given up
    hint: `tidemill dead retry visits --all` has it tried again
    ");
    insta::assert_snapshot!(context.run(&["dead", "list", "visits"]), @"
    $ tidemill dead list visits
    exit code: 0
    ----- stdout -----
    id  stage  subject  attempts  time  reason
    [ID]  countries  visits/visits.ndjson-[ID]/36  1  [WHEN]  not JSON: expected value at column 1
    ");
    insta::assert_snapshot!(context.run(&["run", "visits"]), @"
    $ tidemill run visits
    exit code: 0
    ----- stderr -----
    nothing to do: there are no new records
    hint: feed some with --records FILE
    1 dead letter from before
    hint: `tidemill dead list visits` shows what was given up
    hint: `tidemill dead retry visits --all` has it tried again
    ");
}

#[test]
fn refusals() {
    let context = visits();
    insta::assert_snapshot!(context.run(&["run", "visits", "--records", "visits.ndjson"]), @"
    $ tidemill run visits --records visits.ndjson
    exit code: 2
    ----- stderr -----
    error: cannot read records from visits.ndjson: no such file or directory
    hint: give a file with one record a line
    ");
    insta::assert_snapshot!(context.run(&["run", "visits"]), @"
    $ tidemill run visits
    exit code: 0
    ----- stderr -----
    nothing to do: there are no new records
    hint: feed some with --records FILE
    ");
    context.run(&["new", "pipeline", "photos"]);
    context.write("visits.ndjson", "{}\n");
    insta::assert_snapshot!(context.run(&["run", "photos", "--records", "visits.ndjson"]), @"
    $ tidemill run photos --records visits.ndjson
    exit code: 2
    ----- stderr -----
    error: there are records, but the pipeline has no stream
    hint: `--records` feeds the pipeline's one source of `type: kinesis`
    ");
}
