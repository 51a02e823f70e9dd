//! Physical names: pure functions of pipeline, environment, and what is named.
//!
//! Nothing has to be asked for or stored to find a queue or a function again, and the two stacks never refer to
//! each other. What is too long for its service is cut and gets 8 digits of a digest of what it was, so that two
//! names that are cut stay two names.

use serde_json::{Value, json};
use tidemill_core::digest;
use tidemill_pipeline::Aws;

/// The characters of an account's number.
const ACCOUNT: usize = 12;

/// The longest name of a region, such as `ap-southeast-1`.
const REGION: usize = 14;

/// The digits of a digest behind a name that was cut.
const DIGITS: usize = 8;

/// Limits of the services: S3 User Guide, SQS `CreateQueue`, Lambda `CreateFunction`, IAM `CreateRole`, Kinesis
/// `CreateStream`.
const BUCKET: usize = 63;
const QUEUE: usize = 80;
const FUNCTION: usize = 64;
const ROLE: usize = 64;
const STREAM: usize = 128;

/// The name that stands for the state bucket where a manifest's bucket would stand.
pub const STATE: &str = "tidemill";

/// A physical name: fixed text, perhaps followed by the account and the region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    front: String,
    account: bool,
    region: bool,
}

impl Name {
    /// A name that is known as a whole.
    fn fixed(text: impl Into<String>) -> Self {
        Self { front: text.into(), account: false, region: false }
    }

    /// The name in an account and a region.
    pub fn plain(&self, account: &str, region: &str) -> String {
        self.with(account, region)
    }

    /// The name as text in a `Fn::Sub`.
    pub fn text(&self) -> String {
        self.with("${AWS::AccountId}", "${AWS::Region}")
    }

    /// The name as a value in a template.
    pub fn value(&self) -> Value {
        sub(self.text())
    }

    fn with(&self, account: &str, region: &str) -> String {
        let mut text = self.front.clone();
        for (wanted, part) in [(self.account, account), (self.region, region)] {
            if wanted {
                text.push('-');
                text.push_str(part);
            }
        }
        text
    }
}

/// Text as a value in a template: `Fn::Sub` only where there is something to fill in.
pub(crate) fn sub(text: impl Into<String>) -> Value {
    let text = text.into();
    if text.contains("${") { json!({ "Fn::Sub": text }) } else { Value::String(text) }
}

/// `front` in at most `most` characters.
fn cut(front: &str, most: usize) -> String {
    if front.len() <= most {
        return front.to_owned();
    }
    let digest = digest::name_of(&[front]);
    // All characters of names are ASCII. What a cut leaves at the end, such as `.`, may not stand before `-`.
    let head = front[..most - DIGITS - 1].trim_end_matches(['-', '.', '_']);
    format!("{head}-{}", &digest[..DIGITS])
}

/// The names of one environment of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pipeline: String,
    environment: String,
}

impl Names {
    /// The names of `environment` of `pipeline`.
    pub fn new(pipeline: &str, environment: &str) -> Self {
        Self { pipeline: pipeline.to_owned(), environment: environment.to_owned() }
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// The environment.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    fn of(&self, rest: &str) -> String {
        format!("{}-{}-{rest}", self.pipeline, self.environment)
    }

    /// The bucket with a name in the manifest: what is there already under another name, or what is made.
    pub fn bucket(&self, aws: &Aws, bucket: &str) -> Name {
        aws.buckets.get(bucket).map_or_else(|| self.made_bucket(bucket), Name::fixed)
    }

    fn made_bucket(&self, bucket: &str) -> Name {
        let front = cut(&self.of(bucket), BUCKET - ACCOUNT - REGION - 2);
        Name { front, account: true, region: true }
    }

    /// The bucket of the host's own documents.
    pub fn state(&self) -> Name {
        self.made_bucket(STATE)
    }

    /// The stream with a name in the manifest.
    pub fn stream(&self, aws: &Aws, stream: &str) -> Name {
        aws.streams.get(stream).map_or_else(|| Name::fixed(cut(&self.of(stream), STREAM)), Name::fixed)
    }

    /// A stage's queue.
    pub fn queue(&self, stage: &str) -> Name {
        Name::fixed(cut(&self.of(stage), QUEUE))
    }

    /// A stage's dead-letter queue.
    pub fn dead_queue(&self, stage: &str) -> Name {
        self.queue(&format!("{stage}-dead"))
    }

    /// A function: of a stage, or of what [`Names::drain`] and [`Names::http`] name.
    pub fn function(&self, stage: &str) -> Name {
        Name::fixed(cut(&self.of(stage), FUNCTION))
    }

    /// What a stage's drain is called where a stage would be named.
    pub fn drain(stage: &str) -> String {
        format!("{stage}-drain")
    }

    /// What an HTTP source's function is called where a stage would be named.
    pub fn http(source: &str) -> String {
        format!("{source}-http")
    }

    /// The role of a function: its region is part of it, since roles belong to a whole account.
    pub fn role(&self, stage: &str) -> Name {
        Name { front: cut(&self.of(stage), ROLE - REGION - 1), account: false, region: true }
    }

    /// The log group of a function.
    pub fn log_group(&self, stage: &str) -> Name {
        Name::fixed(format!("/aws/lambda/{}", self.function(stage).front))
    }

    /// A secret in Secrets Manager.
    pub fn secret(&self, name: &str) -> Name {
        Name::fixed(format!("{}/{}/{name}", self.pipeline, self.environment))
    }

    /// The stack of what is kept: buckets and streams.
    pub fn data_stack(&self) -> String {
        self.of("data")
    }

    /// The stack of what works.
    pub fn compute_stack(&self) -> String {
        self.of("compute")
    }
}

/// The bucket that zips are uploaded to: one for each account and region.
pub fn artifact_bucket(account: &str, region: &str) -> String {
    format!("tidemill-artifacts-{account}-{region}")
}

/// The longest a name with account and region in it can become, for measuring.
pub(crate) const LONGEST_ACCOUNT: &str = "123456789012";
pub(crate) const LONGEST_REGION: &str = "ap-southeast-1";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(name: &Name) -> String {
        name.plain(LONGEST_ACCOUNT, LONGEST_REGION)
    }

    #[test]
    fn names_are_readable() {
        let names = Names::new("media-on-upload", "prod");
        let aws = Aws::default();
        assert_eq!(
            plain(&names.bucket(&aws, "uploads")),
            "media-on-upload-prod-uploads-123456789012-ap-southeast-1"
        );
        assert_eq!(names.queue("renditions").text(), "media-on-upload-prod-renditions");
        assert_eq!(names.dead_queue("renditions").text(), "media-on-upload-prod-renditions-dead");
        assert_eq!(names.role(&Names::drain("r")).text(), "media-on-upload-prod-r-drain-${AWS::Region}");
        assert_eq!(names.secret("hook").text(), "media-on-upload/prod/hook");
        assert_eq!(names.data_stack(), "media-on-upload-prod-data");
    }

    #[test]
    fn a_template_fills_in_only_what_there_is() {
        let names = Names::new("p", "e");
        assert_eq!(names.queue("t").value(), json!("p-e-t"));
        assert_eq!(
            names.state().value(),
            json!({ "Fn::Sub": "p-e-tidemill-${AWS::AccountId}-${AWS::Region}" })
        );
    }

    #[test]
    fn what_is_there_keeps_its_name() {
        let aws = Aws { buckets: [("uploads".into(), "acme".into())].into(), ..Aws::default() };
        assert_eq!(Names::new("p", "e").bucket(&aws, "uploads").text(), "acme");
    }

    const PIPELINE: &str = "[a-z][a-z0-9-]{0,39}";
    const ENVIRONMENT: &str = "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?";
    const RESOURCE: &str = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]";
    const STAGE: &str = "[a-z0-9_-]{1,40}";

    fn allowed(text: &str, also: &str) -> bool {
        text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    }

    proptest! {
        #[test]
        fn every_service_takes_its_names(p in PIPELINE, e in ENVIRONMENT, b in RESOURCE, t in STAGE) {
            let names = Names::new(&p, &e);
            let bucket = plain(&names.bucket(&Aws::default(), &b));
            prop_assert!((3..=63).contains(&bucket.len()), "{bucket}");
            prop_assert!(allowed(&bucket, "-.") && bucket.to_lowercase() == bucket);
            prop_assert!(plain(&names.state()).len() <= 63);
            let (drain, http) = (Names::drain(&t), Names::http(&t));
            for name in [names.queue(&t), names.dead_queue(&t)] {
                prop_assert!(plain(&name).len() <= 80 && allowed(&plain(&name), "-_"));
            }
            for of in [&t, &drain, &http] {
                prop_assert!(plain(&names.function(of)).len() <= 64 && allowed(&plain(&names.function(of)), "-_"));
                prop_assert!(plain(&names.role(of)).len() <= 64 && allowed(&plain(&names.role(of)), "-_"));
                prop_assert!(plain(&names.log_group(of)).len() <= 512);
            }
            let stream = plain(&names.stream(&Aws::default(), &b));
            prop_assert!(stream.len() <= 128 && allowed(&stream, "-_."));
            prop_assert!(names.compute_stack().len() <= 128);
        }

        #[test]
        fn what_is_cut_stays_apart(
            p in "[a-z]{20,40}", e in "[a-z]{20,40}", one in "[a-z]{3,30}", two in "[a-z]{3,30}",
        ) {
            prop_assume!(one != two);
            let names = Names::new(&p, &e);
            prop_assert_ne!(names.bucket(&Aws::default(), &one), names.bucket(&Aws::default(), &two));
            prop_assert_ne!(names.queue(&one), names.queue(&two));
            prop_assert_ne!(names.function(&one), names.function(&two));
            prop_assert_ne!(names.role(&one), names.role(&Names::drain(&one)));
        }
    }
}
