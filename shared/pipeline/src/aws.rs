//! What a plan says about AWS. One machine pays no attention to it.

use std::collections::BTreeMap;
use std::time::Duration;

/// How an S3 source's events come to its consumers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// Through a rule of EventBridge for each consumer.
    #[default]
    EventBridge,
    /// As the bucket's own notifications, straight into the queue of the one consumer.
    Sqs,
}

/// Where a stage runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunsOn {
    /// As a Lambda function.
    #[default]
    Lambda,
    /// In a worker, a long-running process that polls the stage's queue.
    Worker,
}

/// The processors of a Lambda function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit Intel and AMD.
    X86_64,
    /// 64-bit Arm.
    Arm64,
}

impl Architecture {
    /// As the manifest and Lambda write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The keys of a stage's `lambda`; what is not there is chosen by `deploy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LambdaSettings {
    /// Memory in MB.
    pub memory: Option<u64>,
    /// How long the function may run, in whole seconds.
    pub timeout: Option<Duration>,
    /// How many run at once at most.
    pub concurrency: Option<u64>,
    /// The size of `/tmp` in MB.
    pub storage: Option<u64>,
    /// Its processors.
    pub architecture: Option<Architecture>,
    /// The most items, or records, that one call is handed.
    pub batch: Option<u64>,
}

/// The days that CloudWatch keeps logs for where the manifest does not say.
pub(crate) const DEFAULT_LOG_RETENTION: u32 = 30;

/// The manifest's `aws`: what is there already, and what holds for the whole deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// Buckets that are there already: name in the manifest to physical name.
    pub buckets: BTreeMap<String, String>,
    /// Streams that are there already: name in the manifest to physical name.
    pub streams: BTreeMap<String, String>,
    /// The subnets that functions run in; empty outside a VPC.
    pub subnets: Vec<String>,
    /// The security groups of functions; empty outside a VPC.
    pub security_groups: Vec<String>,
    /// The ARN of the KMS key that encrypts what is stored.
    pub kms_key: Option<String>,
    /// For how many days logs are kept.
    pub log_retention_days: u32,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            streams: BTreeMap::new(),
            subnets: Vec::new(),
            security_groups: Vec::new(),
            kms_key: None,
            log_retention_days: DEFAULT_LOG_RETENTION,
        }
    }
}
