//! The machine's clock.

use std::time::Duration;

use jiff::Timestamp;
use tidemill_core::ports::{Answer, Clock};

/// The machine's time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> Answer<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
