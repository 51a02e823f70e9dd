//! Ctrl-C: the first one ends the work cleanly, the second one at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tidemill_core::Stop;

use crate::failure::INTERRUPTED;

static CAUGHT: AtomicBool = AtomicBool::new(false);

/// Sets `stop` at the first Ctrl-C (or SIGTERM, SIGHUP), after `first` has said so; ends the process at the
/// second, after `second`. What is not done then is done by the next run.
pub(crate) fn catch(stop: Stop, first: impl Fn() + Send + 'static, second: impl Fn() + Send + 'static) {
    // If it cannot be caught, Ctrl-C ends the process at once, which loses nothing either.
    let _ = ctrlc::set_handler(move || {
        if CAUGHT.swap(true, Ordering::SeqCst) {
            second();
            std::process::exit(i32::from(INTERRUPTED));
        }
        stop.set();
        first();
    });
}
