//! Places that were offered for uploads. Whoever knows the name of one may write there, once and for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a place is kept.
pub(super) const GOOD_FOR: Duration = Duration::from_mins(15);

/// How many places are kept at once.
const MOST: usize = 10_000;

/// The places that are free, by source and name.
#[derive(Default)]
pub(super) struct Offers(Mutex<HashMap<(String, String), Instant>>);

impl Offers {
    /// Keeps a place, if there are not too many.
    pub(super) fn keep(&self, source: &str, name: &str, now: Instant) -> bool {
        let mut places = self.lock();
        if places.len() >= MOST {
            places.retain(|_, until| *until > now);
        }
        if places.len() >= MOST {
            return false;
        }
        places.insert((source.to_owned(), name.to_owned()), now + GOOD_FOR);
        true
    }

    /// Takes a place: no one else gets it then.
    pub(super) fn take(&self, source: &str, name: &str, now: Instant) -> bool {
        self.lock().remove(&(source.to_owned(), name.to_owned())).is_some_and(|until| until > now)
    }

    /// Gives a place back whose upload came to nothing.
    pub(super) fn give_back(&self, source: &str, name: &str, now: Instant) {
        self.lock().insert((source.to_owned(), name.to_owned()), now + GOOD_FOR);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_good_once_and_for_a_while() {
        let (offers, now) = (Offers::default(), Instant::now());
        assert!(offers.keep("a", "1", now) && offers.keep("a", "2", now));
        assert!(!offers.take("b", "1", now) && !offers.take("a", "3", now));
        assert!(offers.take("a", "1", now) && !offers.take("a", "1", now));
        offers.give_back("a", "1", now);
        assert!(offers.take("a", "1", now));
        assert!(!offers.take("a", "2", now + GOOD_FOR));
    }

    #[test]
    fn their_number_is_bounded() {
        let (offers, now) = (Offers::default(), Instant::now());
        assert!((0..MOST).all(|number| offers.keep("a", &number.to_string(), now)));
        assert!(!offers.keep("a", "more", now));
        assert!(offers.keep("a", "more", now + GOOD_FOR), "old ones make room");
    }
}
