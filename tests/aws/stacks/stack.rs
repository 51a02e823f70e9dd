//! A pipeline of test functions in an environment that its own templates made.

use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde_json::Value;
use tidemill_aws::Letter;
use tidemill_deploy::artifact::{self, Binaries};
use tidemill_deploy::live::{Account, Deployed, Deployment, Observer, Step};
use tidemill_deploy::{Problem, synth};
use tidemill_operate::{Environment, dead, logs};
use tidemill_pipeline::Plan;

use super::zips;
use crate::bootstrap;
use crate::conformance::Contents;
use crate::emulator::Emulator;

/// How long something may take that follows by itself.
const PATIENCE: Duration = Duration::from_mins(2);

const ENVIRONMENT: &str = "test";

/// Nobody who listens.
struct Nobody;

impl Observer for Nobody {
    fn say(&self, _: &str) {}
    fn step(&self, _: &Step) {}
}

pub struct Stack {
    pub emulator: &'static Emulator,
    pub environment: Environment,
    pub deployed: Deployed,
}

impl Stack {
    /// Deploys `manifest`, in which `NAME` stands for the pipeline's name.
    pub async fn deploy(name: &str, manifest: &str) -> Result<Self, Problem> {
        let emulator = Emulator::secure();
        let manifest = manifest.replace("NAME", name);
        let plan = Plan::parse(Path::new("pipeline.yaml"), &manifest, None, &bootstrap::functions());
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        let templates = synth(&plan, ENVIRONMENT).unwrap();
        let from = Binaries::Folder(zips::folder().to_owned());
        let zips = artifact::build(&plan, &from, &|_| {}).unwrap();
        let clients = emulator.clients().await;
        let account = Account::find(&clients).await?;
        let planned = Deployment::plan(&account, &plan, ENVIRONMENT, &templates, &zips, &Nobody).await?;
        let deployed = planned.apply(&Nobody).await?;
        let environment = Environment::find_by(plan, ENVIRONMENT, clients).await?;
        Ok(Self { emulator, environment, deployed })
    }

    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.environment.clients.s3
    }

    pub fn bucket(&self, bucket: &str) -> &str {
        &self.environment.place.buckets[bucket]
    }

    /// Puts an object, and answers its entity tag.
    pub async fn put(&self, bucket: &str, key: &str, content: impl Into<Vec<u8>>) -> String {
        let call = self.s3().put_object().bucket(self.bucket(bucket)).key(key);
        let put = call.body(ByteStream::from(content.into())).send().await.unwrap();
        put.e_tag().unwrap().trim_matches('"').to_owned()
    }

    pub async fn remove(&self, bucket: &str, key: &str) {
        self.s3().delete_object().bucket(self.bucket(bucket)).key(key).send().await.unwrap();
    }

    /// What a bucket holds below a prefix, the host's own documents aside.
    pub async fn contents(&self, bucket: &str, prefix: &str) -> Contents {
        let bucket = self.bucket(bucket);
        let mut found = Contents::new();
        let pages = self.s3().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator();
        let mut pages = pages.send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let key = object.key().unwrap();
                if key.starts_with(tidemill_core::key::RESERVED) {
                    continue;
                }
                // It may be gone by now.
                let Ok(got) = self.s3().get_object().bucket(bucket).key(key).send().await else { continue };
                let bytes = got.body.collect().await.unwrap().to_vec();
                found.insert(key.to_owned(), String::from_utf8(bytes).unwrap());
            }
        }
        found
    }

    /// Waits until a bucket holds exactly this below a prefix.
    pub async fn comes_to(&self, bucket: &str, prefix: &str, expected: &[(&str, &str)]) {
        let expected: Contents =
            expected.iter().map(|(key, content)| ((*key).to_owned(), (*content).to_owned())).collect();
        let begun = Instant::now();
        loop {
            let found = self.contents(bucket, prefix).await;
            if found == expected {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let lines: Vec<String> = self.lines(None).await.into_iter().map(|line| line.text).collect();
                panic!("{bucket}/{prefix} comes to {found:?}, not {expected:?}; {lines:#?}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until `look` finds something.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if begun.elapsed() > PATIENCE {
                let lines: Vec<String> = self.lines(None).await.into_iter().map(|line| line.text).collect();
                panic!("{what}: never; {lines:#?}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until no queue of these stages holds anything.
    pub async fn rest(&self, stages: &[&str]) {
        self.until("rest", async || {
            for stage in stages {
                if self.depth(self.environment.queue(stage)).await > 0 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    async fn depth(&self, queue: &str) -> u64 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.environment.clients.sqs.get_queue_attributes().queue_url(queue);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        let attributes = answer.attributes().unwrap();
        names.iter().map(|name| attributes[name].parse::<u64>().unwrap()).sum()
    }

    pub async fn send(&self, queue: &str, text: impl Into<String>) {
        let call = self.environment.clients.sqs.send_message().queue_url(queue);
        call.message_body(text).send().await.unwrap();
    }

    /// The dead letters about keys below a prefix.
    pub async fn letters(&self, prefix: &str) -> Vec<Letter> {
        let mut letters = dead::letters(&self.environment).await.unwrap();
        letters.retain(|letter| letter.item.subject().1.starts_with(prefix));
        letters
    }

    /// All lines, or those of an item's way.
    pub async fn lines(&self, item: Option<&str>) -> Vec<logs::Line> {
        let selection = logs::Selection {
            item: item.map(str::to_owned),
            since: Timestamp::now() - jiff::SignedDuration::from_mins(60),
            ..logs::Selection::default()
        };
        logs::Reader::new(&self.environment, &selection).unwrap().read().await.unwrap()
    }

    /// A stage's lines about the items of a key.
    pub async fn about(&self, stage: &str, key: &str) -> Vec<Value> {
        let of = |line: logs::Line| line.fields.filter(|fields| line.from == stage && fields["key"] == key);
        self.lines(None).await.into_iter().filter_map(of).collect()
    }
}
