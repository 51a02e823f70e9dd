//! Keeps a message from other hosts while it is under way.

use std::time::Duration;

use aws_sdk_sqs::Client;

/// How long a message stays hidden after a sign of life.
pub(crate) const HIDDEN: Duration = Duration::from_mins(2);

/// How often there is one.
const BEAT: Duration = Duration::from_secs(30);

/// Hides the message for as long as it is awaited. It never comes back by itself.
pub(crate) async fn keep(client: &Client, queue: &str, receipt: &str) {
    loop {
        tokio::time::sleep(BEAT).await;
        // One that is not heard is made good by the next: several fit into the time that it is hidden.
        let _ = hide(client, queue, receipt, HIDDEN).await;
    }
}

/// Hides the message for `time` from now; for no time, others see it at once.
pub(crate) async fn hide(client: &Client, queue: &str, receipt: &str, time: Duration) -> bool {
    let call = client.change_message_visibility().queue_url(queue).receipt_handle(receipt);
    call.visibility_timeout(time.as_secs() as i32).send().await.is_ok()
}
