//! Tumbling windows.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Clone)]
pub(super) struct Window {
    start: SystemTime,
    pub(super) end: SystemTime,
    pub(super) state: Value,
}

impl Window {
    /// The window of `size` that `time` lies in, with a fresh state.
    pub(super) fn around(time: SystemTime, size: Duration) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let start = since.as_secs() / size.as_secs() * size.as_secs();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(start);
        Self { start, end: start + size, state: json!({}) }
    }

    /// Adds what an event says of its window.
    pub(super) fn describe(&self, event: &mut Value, shard: &str, arn: &str, last: bool) {
        let text = |time: SystemTime| Timestamp::try_from(time).unwrap().to_string();
        event["window"] = json!({ "start": text(self.start), "end": text(self.end) });
        event["state"] = self.state.clone();
        event["shardId"] = shard.into();
        event["eventSourceARN"] = arn.into();
        event["isFinalInvokeForWindow"] = last.into();
        event["isWindowTerminatedEarly"] = false.into();
    }
}
