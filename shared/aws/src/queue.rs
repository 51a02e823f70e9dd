//! SQS as core's queues.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use tidemill_core::deployment::{Listener, Place};
use tidemill_core::ports::{Answer, Outbox, Port, StoreError};
use tidemill_core::{Item, retry};
use tidemill_events::Trace;
use tidemill_pattern::Filter;

use crate::bucket::Buckets;
use crate::claim;
use crate::fault::store_error;

/// How many messages a batch holds (SQS quotas).
const BATCH: usize = 10;

/// How often what a batch left over is sent again.
const ROUNDS: u32 = 6;

/// A stage that listens.
#[derive(Clone, Debug)]
struct Route {
    queue: String,
    filter: Filter,
}

impl Route {
    fn new(listener: &Listener, place: &Place) -> Result<Self, String> {
        let queue = place.queues.get(&listener.stage);
        let queue =
            queue.ok_or_else(|| format!("nothing says where the queue of `{}` is", listener.stage))?;
        Ok(Self { queue: queue.clone(), filter: Filter::of(listener.when.as_ref())? })
    }

    fn lets_through(&self, item: &Item) -> bool {
        self.filter.lets_through(item.is_removal(), || serde_json::to_value(item).ok())
    }
}

/// The queues that a stage sends to.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Client,
    buckets: Buckets,
    own: Option<String>,
    items: Vec<Route>,
    outcomes: Vec<Route>,
}

impl Queues {
    /// The queues that `place` names: `own` is the stage that sends, `items` and `outcomes` are who takes what.
    pub fn new(
        client: Client,
        buckets: Buckets,
        place: &Place,
        own: Option<&str>,
        items: &[Listener],
        outcomes: &[Listener],
    ) -> Result<Self, String> {
        let routes = |listeners: &[Listener]| {
            listeners.iter().map(|listener| Route::new(listener, place)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            client,
            buckets,
            own: own.and_then(|stage| place.queues.get(stage)).cloned(),
            items: routes(items)?,
            outcomes: routes(outcomes)?,
        })
    }

    /// Sends an item to the stage's own queue once more, after the delay that its attempt asks for.
    pub async fn again(&self, item: &Item) -> Result<(), StoreError> {
        let spread = item.id.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let spread = f64::from(spread.unwrap_or_default()) / f64::from(u32::MAX);
        self.push(self.own()?, item, retry::delay(item.attempt, spread)).await
    }

    fn own(&self) -> Result<&str, StoreError> {
        let own = self.own.as_deref();
        own.ok_or_else(|| StoreError::Refused("the stage has no queue of its own".to_owned()))
    }

    async fn push(&self, queue: &str, item: &Item, delay: Duration) -> Result<(), StoreError> {
        let text = claim::text_of(&self.buckets, item).await?;
        let send = self.client.send_message().queue_url(queue).message_body(text);
        let send = match item.trace.as_deref().and_then(Trace::from_w3c) {
            Some(trace) => {
                let value =
                    MessageSystemAttributeValue::builder().data_type("String").string_value(trace.xray());
                let value = value.build().map_err(|error| StoreError::Refused(error.to_string()))?;
                send.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value)
            }
            None => send,
        };
        let send = match u32::try_from(delay.as_secs()) {
            Ok(0) | Err(_) => send,
            Ok(seconds) => send.delay_seconds(seconds.min(900) as i32),
        };
        send.send().await.map(|_| ()).map_err(|error| store_error("sqs:SendMessage", queue, &error))
    }
}

impl Outbox for Queues {
    fn send<'a>(&'a self, port: Port, item: &'a Item) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let routes = match port {
                Port::Items => &self.items,
                Port::Outcomes => &self.outcomes,
                Port::Own => return self.push(self.own()?, item, Duration::ZERO).await,
            };
            for route in routes.iter().filter(|route| route.lets_through(item)) {
                self.push(&route.queue, item, Duration::ZERO).await?;
            }
            Ok(())
        })
    }
}

/// Sends many messages to one queue, ten in a call; those that SQS could not take are sent again. Answers how
/// many were taken, and fails if some never were.
pub async fn send_all(client: &Client, queue: &str, bodies: &[String]) -> Result<usize, StoreError> {
    let mut sent = 0;
    for bodies in bodies.chunks(BATCH) {
        let mut left: Vec<(usize, &String)> = bodies.iter().enumerate().collect();
        for round in 0.. {
            let entries = left.iter().map(|(at, body)| {
                SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(*body).build()
            });
            let entries: Result<Vec<_>, _> = entries.collect();
            let entries = entries.map_err(|error| StoreError::Refused(error.to_string()))?;
            let call = client.send_message_batch().queue_url(queue).set_entries(Some(entries));
            let answer = call.send().await.map_err(|error| store_error("sqs:SendMessage", queue, &error))?;
            let failed: Vec<usize> =
                answer.failed().iter().filter_map(|entry| entry.id().parse().ok()).collect();
            sent += left.len() - failed.len();
            left.retain(|(at, _)| failed.contains(at));
            if left.is_empty() {
                break;
            }
            let why = answer.failed().first().and_then(|entry| entry.message()).unwrap_or("no reason given");
            if round >= ROUNDS
                || answer.failed().iter().any(aws_sdk_sqs::types::BatchResultErrorEntry::sender_fault)
            {
                return Err(StoreError::Unavailable(format!("sqs:SendMessage on {queue}: {why}")));
            }
            tokio::time::sleep(Duration::from_millis(100 << round)).await;
        }
    }
    Ok(sent)
}
