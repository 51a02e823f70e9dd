//! The event source mapping of a queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Map, Value, json};

use super::function::{Function, Outcome};
use super::partial;
use super::steps::Steps;

/// How many messages one call of SQS gives at most.
const CALL: usize = 10;

/// How long [`SqsMapping::settle`] waits for a queue at most.
const PATIENCE: Duration = Duration::from_mins(2);

pub struct SqsMapping {
    pub client: Client,
    pub queue: String,
    pub function: Arc<Function>,
    /// `BatchSize`.
    pub batch: usize,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// Whether `FunctionResponseTypes` holds `ReportBatchItemFailures`.
    pub report: bool,
    /// Delivers each batch twice: queues do so now and then.
    pub double: bool,
    /// Holds each batch back for as long.
    pub delay: Duration,
    /// Where the host may die on its way through an acknowledgement.
    pub steps: Option<Arc<Steps>>,
}

impl SqsMapping {
    /// A mapping as Tidemill asks for it.
    pub fn new(client: &Client, queue: &str, function: &Arc<Function>) -> Self {
        Self {
            client: client.clone(),
            queue: queue.to_owned(),
            function: Arc::clone(function),
            batch: CALL,
            window: Duration::ZERO,
            report: true,
            double: false,
            delay: Duration::ZERO,
            steps: None,
        }
    }

    /// Delivers one batch. Answers how many messages it had, and how many of them were deleted.
    pub async fn turn(&self) -> (usize, usize) {
        let batch = self.gather().await;
        if batch.is_empty() {
            return (0, 0);
        }
        tokio::time::sleep(self.delay).await;
        let event = event(&batch, self.function.name());
        if self.double {
            let _ = self.function.invoke(&event).await;
        }
        let outcome = self.function.invoke(&event).await;
        let dies = match &self.steps {
            Some(steps) => steps.at(|| format!("before acknowledge of {}", self.function.name())).await,
            None => false,
        };
        let failed = if dies { ids(&batch) } else { self.failed(&outcome, &batch) };
        let (back, gone): (Vec<&Message>, Vec<&Message>) = batch
            .iter()
            .partition(|message| failed.iter().any(|id| Some(id.as_str()) == message.message_id()));
        for message in &gone {
            let receipt = message.receipt_handle().unwrap();
            // Of a message that was received again meanwhile the emulator wants the newer receipt.
            let _ = self.client.delete_message().queue_url(&self.queue).receipt_handle(receipt).send().await;
        }
        if let Some(steps) = &self.steps
            && !gone.is_empty()
        {
            steps.at(|| format!("after acknowledge of {}", self.function.name())).await;
        }
        // The visibility timeout is taken to have passed.
        for message in &back {
            let call = self.client.change_message_visibility().queue_url(&self.queue).visibility_timeout(0);
            let _ = call.receipt_handle(message.receipt_handle().unwrap()).send().await;
        }
        (batch.len(), gone.len())
    }

    /// Turns until the queue is empty: nothing visible, nothing in flight, nothing delayed.
    pub async fn settle(&self) {
        let begun = Instant::now();
        while self.depth().await > 0 {
            assert!(begun.elapsed() < PATIENCE, "{} does not come to rest", self.queue);
            if self.turn().await.0 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// How many messages the queue holds in any state.
    pub async fn depth(&self) -> usize {
        self.count(&[
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ])
        .await
    }

    /// How many of them were received and are not decided.
    pub async fn in_flight(&self) -> usize {
        self.count(&[QueueAttributeName::ApproximateNumberOfMessagesNotVisible]).await
    }

    async fn count(&self, names: &[QueueAttributeName]) -> usize {
        let call = self.client.get_queue_attributes().queue_url(&self.queue);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        let attributes = answer.attributes().unwrap();
        names.iter().map(|name| attributes[name].parse::<usize>().unwrap()).sum()
    }

    /// Messages until the batch is full or the window over; without a window, what there is.
    async fn gather(&self) -> Vec<Message> {
        let mut batch = Vec::new();
        let begun = Instant::now();
        loop {
            let room = (self.batch - batch.len()).min(CALL) as i32;
            let call = self.client.receive_message().queue_url(&self.queue).max_number_of_messages(room);
            let call = call.message_system_attribute_names(MessageSystemAttributeName::All);
            let answer = call.wait_time_seconds(0).send().await.unwrap();
            batch.extend(answer.messages.unwrap_or_default());
            if batch.len() >= self.batch || begun.elapsed() >= self.window {
                return batch;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The ids of what stays in the queue.
    fn failed(&self, outcome: &Outcome, batch: &[Message]) -> Vec<String> {
        let all = ids(batch);
        match outcome {
            Outcome::Answer(_) if !self.report => Vec::new(),
            Outcome::Answer(answer) => partial::of_queue(answer, &all),
            Outcome::Error(_) | Outcome::TimedOut | Outcome::Ended(_) => all,
        }
    }
}

fn ids(batch: &[Message]) -> Vec<String> {
    batch.iter().map(|message| message.message_id().unwrap_or_default().to_owned()).collect()
}

fn event(batch: &[Message], name: &str) -> Value {
    let records: Vec<Value> = batch
        .iter()
        .map(|message| {
            let attributes: Map<String, Value> = message
                .attributes()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.as_str().to_owned(), value.clone().into()))
                .collect();
            json!({
                "messageId": message.message_id(),
                "receiptHandle": message.receipt_handle(),
                "body": message.body(),
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": message.md5_of_body(),
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records })
}
