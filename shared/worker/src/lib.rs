//! The polling host: the same stages as on Lambda, in a process that stays.
//!
//! It is for items beyond Lambda's limits (15 minutes, 10 GB) and for steady load. It takes from the same queues
//! and streams, commits by the same protocol, and keeps the same promises; Lambda and workers may even take from
//! one queue at once.
//!
//! - In: a stage's [`Station`] with its queue and streams.
//! - Out: the stage's effects; one line of JSON an item on stdout.
//! - A message under way is kept from others by a heart-beat, so no timeout of the queue bounds an item.
//! - On a stop, what is under way is asked to end and goes back to its queue; a killed worker's messages come
//!   back when their visibility ends.
//! - Sources: the Amazon SQS Developer Guide, "Amazon SQS visibility timeout"; the Kinesis Data Streams
//!   Developer Guide, "Develop consumers with the AWS SDK".

#![forbid(unsafe_code)]

mod heartbeat;
mod queue;
mod stream;

use std::sync::Arc;
use std::time::Duration;

pub use heartbeat::HIDDEN;
use tidemill_aws::{Clients, Station};
use tidemill_core::Stop;
use tokio::task::JoinSet;

/// What one stage's worker reads.
pub struct Post {
    /// The stage.
    pub station: Arc<Station>,
    /// The URL of its queue.
    pub queue: String,
    /// Its streams: name in the manifest and physical name.
    pub streams: Vec<(String, String)>,
    /// How long a message of the queue stays hidden from others after a sign of life, in whole seconds; after a
    /// worker's death it is that long until the next one takes it. [`HIDDEN`] suits all but tests.
    pub hidden: Duration,
}

/// How long what is under way may take to end after a stop.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the stages until `stop` is set; with `idle_polls`, until each queue and stream has answered empty so often
/// in a row.
pub async fn run(posts: Vec<Post>, clients: &Clients, stop: &Stop, idle_polls: Option<u32>) {
    let mut tasks = JoinSet::new();
    for post in posts {
        for (stream, physical) in &post.streams {
            tasks.spawn(stream::run(
                Arc::clone(&post.station),
                clients.kinesis(),
                stream.clone(),
                physical.clone(),
                stop.clone(),
                idle_polls,
            ));
        }
        tasks.spawn(queue::run(post, clients.sqs.clone(), stop.clone(), idle_polls));
    }
    while !tasks.is_empty() {
        if stop.is_set() {
            let _ = tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await;
            tasks.abort_all();
            return;
        }
        let _ = tokio::time::timeout(Duration::from_millis(200), tasks.join_next()).await;
    }
}
