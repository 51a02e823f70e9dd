//! The ports of core on one machine.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::params;
use tidemill_core::ports::{
    Admission, Answer, Body, Clock, Condition, Cpu, DeadLetter, DeadLetters, Head, Meta, Objects, Outbox,
    Port, Reply, Source, StoreError,
};
use tidemill_core::{Cost, Data, Item, Object, digest};
use tidemill_pattern::Pattern;
use tokio::sync::Semaphore;

use crate::bucket::{Bucket, Buckets};
use crate::documents::Documents;
use crate::key::is_reserved;
use crate::probe::{Probe, Step};
use crate::queue;
use crate::state::State;

/// Directories as buckets, and the host's own documents beside them.
pub(crate) struct Directories {
    pub(crate) buckets: Buckets,
    pub(crate) documents: Documents,
    pub(crate) probe: Option<Probe>,
}

impl Directories {
    fn bucket(&self, name: &str) -> Result<&Arc<Bucket>, StoreError> {
        let missing = || StoreError::Refused(format!("the pipeline has no bucket `{name}`"));
        self.buckets.get(name).ok_or_else(missing)
    }
}

impl Directories {
    /// Makes everything that was written and removed so far outlive a power cut.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        self.buckets.values().try_for_each(|bucket| bucket.settle())
    }
}

impl Objects for Directories {
    fn open<'a>(&'a self, object: &'a Object) -> Answer<'a, Result<Box<dyn Source>, StoreError>> {
        Box::pin(async move { self.bucket(&object.bucket)?.open_pinned(&object.key, &object.etag) })
    }

    fn head<'a>(&'a self, bucket: &'a str, key: &'a str) -> Answer<'a, Result<Option<Head>, StoreError>> {
        Box::pin(async move { self.bucket(bucket)?.head(key) })
    }

    fn get<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<(String, Bytes)>, StoreError>> {
        // Only documents are read whole, and all of them lie under reserved keys.
        Box::pin(async move { self.documents.get(bucket, key) })
    }

    fn put<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        body: &'a Body,
        meta: &'a Meta,
        condition: Condition,
    ) -> Answer<'a, Result<String, StoreError>> {
        Box::pin(async move {
            if is_reserved(key) {
                // A document speaks of what was written before it, which must not be lost if it is not.
                self.settle()?;
                step(self.probe.as_ref(), Step::Document(key))?;
                return self.documents.put(bucket, key, body, meta, condition).await;
            }
            self.bucket(bucket)?.put(key, body, meta, &condition)
        })
    }

    fn remove<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        etag: &'a str,
    ) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move { self.bucket(bucket)?.remove(key, etag) })
    }
}

/// Who listens to a port, and what they let through.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) stage: String,
    when: Option<Pattern>,
    /// What of the pattern speaks of the key: all that is asked of a removal.
    when_removed: Option<Pattern>,
}

impl Route {
    pub(crate) fn new(stage: &str, when: Option<Pattern>) -> Self {
        let when_removed = when.as_ref().and_then(|pattern| {
            let matchers = pattern.implied(&["data", "key"])?;
            Pattern::from_value(&serde_json::json!({ "data": { "key": matchers } })).ok()
        });
        Self { stage: stage.to_owned(), when, when_removed }
    }

    pub(crate) fn lets_through(&self, item: &Item) -> bool {
        let pattern = match item.data {
            Data::Removed(_) => &self.when_removed,
            _ => &self.when,
        };
        pattern
            .as_ref()
            .is_none_or(|pattern| serde_json::to_value(item).is_ok_and(|event| pattern.matches(&event)))
    }
}

/// Queues in the state file.
pub(crate) struct Queues {
    pub(crate) state: Arc<State>,
    pub(crate) own: Route,
    pub(crate) items: Vec<Route>,
    pub(crate) outcomes: Vec<Route>,
    pub(crate) probe: Option<Probe>,
    pub(crate) sent: Arc<AtomicU64>,
}

/// Passes a step of the host by the tests' probe.
pub(crate) fn step(probe: Option<&Probe>, step: Step<'_>) -> Result<(), StoreError> {
    probe.map_or(Ok(()), |probe| probe(step)).map_err(|error| StoreError::Unavailable(error.to_string()))
}

impl Outbox for Queues {
    fn send<'a>(&'a self, port: Port, item: &'a Item) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let routes = match port {
                Port::Items => self.items.as_slice(),
                Port::Outcomes => &self.outcomes,
                Port::Own => std::slice::from_ref(&self.own),
            };
            let repair = port == Port::Own;
            let listening = routes.iter().filter(|route| repair || route.lets_through(item));
            let stages: Vec<String> = listening.map(|route| route.stage.clone()).collect();
            if stages.is_empty() {
                return Ok(());
            }
            for stage in &stages {
                step(self.probe.as_ref(), Step::Send(stage))?;
            }
            let (item, now) = (item.clone(), now_micros());
            let count = stages.len() as u64;
            self.state
                .call(move |connection| {
                    stages.iter().try_for_each(|stage| queue::push(connection, stage, &item, now, now))
                })
                .await?;
            if !repair {
                self.sent.fetch_add(count, Ordering::Relaxed);
            }
            Ok(())
        })
    }
}

/// Dead letters in the state file.
pub(crate) struct Graveyard {
    pub(crate) state: Arc<State>,
    pub(crate) probe: Option<Probe>,
}

impl DeadLetters for Graveyard {
    fn bury<'a>(&'a self, letter: &'a DeadLetter) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            step(self.probe.as_ref(), Step::Bury(&letter.stage))?;
            let letter = letter.clone();
            self.state
                .call(move |connection| {
                    let item = serde_json::to_string(&letter.item)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                    let (bucket, key) = letter.item.subject();
                    let id =
                        digest::name_of(&[&letter.stage, &letter.item.id, &letter.item.sequence.to_string()]);
                    let sequence = queue::number(&letter.item.sequence);
                    let mut insert = connection.prepare_cached(
                        "INSERT OR REPLACE INTO dead VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    )?;
                    insert.execute(params![
                        &id[..16],
                        letter.stage,
                        bucket,
                        key,
                        sequence,
                        item,
                        letter.reason,
                        letter.attempts,
                        now_micros()
                    ])?;
                    Ok(())
                })
                .await
        })
    }
}

/// The machine's time.
pub(crate) struct SystemClock;

pub(crate) fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> Answer<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// As many threads as processors, for the functions' work.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Mutex<mpsc::Sender<Work>>>);

impl Pool {
    pub(crate) fn start(threads: usize) -> Self {
        let (sender, receiver) = mpsc::channel::<Work>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            std::thread::spawn(move || {
                loop {
                    let work = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match work {
                        Ok(work) => work(),
                        Err(_) => return,
                    }
                }
            });
        }
        Self(Arc::new(Mutex::new(sender)))
    }

    /// The pool as a port that adds the processor time of its work to `used`.
    pub(crate) fn metered(&self, used: Arc<AtomicU64>) -> Arc<dyn Cpu> {
        Arc::new(Metered { pool: self.clone(), used })
    }
}

struct Metered {
    pool: Pool,
    used: Arc<AtomicU64>,
}

impl Cpu for Metered {
    fn spawn(&self, work: Box<dyn FnOnce() -> Reply + Send>) {
        let used = Arc::clone(&self.used);
        let metered: Work = Box::new(move || {
            let before = thread_time();
            let reply = work();
            let spent = thread_time().saturating_sub(before);
            used.fetch_add(spent.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
            reply();
        });
        // The threads end only when this sender does.
        let _ = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).send(metered);
    }
}

/// The processor time that this thread has used.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// How many processors there are to use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// A memory budget, given out first come, first served.
pub(crate) struct Budget {
    /// What the whole process may use.
    whole: u64,
    /// What functions may use of it.
    bytes: u64,
    units: Arc<Semaphore>,
}

/// What the process itself takes at most: the state file's cache, buffers, and what an allocator keeps.
const OWN_BYTES: u64 = 32 << 20;

/// The grain of the budget: a semaphore counts in 32 bits.
const UNIT: u64 = 64 * 1024;

impl Budget {
    pub(crate) fn new(whole: u64) -> Self {
        let bytes = whole - OWN_BYTES.min(whole / 4);
        let units = (bytes / UNIT).clamp(1, u64::from(u32::MAX) >> 4);
        Self { whole, bytes, units: Arc::new(Semaphore::new(units as usize)) }
    }
}

impl Admission for Budget {
    fn admit(&self, cost: Cost) -> Answer<'_, Result<Box<dyn Send + Sync>, String>> {
        Box::pin(async move {
            if cost.memory > self.bytes {
                return Err(format!(
                    "it needs about {} MB of memory, and of `--memory {}MB` there are {} MB for one item",
                    cost.memory.div_ceil(1_000_000),
                    self.whole / 1_000_000,
                    self.bytes / 1_000_000
                ));
            }
            let units = u32::try_from(cost.memory.div_ceil(UNIT)).unwrap_or(u32::MAX);
            let all = u32::try_from(self.bytes / UNIT).unwrap_or(u32::MAX).max(1);
            match Arc::clone(&self.units).acquire_many_owned(units.min(all)).await {
                Ok(permit) => Ok(Box::new(permit) as Box<dyn Send + Sync>),
                Err(_) => Err("the host is closing".to_owned()),
            }
        })
    }
}

/// Half of the machine's memory, or of what the container may use.
pub(crate) fn default_budget() -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(info.mem_unit.max(1).into());
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse::<u64>().ok());
    container.map_or(machine, |limit| limit.min(machine)) / 2
}
