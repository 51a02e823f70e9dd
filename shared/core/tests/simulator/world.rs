//! The simulated store, queue, user and hosts, and the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tidemill_core::function::{Accept, Function};
use tidemill_core::key::{KeyTemplate, RESERVED};
use tidemill_core::mark::Mark;
use tidemill_core::plan::{OnRemove, OutputPlan, StagePlan};
use tidemill_core::ports::{
    Admission, Answer, Body, Clock, Condition, Cpu, DeadLetter, DeadLetters, Head, Meta, Objects, Outbox,
    Port, Ports, Reply, Source, StoreError,
};
use tidemill_core::{
    ConfigError, Context, Cost, Data, End, Fault, Item, Limits, Object, OutputName, Sequence, Stage, Stop,
    deliver, digest,
};

#[derive(Clone, Copy)]
pub struct Settings {
    /// Percent of store calls that fail, half of them after the write happened.
    pub faults: u64,
    /// Percent of steps at which the host that would run dies instead.
    pub crashes: u64,
    pub keys: u64,
    pub changes: u64,
    pub trace: bool,
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Random(u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

#[derive(Clone)]
pub struct Stored {
    pub bytes: Bytes,
    etag: String,
    mark: Option<Mark>,
}

struct Message {
    id: u64,
    stage: usize,
    item: Item,
    leased: bool,
}

pub struct World {
    pub objects: BTreeMap<(String, String), Stored>,
    queue: Vec<Message>,
    sent: Vec<Item>,
    pub dead: BTreeMap<String, DeadLetter>,
    pub random: Random,
    pub faults: u64,
    next: u64,
    trace: bool,
    log: String,
}

pub type Shared = Arc<Mutex<World>>;

impl World {
    fn note(&mut self, line: std::fmt::Arguments<'_>) {
        if self.trace {
            let _ = writeln!(self.log, "{line}");
        }
    }

    fn post(&mut self, stage: usize, item: Item) {
        self.next += 1;
        let id = self.next;
        self.queue.push(Message { id, stage, item, leased: false });
    }

    /// Whether this call fails, and whether it takes effect before.
    fn fails(&mut self) -> Option<bool> {
        if self.random.percent(self.faults) { Some(self.random.percent(50)) } else { None }
    }
}

fn down<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the store does not answer".into()))
}

/// Lets the scheduler choose who goes on.
async fn turn() {
    let mut waited = false;
    poll_fn(move |_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// The ports of one stage in the world.
struct Mill {
    world: Shared,
    stage: usize,
    host: usize,
}

struct Opened(Head, Bytes);

impl Source for Opened {
    fn head(&self) -> &Head {
        &self.0
    }

    fn read_at(&self, offset: u64, length: usize) -> Answer<'_, Result<Bytes, StoreError>> {
        let start = (offset as usize).min(self.1.len());
        let end = (start + length).min(self.1.len());
        let bytes = self.1.slice(start..end);
        Box::pin(async move { Ok(bytes) })
    }
}

fn head_of(stored: &Stored) -> Head {
    Head {
        etag: stored.etag.clone(),
        bytes: stored.bytes.len() as u64,
        media_type: None,
        mark: stored.mark.clone(),
        checksum: None,
    }
}

impl Objects for Mill {
    fn open<'a>(&'a self, object: &'a Object) -> Answer<'a, Result<Box<dyn Source>, StoreError>> {
        Box::pin(async move {
            turn().await;
            let mut world = self.world.lock().unwrap();
            if world.fails().is_some() {
                return down();
            }
            match world.objects.get(&(object.bucket.clone(), object.key.clone())) {
                Some(stored) if stored.etag == object.etag => {
                    Ok(Box::new(Opened(head_of(stored), stored.bytes.clone())) as Box<dyn Source>)
                }
                _ => Err(StoreError::Missing),
            }
        })
    }

    fn head<'a>(&'a self, bucket: &'a str, key: &'a str) -> Answer<'a, Result<Option<Head>, StoreError>> {
        Box::pin(async move {
            turn().await;
            let mut world = self.world.lock().unwrap();
            if world.fails().is_some() {
                return down();
            }
            Ok(world.objects.get(&(bucket.to_owned(), key.to_owned())).map(head_of))
        })
    }

    fn get<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<(String, Bytes)>, StoreError>> {
        Box::pin(async move {
            turn().await;
            let mut world = self.world.lock().unwrap();
            if world.fails().is_some() {
                return down();
            }
            let stored = world.objects.get(&(bucket.to_owned(), key.to_owned()));
            Ok(stored.map(|stored| (stored.etag.clone(), stored.bytes.clone())))
        })
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
            turn().await;
            let mut world = self.world.lock().unwrap();
            let fails = world.fails();
            if fails == Some(false) {
                return down();
            }
            let place = (bucket.to_owned(), key.to_owned());
            match (&condition, world.objects.get(&place)) {
                (Condition::Absent, None) => {}
                (Condition::Match(etag), Some(stored)) if stored.etag == *etag => {}
                (Condition::Match(_), None) => return Err(StoreError::Missing),
                _ => return Err(StoreError::Conflict),
            }
            let bytes = Bytes::from(body.0.concat());
            // As in S3 the ETag is a digest of the bytes and of nothing else.
            let etag = digest::checksum([bytes.as_ref()])[..8].to_owned();
            let host = self.host;
            let generation = meta.mark.as_ref().map(|mark| mark.generation.to_string());
            world.note(format_args!(
                "host {host} puts {key} {} {condition:?}",
                generation.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned())
            ));
            let mark = meta.mark.clone();
            world.objects.insert(place, Stored { bytes, etag: etag.clone(), mark });
            if fails.is_some() { down() } else { Ok(etag) }
        })
    }

    fn remove<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        etag: &'a str,
    ) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            turn().await;
            let mut world = self.world.lock().unwrap();
            let fails = world.fails();
            if fails == Some(false) {
                return down();
            }
            let place = (bucket.to_owned(), key.to_owned());
            match world.objects.get(&place) {
                None => return Err(StoreError::Missing),
                Some(stored) if stored.etag != etag => return Err(StoreError::Conflict),
                Some(_) => {}
            }
            let host = self.host;
            world.note(format_args!("host {host} removes {key}"));
            world.objects.remove(&place);
            if fails.is_some() { down() } else { Ok(()) }
        })
    }
}

impl Outbox for Mill {
    fn send<'a>(&'a self, port: Port, item: &'a Item) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            turn().await;
            let mut world = self.world.lock().unwrap();
            let fails = world.fails();
            if fails == Some(false) {
                return down();
            }
            let host = self.host;
            match port {
                Port::Own => {
                    world.note(format_args!("host {host} sends {} as a repair", item.sequence));
                    world.post(self.stage, item.clone());
                }
                Port::Items if self.stage == 0 => {
                    world.note(format_args!("host {host} sends {:?} at {}", item.data, item.sequence));
                    world.sent.push(item.clone());
                    world.post(1, item.clone());
                }
                Port::Items | Port::Outcomes => {}
            }
            if fails.is_some() { down() } else { Ok(()) }
        })
    }
}

impl DeadLetters for Mill {
    fn bury<'a>(&'a self, letter: &'a DeadLetter) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            turn().await;
            let mut world = self.world.lock().unwrap();
            let fails = world.fails();
            if fails != Some(false) {
                world.dead.insert(letter.item.id.clone(), letter.clone());
            }
            if fails.is_some() { down() } else { Ok(()) }
        })
    }
}

impl Clock for Mill {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> Answer<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Cpu for Mill {
    fn spawn(&self, work: Box<dyn FnOnce() -> Reply + Send>) {
        work()();
    }
}

impl Admission for Mill {
    fn admit(&self, _: Cost) -> Answer<'_, Result<Box<dyn Send + Sync>, String>> {
        Box::pin(async { Ok(Box::new(()) as Box<dyn Send + Sync>) })
    }
}

/// Which outputs the contents of an object demand. The bytes of `large` never differ, so that its ETag
/// tells no generation from another.
fn demanded(content: &[u8]) -> &'static [&'static str] {
    match content {
        b"A" => &["small", "large"],
        b"B" => &["large"],
        b"C" => &["small", "large", "extra"],
        _ => &[],
    }
}

struct Renditions;

impl Function for Renditions {
    type Config = ();
    const NAME: &'static str = "renditions";
    const ABOUT: &'static str = "demands a set that depends on the content";
    const OUTPUT_VERSION: u32 = 1;

    fn new((): ()) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn accept(&self, head: &[u8], _: &Object, _: &Limits) -> Accept {
        if head == b"text" { Accept::Skip("text".into()) } else { Accept::Yes }
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let content = cx.open(item.object().unwrap()).await?.bytes().await?;
        for name in demanded(&content) {
            let bytes = if *name == "large" { Bytes::from("large") } else { content.clone() };
            cx.create(OutputName::new(*name, "x"), "text/plain")?.write(bytes)?;
        }
        Ok(())
    }
}

struct Copy;

impl Function for Copy {
    type Config = ();
    const NAME: &'static str = "copy";
    const ABOUT: &'static str = "copies";
    const OUTPUT_VERSION: u32 = 1;

    fn new((): ()) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let content = cx.open(item.object().unwrap()).await?.bytes().await?;
        cx.create(OutputName::new("copy", "x"), "text/plain")?.write(content)
    }
}

pub fn plan(name: &str, bucket: &str) -> StagePlan {
    StagePlan {
        pipeline: "p".into(),
        name: name.into(),
        function: name.into(),
        inputs: Vec::new(),
        when: None,
        output: Some(OutputPlan {
            bucket: bucket.into(),
            key: KeyTemplate::parse("{key}/{rendition}").unwrap(),
        }),
        on_remove: OnRemove::Delete,
        attempts: u32::MAX,
        timeout: Duration::from_secs(1),
        limits: Limits::default(),
        config: ().into(),
        recipe: "r".into(),
        revision: 1,
    }
}

type Task = Pin<Box<dyn Future<Output = End> + Send>>;

struct Host {
    task: Option<(u64, Task)>,
}

/// The ports of a stage on a host.
pub fn ports(world: &Shared, stage: usize, host: usize) -> Ports {
    let mill = || Arc::new(Mill { world: Arc::clone(world), stage, host });
    Ports { objects: mill(), outbox: mill(), dead: mill(), clock: mill(), cpu: mill(), admission: mill() }
}

fn start(world: &Shared, host: usize, stage: usize, item: Item) -> Task {
    let ports = ports(world, stage, host);
    let stage = Stage {
        plan: Arc::new(if stage == 0 { plan("renditions", "media") } else { plan("copy", "final") }),
        function: if stage == 0 { Arc::new(Renditions) } else { Arc::new(Copy) },
        state_bucket: "state".into(),
    };
    Box::pin(async move { deliver(&stage, &ports, &item, &Stop::default()).await.0 })
}

/// The user does one thing, and the store tells of it: once or twice.
fn change(world: &mut World, keys: u64, sequence: u64) {
    let key = format!("k{}", world.random.below(keys));
    let place = ("uploads".to_owned(), key.clone());
    let choice = world.random.below(5);
    let content = ["A", "B", "C", "text"].get(choice as usize);
    let object = |etag: String| Object {
        bucket: "uploads".into(),
        key: key.clone(),
        version: None,
        etag,
        bytes: 1,
        media_type: None,
    };
    let data = if let Some(content) = content {
        let etag = digest::checksum([content.as_bytes()])[..8].to_owned();
        let stored = Stored { bytes: Bytes::from(*content), etag: etag.clone(), mark: None };
        world.objects.insert(place, stored);
        Data::Created(object(etag))
    } else if world.objects.remove(&place).is_some() {
        Data::Removed(object(String::new()))
    } else {
        return;
    };
    world.note(format_args!("user: {data:?} at {sequence:X}"));
    let item = Item::root("p/uploads", Timestamp::UNIX_EPOCH, Sequence::new(sequence), data);
    for _ in 0..=u64::from(world.random.percent(25)) {
        world.post(0, item.clone());
    }
}

/// An empty world.
pub fn world(seed: u64, faults: u64, trace: bool) -> Shared {
    Arc::new(Mutex::new(World {
        objects: BTreeMap::new(),
        queue: Vec::new(),
        sent: Vec::new(),
        dead: BTreeMap::new(),
        random: Random(seed),
        faults,
        next: 0,
        trace,
        log: String::new(),
    }))
}

pub fn simulate(seed: u64, settings: Settings) -> Result<(), String> {
    simulate_with(seed, settings, |_| {})
}

pub fn simulate_with(seed: u64, settings: Settings, disturb: impl FnOnce(&mut World)) -> Result<(), String> {
    let world = world(seed, settings.faults, settings.trace);
    let mut hosts = [const { Host { task: None } }; 3];
    let (mut changes, mut sequence) = (settings.changes, 0);
    for step in 0.. {
        if step > 200_000 {
            return Err(format!("seed {seed}: does not come to rest"));
        }
        let mut state = world.lock().unwrap();
        // Faults end some time, or nothing would ever be at rest.
        if step == 20_000 {
            state.faults = 0;
        }
        let idle = hosts.iter().all(|host| host.task.is_none());
        if changes == 0 && idle && state.queue.is_empty() {
            break;
        }
        let choice = state.random.below(10);
        if changes > 0 && (choice == 0 || (idle && state.queue.is_empty())) {
            changes -= 1;
            sequence += 1;
            change(&mut state, settings.keys, sequence);
            continue;
        }
        let index = state.random.below(3) as usize;
        if hosts[index].task.is_none() {
            let free: Vec<usize> = (0..state.queue.len()).filter(|i| !state.queue[*i].leased).collect();
            if free.is_empty() {
                continue;
            }
            let pick = free[state.random.below(free.len() as u64) as usize];
            let message = &mut state.queue[pick];
            message.leased = true;
            let (id, stage, item) = (message.id, message.stage, message.item.clone());
            state.note(format_args!("host {index} takes {:?} at {}", item.data, item.sequence));
            drop(state);
            hosts[index].task = Some((id, start(&world, index, stage, item)));
            continue;
        }
        let dies = step < 20_000 && state.random.percent(settings.crashes);
        drop(state);
        let Some((id, mut task)) = hosts[index].task.take() else { continue };
        let ended = if dies {
            drop(task);
            None
        } else {
            match task.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
                Poll::Pending => {
                    hosts[index].task = Some((id, task));
                    continue;
                }
                Poll::Ready(end) => Some(end),
            }
        };
        let mut state = world.lock().unwrap();
        state.note(format_args!("host {index} ends with {ended:?}"));
        let Some(place) = state.queue.iter().position(|message| message.id == id) else { continue };
        match ended {
            None | Some(End::Unsettled(_) | End::Again(_)) => state.queue[place].leased = false,
            Some(End::Dead(reason)) => return Err(format!("seed {seed}: dead: {reason}")),
            Some(End::Done | End::Skipped(_) | End::Superseded) => {
                state.queue.remove(place);
            }
        }
    }
    let mut state = world.lock().unwrap();
    disturb(&mut state);
    let result = at_rest(&state).map_err(|broken| format!("seed {seed}: {broken}"));
    if settings.trace {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), state.log.as_bytes());
    }
    result
}

/// What must hold when nothing is under way.
fn at_rest(world: &World) -> Result<(), String> {
    let bucket = |name: &str| -> BTreeMap<String, Stored> {
        let of_bucket = world.objects.iter().filter(|((bucket, _), _)| bucket == name);
        let own = of_bucket.filter(|((_, key), _)| !key.starts_with(RESERVED));
        own.map(|((_, key), stored)| (key.clone(), stored.clone())).collect()
    };
    let (uploads, media, copies) = (bucket("uploads"), bucket("media"), bucket("final"));
    let mut expected = BTreeSet::new();
    for (key, stored) in &uploads {
        for name in demanded(&stored.bytes) {
            expected.insert(format!("{key}/{name}"));
        }
    }
    let there: BTreeSet<String> = media.keys().cloned().collect();
    if there != expected {
        return Err(format!("media holds {there:?} and should hold {expected:?}"));
    }
    let newest = |key: &str| {
        let of_key = world.sent.iter().filter(|item| item.object().is_some_and(|object| object.key == key));
        of_key.max_by(|a, b| a.sequence.cmp(&b.sequence)).map(|item| (&item.data, &item.sequence))
    };
    for (key, stored) in &media {
        let original = &uploads[key.split('/').next().unwrap_or_default()];
        if key.ends_with("small") && stored.bytes != original.bytes {
            return Err(format!("{key} was made from other bytes"));
        }
        let mark = stored.mark.as_ref().ok_or("an output without a mark")?;
        match newest(key) {
            Some((Data::Created(object), sequence))
                if object.etag == stored.etag && *sequence == mark.generation.sequence => {}
            other => return Err(format!("{key} at {} was last told of as {other:?}", mark.generation)),
        }
    }
    for item in &world.sent {
        let key = item.object().map(|object| object.key.clone()).unwrap_or_default();
        if !media.contains_key(&key) && !matches!(newest(&key), Some((Data::Removed(_), _))) {
            return Err(format!("the end of {key} was never told"));
        }
    }
    let copied: BTreeMap<String, Bytes> = copies.into_iter().map(|(key, s)| (key, s.bytes)).collect();
    let to_copy: BTreeMap<String, Bytes> =
        media.into_iter().map(|(key, s)| (format!("{key}/copy"), s.bytes)).collect();
    if copied != to_copy {
        return Err(format!("final holds {copied:?} and should hold {to_copy:?}"));
    }
    Ok(())
}
