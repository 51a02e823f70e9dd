//! What a person is told while something goes on.

/// Follows a deployment or a removal.
pub trait Observer {
    /// A line about what is done now.
    fn say(&self, line: &str);
    /// A resource takes a step.
    fn step(&self, step: &Step);
}

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It is made.
    Make,
    /// It is changed.
    Change,
    /// It is removed.
    Remove,
}

/// How far that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Begun.
    Begun,
    /// Done.
    Done,
    /// It failed.
    Failed,
}

/// A step of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The stack.
    pub stack: String,
    /// The logical id.
    pub id: String,
    /// What it is, in words: `queue`.
    pub kind: String,
    /// Its physical name, once there is one.
    pub name: Option<String>,
    /// What becomes of it.
    pub work: Work,
    /// How far that is.
    pub state: State,
    /// What CloudFormation says about it.
    pub reason: Option<String>,
}

impl Step {
    /// The resource for a person: `queue photos-test-renditions`.
    pub fn title(&self) -> String {
        let name = self.name.as_deref().filter(|_| NAMED.contains(&self.kind.as_str()));
        format!("{} {}", self.kind, name.map_or(self.id.as_str(), short))
    }
}

impl Step {
    /// The resource and what CloudFormation says about it, for the end of a sentence.
    pub(crate) fn why(&self) -> String {
        let title = self.title();
        let id = if title.ends_with(&self.id) { String::new() } else { format!(" ({})", self.id) };
        let reason = self.reason.as_deref().unwrap_or("CloudFormation gives no reason");
        format!("{title}{id}: {}", reason.trim_end_matches('.'))
    }
}

/// Kinds whose physical names are ours; those of others are made up by AWS and say less than the logical id.
pub(crate) const NAMED: [&str; 7] = ["bucket", "function", "log group", "policy", "queue", "role", "stream"];

/// The last part of an ARN or a URL; a plain name as it is.
pub(crate) fn short(name: &str) -> &str {
    let own = if name.starts_with("arn:") { name.rsplit([':', '/']).next() } else { None };
    let own = if name.starts_with("http") { name.rsplit('/').next() } else { own };
    own.filter(|own| !own.is_empty()).unwrap_or(name)
}

/// What a resource type is called: `AWS::SQS::Queue` is a queue.
pub(crate) fn kind(resource_type: &str) -> String {
    let known = match resource_type {
        "AWS::CloudWatch::Alarm" => "alarm",
        "AWS::Events::Rule" => "rule",
        "AWS::IAM::ManagedPolicy" => "policy",
        "AWS::IAM::Role" => "role",
        "AWS::Kinesis::Stream" => "stream",
        "AWS::Lambda::EventSourceMapping" => "mapping",
        "AWS::Lambda::Function" => "function",
        "AWS::Lambda::Permission" => "permission",
        "AWS::Lambda::Url" => "URL",
        "AWS::Logs::LogGroup" => "log group",
        "AWS::S3::Bucket" => "bucket",
        "AWS::S3::BucketPolicy" => "bucket policy",
        "AWS::SQS::Queue" => "queue",
        "AWS::SQS::QueuePolicy" => "queue policy",
        other => other,
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_called_by_its_own_name() {
        for (name, expected) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/p-e-t", "p-e-t"),
            ("arn:aws:lambda:eu-west-1:123456789012:function:f", "f"),
            ("arn:aws:iam::123456789012:policy/p", "p"),
            ("/aws/lambda/f", "/aws/lambda/f"),
            ("p-e-b", "p-e-b"),
        ] {
            assert_eq!(short(name), expected);
        }
        assert_eq!(kind("AWS::DynamoDB::Table"), "AWS::DynamoDB::Table");
    }
}
