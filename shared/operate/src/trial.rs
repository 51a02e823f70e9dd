//! A pipeline's sample through an environment, and its results against the expected ones.
//!
//! The sample of a bucket is what lies in `buckets/NAME/` beside the manifest, under the source's prefix; the
//! sample of a stream is `NAME.ndjson`, a record a line, sent in order to one shard. `expected.json` maps keys of
//! outputs to the SHA-256 of their bytes; a key there may be the end of the real one, since the names of shards
//! are AWS's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use serde::Serialize;
use tidemill_core::key::RESERVED;
use tidemill_core::ports::Objects;
use tidemill_core::{Stop, digest};
use tidemill_deploy::Problem;
use tidemill_deploy::live::problem;
use tidemill_pipeline::Source;

use crate::environment::{Environment, store};
use crate::{dead, status};

/// How often is looked.
const PAUSE: Duration = Duration::from_secs(1);

/// For how many looks in a row nothing may move before it counts as quiet: an event takes a while from a bucket
/// to a queue.
const QUIET: u32 = 5;

/// The most records in a call (Kinesis API Reference, PutRecords).
const RECORDS: usize = 500;

/// How a trial ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Objects and records that were put in.
    pub inputs: u64,
    /// Outputs that are as expected.
    pub right: u64,
    /// Outputs with other bytes.
    pub wrong: Vec<String>,
    /// Outputs that are not there.
    pub missing: Vec<String>,
    /// Outputs that nobody expects.
    pub unexpected: Vec<String>,
    /// Dead letters, each with its reason.
    pub dead: Vec<String>,
}

impl Verdict {
    /// Whether everything is as expected.
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty() && self.missing.is_empty() && self.unexpected.is_empty()
    }
}

/// Reads `expected.json` in `dir`.
pub fn expected(dir: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let path = dir.join("expected.json");
    let hint = "write it: a JSON object of output keys and the SHA-256 of their bytes";
    let text =
        std::fs::read(&path).map_err(|error| Problem::new(format!("{}: {error}", path.display()), hint))?;
    serde_json::from_slice(&text).map_err(|error| Problem::new(format!("{}: {error}", path.display()), hint))
}

/// Puts the sample in, waits until nothing moves, and compares. `tell` is told what goes on.
pub async fn trial(
    environment: &Environment,
    dir: &Path,
    expected: &BTreeMap<String, String>,
    patience: Duration,
    stop: &Stop,
    mut tell: impl FnMut(String),
) -> Result<Verdict, Problem> {
    let inputs = put(environment, dir).await?;
    if inputs == 0 {
        return Err(Problem::new(
            "the pipeline has no sample",
            "put files into `buckets/NAME/` beside the manifest, or records into `STREAM.ndjson`",
        ));
    }
    tell(format!("{inputs} inputs of the sample are in"));
    settle(environment, expected.len(), patience, stop).await?;
    let mut verdict = compare(environment, expected).await?;
    verdict.inputs = inputs;
    let letters = dead::letters(environment).await?;
    verdict.dead =
        letters.iter().map(|letter| format!("{}: {}", letter.item.title(), letter.reason)).collect();
    Ok(verdict)
}

async fn put(environment: &Environment, dir: &Path) -> Result<u64, Problem> {
    let mut count = 0;
    for source in &environment.plan.sources {
        match &source.source {
            Source::S3 { bucket, prefix, .. } => {
                count += put_objects(environment, &dir.join("buckets").join(bucket), bucket, prefix).await?;
            }
            Source::Kinesis { stream } => {
                count += put_records(environment, &dir.join(format!("{stream}.ndjson")), stream).await?;
            }
            Source::Http { .. } => {}
        }
    }
    Ok(count)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(format!("{}: {error}", path.display()), "give yourself the right to read the sample")
}

/// Files below `root` with the keys that they stand for.
fn files(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<(), Problem> {
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.is_dir() {
            files(root, &path, found)?;
        } else if let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            found.push((key.to_owned(), path));
        }
    }
    Ok(())
}

async fn put_objects(
    environment: &Environment,
    root: &Path,
    bucket: &str,
    prefix: &str,
) -> Result<u64, Problem> {
    let mut found = Vec::new();
    if root.is_dir() {
        files(root, root, &mut found)?;
    }
    found.retain(|(key, _)| key.starts_with(prefix) && !key.starts_with(RESERVED));
    let physical = &environment.place.buckets[bucket];
    for (key, path) in &found {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let call = environment.clients.s3.put_object().bucket(physical).key(key).body(bytes.into());
        call.send().await.map_err(|error| problem("s3:PutObject", &format!("{physical}/{key}"), &error))?;
    }
    Ok(found.len() as u64)
}

async fn put_records(environment: &Environment, path: &Path, stream: &str) -> Result<u64, Problem> {
    if !path.is_file() {
        return Ok(0);
    }
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let physical = &environment.place.streams[stream];
    let client = environment.clients.kinesis();
    for lines in lines.chunks(RECORDS) {
        let records: Vec<_> = lines
            .iter()
            .filter_map(|line| {
                let entry = PutRecordsRequestEntry::builder().partition_key("sample").data(Blob::new(*line));
                entry.build().ok()
            })
            .collect();
        let call = client.put_records().stream_name(physical).set_records(Some(records));
        let answer = call.send().await.map_err(|error| problem("kinesis:PutRecords", physical, &error))?;
        if answer.failed_record_count().unwrap_or_default() > 0 {
            return Err(Problem::new(
                format!("`{physical}` did not take all records"),
                "try again in a minute",
            ));
        }
    }
    Ok(lines.len() as u64)
}

/// Waits until the queues are empty and the outputs do not change.
async fn settle(
    environment: &Environment,
    expected: usize,
    patience: Duration,
    stop: &Stop,
) -> Result<(), Problem> {
    let begun = Instant::now();
    let (mut before, mut quiet) = (usize::MAX, 0);
    while begun.elapsed() < patience {
        if stop.is_set() {
            return Err(Problem::new("stopped", "run it again"));
        }
        tokio::time::sleep(PAUSE).await;
        let waiting = status::waiting(environment).await?;
        let outputs = outputs(environment).await?.len();
        let still = waiting == 0 && outputs == before;
        quiet = if still { quiet + 1 } else { 0 };
        // With all outputs there, less patience is needed.
        if quiet >= QUIET || (quiet >= 2 && outputs >= expected) {
            return Ok(());
        }
        before = outputs;
    }
    Err(Problem::new(
        format!("the sample was not done after {} s", patience.as_secs()),
        "`tidemill status DIR --env NAME` and `tidemill logs DIR --env NAME` tell why",
    ))
}

/// The outputs that there are: bucket and key.
async fn outputs(environment: &Environment) -> Result<Vec<(String, String)>, Problem> {
    let mut found = Vec::new();
    for stage in &environment.plan.stages {
        let Some(output) = &stage.plan.output else { continue };
        let listed = environment.buckets.list(&output.bucket, &output.key.prefix()).await;
        let listed = listed.map_err(|error| store(&error))?;
        found.extend(
            listed
                .into_iter()
                .filter(|object| !object.key.starts_with(RESERVED))
                .map(|object| (output.bucket.clone(), object.key)),
        );
    }
    found.sort();
    found.dedup();
    Ok(found)
}

async fn compare(environment: &Environment, expected: &BTreeMap<String, String>) -> Result<Verdict, Problem> {
    let mut verdict = Verdict::default();
    let mut left: BTreeMap<&str, &str> =
        expected.iter().map(|(key, checksum)| (key.as_str(), checksum.as_str())).collect();
    for (bucket, key) in outputs(environment).await? {
        let of = left.keys().find(|wanted| {
            key.strip_suffix(**wanted).is_some_and(|front| front.is_empty() || front.ends_with('/'))
        });
        let Some(wanted) = of.copied() else {
            verdict.unexpected.push(key);
            continue;
        };
        let checksum = left.remove(wanted).unwrap_or_default();
        let found = environment.buckets.get(&bucket, &key).await.map_err(|error| store(&error))?;
        match found {
            Some((_, bytes)) if digest::checksum([bytes.as_ref()]) == checksum => verdict.right += 1,
            Some(_) => verdict.wrong.push(key),
            None => verdict.missing.push(key),
        }
    }
    verdict.missing.extend(left.into_keys().map(str::to_owned));
    Ok(verdict)
}
