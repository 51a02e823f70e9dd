//! A stage's queue, polled.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message as SqsMessage, MessageSystemAttributeName};
use jiff::Timestamp;
use tidemill_aws::{Message, Settled, Station};
use tidemill_core::Stop;
use tidemill_machine::processors;
use tokio::task::JoinSet;

use crate::Post;
use crate::heartbeat::{hide, keep};

/// How long a poll waits for a message: less than a stop may take, since an open poll is waited for.
const WAIT: Duration = Duration::from_secs(8);

/// How long a poll waits where the worker ends once there is nothing more.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// How many messages a call brings at most.
const BATCH: usize = 10;

/// How many items are under way for each processor: while some compute, others wait for the network.
const PLACES: usize = 4;

/// What an item may take: the stage's own timeout ends it sooner.
const LEFT: Duration = Duration::from_hours(24);

/// How long to wait after a poll that failed.
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) async fn run(post: Post, client: Client, stop: Stop, idle_polls: Option<u32>) {
    let Post { station, queue, hidden, .. } = post;
    let queue: Arc<str> = queue.into();
    let mut under_way = JoinSet::new();
    let mut idle = 0;
    let wait = if idle_polls.is_some() { SHORT_WAIT } else { WAIT };
    while !stop.is_set() {
        while under_way.try_join_next().is_some() {}
        let free = (processors() * PLACES).saturating_sub(under_way.len());
        if free == 0 {
            under_way.join_next().await;
            continue;
        }
        let poll = client
            .receive_message()
            .queue_url(&*queue)
            .max_number_of_messages(free.min(BATCH) as i32)
            .visibility_timeout(hidden.as_secs() as i32)
            .wait_time_seconds(wait.as_secs() as i32)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send();
        let messages = match poll.await {
            Ok(answer) => answer.messages.unwrap_or_default(),
            Err(error) => {
                station.complain("the queue cannot be polled", &tidemill_aws::explained(&error));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if stop.is_set() {
            // A poll that were cut off might still be handed messages, which would stay hidden for a while. What
            // it brings goes back: perhaps what this very worker has just given back.
            for message in &messages {
                hide(&client, &queue, message.receipt_handle().unwrap_or_default(), Duration::ZERO).await;
            }
            break;
        }
        if messages.is_empty() && under_way.is_empty() {
            idle += 1;
            if idle_polls.is_some_and(|most| idle >= most) {
                return;
            }
            continue;
        }
        idle = 0;
        for message in messages {
            let (station, client) = (Arc::clone(&station), client.clone());
            let (queue, stop) = (Arc::clone(&queue), stop.clone());
            under_way.spawn(async move { one(&station, &client, &queue, &message, hidden, &stop).await });
        }
    }
    while under_way.join_next().await.is_some() {}
}

/// Takes one message through the stage, then out of the queue or back into it.
async fn one(
    station: &Station,
    client: &Client,
    queue: &str,
    message: &SqsMessage,
    hidden: Duration,
    stop: &Stop,
) {
    let receipt = message.receipt_handle().unwrap_or_default();
    let attribute = |name: &MessageSystemAttributeName| {
        message.attributes().and_then(|attributes| attributes.get(name)).map(String::as_str)
    };
    let sent = attribute(&MessageSystemAttributeName::SentTimestamp).and_then(|text| text.parse().ok());
    let read = Message {
        body: message.body().unwrap_or_default(),
        trace: attribute(&MessageSystemAttributeName::AwsTraceHeader),
        sent: sent.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
    };
    let settled = tokio::select! {
        settled = station.take(&read, LEFT, stop) => settled,
        () = keep(client, queue, receipt, hidden) => return,
    };
    match settled {
        Settled::Gone => {
            let call = client.delete_message().queue_url(queue).receipt_handle(receipt);
            if let Err(error) = call.send().await {
                // It comes again, and a repeat does no harm.
                station.complain("the message cannot be acknowledged", &tidemill_aws::explained(&error));
            }
        }
        Settled::Back(_) => {
            let pause = if stop.is_set() { Duration::ZERO } else { PAUSE };
            hide(client, queue, receipt, pause).await;
        }
    }
}
