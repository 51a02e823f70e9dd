//! Keeps a message from other hosts while it is under way.

use std::time::Duration;

use aws_sdk_sqs::Client;

/// How long a message stays hidden after a sign of life, unless somebody asks for another time.
pub const HIDDEN: Duration = Duration::from_mins(2);

/// How many signs of life there are in that time: one that is not heard is made good by the next.
const BEATS: u32 = 4;

/// Hides the message for as long as it is awaited, `hidden` at a time. It never comes back by itself.
pub(crate) async fn keep(client: &Client, queue: &str, receipt: &str, hidden: Duration) {
    loop {
        tokio::time::sleep(hidden / BEATS).await;
        let _ = hide(client, queue, receipt, hidden).await;
    }
}

/// Hides the message for `time` from now; for no time, others see it at once.
pub(crate) async fn hide(client: &Client, queue: &str, receipt: &str, time: Duration) -> bool {
    let call = client.change_message_visibility().queue_url(queue).receipt_handle(receipt);
    call.visibility_timeout(time.as_secs() as i32).send().await.is_ok()
}
