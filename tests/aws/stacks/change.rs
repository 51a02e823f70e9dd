//! A change that fails leaves what was there before.

use std::sync::Arc;

use super::Stack;
use crate::block_on;
use crate::emulator::Emulator;

const MANIFEST: &str = r#"
version: 1
name: NAME
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
stages:
  sets:
    type: set
    inputs: [uploads]
    output: { bucket: media, key: "{key}/{rendition}.{ext}" }
    names: [one]
    attempts: 1
    timeout: 10s
"#;

/// Something that CloudFormation finds wrong only when it makes it.
const REFUSED: &str = r"
resources:
  Extra:
    Type: AWS::Lambda::Url
    Properties: { TargetFunctionArn: there-is-no-such-function, AuthType: AWS_IAM }
";

pub fn fails(_: &Arc<Emulator>) {
    block_on(async {
        let stack = Stack::deploy("change", MANIFEST).await.unwrap();
        stack.put("uploads", "in/a", "A one").await;
        stack.comes_to("media", "", &[("in/a/one.txt", "A")]).await;

        let other = MANIFEST.replace("{key}/{rendition}", "other/{key}/{rendition}");
        let failed = Stack::deploy("change", &format!("{other}{REFUSED}")).await;
        let problem = failed.err().expect("refused");
        for part in ["change-test-compute", "Extra", "there-is-no-such-function", "it is as it was before"] {
            assert!(problem.to_string().contains(part), "no `{part}`: {problem}");
        }

        // What was there before works on, as it was.
        stack.put("uploads", "in/b", "B one").await;
        let before = [("in/a/one.txt", "A"), ("in/b/one.txt", "B")];
        stack.comes_to("media", "", &before).await;

        // Mended, it goes through.
        let stack = Stack::deploy("change", &other).await.unwrap();
        stack.put("uploads", "in/c", "C one").await;
        stack.comes_to("media", "other/", &[("other/in/c/one.txt", "C")]).await;
        stack.comes_to("media", "in/", &before).await;
    });
}
