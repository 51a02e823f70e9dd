//! One item through one stage, committed so that a crash at any point and a repeat give the same result.
//!
//! The order of effects is: claim the key's [`Document`] for this generation, write the outputs, complete
//! the document, remove what only older generations made, send what follows. The caller acknowledges.
//! Every write is conditional, and whoever finds itself overtaken looks after what the newer generation's
//! document promises before it gives up: an older straggler can overwrite or remove an object whose bytes
//! are equal, since an ETag tells bytes apart and not generations, but it cannot go without noticing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{Either, select};

use crate::context::{Context, Input, Staging, Stop, panicked, read_fault};
use crate::digest;
use crate::document::{Document, OutputRecord, State};
use crate::fault::Fault;
use crate::function::{Accept, DynFunction};
use crate::generation::Generation;
use crate::item::{Data, FORMAT, Item, Object};
use crate::mark::{MAX_HOPS, Mark};
use crate::plan::{OnRemove, StagePlan};
use crate::ports::{Body, Condition, DeadLetter, Meta, Port, Ports, StoreError, outcome_value};

/// How often a compare-and-set is tried against other writers before the item is tried again later.
const CONTENTION: usize = 64;

/// How long a function may take to end after it was asked to.
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// A stage with its function.
#[derive(Clone)]
pub struct Stage {
    /// What it is to do.
    pub plan: Arc<StagePlan>,
    /// What does it.
    pub function: Arc<dyn DynFunction>,
    /// The bucket for documents of stages without an output bucket.
    pub state_bucket: Arc<str>,
}

impl Stage {
    fn bucket(&self) -> &str {
        self.plan.output.as_ref().map_or(&self.state_bucket, |output| &output.bucket)
    }
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its outputs are written and its items sent.
    Done,
    /// It is not the stage's business, for a reason.
    Skipped(String),
    /// Something newer has happened to its key.
    Superseded,
    /// It was given up, for a reason, and is among the dead letters.
    Dead(String),
    /// It is to be sent again with attempt + 1, for a reason.
    Again(String),
    /// Nothing was decided: leave it in the queue.
    Unsettled(String),
}

/// What a delivery used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The size of the input in bytes.
    pub bytes_in: u64,
    /// The size of the outputs in bytes.
    pub bytes_out: u64,
}

enum Finish {
    Done,
    Skipped(String),
}

/// Takes `item` through `stage`. All effects have happened when it comes back, save the acknowledgement
/// (and, for [`End::Again`], the sending again), which the host does in one step.
///
/// `stop` is the item's own: the host sets it to end the work early, and then the answer is
/// [`End::Unsettled`].
pub async fn deliver(stage: &Stage, ports: &Ports, item: &Item, stop: &Stop) -> (End, Usage) {
    let generation = stage.plan.generation(item);
    let mut delivery = Delivery { stage, ports, item, stop, generation, usage: Usage::default() };
    let result = match AssertUnwindSafe(delivery.run()).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(panicked(&*panic)),
    };
    let usage = delivery.usage;
    if result.is_err() && stop.is_set() {
        return (End::Unsettled("stopped".into()), usage);
    }
    let end = match result {
        Ok(Finish::Done) => End::Done,
        Ok(Finish::Skipped(reason)) => End::Skipped(reason),
        Err(Fault::Superseded) => End::Superseded,
        Err(Fault::Rejected(reason)) => End::Dead(reason),
        Err(Fault::Unavailable(cause)) if item.attempt + 1 >= stage.plan.attempts => End::Dead(cause),
        Err(Fault::Unavailable(cause)) => return (End::Again(cause), usage),
    };
    match tell(&stage.plan, ports, item, &end).await {
        Ok(()) => (end, usage),
        Err(error) => (End::Unsettled(error.to_string()), usage),
    }
}

/// Gives `item` up without trying it (again), for `reason`.
pub async fn give_up(plan: &StagePlan, ports: &Ports, item: &Item, reason: String) -> End {
    let end = End::Dead(reason);
    match tell(plan, ports, item, &end).await {
        Ok(()) => end,
        Err(error) => End::Unsettled(error.to_string()),
    }
}

/// Buries the dead and sends the outcome.
async fn tell(plan: &StagePlan, ports: &Ports, item: &Item, end: &End) -> Result<(), StoreError> {
    let signature = plan.signature();
    let (outcome, reason) = match end {
        End::Done => ("done", None),
        End::Skipped(reason) => ("skipped", Some(reason.as_str())),
        End::Superseded => ("superseded", None),
        End::Dead(reason) => ("dead", Some(reason.as_str())),
        End::Again(_) | End::Unsettled(_) => return Ok(()),
    };
    if let End::Dead(reason) = end {
        let letter = DeadLetter {
            stage: plan.name.clone(),
            item: item.clone(),
            reason: reason.clone(),
            attempts: item.attempt + 1,
        };
        ports.dead.bury(&letter).await?;
    }
    let id = digest::name_of(&[&signature, "outcome", &item.id, &plan.generation(item).to_string(), outcome]);
    let value = outcome_value(&plan.name, item, outcome, reason);
    let event = item.child(&signature, id, ports.clock.now(), Data::Outcome(value));
    ports.outbox.send(Port::Outcomes, &event).await
}

/// Awaits a function's work: no longer than `timeout`, after which it is asked to stop by `stop`.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = Result<T, Fault>>,
    timeout: std::time::Duration,
    ports: &Ports,
    stop: &Stop,
) -> Result<T, Fault> {
    let work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
    let caught = |result: Result<_, Box<dyn std::any::Any + Send>>| {
        result.unwrap_or_else(|panic| Err(panicked(&*panic)))
    };
    match select(work, ports.clock.sleep(timeout)).await {
        Either::Left((result, _)) => caught(result),
        Either::Right(((), work)) => {
            stop.set();
            // What it still answers is too late to count.
            let _ = select(work, ports.clock.sleep(GRACE)).await;
            Err(Fault::unavailable(format!("took longer than {} s", timeout.as_secs_f64())))
        }
    }
}

struct Delivery<'a> {
    stage: &'a Stage,
    ports: &'a Ports,
    item: &'a Item,
    stop: &'a Stop,
    generation: Generation,
    usage: Usage,
}

fn fault(error: StoreError) -> Fault {
    match error {
        StoreError::Refused(reason) => Fault::Rejected(reason),
        other => Fault::Unavailable(other.to_string()),
    }
}

fn contention() -> Fault {
    Fault::unavailable("too many writers at one key")
}

impl Delivery<'_> {
    async fn run(&mut self) -> Result<Finish, Fault> {
        match &self.item.data {
            Data::Removed(object) => self.remove(object).await,
            Data::Created(object) => self.create(Some(object)).await,
            Data::Value(_) | Data::Outcome(_) => self.create(None).await,
        }
    }

    async fn create(&mut self, object: Option<&Object>) -> Result<Finish, Fault> {
        let known = self.document().await?;
        if let Some((_, document)) = &known {
            if document.generation > self.generation {
                return Err(self.overtaken(document.clone(), &[]).await?);
            }
            if document.generation == self.generation
                && document.state == State::Done
                && self.is_whole(document).await?
            {
                self.finish(document).await?;
                return Ok(document.skipped.clone().map_or(Finish::Done, Finish::Skipped));
            }
        }
        match self.work(object).await {
            Ok(staging) => self.commit(known, staging, None).await.map(|()| Finish::Done),
            Err(Refusal::Skip(reason)) => {
                // What an older generation made, or is still making, is no longer what the key demands.
                self.commit(known, Staging::default(), Some(reason.clone())).await?;
                Ok(Finish::Skipped(reason))
            }
            Err(Refusal::Fault(Fault::Rejected(reason))) => {
                // A file that was replaced while it was read can look broken.
                if let Some(object) = object {
                    self.ports.objects.open(object).await.map_err(read_fault)?;
                }
                Err(Fault::Rejected(reason))
            }
            Err(Refusal::Fault(other)) => Err(other),
        }
    }

    /// Runs the function, with room for what it will cost.
    async fn work(&mut self, object: Option<&Object>) -> Result<Staging, Refusal> {
        let limits = &self.stage.plan.limits;
        let function = &self.stage.function;
        let stop = self.stop.child();
        let mut context = Context::new(self.ports, limits.clone(), stop.clone());
        let mut permit = None;
        if let Some(object) = object {
            if object.bytes > limits.input_bytes() {
                return Err(Refusal::rejected(format!(
                    "{} bytes are more than {} MB (limit `megabytes`)",
                    object.bytes, limits.megabytes
                )));
            }
            let source = self.ports.objects.open(object).await.map_err(read_fault)?;
            let input = Input::begin(source).await?;
            self.refuse_loop(&input)?;
            match function.accept(input.head(), object, limits) {
                Accept::Yes => {}
                Accept::Skip(reason) => return Err(Refusal::Skip(reason)),
                Accept::Reject(reason) => return Err(Refusal::rejected(reason)),
            }
            let cost = function.cost(input.head(), self.item);
            permit = Some(self.ports.admission.admit(cost).await.map_err(Fault::Rejected)?);
            self.usage.bytes_in = object.bytes;
            context = context.with_input(object, input);
        }
        let work = function.handle(self.item, &context);
        in_time(work, self.stage.plan.timeout, self.ports, &stop).await?;
        drop(permit);
        Ok(context.take())
    }

    /// Refuses an object that this stage wrote, or whose lineage is too long to be anything but a loop.
    fn refuse_loop(&self, input: &Input) -> Result<(), Fault> {
        let hops = input.about().mark.as_ref().map_or(0, |mark| mark.hops).max(self.item.hops);
        let own = input.about().mark.as_ref().is_some_and(|mark| mark.stage == self.stage.plan.signature());
        if own || hops >= MAX_HOPS {
            return Err(Fault::rejected(format!("a loop: the object has passed {hops} stages already")));
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        known: Option<(String, Document)>,
        staging: Staging,
        skipped: Option<String>,
    ) -> Result<(), Fault> {
        let mut planned = Vec::with_capacity(staging.outputs.len());
        for output in &staging.outputs {
            let Some(plan) = &self.stage.plan.output else {
                return Err(Fault::rejected("the function writes, but its stage has no `output`"));
            };
            let key = plan.key.expand(self.item.subject().1, &self.item.id, &output.name);
            if planned.iter().any(|other: &OutputRecord| other.key == key) {
                return Err(Fault::rejected(format!("two outputs would share the key `{key}`")));
            }
            planned.push(OutputRecord {
                key,
                etag: String::new(),
                checksum: digest::checksum(output.body.0.iter().map(AsRef::as_ref)),
                bytes: output.body.len(),
                media_type: output.media_type.clone(),
            });
        }
        // An empty set needs no claim: its document is complete at once.
        let state =
            if planned.is_empty() && staging.values.is_empty() { State::Done } else { State::Writing };
        let (tag, mut document) = self.claim(known, state, &planned, skipped).await?;
        if state == State::Done {
            return self.finish(&document).await;
        }
        for (record, output) in planned.iter_mut().zip(&staging.outputs) {
            if self.put_newer(record, &output.body, document.counter > 1).await? == Put::Newer {
                let keys: Vec<String> = document.keys().map(str::to_owned).collect();
                return Err(match self.document().await? {
                    Some((_, newer)) if newer.generation > self.generation => {
                        self.overtaken(newer, &keys).await?
                    }
                    _ => Fault::unavailable(format!("`{}` is newer than its document", record.key)),
                });
            }
            self.usage.bytes_out += record.bytes;
        }
        document.outputs = planned;
        document.values = staging.values;
        document.state = State::Done;
        let document = self.complete(tag, document).await?;
        self.finish(&document).await
    }

    /// Does what a completed document still demands; a repeat does the same.
    async fn finish(&self, document: &Document) -> Result<(), Fault> {
        for key in &document.former {
            self.remove_older(key, &document.generation).await?;
        }
        // A newer set with equal bytes may have been hit: look again.
        if !document.former.is_empty()
            && let Some((_, newer)) = self.document().await?
            && newer.generation > self.generation
        {
            return Err(self.overtaken(newer, &[]).await?);
        }
        self.send(document).await
    }

    /// Writes this generation's claim, which names every key that is about to be written: whoever comes
    /// later knows what to look for, even if this host dies at the next step. `known` is the document as it
    /// was read before the work; where it has changed since, the write fails and it is read again.
    async fn claim(
        &self,
        mut known: Option<(String, Document)>,
        state: State,
        planned: &[OutputRecord],
        skipped: Option<String>,
    ) -> Result<(String, Document), Fault> {
        for _ in 0..CONTENTION {
            let mut document = Document {
                format: FORMAT,
                counter: 1,
                generation: self.generation.clone(),
                state,
                recipe: self.stage.plan.recipe.clone(),
                item: self.again(),
                outputs: planned.to_vec(),
                values: Vec::new(),
                former: Vec::new(),
                skipped: skipped.clone(),
            };
            let condition = match known {
                None => Condition::Absent,
                Some((_, known)) if known.generation > self.generation => {
                    return Err(self.overtaken(known, &[]).await?);
                }
                Some((tag, known)) => {
                    let same = known.generation == self.generation && known.state == State::Writing;
                    if same && known.keys().eq(planned.iter().map(|output| output.key.as_str())) {
                        return Ok((tag, known));
                    }
                    document.counter = known.counter + 1;
                    document.former = known.former_for(planned);
                    Condition::Match(tag)
                }
            };
            if let Some(tag) = self.write(&document, condition).await? {
                return Ok((tag, document));
            }
            known = self.document().await?;
        }
        Err(contention())
    }

    /// Completes the claim `tag`. A twin at the same generation may have been faster.
    async fn complete(&self, mut tag: String, mut document: Document) -> Result<Document, Fault> {
        let keys: Vec<String> = document.keys().map(str::to_owned).collect();
        for _ in 0..CONTENTION {
            document.counter += 1;
            if self.write(&document, Condition::Match(tag)).await?.is_some() {
                return Ok(document);
            }
            let Some((current, known)) = self.document().await? else {
                return Err(Fault::unavailable("the result document has vanished"));
            };
            if known.generation > self.generation {
                return Err(self.overtaken(known, &keys).await?);
            }
            if known.state == document.state && known.outputs == document.outputs {
                return Ok(known);
            }
            tag = current;
            document.counter = known.counter;
            document.former = known.former_for(&document.outputs);
        }
        Err(contention())
    }

    /// Writes one output unless this generation or a newer one is there, and notes in `record` what is
    /// there then. `look` first where something is to be expected.
    async fn put_newer(&self, record: &mut OutputRecord, body: &Body, mut look: bool) -> Result<Put, Fault> {
        let bucket = self.stage.bucket();
        let meta = Meta {
            media_type: record.media_type.clone(),
            mark: Some(Mark {
                stage: self.stage.plan.signature(),
                root: self.item.root.clone(),
                generation: self.generation.clone(),
                hops: self.item.hops + 1,
            }),
            checksum: record.checksum.clone(),
        };
        for _ in 0..CONTENTION {
            let condition = if look {
                match self.ports.objects.head(bucket, &record.key).await.map_err(fault)? {
                    None => Condition::Absent,
                    Some(head) => match &head.mark {
                        Some(mark) if mark.stage == self.stage.plan.signature() => {
                            if mark.generation == self.generation {
                                record.etag = head.etag;
                                record.bytes = head.bytes;
                                record.checksum = head.checksum.unwrap_or_default();
                                return Ok(Put::There);
                            }
                            if mark.generation > self.generation {
                                return Ok(Put::Newer);
                            }
                            Condition::Match(head.etag)
                        }
                        // A copy of our own output that lost its mark may take it up again.
                        None if head.checksum.as_ref() == Some(&record.checksum) => {
                            Condition::Match(head.etag)
                        }
                        _ => {
                            return Err(Fault::rejected(format!(
                                "`{bucket}/{}` exists and was not written by this stage; move it away or \
                                 change the stage's output key",
                                record.key
                            )));
                        }
                    },
                }
            } else {
                Condition::Absent
            };
            match self.ports.objects.put(bucket, &record.key, body, &meta, condition).await {
                Ok(etag) => {
                    record.etag = etag;
                    return Ok(Put::There);
                }
                Err(StoreError::Conflict | StoreError::Missing) => look = true,
                Err(error) => return Err(fault(error)),
            }
        }
        Err(contention())
    }

    /// Follows the removal of the original: the tombstone first, then what it names.
    async fn remove(&mut self, object: &Object) -> Result<Finish, Fault> {
        if self.stage.plan.on_remove == OnRemove::Keep {
            return Ok(Finish::Skipped("outputs outlive their original (`on_remove: keep`)".into()));
        }
        if self.ports.objects.head(&object.bucket, &object.key).await.map_err(fault)?.is_some() {
            return Ok(Finish::Skipped("there is an object at the key again".into()));
        }
        for _ in 0..CONTENTION {
            let known = self.document().await?;
            let (document, written) = match known {
                Some((_, known)) if known.generation > self.generation => {
                    return Err(self.overtaken(known, &[]).await?);
                }
                Some((_, known)) if known.generation == self.generation && known.state == State::Removed => {
                    (known, true)
                }
                known => {
                    let (condition, counter, former) = match known {
                        None => (Condition::Absent, 1, Vec::new()),
                        Some((tag, known)) => {
                            (Condition::Match(tag), known.counter + 1, known.former_for(&[]))
                        }
                    };
                    let tombstone = Document {
                        format: FORMAT,
                        counter,
                        generation: self.generation.clone(),
                        state: State::Removed,
                        recipe: self.stage.plan.recipe.clone(),
                        item: self.again(),
                        outputs: Vec::new(),
                        values: Vec::new(),
                        former,
                        skipped: None,
                    };
                    let written = self.write(&tombstone, condition).await?.is_some();
                    (tombstone, written)
                }
            };
            if !written {
                continue;
            }
            self.finish(&document).await?;
            return Ok(Finish::Done);
        }
        Err(contention())
    }

    /// Looks after the newer generation's document before giving way to it: whatever older generations
    /// left over goes, and where something of the newer set is missing, or may be, its item is sent again.
    /// `own` are keys that this delivery wrote.
    async fn overtaken(&self, mut newer: Document, own: &[String]) -> Result<Fault, Fault> {
        for _ in 0..CONTENTION {
            let intact = match newer.state {
                State::Done => self.is_whole(&newer).await?,
                // It may have written already what this delivery overwrote since.
                State::Writing => false,
                State::Removed => true,
            };
            for key in newer.former.iter().chain(own) {
                if !newer.keys().any(|kept| kept == key) {
                    self.remove_older(key, &newer.generation).await?;
                }
            }
            if !intact {
                self.ports.outbox.send(Port::Own, &newer.item).await.map_err(fault)?;
            }
            match self.document().await? {
                Some((_, current)) if current.counter != newer.counter => newer = current,
                _ => return Ok(Fault::Superseded),
            }
        }
        Err(contention())
    }

    /// Removes the object at `key` if this stage wrote it before `generation`.
    async fn remove_older(&self, key: &str, generation: &Generation) -> Result<(), Fault> {
        let bucket = self.stage.bucket();
        for _ in 0..CONTENTION {
            let Some(head) = self.ports.objects.head(bucket, key).await.map_err(fault)? else {
                return Ok(());
            };
            let signature = self.stage.plan.signature();
            if !head.mark.is_some_and(|mark| mark.stage == signature && mark.generation < *generation) {
                return Ok(());
            }
            match self.ports.objects.remove(bucket, key, &head.etag).await {
                Ok(()) | Err(StoreError::Missing) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(fault(error)),
            }
        }
        Err(contention())
    }

    /// Whether every output that the document lists is there, as this generation wrote it.
    async fn is_whole(&self, document: &Document) -> Result<bool, Fault> {
        for output in &document.outputs {
            let head = self.ports.objects.head(self.stage.bucket(), &output.key).await.map_err(fault)?;
            let whole = head.is_some_and(|head| {
                head.etag == output.etag
                    && head.mark.is_some_and(|mark| mark.generation == document.generation)
            });
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends what follows from a completed document. A repeat sends the same items with the same ids.
    async fn send(&self, document: &Document) -> Result<(), Fault> {
        let signature = self.stage.plan.signature();
        let now = self.ports.clock.now();
        let (bucket, key) = self.item.subject();
        let object = |key: &str, output: Option<&OutputRecord>| Object {
            bucket: self.stage.bucket().to_owned(),
            key: key.to_owned(),
            version: None,
            etag: output.map(|output| output.etag.clone()).unwrap_or_default(),
            bytes: output.map_or(0, |output| output.bytes),
            media_type: output.map(|output| output.media_type.clone()),
        };
        let created = document.outputs.iter().map(|output| Data::Created(object(&output.key, Some(output))));
        let removed = document.former.iter().map(|key| Data::Removed(object(key, None)));
        let objects = created.chain(removed).map(|data| (Item::id_of(&signature, &data), data));
        let values = document.values.iter().enumerate().map(|(index, value)| {
            let id = digest::name_of(&[&signature, bucket, key, &index.to_string()]);
            (id, Data::Value(value.clone()))
        });
        for (id, data) in objects.chain(values) {
            let child = self.item.child(&signature, id, now, data);
            self.ports.outbox.send(Port::Items, &child).await.map_err(fault)?;
        }
        Ok(())
    }

    /// The item as it is sent again for a repair.
    fn again(&self) -> Item {
        Item { attempt: 0, reason: None, ..self.item.clone() }
    }

    fn document_key(&self) -> String {
        let (bucket, key) = self.item.subject();
        Document::key(&self.stage.plan.signature(), bucket, key)
    }

    async fn document(&self) -> Result<Option<(String, Document)>, Fault> {
        match self.ports.objects.get(self.stage.bucket(), &self.document_key()).await.map_err(fault)? {
            None => Ok(None),
            Some((tag, bytes)) => Ok(Some((tag, Document::read(&bytes)?))),
        }
    }

    /// Writes the document; `None` if another writer was faster.
    async fn write(&self, document: &Document, condition: Condition) -> Result<Option<String>, Fault> {
        let bytes = document.bytes();
        let meta = Meta {
            media_type: "application/json".to_owned(),
            mark: None,
            checksum: digest::checksum([bytes.as_ref()]),
        };
        let key = self.document_key();
        match self.ports.objects.put(self.stage.bucket(), &key, &bytes.into(), &meta, condition).await {
            Ok(tag) => Ok(Some(tag)),
            Err(StoreError::Conflict | StoreError::Missing) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }
}

/// What is at an output's key after a write.
#[derive(PartialEq, Eq)]
enum Put {
    /// This generation's output.
    There,
    /// A newer generation's.
    Newer,
}

enum Refusal {
    Skip(String),
    Fault(Fault),
}

impl Refusal {
    fn rejected(reason: String) -> Self {
        Self::Fault(Fault::Rejected(reason))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
