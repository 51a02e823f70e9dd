//! A pipeline's buckets, queues and streams on the emulator, and its stages as functions: one test's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use tidemill_aws::{Buckets, Clients};
use tidemill_core::deployment::{
    FORMAT, Listener, PLACE_VARIABLE, Place, STAGE_FILE, StageFile, StageSource, TASK_VARIABLE, Task,
};
use tidemill_core::plan::Input;
use tidemill_pipeline::{Plan, Source};

use crate::bootstrap;
use crate::conformance::Contents;
use crate::driver::{Binary, Function, Program, Settings};
use crate::emulator::{Emulator, REGION};

pub struct Ground {
    pub clients: Clients,
    pub plan: Plan,
    pub place: Place,
    folder: tempfile::TempDir,
}

impl Ground {
    /// Makes everything that `manifest` names, and `extra` buckets.
    pub async fn new(emulator: &Emulator, manifest: &str, extra: &[&str]) -> Self {
        let plan = Plan::parse(Path::new("pipeline.yaml"), manifest, None, &bootstrap::functions());
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        let (clients, name) = (emulator.clients().await, emulator.name(&plan.name));
        let mut place =
            Place { environment: "test".into(), state: format!("{name}-state"), ..Place::default() };
        for bucket in plan.buckets().into_iter().chain(extra.iter().copied()) {
            place.buckets.insert(bucket.to_owned(), format!("{name}-b-{bucket}"));
        }
        for bucket in place.buckets.values().chain([&place.state]) {
            clients.s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        for stage in &plan.stages {
            let stage = &stage.plan.name;
            let made = clients.sqs.create_queue().queue_name(format!("{name}-{stage}")).send().await.unwrap();
            place.queues.insert(stage.clone(), made.queue_url.unwrap());
        }
        for stream in plan.streams() {
            let physical = format!("{name}-s-{stream}");
            clients.kinesis().create_stream().stream_name(&physical).shard_count(1).send().await.unwrap();
            place.streams.insert(stream.to_owned(), physical);
        }
        Self { clients, plan, place, folder: tempfile::tempdir().unwrap() }
    }

    /// What lies in the zip of `stage`.
    pub fn stage_file(&self, stage: &str) -> StageFile {
        let planned = self.plan.stages.iter().find(|planned| planned.plan.name == stage).unwrap();
        let listeners = |input: &Input| {
            self.plan
                .consumers(input)
                .map(|stage| Listener { stage: stage.plan.name.clone(), when: stage.plan.when.clone() })
                .collect()
        };
        let source = |input: &Input| match &self.plan.source(input.name())?.source {
            Source::S3 { bucket, prefix, .. } => Some(StageSource::S3 {
                name: input.name().to_owned(),
                bucket: bucket.clone(),
                prefix: prefix.clone(),
            }),
            Source::Kinesis { stream } => {
                Some(StageSource::Kinesis { name: input.name().to_owned(), stream: stream.clone() })
            }
            Source::Http { .. } => None,
        };
        StageFile {
            format: FORMAT,
            plan: planned.plan.clone(),
            sources: planned.plan.inputs.iter().filter_map(source).collect(),
            items: listeners(&Input::Items(stage.to_owned())),
            outcomes: listeners(&Input::Outcomes(stage.to_owned())),
        }
    }

    /// `stage` as a function that reaches AWS at `endpoint`, with `timeout` for an invocation.
    pub fn function(&self, stage: &str, task: Task, endpoint: &str, timeout: Duration) -> Arc<Function> {
        let binary = self.binary(stage, task, endpoint);
        let settings = Settings { name: stage.to_owned(), megabytes: 512, timeout };
        Function::new(settings, Program::Binary(binary))
    }

    /// The binary of `stage` as Lambda would find it.
    pub fn binary(&self, stage: &str, task: Task, endpoint: &str) -> Binary {
        let file = self.stage_file(stage);
        let root = self.folder.path().join(format!("{stage}-{}", task.name()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join(STAGE_FILE), serde_json::to_vec(&file).unwrap()).unwrap();
        let place = serde_json::to_string(&self.place).unwrap();
        let environment = [
            (bootstrap::FUNCTION, file.plan.function.as_str()),
            (TASK_VARIABLE, task.name()),
            (PLACE_VARIABLE, &place),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        Binary {
            path: std::env::current_exe().unwrap(),
            root,
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            address_space: None,
        }
    }

    /// The buckets, by their names in the manifest.
    pub fn buckets(&self) -> Buckets {
        Buckets::new(self.clients.s3.clone(), Arc::new(self.place.clone()))
    }

    /// Puts an object, and answers its entity tag.
    pub async fn put(&self, bucket: &str, key: &str, content: impl Into<Vec<u8>>) -> String {
        let call = self.clients.s3.put_object().bucket(&self.place.buckets[bucket]).key(key);
        let put = call.body(ByteStream::from(content.into())).send().await.unwrap();
        put.e_tag().unwrap().trim_matches('"').to_owned()
    }

    /// Everything that a bucket holds, the host's own documents aside.
    pub async fn contents(&self, bucket: &str) -> Contents {
        let bucket = &self.place.buckets[bucket];
        let mut found = Contents::new();
        let mut pages = self.clients.s3.list_objects_v2().bucket(bucket).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let key = object.key().unwrap();
                if !key.starts_with(tidemill_core::key::RESERVED) {
                    let got = self.clients.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
                    let bytes = got.body.collect().await.unwrap().to_vec();
                    found.insert(key.to_owned(), String::from_utf8(bytes).unwrap());
                }
            }
        }
        found
    }

    /// Sends a text to the queue of `stage`.
    pub async fn send(&self, stage: &str, text: &str) {
        let call = self.clients.sqs.send_message().queue_url(&self.place.queues[stage]);
        call.message_body(text).send().await.unwrap();
    }
}
