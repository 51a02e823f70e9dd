//! What a function sees of the host.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_channel::oneshot;
use jiff::Timestamp;
use serde_json::Value;

use crate::fault::Fault;
use crate::item::Object;
use crate::key::OutputName;
use crate::limits::Limits;
use crate::ports::{Body, Clock, Cpu, Objects, Ports, Source, StoreError};

/// How many bytes are read to tell what an object is.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Tells long work that it should end: the deadline has passed or the host stops.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    own: Arc<AtomicBool>,
    parent: Option<Arc<Stop>>,
}

impl Stop {
    /// Whether the work should end.
    pub fn is_set(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.parent.as_ref().is_some_and(|parent| parent.is_set())
    }

    /// Asks the work to end.
    pub fn set(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// A stop that is set with this one, or alone.
    pub fn child(&self) -> Self {
        Self { own: Arc::default(), parent: Some(Arc::new(self.clone())) }
    }
}

/// An open object.
#[derive(Clone)]
pub struct Input {
    source: Arc<dyn Source>,
    head: Bytes,
}

impl Input {
    /// Reads the first [`HEAD_BYTES`] of `source`.
    pub(crate) async fn begin(source: Box<dyn Source>) -> Result<Self, Fault> {
        let head = source.read_at(0, HEAD_BYTES).await.map_err(read_fault)?;
        Ok(Self { source: source.into(), head })
    }

    /// The first bytes, up to [`HEAD_BYTES`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// What the store knows of the object.
    pub fn about(&self) -> &crate::ports::Head {
        self.source.head()
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        self.source.head().bytes
    }

    /// Whether the object has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to `length` bytes at `offset`; fewer only at the end.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Fault> {
        self.source.read_at(offset, length).await.map_err(read_fault)
    }

    /// All bytes. The host has checked the size against the stage's limits.
    pub async fn bytes(&self) -> Result<Bytes, Fault> {
        let length = usize::try_from(self.len()).map_err(|_| Fault::rejected("too large for memory"))?;
        if length <= self.head.len() {
            return Ok(self.head.clone());
        }
        let whole = self.read_at(0, length).await?;
        if whole.len() == length {
            return Ok(whole);
        }
        let mut joined = BytesMut::with_capacity(length);
        joined.extend_from_slice(&whole);
        while joined.len() < length {
            let more = self.read_at(joined.len() as u64, length - joined.len()).await?;
            if more.is_empty() {
                return Err(Fault::Superseded);
            }
            joined.extend_from_slice(&more);
        }
        Ok(joined.freeze())
    }
}

/// A read that failed: what is not there any more was replaced or removed.
pub(crate) fn read_fault(error: StoreError) -> Fault {
    match error {
        StoreError::Missing | StoreError::Conflict => Fault::Superseded,
        StoreError::Refused(reason) => Fault::Rejected(reason),
        StoreError::Unavailable(cause) => Fault::Unavailable(cause),
    }
}

/// An output as the function left it.
#[derive(Clone, Debug)]
pub(crate) struct Staged {
    pub(crate) name: OutputName,
    pub(crate) media_type: String,
    pub(crate) body: Body,
}

/// What a function did, before the host commits it.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    pub(crate) outputs: Vec<Staged>,
    pub(crate) values: Vec<Value>,
    pub(crate) state: Option<Value>,
    bytes: u64,
}

/// The function's side of the host, for one item or batch.
pub struct Context {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    cpu: Arc<dyn Cpu>,
    limits: Limits,
    stop: Stop,
    opened: Option<(Object, Input)>,
    state: Option<Value>,
    staging: Arc<Mutex<Staging>>,
}

impl Context {
    pub(crate) fn new(ports: &Ports, limits: Limits, stop: Stop) -> Self {
        Self {
            objects: Arc::clone(&ports.objects),
            clock: Arc::clone(&ports.clock),
            cpu: Arc::clone(&ports.cpu),
            limits,
            stop,
            opened: None,
            state: None,
            staging: Arc::default(),
        }
    }

    pub(crate) fn with_input(mut self, object: &Object, input: Input) -> Self {
        self.opened = Some((object.clone(), input));
        self
    }

    pub(crate) fn with_state(mut self, state: Option<Value>) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn take(&self) -> Staging {
        std::mem::take(&mut lock(&self.staging))
    }

    /// Opens an object at exactly the version that it names.
    pub async fn open(&self, object: &Object) -> Result<Input, Fault> {
        if let Some((opened, input)) = &self.opened
            && opened == object
        {
            return Ok(input.clone());
        }
        Input::begin(self.objects.open(object).await.map_err(read_fault)?).await
    }

    /// Begins an output. It becomes part of the item's set, under the key that the stage's template gives.
    pub fn create(&self, name: OutputName, media_type: &str) -> Result<Output, Fault> {
        let mut staging = lock(&self.staging);
        if staging.outputs.iter().any(|output| output.name == name) {
            return Err(Fault::rejected(format!("the output `{}` was made twice", name.name)));
        }
        staging.outputs.push(Staged { name, media_type: media_type.to_owned(), body: Body::default() });
        let index = staging.outputs.len() - 1;
        Ok(Output { staging: Arc::clone(&self.staging), index, limit: self.limits.output_bytes() })
    }

    /// Sends a small value to the stages that listen to this one.
    pub fn emit(&self, value: Value) {
        lock(&self.staging).values.push(value);
    }

    /// What the function kept for this shard after the batch before, if anything.
    pub fn state(&self) -> Option<&Value> {
        self.state.as_ref()
    }

    /// Keeps `state` for the next batch of this shard.
    pub fn set_state(&self, state: Value) {
        lock(&self.staging).state = Some(state);
    }

    /// The stage's limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Set when the work should end.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Runs work that keeps a processor busy away from the threads that serve I/O.
    pub async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stop) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, receiver) = oneshot::channel();
        let stop = self.stop.clone();
        self.cpu.spawn(Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&stop)));
            let result = result.unwrap_or_else(|panic| Err(panicked(&*panic)));
            Box::new(move || drop(sender.send(result)))
        }));
        receiver.await.unwrap_or_else(|_| Err(Fault::unavailable("the host dropped the work")))
    }
}

/// A panic as a fault, with its message.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Fault {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Fault::Unavailable(format!("the function panicked: {message}"))
}

/// Staged data stays whole whatever a panicking function did: every change is one push.
fn lock(staging: &Mutex<Staging>) -> MutexGuard<'_, Staging> {
    staging.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A streaming writer of one output.
pub struct Output {
    staging: Arc<Mutex<Staging>>,
    index: usize,
    limit: u64,
}

impl Output {
    /// Appends bytes.
    pub fn write(&mut self, bytes: impl Into<Bytes>) -> Result<(), Fault> {
        let bytes = bytes.into();
        let mut staging = lock(&self.staging);
        staging.bytes += bytes.len() as u64;
        if staging.bytes > self.limit {
            return Err(Fault::rejected(format!(
                "its outputs exceed {} MB (limit `output_megabytes`)",
                self.limit / 1_000_000
            )));
        }
        if let Some(output) = staging.outputs.get_mut(self.index) {
            output.body.0.push(bytes);
        }
        Ok(())
    }
}
