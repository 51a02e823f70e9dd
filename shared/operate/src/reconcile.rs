//! The books against the buckets: is everything accounted for, and is everything there?

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use tidemill_aws::{Listed, documents};
use tidemill_core::document::State;
use tidemill_core::key::RESERVED;
use tidemill_core::plan::Input;
use tidemill_deploy::Problem;
use tidemill_pattern::Filter;
use tidemill_pipeline::{PlannedStage, Source};

use crate::backfill::source;
use crate::environment::{Environment, store};
use crate::{dead, status};

/// How many keys of each kind are named.
const EXAMPLES: usize = 10;

/// Keys of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Keys {
    fn add(&mut self, key: &str) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(key.to_owned());
        }
    }
}

/// One stage's books against its source and its outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The stage.
    pub stage: String,
    /// The source.
    pub source: String,
    /// Objects in the source that the stage is to take.
    pub objects: u64,
    /// Those with a whole set.
    pub done: u64,
    /// Those that are none of the stage's business.
    pub skipped: u64,
    /// Those among the dead letters.
    pub dead: u64,
    /// Items that are still in the stage's queue.
    pub queued: u64,
    /// Objects that nothing is known of: their event is under way, or lost.
    pub unknown: Keys,
    /// Objects that are newer than what was made of them.
    pub stale: Keys,
    /// Outputs that the books promise and the bucket does not hold.
    pub missing: Keys,
    /// Originals that are gone, while what was made of them is still there.
    pub left_over: Keys,
}

impl Balance {
    /// Whether everything is accounted for and there. What is queued is accounted for.
    pub fn is_even(&self) -> bool {
        let open = self.unknown.count + self.stale.count + self.left_over.count;
        self.missing.count == 0 && open <= self.queued
    }
}

/// Balances every stage that takes a bucket.
pub async fn reconcile(environment: &Environment) -> Result<Vec<Balance>, Problem> {
    let letters = dead::letters(environment).await?;
    let mut balances = Vec::new();
    for of in &environment.plan.sources {
        let Source::S3 { .. } = of.source else { continue };
        let (bucket, prefix) = source(environment, &of.name)?;
        let listed = environment.buckets.list(bucket, prefix).await.map_err(|error| store(&error))?;
        for stage in environment.plan.consumers(&Input::Source(of.name.clone())) {
            let dead: HashMap<&str, Option<&str>> = letters
                .iter()
                .filter(|letter| letter.stage == stage.plan.name)
                .filter_map(|letter| letter.item.object())
                .filter(|object| object.bucket == bucket)
                .map(|object| (object.key.as_str(), Some(object.etag.as_str())))
                .collect();
            balances.push(balance(environment, stage, &of.name, (bucket, prefix), &listed, &dead).await?);
        }
    }
    Ok(balances)
}

async fn balance(
    environment: &Environment,
    stage: &PlannedStage,
    source: &str,
    (bucket, prefix): (&str, &str),
    listed: &[Listed],
    dead: &HashMap<&str, Option<&str>>,
) -> Result<Balance, Problem> {
    let output = stage.plan.output.as_ref().map(|output| output.bucket.as_str());
    let found = documents(&environment.buckets, &stage.plan.signature(), output).await;
    let found = found.map_err(|error| store(&error))?;
    let known: BTreeMap<&str, _> = found
        .iter()
        .filter(|document| {
            document.item.subject().0 == bucket && document.item.subject().1.starts_with(prefix)
        })
        .map(|document| (document.item.subject().1, document))
        .collect();
    let outputs: HashMap<String, String> = match &stage.plan.output {
        Some(output) => environment
            .buckets
            .list(&output.bucket, &output.key.prefix())
            .await
            .map_err(|error| store(&error))?
            .into_iter()
            .map(|object| (object.key, object.etag))
            .collect(),
        None => HashMap::new(),
    };
    let filter = Filter::new(stage.when.clone());
    let [waiting, delayed, in_flight] =
        status::depth(environment, environment.queue(&stage.plan.name)).await?;
    let mut balance = Balance {
        stage: stage.plan.name.clone(),
        source: source.to_owned(),
        queued: waiting + delayed + in_flight,
        ..Balance::default()
    };
    let mut there = HashSet::new();
    for object in listed.iter().filter(|object| !object.key.starts_with(RESERVED)) {
        there.insert(object.key.as_str());
        let event = || {
            Some(
                serde_json::json!({ "data": { "bucket": bucket, "key": object.key, "etag": object.etag, "bytes": object.bytes } }),
            )
        };
        if !filter.lets_through(false, event) {
            continue;
        }
        balance.objects += 1;
        if dead.get(object.key.as_str()) == Some(&Some(object.etag.as_str())) {
            balance.dead += 1;
            continue;
        }
        let Some(document) = known.get(object.key.as_str()) else {
            balance.unknown.add(&object.key);
            continue;
        };
        let same = document.item.object().is_some_and(|before| before.etag == object.etag);
        match document.state {
            State::Done if same && document.skipped.is_some() => balance.skipped += 1,
            State::Done if same => {
                let lost =
                    document.outputs.iter().filter(|output| outputs.get(&output.key) != Some(&output.etag));
                let before = balance.missing.count;
                lost.for_each(|output| balance.missing.add(&output.key));
                balance.done += u64::from(balance.missing.count == before);
            }
            _ => balance.stale.add(&object.key),
        }
    }
    for (key, document) in known {
        if !there.contains(key) && document.state != State::Removed && document.skipped.is_none() {
            balance.left_over.add(key);
        }
    }
    Ok(balance)
}
