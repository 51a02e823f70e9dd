//! One stage on AWS, ready to take messages and batches, whoever fetches them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tidemill_core::batch::{Position, SequenceNumber};
use tidemill_core::deployment::{FORMAT, Place, StageFile};
use tidemill_core::plan::{STATE_BUCKET, StagePlan};
use tidemill_core::ports::{Objects, Outbox, Ports};
use tidemill_core::{
    Batch, Data, End, Entry, Fault, Fed, Item, RecordStage, Sequence, ShardHead, Stop, Usage, Work, digest,
    feed, give_up,
};
use tidemill_events::{Found, Sources, Trace, Unreadable};
use tidemill_machine::{Budget, Pool, SystemClock, processors};

use crate::bucket::Buckets;
use crate::claim;
use crate::clients::Clients;
use crate::dead::Graveyard;
use crate::log::{Line, note};
use crate::queue::Queues;

/// What is kept back of the time that is left, for committing and answering.
const MARGIN: Duration = Duration::from_secs(3);

/// With less time left than this nothing is begun.
const LEAST: Duration = Duration::from_secs(5);

/// A queue's message.
#[derive(Clone, Debug, Default)]
pub struct Message<'a> {
    /// Its text.
    pub body: &'a str,
    /// The X-Ray header that it brings along.
    pub trace: Option<&'a str>,
    /// When it was sent.
    pub sent: Option<Timestamp>,
}

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Everything in it is decided: acknowledge it.
    Gone,
    /// Something in it is not, for a reason: leave it in the queue.
    Back(String),
}

/// A stage with everything that it needs on AWS.
pub struct Station {
    plan: Arc<StagePlan>,
    work: Work,
    place: Arc<Place>,
    sources: Sources,
    buckets: Buckets,
    queues: Arc<Queues>,
    ports: Ports,
}

impl Station {
    /// The stage that `file` describes, done by `entry`, in `place`. `memory` is what the process may use, in
    /// bytes.
    pub fn open(
        file: &StageFile,
        place: Place,
        entry: &Entry,
        clients: &Clients,
        memory: u64,
    ) -> Result<Self, String> {
        if file.format > FORMAT {
            return Err(format!("the stage file has format {}, newer than this program", file.format));
        }
        if file.plan.function != entry.name {
            return Err(format!(
                "the stage is one of `{}`, and this is `{}`",
                file.plan.function, entry.name
            ));
        }
        let built = (entry.build)(file.plan.config.clone()).map_err(|errors| {
            errors.first().map_or_else(|| "a bad configuration".to_owned(), ToString::to_string)
        })?;
        let place = Arc::new(place);
        let plan = Arc::new(StagePlan { revision: place.revision, ..file.plan.clone() });
        let sources = Sources::new(file, &place)?;
        let buckets = Buckets::new(clients.s3.clone(), Arc::clone(&place));
        let queues = Queues::new(
            clients.sqs.clone(),
            buckets.clone(),
            &place,
            Some(&file.plan.name),
            &file.items,
            &file.outcomes,
        )?;
        let queues = Arc::new(queues);
        let ports = Ports {
            objects: Arc::new(buckets.clone()),
            outbox: Arc::clone(&queues) as Arc<dyn Outbox>,
            dead: Arc::new(Graveyard::new(buckets.clone(), Arc::clone(&plan))),
            clock: Arc::new(SystemClock),
            cpu: Pool::start(processors()).metered(Arc::default()),
            admission: Arc::new(Budget::new(memory)),
        };
        Ok(Self { plan, work: built.work, place, sources, buckets, queues, ports })
    }

    /// The stage.
    pub fn plan(&self) -> &StagePlan {
        &self.plan
    }

    /// What the stage's sources find in a Kinesis event.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Takes everything in a message through the stage, with `left` until the host has to answer.
    pub async fn take(&self, message: &Message<'_>, left: Duration, stop: &Stop) -> Settled {
        let begun = Instant::now();
        let found = match self.sources.items(message.body) {
            Ok(found) => found,
            Err(Unreadable::Newer(reason)) => {
                note(&self.plan, "WARN", "unsettled", &reason);
                return Settled::Back(reason);
            }
            Err(Unreadable::Broken(reason)) => return self.give_up_message(message, reason).await,
        };
        let mut settled = Settled::Gone;
        for found in found {
            match found {
                Found::Item(item) => {
                    let item = traced(*item, message.trace);
                    let left = left.saturating_sub(begun.elapsed());
                    if let Settled::Back(reason) = self.deliver(item, message.sent, left, stop).await {
                        settled = Settled::Back(reason);
                    }
                }
                Found::Aside(reason) => note(&self.plan, "DEBUG", "excluded", &reason),
            }
        }
        settled
    }

    async fn deliver(&self, item: Item, sent: Option<Timestamp>, left: Duration, stop: &Stop) -> Settled {
        if left < LEAST {
            return Settled::Back("no time is left for it".to_owned());
        }
        let begun = Instant::now();
        let trace = item.trace.as_deref().and_then(Trace::from_w3c).unwrap_or_else(|| Trace::of(&item));
        let span = trace.begin(&self.plan.name, &item);
        let mut item = Item { trace: Some(span.w3c()), ..item };
        let plan = self.within(left);
        let (end, usage) = match claim::redeem(&self.buckets, item.clone()).await {
            Ok(whole) => {
                item = whole;
                let ports = &self.ports;
                tidemill_core::run(&plan, &self.work, STATE_BUCKET, ports, &item, &stop.child()).await
            }
            Err(Fault::Rejected(reason)) => {
                (give_up(&plan, &self.ports, &item, reason).await, Usage::default())
            }
            Err(other) => (End::Unsettled(other.to_string()), Usage::default()),
        };
        let end = match end {
            // Sent again before it is acknowledged: throttling never eats a good item's receive count.
            End::Again(reason) => {
                let next = Item { attempt: item.attempt + 1, reason: Some(reason.clone()), ..item.clone() };
                match self.queues.again(&next).await {
                    Ok(()) => End::Again(reason),
                    Err(error) => End::Unsettled(error.to_string()),
                }
            }
            end => end,
        };
        self.line(begun.elapsed(), sent).delivery(&item, &span, &end, usage);
        match end {
            End::Unsettled(reason) => Settled::Back(reason),
            _ => Settled::Gone,
        }
    }

    /// Feeds a batch of a shard. Answers the sequence number of the first record that is not decided, if any.
    pub async fn feed(&self, batch: &Batch, left: Duration, stop: &Stop) -> Option<SequenceNumber> {
        let first = batch.records.first()?.sequence;
        let Work::Records(function) = &self.work else {
            note(&self.plan, "ERROR", "blocked", "the stage takes items, and this is a stream's batch");
            return Some(first);
        };
        if left < LEAST {
            return Some(first);
        }
        let begun = Instant::now();
        let stage = RecordStage {
            plan: self.within(left),
            function: Arc::clone(function),
            state_bucket: STATE_BUCKET.into(),
        };
        let fed = match feed(&stage, &self.ports, batch, &stop.child()).await {
            Ok(fed) => fed,
            Err(fault) => Fed { blocked: Some(fault.to_string()), ..Fed::default() },
        };
        let sent = batch.records.first().map(|record| record.arrival);
        self.line(begun.elapsed(), sent).batch(&batch.stream, &batch.shard, &fed);
        fed.blocked.as_ref()?;
        let decided =
            fed.repeated + fed.progress.done + fed.progress.late + fed.progress.duplicate + fed.progress.dead;
        // Where all are decided, something that follows from them could not be sent: the last one comes again.
        let undecided = batch.records.get(decided as usize).or(batch.records.last());
        undecided.map(|record| record.sequence)
    }

    /// Where the stage stands in a shard: everything at or before it is decided.
    pub async fn position(&self, stream: &str, shard: &str) -> Result<Option<Position>, String> {
        let key = ShardHead::key(&self.plan.signature(), stream, shard);
        match self.buckets.get(STATE_BUCKET, &key).await {
            Ok(None) => Ok(None),
            Ok(Some((_, bytes))) => serde_json::from_slice::<ShardHead>(&bytes)
                .map(|head| head.position)
                .map_err(|error| format!("shard head: {error}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Tells the log of something that is about no item.
    pub fn complain(&self, message: &str, reason: &str) {
        note(&self.plan, "WARN", message, reason);
    }

    /// Turns a message that its queue gave up into dead letters.
    pub async fn drain(&self, message: &Message<'_>) -> Settled {
        let reason = "it was taken from the queue again and again and never came to an end: a crash, too little \
                      memory, or a timeout";
        let found = match self.sources.items(message.body) {
            Ok(found) => found,
            Err(Unreadable::Newer(reason)) => return Settled::Back(reason),
            Err(Unreadable::Broken(reason)) => return self.give_up_message(message, reason).await,
        };
        for found in found {
            let Found::Item(item) = found else { continue };
            let item = match claim::redeem(&self.buckets, traced(*item, message.trace)).await {
                Ok(item) => item,
                Err(fault) => return Settled::Back(fault.to_string()),
            };
            let reason = item.reason.as_ref().map_or_else(
                || reason.to_owned(),
                |before| format!("{reason}; the try before ended so: {before}"),
            );
            if let Settled::Back(reason) = self.bury(&item, reason, message.sent).await {
                return Settled::Back(reason);
            }
        }
        Settled::Gone
    }

    /// A message that holds nothing that can be understood becomes a dead letter that holds it.
    async fn give_up_message(&self, message: &Message<'_>, reason: String) -> Settled {
        let signature = self.plan.signature();
        let time = message.sent.unwrap_or_else(Timestamp::now);
        let data = Data::Value(json!({ "message": message.body }));
        let mut item = Item::root(&signature, time, Sequence::default(), data);
        item.id = digest::name_of(&[&signature, "message", message.body]);
        item.root.clone_from(&item.id);
        self.bury(&item, reason, message.sent).await
    }

    async fn bury(&self, item: &Item, reason: String, sent: Option<Timestamp>) -> Settled {
        let begun = Instant::now();
        let end = give_up(&self.plan, &self.ports, item, reason).await;
        let span = Trace::of(item).begin(&self.plan.name, item);
        self.line(begun.elapsed(), sent).delivery(item, &span, &end, Usage::default());
        match end {
            End::Unsettled(reason) => Settled::Back(reason),
            _ => Settled::Gone,
        }
    }

    /// The plan, with a timeout that ends before the host has to answer.
    fn within(&self, left: Duration) -> Arc<StagePlan> {
        let timeout = self.plan.timeout.min(left.saturating_sub(MARGIN));
        if timeout == self.plan.timeout {
            return Arc::clone(&self.plan);
        }
        Arc::new(StagePlan { timeout, ..StagePlan::clone(&self.plan) })
    }

    fn line(&self, wall: Duration, sent: Option<Timestamp>) -> Line<'_> {
        let age = sent.and_then(|sent| Duration::try_from(Timestamp::now().duration_since(sent)).ok());
        Line { plan: &self.plan, place: &self.place, wall, age: age.map(|age| age.saturating_sub(wall)) }
    }
}

/// The item in the trace that its message brings along, unless it is in one already.
fn traced(mut item: Item, header: Option<&str>) -> Item {
    if item.trace.is_none() {
        item.trace = header.and_then(Trace::from_xray).map(|trace| trace.w3c());
    }
    item
}
