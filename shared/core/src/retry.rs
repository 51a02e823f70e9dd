//! How long to wait before an item is tried again.

use std::time::Duration;

/// The longest delay.
pub const MAX_DELAY: Duration = Duration::from_mins(15);

/// The delay before try `attempt` (1 is the first repeat): doubled each time from one second, at most
/// [`MAX_DELAY`], then drawn from its upper half by `random` in 0..1, so that items that failed together
/// do not come back together.
pub fn delay(attempt: u32, random: f64) -> Duration {
    let whole = Duration::from_secs(1 << attempt.saturating_sub(1).min(20)).min(MAX_DELAY);
    whole.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_ends() {
        assert_eq!(delay(1, 1.0), Duration::from_secs(1));
        assert_eq!(delay(1, 0.0), Duration::from_millis(500));
        assert_eq!(delay(4, 1.0), Duration::from_secs(8));
        assert_eq!(delay(u32::MAX, 1.0), MAX_DELAY);
    }
}
