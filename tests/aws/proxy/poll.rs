//! Polls of a queue, and what was handed out by them.
//!
//! A worker that dies leaves messages hidden until their visibility ends, and polls that may still take some. The
//! tests do not wait for that: whatever was handed out is made visible again when they say so.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::Answer;

/// How long a poll waits at most, whatever it asks for.
const WAIT: Duration = Duration::from_secs(1);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(25);

/// Answers polls in the name of SQS.
pub struct Polls {
    client: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Raised with each giving back: a poll from before hands out nothing any more.
    era: usize,
    handed_out: Vec<(String, String)>,
}

impl Polls {
    pub fn new(client: &Client) -> Arc<Self> {
        Arc::new(Self { client: client.clone(), state: Mutex::default() })
    }

    /// Makes visible what was handed out and is not acknowledged.
    pub async fn give_back(&self) {
        let handed_out = {
            let mut state = self.state.lock().unwrap();
            state.era += 1;
            std::mem::take(&mut state.handed_out)
        };
        for (queue, receipt) in handed_out {
            self.show(&queue, &receipt).await;
        }
    }

    async fn show(&self, queue: &str, receipt: &str) {
        let call = self.client.change_message_visibility().queue_url(queue).receipt_handle(receipt);
        // What is acknowledged is not there any more.
        let _ = call.visibility_timeout(0).send().await;
    }

    /// The answer to a poll, and whether it brings something; none if that is nobody's any more.
    pub(super) async fn answer(self: &Arc<Self>, body: &Bytes) -> Option<(Answer, bool)> {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let (polls, era) = (Arc::clone(self), self.state.lock().unwrap().era);
        let (reply, replied) = oneshot::channel();
        // A look that was begun comes to its end where the one who asks is dead: what it takes is not lost.
        tokio::spawn(async move { polls.poll(&asked, era, reply).await });
        let messages = replied.await.ok()?;
        let some = !messages.is_empty();
        let body = Full::new(Bytes::from(json!({ "Messages": messages }).to_string()));
        let answer = Response::builder().header("content-type", "application/x-amz-json-1.0");
        Some((answer.body(body.map_err(|never| match never {}).boxed()).unwrap(), some))
    }

    async fn poll(&self, asked: &Value, era: usize, reply: oneshot::Sender<Vec<Value>>) {
        let number = |name: &str| asked[name].as_i64().unwrap() as i32;
        let queue = asked["QueueUrl"].as_str().unwrap();
        let wait = WAIT.min(Duration::from_secs(number("WaitTimeSeconds") as u64));
        let begun = Instant::now();
        while !reply.is_closed() {
            let call = self
                .client
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(number("MaxNumberOfMessages"))
                .visibility_timeout(number("VisibilityTimeout"))
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .wait_time_seconds(0);
            let messages = call.send().await.unwrap().messages.unwrap_or_default();
            let receipts = messages.iter().map(|message| message.receipt_handle().unwrap().to_owned());
            let receipts: Vec<(String, String)> =
                receipts.map(|receipt| (queue.to_owned(), receipt)).collect();
            let is_late = {
                let mut state = self.state.lock().unwrap();
                let is_late = state.era != era || reply.is_closed();
                if !is_late {
                    state.handed_out.extend(receipts.iter().cloned());
                }
                is_late
            };
            if is_late {
                for (queue, receipt) in receipts {
                    self.show(&queue, &receipt).await;
                }
                return;
            }
            if !messages.is_empty() || begun.elapsed() >= wait {
                let _ = reply.send(messages.iter().map(message).collect());
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A message as SQS writes it.
fn message(message: &aws_sdk_sqs::types::Message) -> Value {
    let attributes = message.attributes().into_iter().flatten();
    let attributes: Map<String, Value> =
        attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone().into())).collect();
    json!({
        "MessageId": message.message_id(),
        "ReceiptHandle": message.receipt_handle(),
        "MD5OfBody": message.md5_of_body(),
        "Body": message.body(),
        "Attributes": attributes,
    })
}
