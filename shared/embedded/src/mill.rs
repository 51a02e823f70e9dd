//! Drives a pipeline on this machine.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tidemill_core::plan::StagePlan;
use tidemill_core::ports::{Ports, StoreError};
use tidemill_core::{End, Fed, Item, Stop, Usage, Work, give_up, retry};
use tidemill_pipeline::Plan;
use tokio::task::JoinSet;

use crate::bucket::{Buckets, cause};
use crate::documents::Documents;
use crate::error::HostError;
use crate::lock::Lock;
use crate::open::{lane, local_shards, open_buckets, revise, shards_of, uploads_of};
use crate::ports::{
    Budget, Directories, Graveyard, Pool, Queues, SystemClock, default_budget, now_micros, processors,
};
use crate::probe::{Probe, Step};
use crate::queue::{self, MAX_DEATHS, Message, SUSPECT_DEATHS};
use crate::source::{Found, Uploads};
use crate::state::{self, State};
use crate::summary::{Ended, Event, Ignored, Observer, Summary, Tally};
use crate::watch::Watch;
use crate::work::{Shard, ShardEnd, run_item, run_shard};

/// How long the work under way may take to end after a stop.
const STOP_GRACE: Duration = Duration::from_millis(1_500);

/// How many items are under way for each processor.
const PLACES: usize = 4;

/// How often the loop looks around when nothing tells it to.
const TICK: Duration = Duration::from_millis(50);

/// How often streams are looked at while watching.
const STREAM_TICK: Duration = Duration::from_millis(500);

/// How long a file that was changed a moment ago is observed before it is taken for finished.
const SETTLE: Duration = Duration::from_millis(300);

/// How long a run without `--watch` waits for files that are being written.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

/// How a pipeline is run.
#[derive(Clone, Default)]
pub struct Options {
    /// The pipeline's folder.
    pub dir: PathBuf,
    /// The state folder, where it is not `.tidemill` in the pipeline's folder.
    pub state: Option<PathBuf>,
    /// Folders of buckets, where they are not `buckets/NAME` in the pipeline's folder.
    pub buckets: BTreeMap<String, PathBuf>,
    /// The memory that functions may use together, in bytes; by default half of what there is.
    pub memory: Option<u64>,
    /// A file of records for the pipeline's stream.
    pub records: Option<PathBuf>,
    /// Keep running and react to changes.
    pub watch: bool,
    /// For tests: called before each step.
    pub probe: Option<Probe>,
}

/// Runs a pipeline until everything that is there is done, or, with `watch`, until `stop` is set.
///
/// Comes back within two seconds after `stop` is set; what was not finished is done by the next run.
pub fn run(
    plan: Plan,
    options: Options,
    stop: Stop,
    observer: Arc<dyn Observer>,
) -> Result<Summary, HostError> {
    let folder = options.state.clone().unwrap_or_else(|| options.dir.join(crate::STATE_FOLDER));
    let fail = |cause: String| HostError::State { path: folder.clone(), cause };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // A thread for each item under way: they wait for the disk, and the pool has the processors.
        .worker_threads(processors() * PLACES)
        .enable_time()
        .build()
        .map_err(|error| fail(error.to_string()))?;
    let result = runtime.block_on(async {
        let mut mill = Mill::open(plan, options, stop, observer).await?;
        mill.drive().await.map_err(|error| fail(error.to_string()))
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// A stage with what drives it.
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) plan: Arc<StagePlan>,
    pub(crate) work: Work,
    pub(crate) queues: Arc<Queues>,
}

/// Everything that a delivery needs, shared between tasks.
pub(crate) struct Shared {
    pub(crate) state: Arc<State>,
    pub(crate) probe: Option<Probe>,
    pub(crate) sent: Arc<AtomicU64>,
    objects: Arc<Directories>,
    graveyard: Arc<Graveyard>,
    clock: Arc<SystemClock>,
    budget: Arc<Budget>,
    pool: Pool,
    stop: Stop,
}

/// What a task comes back with.
struct Finished {
    what: Task,
    usage: Usage,
    wall: Duration,
    cpu: Duration,
}

enum Task {
    Delivery(Box<Message>, End),
    Shard(usize, Fed, ShardEnd),
}

struct Mill {
    plan: Plan,
    lanes: Vec<Lane>,
    shared: Arc<Shared>,
    uploads: Vec<Uploads>,
    shards: Vec<Shard>,
    watch: Option<Watch>,
    observer: Arc<dyn Observer>,
    summary: Summary,
    tallies: Vec<Tally>,
    ready: VecDeque<Message>,
    /// Items of a key wait while another item of the same key and stage is under way.
    busy: HashMap<(String, String, String), VecDeque<Message>>,
    tasks: JoinSet<Finished>,
    /// The shards that are being read.
    reading: HashSet<usize>,
    looked: Instant,
    /// The item under way must have no company.
    alone: bool,
    /// An item was superseded: what superseded it may not have been seen yet.
    overtaken: bool,
    _lock: Lock,
}

fn subject_of(message: &Message) -> (String, String, String) {
    let (bucket, key) = message.item.subject();
    (message.stage.clone(), bucket.to_owned(), key.to_owned())
}

impl Mill {
    async fn open(
        plan: Plan,
        options: Options,
        stop: Stop,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, HostError> {
        let (buckets, folder) = open_buckets(&plan, &options)?;
        let lock = Lock::take(&folder)?;
        let mut ready = HashMap::new();
        for (name, mut bucket) in buckets {
            let written =
                plan.stages.iter().any(|stage| stage.plan.output.as_ref().is_some_and(|o| o.bucket == name));
            if written && let Err(error) = bucket.prepare() {
                return Err(HostError::Bucket {
                    bucket: name,
                    path: bucket.path().to_owned(),
                    cause: cause(&error),
                });
            }
            ready.insert(name, Arc::new(bucket));
        }
        let buckets: Buckets = Arc::new(ready);
        let state = Arc::new(State::start(state::connect(&folder.join(state::FILE))?));
        let shared = Arc::new(Shared {
            objects: Arc::new(Directories {
                buckets: Arc::clone(&buckets),
                documents: Documents::open(Arc::clone(&state), &folder.join(state::FILE))?,
                probe: options.probe.clone(),
            }),
            graveyard: Arc::new(Graveyard { state: Arc::clone(&state), probe: options.probe.clone() }),
            clock: Arc::new(SystemClock),
            budget: Arc::new(Budget::new(options.memory.unwrap_or_else(default_budget))),
            pool: Pool::start(processors()),
            probe: options.probe.clone(),
            sent: Arc::default(),
            state,
            stop,
        });
        let wrap = |error: StoreError| HostError::State { path: folder.clone(), cause: error.to_string() };
        let revisions = revise(&plan, &shared.state).await.map_err(wrap)?;
        let lanes: Vec<Lane> =
            plan.stages.iter().map(|stage| lane(&plan, stage, &revisions, &shared)).collect();
        let uploads = uploads_of(&plan, &buckets);
        let watch = if options.watch { Some(Watch::start(&uploads)?) } else { None };
        let shards = shards_of(&plan, &options, &shared.state).await?;
        let mut mill = Self {
            tallies: lanes.iter().map(|_| Tally::default()).collect(),
            summary: Summary { pipeline: plan.name.clone(), ..Summary::default() },
            plan,
            lanes,
            shared,
            uploads,
            shards,
            watch,
            observer,
            ready: VecDeque::new(),
            busy: HashMap::new(),
            tasks: JoinSet::new(),
            reading: HashSet::new(),
            looked: Instant::now(),
            alone: false,
            overtaken: false,
            _lock: lock,
        };
        mill.recover().await.map_err(wrap)?;
        Ok(mill)
    }

    /// Takes up what an earlier run left: items that it had begun, and items of stages that are no more.
    async fn recover(&mut self) -> Result<(), StoreError> {
        let names: HashSet<String> = self.lanes.iter().map(|lane| lane.name.clone()).collect();
        let pipeline = self.plan.name.clone();
        let lost = self
            .shared
            .state
            .call(move |connection| {
                connection.execute("INSERT OR REPLACE INTO about VALUES ('pipeline', ?1)", [pipeline])?;
                queue::recover(connection)?;
                let mut query = connection.prepare("SELECT id, stage, item FROM queue")?;
                let rows = query.query_map([], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
                })?;
                let lost = rows.filter(|row| row.as_ref().is_ok_and(|(_, stage, _)| !names.contains(stage)));
                lost.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        for (id, stage, text) in lost {
            let Ok(item) = serde_json::from_str::<Item>(&text) else { continue };
            let reason = format!("the pipeline has no stage `{stage}` any more");
            let message = Message { id, stage: stage.clone(), item, deaths: 0 };
            let letter = tidemill_core::ports::DeadLetter {
                stage,
                item: message.item.clone(),
                attempts: message.item.attempt,
                reason,
            };
            tidemill_core::ports::DeadLetters::bury(&*self.shared.graveyard, &letter).await?;
            self.shared
                .state
                .call(move |connection| queue::acknowledge(connection, &message, "dead"))
                .await?;
        }
        let left = self.shared.state.call(|connection| queue::outlook(connection, now_micros())).await?;
        self.summary.resumed = left.0;
        self.shared.sent.fetch_add(left.0, Ordering::Relaxed);
        Ok(())
    }

    async fn drive(&mut self) -> Result<Summary, StoreError> {
        let begun = Instant::now();
        if self.watch.is_some() {
            self.look_and_watch().await?;
        } else {
            self.look().await?;
        }
        for shard in 0..self.shards.len() {
            self.read_shard(shard);
        }
        let mut idle = false;
        while !self.shared.stop.is_set() {
            self.begin_what_is_due().await?;
            self.tell_of_sent();
            if self.tasks.is_empty() {
                let next = self.next_due().await?;
                if next.is_none() && self.ready.is_empty() {
                    if self.watch.is_none() {
                        if self.look_again().await? {
                            continue;
                        }
                        break;
                    }
                    if !std::mem::replace(&mut idle, true) {
                        self.observer.event(&Event::Idle);
                    }
                }
            } else {
                idle = false;
            }
            tokio::select! {
                Some(finished) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    self.finish(finished).await?;
                    while let Some(finished) = self.tasks.try_join_next() {
                        self.finish(finished).await?;
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
            if self.watch.is_some() {
                self.take_changes().await?;
                self.look_at_streams().await?;
            }
        }
        self.end(begun).await
    }

    async fn end(&mut self, begun: Instant) -> Result<Summary, StoreError> {
        self.summary.stopped = self.shared.stop.is_set();
        let end = tokio::time::Instant::now() + STOP_GRACE;
        while let Ok(Some(finished)) = tokio::time::timeout_at(end, self.tasks.join_next()).await {
            self.finish(finished).await?;
        }
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        let (waiting, _) = self
            .shared
            .state
            .call(|connection| {
                queue::release(connection)?;
                queue::outlook(connection, now_micros())
            })
            .await?;
        self.summary.waiting = waiting;
        self.summary.seconds = begun.elapsed().as_secs_f64();
        self.summary.stages =
            self.lanes.iter().zip(&self.tallies).map(|(lane, tally)| tally.summary(&lane.name)).collect();
        Ok(std::mem::take(&mut self.summary))
    }

    /// Takes in everything that lies in the sources. Files changed a moment ago are looked at once more
    /// before, so that one that is being written is not read half.
    async fn look(&mut self) -> Result<(), StoreError> {
        for index in 0..self.uploads.len() {
            let source = self.uploads[index].clone();
            let begun = Instant::now();
            let mut listing = list(&source)?;
            loop {
                let fresh = fresh(&source, &listing.entries);
                if fresh.is_empty() || self.shared.stop.is_set() {
                    break;
                }
                tokio::time::sleep(SETTLE).await;
                let before = std::mem::replace(&mut listing, list(&source)?);
                let known: HashMap<&str, &str> =
                    before.entries.iter().map(|entry| (entry.key.as_str(), entry.etag.as_str())).collect();
                let changing: HashSet<String> = listing
                    .entries
                    .iter()
                    .filter(|entry| fresh.contains(&entry.key))
                    .filter(|entry| known.get(entry.key.as_str()).is_some_and(|etag| *etag != entry.etag))
                    .map(|entry| entry.key.clone())
                    .collect();
                if changing.is_empty() {
                    break;
                }
                if begun.elapsed() > SETTLE_LIMIT {
                    for key in &changing {
                        listing.ignored.push(Ignored {
                            bucket: source.bucket.name().to_owned(),
                            path: key.clone(),
                            reason: "it is still being written".to_owned(),
                        });
                    }
                    listing.entries.retain(|entry| !changing.contains(&entry.key));
                    let found = source.take_in(&self.shared.state, listing.entries, changing).await?;
                    self.note(&source, &found, listing.ignored);
                    return Ok(());
                }
            }
            let found = source.take_in(&self.shared.state, listing.entries, HashSet::new()).await?;
            self.note(&source, &found, listing.ignored);
        }
        Ok(())
    }

    /// The same while watching: files changed a moment ago are left to the watch.
    async fn look_and_watch(&mut self) -> Result<(), StoreError> {
        for index in 0..self.uploads.len() {
            let source = self.uploads[index].clone();
            let mut listing = list(&source)?;
            let fresh = fresh(&source, &listing.entries);
            listing.entries.retain(|entry| !fresh.contains(&entry.key));
            for key in &fresh {
                if let Some(watch) = &self.watch {
                    watch.look_again(index, key.clone());
                }
            }
            let found = source.take_in(&self.shared.state, listing.entries, fresh).await?;
            self.note(&source, &found, listing.ignored);
        }
        Ok(())
    }

    /// At the end of a run: whether sources have changed since, as superseded items suggest.
    async fn look_again(&mut self) -> Result<bool, StoreError> {
        if !std::mem::take(&mut self.overtaken) {
            return Ok(false);
        }
        let changes = |summary: &Summary| summary.found.values().sum::<u64>();
        let (before, unchanged) = (changes(&self.summary), self.summary.unchanged);
        self.look().await?;
        self.summary.unchanged = unchanged;
        Ok(changes(&self.summary) > before)
    }

    async fn take_changes(&mut self) -> Result<(), StoreError> {
        let Some(watch) = &self.watch else { return Ok(()) };
        let ready = watch.ready();
        let mut by_source: HashMap<usize, (Vec<crate::bucket::Entry>, Vec<String>)> = HashMap::new();
        for (index, key) in ready.keys {
            let (there, gone) = by_source.entry(index).or_default();
            match self.uploads[index].bucket.entry(&key) {
                Ok(Some(entry)) => there.push(entry),
                Ok(None) => gone.push(key),
                Err(_) => watch.look_again(index, key),
            }
        }
        for (index, (there, gone)) in by_source {
            let source = self.uploads[index].clone();
            let mut found = source.created(&self.shared.state, there).await?;
            let removed = source.removed(&self.shared.state, gone).await?;
            found.changed += removed.changed;
            found.queued += removed.queued;
            found.unchanged = 0;
            self.note(&source, &found, Vec::new());
        }
        if ready.list_anew {
            let unchanged = self.summary.unchanged;
            self.look_and_watch().await?;
            self.summary.unchanged = unchanged;
        }
        Ok(())
    }

    fn note(&mut self, source: &Uploads, found: &Found, ignored: Vec<Ignored>) {
        *self.summary.found.entry(source.name.clone()).or_default() += found.changed;
        self.summary.unchanged += found.unchanged;
        for ignored in ignored {
            if !self.summary.ignored.contains(&ignored) {
                self.summary.ignored.push(ignored);
            }
        }
        self.shared.sent.fetch_add(found.queued, Ordering::Relaxed);
        self.tell_of_sent();
    }

    fn tell_of_sent(&self) {
        let sent = self.shared.sent.swap(0, Ordering::Relaxed);
        if sent > 0 {
            self.observer.event(&Event::Queued(sent));
        }
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.shared
            .state
            .call(|connection| queue::outlook(connection, now_micros()))
            .await
            .map(|(_, due)| due)
    }

    /// Begins as many items as there are places for. More than processors: while some are at work, others
    /// wait for the disk, and those that wait together share a sync. The pool and the budget bound the rest.
    async fn begin_what_is_due(&mut self) -> Result<(), StoreError> {
        self.alone &= !self.tasks.is_empty();
        let places = processors() * PLACES;
        if self.ready.len() < places {
            let limit = 256;
            let taken = self
                .shared
                .state
                .call(move |connection| queue::take(connection, now_micros(), limit))
                .await?;
            self.ready.extend(taken);
        }
        while self.tasks.len() < places + self.shards.len() {
            let alone = |message: &Message| message.deaths >= SUSPECT_DEATHS;
            if self.alone || (self.ready.front().is_some_and(alone) && !self.tasks.is_empty()) {
                break;
            }
            let Some(message) = self.ready.pop_front() else { break };
            self.alone = alone(&message);
            let subject = subject_of(&message);
            if let Some(waiting) = self.busy.get_mut(&subject) {
                waiting.push_back(message);
                continue;
            }
            self.busy.insert(subject, VecDeque::new());
            self.begin(message);
        }
        Ok(())
    }

    fn begin(&mut self, message: Message) {
        let Some(index) = self.lanes.iter().position(|lane| lane.name == message.stage) else { return };
        let id = message.id;
        self.shared.state.tell(move |connection| queue::begin(connection, id));
        let (ports, cpu) = self.ports(index);
        let lane = &self.lanes[index];
        let (plan, work, stop) = (Arc::clone(&lane.plan), lane.work.clone(), self.shared.stop.child());
        let objects = Arc::clone(&self.shared.objects);
        self.tasks.spawn(async move {
            let begun = Instant::now();
            let (mut end, usage) = if message.deaths >= MAX_DEATHS {
                let reason = format!("{} processes died while they ran it", message.deaths);
                (give_up(&plan, &ports, &message.item, reason).await, Usage::default())
            } else {
                run_item(&plan, &work, &ports, &message.item, &stop).await
            };
            // Only what is safe on disk may leave the queue.
            if let Err(error) = objects.settle() {
                end = End::Unsettled(error.to_string());
            }
            let (wall, cpu) = (begun.elapsed(), Duration::from_nanos(cpu.load(Ordering::Relaxed)));
            Finished { what: Task::Delivery(Box::new(message), end), usage, wall, cpu }
        });
    }

    fn ports(&self, lane: usize) -> (Ports, Arc<AtomicU64>) {
        let used = Arc::new(AtomicU64::new(0));
        let ports = Ports {
            objects: Arc::clone(&self.shared.objects) as _,
            outbox: Arc::clone(&self.lanes[lane].queues) as _,
            dead: Arc::clone(&self.shared.graveyard) as _,
            clock: Arc::clone(&self.shared.clock) as _,
            cpu: self.shared.pool.metered(Arc::clone(&used)),
            admission: Arc::clone(&self.shared.budget) as _,
        };
        (ports, used)
    }

    /// Reads on where a shard may have grown, and takes up new shards.
    async fn look_at_streams(&mut self) -> Result<(), StoreError> {
        if self.looked.elapsed() < STREAM_TICK {
            return Ok(());
        }
        self.looked = Instant::now();
        for shard in local_shards(&self.plan, &self.shared.state).await? {
            if !self.shards.iter().any(|known| known.is(&shard)) {
                self.shards.push(shard);
            }
        }
        for index in 0..self.shards.len() {
            self.read_shard(index);
        }
        Ok(())
    }

    fn read_shard(&mut self, index: usize) {
        if !self.reading.insert(index) {
            return;
        }
        let shard = self.shards[index].clone();
        let (ports, cpu) = self.ports(shard.lane);
        let lane = &self.lanes[shard.lane];
        let (plan, work, stop) = (Arc::clone(&lane.plan), lane.work.clone(), self.shared.stop.child());
        let state = Arc::clone(&self.shared.state);
        self.tasks.spawn(async move {
            let begun = Instant::now();
            let (fed, end) = run_shard(&plan, work, &ports, &shard, &state, &stop).await;
            let usage = Usage { bytes_in: fed.bytes_in, bytes_out: fed.bytes_out };
            let (wall, cpu) = (begun.elapsed(), Duration::from_nanos(cpu.load(Ordering::Relaxed)));
            Finished { what: Task::Shard(index, fed, end), usage, wall, cpu }
        });
    }

    async fn finish(&mut self, finished: Result<Finished, tokio::task::JoinError>) -> Result<(), StoreError> {
        match finished {
            Ok(Finished { what: Task::Delivery(message, end), usage, wall, cpu }) => {
                let stage = message.stage.clone();
                let subject = message.item.object().map_or(&message.item.id, |object| &object.key).clone();
                self.settle(*message, Ended { stage, subject, end, count: 1, usage, wall, cpu }).await
            }
            Ok(Finished { what: Task::Shard(shard, fed, end), usage, wall, cpu }) => {
                let stage = self.lanes[self.shards[shard].lane].name.clone();
                let subject = self.shards[shard].source.name().to_owned();
                let ended = Ended { stage, subject, end: End::Done, count: 0, usage, wall, cpu };
                self.settle_shard(shard, fed, end, ended).await
            }
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(StoreError::Unavailable(format!("a task failed: {error}"))),
        }
    }

    async fn settle(&mut self, message: Message, ended: Ended) -> Result<(), StoreError> {
        let key = subject_of(&message);
        let (stage, subject) = (ended.stage.clone(), ended.subject.clone());
        let step = |step: Step<'_>| {
            let probe = self.shared.probe.as_ref();
            probe.map_or(Ok(()), |probe| probe(step)).map_err(|e| StoreError::Unavailable(e.to_string()))
        };
        match &ended.end {
            End::Again(reason) => {
                let mut item = message.item.clone();
                item.attempt += 1;
                item.reason = Some(reason.clone());
                let delay = retry::delay(item.attempt, spread(&item.id));
                self.observer.event(&Event::Waiting { stage, subject, reason: reason.clone(), delay });
                let due = now_micros() + i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
                let sent = move |connection: &_| queue::again(connection, &message, &item, due, now_micros());
                self.shared.state.call(sent).await?;
            }
            End::Unsettled(reason) if !self.shared.stop.is_set() => {
                // Nothing could be decided: the same attempt again, a little later.
                let delay = Duration::from_secs(1);
                self.observer.event(&Event::Waiting { stage, subject, reason: reason.clone(), delay });
                let due = now_micros() + 1_000_000;
                let item = message.item.clone();
                let sent = move |connection: &_| queue::again(connection, &message, &item, due, now_micros());
                self.shared.state.call(sent).await?;
            }
            End::Unsettled(_) => {}
            settled => {
                let outcome = match settled {
                    End::Done => "done",
                    End::Skipped(_) => "skipped",
                    End::Superseded => {
                        self.overtaken = true;
                        "superseded"
                    }
                    _ => "dead",
                };
                step(Step::Acknowledge(&stage))?;
                let acknowledged = move |connection: &_| queue::acknowledge(connection, &message, outcome);
                if self.shared.probe.is_some() {
                    self.shared.state.call(acknowledged).await?;
                    step(Step::Acknowledged(&stage))?;
                } else {
                    // If this is lost with the process, the item comes again and finds itself done.
                    self.shared.state.tell(acknowledged);
                }
                self.tell(&ended);
            }
        }
        if let Some(mut waiting) = self.busy.remove(&key)
            && let Some(next) = waiting.pop_front()
        {
            self.busy.insert(key, waiting);
            self.begin(next);
        }
        Ok(())
    }

    fn tell(&mut self, ended: &Ended) {
        if let Some(index) = self.lanes.iter().position(|lane| lane.name == ended.stage) {
            self.tallies[index].add(ended);
        }
        self.observer.event(&Event::Ended(ended.clone()));
    }

    async fn settle_shard(
        &mut self,
        index: usize,
        fed: Fed,
        end: ShardEnd,
        ended: Ended,
    ) -> Result<(), StoreError> {
        self.reading.remove(&index);
        let progress = fed.progress;
        let done = progress.done + progress.late + progress.duplicate;
        let stage = ended.stage.clone();
        if done + progress.dead > 0 {
            self.observer.event(&Event::Queued(done + progress.dead));
            let count = move |connection: &_| {
                queue::count(connection, &stage, "done", done)?;
                queue::count(connection, &stage, "dead", progress.dead)
            };
            self.shared.state.call(count).await?;
        }
        if done > 0 {
            self.tell(&Ended { count: done, ..ended.clone() });
        }
        let mut usage = if done > 0 { Usage::default() } else { ended.usage };
        for (position, reason) in fed.dead {
            let subject = format!("{}/{}", ended.subject, position.sequence);
            let (end, usage) = (End::Dead(reason), std::mem::take(&mut usage));
            self.tell(&Ended { subject, end, count: 1, usage, ..ended.clone() });
        }
        let (stage, subject) = (&ended.stage, &ended.subject);
        let place = format!("{stage} at {subject}: ");
        self.summary.blocked.retain(|blocked| !blocked.starts_with(&place));
        match end {
            ShardEnd::More if !self.shared.stop.is_set() => self.read_shard(index),
            ShardEnd::Blocked(reason) if !self.shared.stop.is_set() => {
                self.summary.blocked.push(place + &reason);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A number in 0..1 from an id, to spread repeats.
fn spread(id: &str) -> f64 {
    let digits = id.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
    f64::from(digits) / f64::from(u32::MAX)
}

fn list(source: &Uploads) -> Result<crate::source::Listing, StoreError> {
    source.list().map_err(|error| {
        StoreError::Unavailable(format!("cannot list the bucket `{}`: {error}", source.bucket.name()))
    })
}

/// The keys of files that were changed a moment ago.
fn fresh(source: &Uploads, entries: &[crate::bucket::Entry]) -> HashSet<String> {
    let is_fresh =
        |entry: &&crate::bucket::Entry| source.bucket.age(&entry.key).is_some_and(|age| age < SETTLE * 3);
    entries.iter().filter(is_fresh).map(|entry| entry.key.clone()).collect()
}
