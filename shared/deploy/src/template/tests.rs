use std::fmt::Write;

use serde_json::{Value, json};

use super::*;
use crate::guard;
use crate::testing::{EVERYTHING, plan};

fn everything() -> Templates {
    synth(&plan(EVERYTHING), "test").unwrap()
}

/// The properties of a resource of the compute stack.
fn properties<'a>(templates: &'a Templates, id: &str) -> &'a Value {
    let resource = &templates.compute["Resources"][id];
    assert!(!resource.is_null(), "there is no {id}");
    &resource["Properties"]
}

/// The resources that a role's statement allows its actions on.
fn allowed<'a>(templates: &'a Templates, role: &str, sid: &str) -> &'a Value {
    let statements = &properties(templates, role)["Policies"][0]["PolicyDocument"]["Statement"];
    let found = statements.as_array().unwrap().iter().find(|statement| statement["Sid"] == sid);
    found.map_or(&Value::Null, |statement| &statement["Resource"])
}

#[test]
fn keeps_to_our_own_rules() {
    let templates = everything();
    assert_eq!(guard::check(&templates.data), Vec::<String>::new());
    assert_eq!(guard::check(&templates.compute), Vec::<String>::new());
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    assert_eq!(Templates::text(&everything().compute), Templates::text(&everything().compute));
}

#[test]
fn what_is_there_already_is_not_made() {
    let templates = everything();
    let resources = &templates.data["Resources"];
    assert!(resources["ArchiveBucket"].is_null() && !resources["UploadsBucket"].is_null());
    let rule = properties(&templates, "FirstOldRule");
    assert_eq!(rule["EventPattern"]["detail"]["bucket"]["name"], json!(["acme-archive"]));
    let wanted = &templates.compute["Metadata"]["Tidemill"]["Notifications"];
    assert!(wanted.as_array().unwrap().contains(&json!({ "Bucket": "acme-archive", "EventBridge": true })));
}

#[test]
fn a_rule_knows_prefix_and_pattern() {
    let templates = everything();
    let rule = properties(&templates, "FirstUploadsRule");
    assert_eq!(
        rule["EventPattern"]["detail"]["object"]["key"],
        json!([{ "prefix": "in/a" }, { "prefix": "in/b" }])
    );
}

#[test]
fn a_direct_notification_has_no_rule_and_one_sender() {
    let templates = everything();
    let resources = &templates.compute["Resources"];
    assert!(!resources["SecondOnex2b580fQueue"].is_null() && resources["SecondOnex2b580fBulkRule"].is_null());
    let wanted = templates.compute["Metadata"]["Tidemill"]["Notifications"].to_string();
    assert!(wanted.contains(r#""Queue":"everything-test-second_one""#), "{wanted}");
}

#[test]
fn a_role_has_what_the_plan_implies() {
    let templates = everything();
    let sends = allowed(&templates, "FirstRole", "Send").to_string();
    assert!(
        sends.contains("everything-test-second_one") && sends.contains("everything-test-long"),
        "{sends}"
    );
    let reads = allowed(&templates, "FirstRole", "Read").to_string();
    assert!(reads.contains("acme-archive/*") && reads.contains("/in/*"), "{reads}");
    let outputs = allowed(&templates, "FirstRole", "Outputs").to_string();
    assert!(outputs.ends_with("/first/*\"}"), "{outputs}");
    assert!(allowed(&templates, "FirstDrainRole", "Read").is_null());
    assert!(
        allowed(&templates, "HookHttpRole", "Secret")
            .to_string()
            .contains("secret:everything/test/hook-??????")
    );
    assert!(
        allowed(&templates, "CountsRole", "Streams").to_string().contains("stream/everything-test-clicks")
    );
}

#[test]
fn a_worker_has_a_queue_and_no_function() {
    let templates = everything();
    let resources = &templates.compute["Resources"];
    assert!(resources["LongFunction"].is_null() && resources["LongMapping"].is_null());
    assert!(!resources["LongDrainFunction"].is_null() && !resources["LongWorkerPolicy"].is_null());
}

#[test]
fn a_function_gets_what_the_manifest_says() {
    let templates = everything();
    let first = properties(&templates, "FirstFunction");
    assert_eq!(first["MemorySize"], 1_024);
    assert_eq!(first["EphemeralStorage"], json!({ "Size": 2_048 }));
    assert_eq!(first["Architectures"], json!(["arm64"]));
    let mapping = properties(&templates, "FirstMapping");
    assert_eq!(mapping["ScalingConfig"], json!({ "MaximumConcurrency": 2 }));
    assert_eq!((&mapping["BatchSize"], &mapping["MaximumBatchingWindowInSeconds"]), (&json!(20), &json!(1)));
    assert_eq!(properties(&templates, "FirstQueue")["VisibilityTimeout"], 360);
}

/// Texts in which a manifest's mistake is found, with the beginning of the message.
#[test]
fn refuses_what_aws_would_refuse() {
    let check = |from: &str, to: &str, environment: &str, expected: &str| {
        let text = EVERYTHING.replace(from, to);
        assert!(text != EVERYTHING || from == to, "{from}");
        let problems = synth(&plan(&text), environment).unwrap_err();
        assert!(problems.0.iter().any(|problem| problem.message.contains(expected)), "{problems}");
    };
    check("", "", "a_b", "environment `a_b`");
    check("bucket: bulk", "bucket: tidemill", "e", "kept for the pipeline's own documents");
    check(
        "prefix: in/ }\n  bulk",
        "prefix: \"in*/\" }\n  bulk",
        "e",
        "the prefix of source `uploads` holds `*`",
    );
    check("key: \"first/", "key: \"日/", "e", "the output key of stage `first`");
    check("    timeout: 1h\n    runs_on: worker", "    timeout: 15m", "e", "stage `long` may take 900 s");
    check("  counts:\n", "  first-dead:\n", "e", "would share the queue `everything-e-first-dead`");
    check("  Table:\n", "  FirstQueue:\n", "e", "logical id `FirstQueue`");
    check("name: everything", "name: url-everything", "e", "begins with `url-`");
}

#[test]
fn counts_against_the_quotas() {
    let mut text =
        "version: 1\nname: many\nsources:\n  in: { type: s3, bucket: incoming }\nstages:\n".to_owned();
    for stage in 0..40 {
        let _ = writeln!(
            text,
            "  s{stage}: {{ type: copy, inputs: [in], output: {{ bucket: out, key: \"{stage}/{{key}}\" }} }}"
        );
    }
    let problems = synth(&plan(&text), "e").unwrap_err();
    assert!(problems.0[0].message.contains("CloudFormation takes 500"), "{problems}");

    let mut text =
        "version: 1\nname: wide\nsources:\n  in: { type: s3, bucket: incoming }\nstages:\n".to_owned();
    text += "  hub: { type: copy, inputs: [in], output: { bucket: out, key: \"hub/{key}\" } }\n";
    for stage in 0..28 {
        let name = format!("{stage}-{}", "x".repeat(36));
        let _ = writeln!(
            text,
            "  {name}: {{ type: copy, inputs: [hub], output: {{ bucket: out, key: \"{stage}/{{key}}\" }} }}"
        );
    }
    let problems = synth(&plan(&text), "e").unwrap_err();
    assert!(problems.to_string().contains("environment of function `wide-e-hub`"), "{problems}");
}
