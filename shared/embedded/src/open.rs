//! From a plan and options to what the host drives: buckets, lanes, sources and shards.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use tidemill_core::digest;
use tidemill_core::plan::Input;
use tidemill_core::ports::StoreError;
use tidemill_pipeline::{Plan, PlannedStage, Source};

use crate::bucket::{Bucket, Buckets, cause};
use crate::error::HostError;
use crate::mill::{Lane, Options, Shared};
use crate::ports::{Queues, Route};
use crate::shards::{self, RecordFile};
use crate::source::{Listener, Uploads};
use crate::state::{self, State};
use crate::work::{Shard, ShardSource};

/// The bucket of documents that belong to no output bucket: it has no folder, and no manifest can name it.
pub(crate) const STATE_BUCKET: &str = ".state";

/// Opens every bucket's folder, and makes the state folder.
pub(crate) fn open_buckets(
    plan: &Plan,
    options: &Options,
) -> Result<(Vec<(String, Bucket)>, PathBuf), HostError> {
    let names = plan.buckets();
    if let Some(unknown) = options.buckets.keys().find(|name| !names.contains(name.as_str())) {
        let known = names.iter().map(|name| (*name).to_owned()).collect();
        return Err(HostError::UnknownBucket { bucket: unknown.clone(), known });
    }
    let read: HashSet<&str> = plan
        .sources
        .iter()
        .filter_map(|source| match &source.source {
            Source::S3 { bucket, .. } => Some(bucket.as_str()),
            Source::Kinesis { .. } | Source::Http { .. } => None,
        })
        .collect();
    let open = |name: &str, path: &Path| {
        Bucket::open(name, path, options.probe.clone()).map_err(|error| HostError::Bucket {
            bucket: name.to_owned(),
            path: path.to_owned(),
            cause: cause(&error),
        })
    };
    let mut buckets = Vec::new();
    for name in names {
        let named = options.buckets.get(name).cloned();
        let is_named = named.is_some();
        let path = named.unwrap_or_else(|| options.dir.join("buckets").join(name));
        // A folder that a stage only writes to is made; one that is read, or was named, must be there.
        if !path.is_dir() {
            if read.contains(name) || is_named {
                return Err(HostError::NoBucket { bucket: name.to_owned(), path });
            }
            std::fs::create_dir_all(&path).map_err(|error| HostError::Bucket {
                bucket: name.to_owned(),
                path: path.clone(),
                cause: cause(&error),
            })?;
        }
        buckets.push((name.to_owned(), open(name, &path)?));
    }
    refuse_overlaps(&buckets)?;
    let folder = state::folder(&options.dir, options.state.as_deref());
    std::fs::create_dir_all(&folder)
        .map_err(|error| HostError::State { path: folder.clone(), cause: cause(&error) })?;
    Ok((buckets, folder))
}

/// A bucket within a bucket would see the other's objects come as its own.
fn refuse_overlaps(buckets: &[(String, Bucket)]) -> Result<(), HostError> {
    let path = |bucket: &Bucket| bucket.path().canonicalize().unwrap_or_else(|_| bucket.path().to_owned());
    for (name, bucket) in buckets {
        for (other, around) in buckets {
            if name != other && path(bucket).starts_with(path(around)) {
                return Err(HostError::Bucket {
                    bucket: name.clone(),
                    path: bucket.path().to_owned(),
                    cause: format!("it lies in the folder of the bucket `{other}`"),
                });
            }
        }
    }
    Ok(())
}

/// Where each bucket's folder lies: nothing if in its usual place, so that a pipeline can be moved.
pub(crate) type Places = HashMap<String, String>;

/// Tells where buckets lie that are not in their usual place in `dir`.
pub(crate) fn places(buckets: &[(String, Bucket)], dir: &Path) -> Places {
    let elsewhere = |(name, bucket): &(String, Bucket)| {
        let path = bucket.path().canonicalize().ok()?;
        let usual = dir.join("buckets").join(name).canonicalize().ok();
        (usual.as_ref() != Some(&path)).then(|| (name.clone(), path.display().to_string()))
    };
    buckets.iter().filter_map(elsewhere).collect()
}

/// The recipes of a stage and of all that it depends on: functions, configuration, patterns, and where the
/// outputs go.
fn chain(plan: &Plan, places: &Places, stage: &PlannedStage, downwards: bool) -> String {
    let mut names = vec![stage.plan.name.as_str()];
    let mut reached = HashSet::new();
    let mut parts = Vec::new();
    while let Some(name) = names.pop() {
        if !reached.insert(name.to_owned()) {
            continue;
        }
        let Some(current) = plan.stages.iter().find(|stage| stage.plan.name == name) else { continue };
        let when = current.plan.when.as_ref().map(ToString::to_string).unwrap_or_default();
        let output = current.plan.output.as_ref().and_then(|output| places.get(&output.bucket));
        let output = output.map_or("", String::as_str);
        parts.push(digest::name_of(&[name, &current.plan.recipe, &when, output]));
        let reads = |reader: &PlannedStage, from: &str| {
            reader.plan.inputs.iter().any(|i| matches!(i, Input::Items(n) | Input::Outcomes(n) if n == from))
        };
        let next = plan
            .stages
            .iter()
            .filter(|other| if downwards { reads(other, name) } else { reads(current, &other.plan.name) });
        names.extend(next.map(|other| other.plan.name.as_str()));
    }
    parts.sort();
    digest::name_of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Each stage's revision: raised where its recipe, or one above it, is not that of the last run.
pub(crate) async fn revise(
    plan: &Plan,
    places: &Places,
    state: &State,
) -> Result<HashMap<String, u64>, StoreError> {
    let recipes: Vec<(String, String)> = plan
        .stages
        .iter()
        .map(|stage| (stage.plan.name.clone(), chain(plan, places, stage, false)))
        .collect();
    state
        .call(move |connection| {
            let mut revisions = HashMap::new();
            for (stage, recipe) in recipes {
                let known = connection
                    .query_row("SELECT recipe, revision FROM stages WHERE stage = ?1", [&stage], |row| {
                        Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?))
                    })
                    .optional()?;
                let revision = match known {
                    Some((last, revision)) if last == recipe => revision,
                    known => {
                        let revision = known.map_or(1, |(_, revision)| revision + 1);
                        connection.execute(
                            "INSERT OR REPLACE INTO stages VALUES (?1, ?2, ?3)",
                            params![stage, recipe, revision],
                        )?;
                        revision
                    }
                };
                revisions.insert(stage, revision);
            }
            Ok(revisions)
        })
        .await
}

/// A stage with what drives it.
pub(crate) fn lane(
    plan: &Plan,
    stage: &PlannedStage,
    revisions: &HashMap<String, u64>,
    shared: &Arc<Shared>,
) -> Lane {
    let name = stage.plan.name.clone();
    let routes = |input: &Input| {
        plan.consumers(input).map(|to| Route::new(&to.plan.name, to.when.clone())).collect::<Vec<_>>()
    };
    let queues = Queues {
        state: Arc::clone(&shared.state),
        own: Route::new(&name, None),
        items: routes(&Input::Items(name.clone())),
        outcomes: routes(&Input::Outcomes(name.clone())),
        probe: shared.probe.clone(),
        sent: Arc::clone(&shared.sent),
    };
    let mut stage_plan = stage.plan.clone();
    stage_plan.revision = revisions.get(&name).copied().unwrap_or(1);
    Lane { name, plan: Arc::new(stage_plan), work: stage.built.work.clone(), queues: Arc::new(queues) }
}

/// The sources that are buckets.
pub(crate) fn uploads_of(plan: &Plan, places: &Places, buckets: &Buckets) -> Vec<Uploads> {
    let mut uploads = Vec::new();
    for source in &plan.sources {
        let Source::S3 { bucket, prefix, .. } = &source.source else { continue };
        let Some(bucket) = buckets.get(bucket) else { continue };
        let input = Input::Source(source.name.clone());
        let listeners = plan.consumers(&input).map(|stage| Listener {
            route: Route::new(&stage.plan.name, stage.when.clone()),
            recipes: chain(plan, places, stage, true),
        });
        uploads.push(Uploads {
            signature: format!("{}/{}", plan.name, source.name),
            name: source.name.clone(),
            bucket: Arc::clone(bucket),
            prefix: prefix.clone(),
            listeners: listeners.collect(),
        });
    }
    uploads
}

/// The streams among the sources: the source's name and the stream's.
fn streams(plan: &Plan) -> impl Iterator<Item = (&str, &str)> {
    plan.sources.iter().filter_map(|source| match &source.source {
        Source::Kinesis { stream } => Some((source.name.as_str(), stream.as_str())),
        Source::S3 { .. } | Source::Http { .. } => None,
    })
}

/// A shard of the source `name`, once for each stage that reads it.
fn shards_for(plan: &Plan, name: &str, stream: &str, source: &ShardSource) -> Vec<Shard> {
    let input = Input::Source(name.to_owned());
    let readers = plan.stages.iter().enumerate().filter(|(_, stage)| stage.plan.inputs.contains(&input));
    readers.map(|(lane, _)| Shard { lane, stream: stream.to_owned(), source: source.clone() }).collect()
}

/// The shards of local streams that hold records.
pub(crate) async fn local_shards(plan: &Plan, state: &State) -> Result<Vec<Shard>, StoreError> {
    let mut found = Vec::new();
    for (name, stream) in streams(plan) {
        let of = stream.to_owned();
        for shard in state.call(move |connection| shards::local_shards(connection, &of)).await? {
            found.extend(shards_for(plan, name, stream, &ShardSource::Local(shard)));
        }
    }
    Ok(found)
}

/// All shards: those of local streams, and the file of records that the run was given.
pub(crate) async fn shards_of(
    plan: &Plan,
    options: &Options,
    state: &State,
) -> Result<Vec<Shard>, HostError> {
    let local = local_shards(plan, state).await;
    let mut found =
        local.map_err(|error| HostError::State { path: options.dir.clone(), cause: error.to_string() })?;
    if let Some(path) = &options.records {
        let mut streams = streams(plan);
        let (Some((name, stream)), None) = (streams.next(), streams.next()) else {
            return Err(HostError::NoStream { streams: self::streams(plan).count() });
        };
        let file = RecordFile::open(path)
            .map_err(|error| HostError::Records { path: path.clone(), cause: cause(&error) })?;
        found.extend(shards_for(plan, name, stream, &ShardSource::File(Arc::new(file))));
    }
    Ok(found)
}
