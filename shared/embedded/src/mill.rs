//! Drives a pipeline on this machine.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tidemill_core::plan::StagePlan;
use tidemill_core::ports::{DeadLetter, DeadLetters, Ports, StoreError};
use tidemill_core::{End, Fed, Item, Stop, Usage, Work, give_up};
use tidemill_machine::{Budget, Pool, SystemClock, default_budget, processors};
use tidemill_pipeline::Plan;
use tokio::task::JoinSet;

use crate::bucket::{Buckets, cause};
use crate::documents::Documents;
use crate::error::HostError;
use crate::http::{self, Server};
use crate::lock::Lock;
use crate::open::{STATE_BUCKET, lane, local_shards, open_buckets, places, revise, shards_of, uploads_of};
use crate::ports::{Directories, Graveyard, Queues, now_micros};
use crate::probe::Probe;
use crate::queue::{self, MAX_DEATHS, Message, SUSPECT_DEATHS};
use crate::source::Uploads;
use crate::state::{self, State};
use crate::summary::{Event, Observer, Summary, Tally};
use crate::watch::Watch;
use crate::work::{Shard, ShardEnd, run_shard};

/// How long the work under way may take to end after a stop.
const STOP_GRACE: Duration = Duration::from_millis(1_500);

/// How many items are under way for each processor.
const PLACES: usize = 8;

/// How often the loop looks around when nothing tells it to.
const TICK: Duration = Duration::from_millis(50);

/// How often streams are looked at while watching.
const STREAM_TICK: Duration = Duration::from_millis(500);

/// How a pipeline is run.
#[derive(Clone, Default)]
pub struct Options {
    /// The pipeline's folder.
    pub dir: PathBuf,
    /// The state folder, where it is not `.tidemill` in the pipeline's folder.
    pub state: Option<PathBuf>,
    /// Folders of buckets, where they are not `buckets/NAME` in the pipeline's folder.
    pub buckets: BTreeMap<String, PathBuf>,
    /// The memory that the process may use, in bytes; by default half of what there is.
    pub memory: Option<u64>,
    /// A file of records for the pipeline's stream.
    pub records: Option<PathBuf>,
    /// Keep running and react to changes.
    pub watch: bool,
    /// The port of the loopback interface that HTTP sources are served at while watching; by default 8787 or
    /// the next one that is free.
    pub http_port: Option<u16>,
    /// The secrets of HTTP sources, by the names that the manifest has for them.
    pub secrets: BTreeMap<String, String>,
    /// How many items may wait before callers of HTTP sources are asked to wait; by default 10,000.
    pub most_waiting: Option<u64>,
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
    tidemill_machine::give_large_blocks_back();
    let folder = state::folder(&options.dir, options.state.as_deref());
    let fail = |cause: String| HostError::State { path: folder.clone(), cause };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // A thread for each item under way: they wait for the disk, and the pool has the processors.
        .worker_threads(processors() * PLACES)
        .enable_all()
        .build()
        .map_err(|error| fail(error.to_string()))?;
    let result = runtime.block_on(async {
        let mut mill = Mill::open(plan, options, stop, observer).await?;
        mill.drive().await.map_err(|error| HostError::Stuck { cause: error.to_string() })
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
    pub(crate) stop: Stop,
}

/// What a task comes back with.
pub(crate) struct Finished {
    pub(crate) what: Task,
    pub(crate) usage: Usage,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

pub(crate) enum Task {
    Delivery(Box<Message>, End),
    Shard(usize, Fed, ShardEnd),
}

pub(crate) struct Mill {
    pub(crate) plan: Plan,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) uploads: Vec<Uploads>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) watch: Option<Watch>,
    server: Option<Server>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) summary: Summary,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) ready: VecDeque<Message>,
    /// Items of a key wait while another item of the same key and stage is under way.
    pub(crate) busy: HashMap<(String, String, String), VecDeque<Message>>,
    pub(crate) tasks: JoinSet<Finished>,
    /// The shards that are being read.
    pub(crate) reading: HashSet<usize>,
    pub(crate) looked: Instant,
    /// The item under way must have no company.
    pub(crate) alone: bool,
    /// An item was superseded: what superseded it may not have been seen yet.
    pub(crate) overtaken: bool,
    _lock: Lock,
}

pub(crate) fn subject_of(message: &Message) -> (String, String, String) {
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
        let places = places(&buckets, &options.dir);
        let lock = Lock::take(&folder)?;
        let mut ready = HashMap::new();
        for (name, mut bucket) in buckets {
            let uploaded = options.watch && http::uploads_to(&plan).any(|bucket| bucket == name);
            let written = uploaded
                || plan
                    .stages
                    .iter()
                    .any(|stage| stage.plan.output.as_ref().is_some_and(|o| o.bucket == name));
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
        let revisions = revise(&plan, &places, &shared.state).await.map_err(wrap)?;
        let lanes: Vec<Lane> =
            plan.stages.iter().map(|stage| lane(&plan, stage, &revisions, &shared)).collect();
        let uploads = uploads_of(&plan, &places, &buckets);
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
            server: None,
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
        if options.watch {
            // Not before: what comes in now is no item that an earlier run left.
            mill.server = Server::start(&mill.plan, &options, &buckets, &mill.shared).await?;
        }
        if let Some(server) = &mill.server {
            mill.observer.event(&server.listening());
        }
        Ok(mill)
    }

    /// Takes up what an earlier run left: items that it had begun, and items of stages that are no more.
    async fn recover(&mut self) -> Result<(), StoreError> {
        let names =
            serde_json::json!(self.lanes.iter().map(|lane| &lane.name).collect::<Vec<_>>()).to_string();
        let pipeline = self.plan.name.clone();
        let lost = self
            .shared
            .state
            .call(move |connection| {
                connection.execute("INSERT OR REPLACE INTO about VALUES ('pipeline', ?1)", [pipeline])?;
                queue::recover(connection)?;
                let mut query = connection.prepare(
                    "SELECT id, stage, item FROM queue WHERE stage NOT IN (SELECT value FROM json_each(?1))",
                )?;
                let rows = query.query_map([names], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        for (id, stage, text) in lost {
            let Ok(item) = serde_json::from_str::<Item>(&text) else { continue };
            let reason = format!("the pipeline has no stage `{stage}` any more");
            let message = Message { id, stage: stage.clone(), item, deaths: 0 };
            let item = message.item.clone();
            let letter = DeadLetter { stage, attempts: item.attempt, item, reason };
            self.shared.graveyard.bury(&letter).await?;
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
        if let Some(server) = self.server.take() {
            server.end(&mut self.summary).await;
        }
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

    pub(crate) fn tell_of_sent(&self) {
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

    pub(crate) fn begin(&mut self, message: Message) {
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
                tidemill_core::run(&plan, &work, STATE_BUCKET, &ports, &message.item, &stop).await
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

    pub(crate) fn read_shard(&mut self, index: usize) {
        if !self.reading.insert(index) {
            return;
        }
        let shard = self.shards[index].clone();
        let (ports, cpu) = self.ports(shard.lane);
        let lane = &self.lanes[shard.lane];
        let (plan, work, stop) = (Arc::clone(&lane.plan), lane.work.clone(), self.shared.stop.child());
        let (state, watching) = (Arc::clone(&self.shared.state), self.watch.is_some());
        self.tasks.spawn(async move {
            let begun = Instant::now();
            let (fed, end) = run_shard(&plan, work, &ports, &shard, &state, &stop, watching).await;
            let usage = Usage { bytes_in: fed.bytes_in, bytes_out: fed.bytes_out };
            let (wall, cpu) = (begun.elapsed(), Duration::from_nanos(cpu.load(Ordering::Relaxed)));
            Finished { what: Task::Shard(index, fed, end), usage, wall, cpu }
        });
    }
}
