//! Threads for work that keeps a processor busy.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tidemill_core::ports::{Cpu, Reply};

type Work = Box<dyn FnOnce() + Send>;

/// As many threads as processors, for the functions' work.
#[derive(Clone)]
pub struct Pool(Arc<Mutex<mpsc::Sender<Work>>>);

impl Pool {
    /// Starts `threads` threads, which end when the pool and all its meters are dropped.
    pub fn start(threads: usize) -> Self {
        let (sender, receiver) = mpsc::channel::<Work>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            std::thread::spawn(move || {
                loop {
                    let work = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match work {
                        Ok(work) => work(),
                        Err(_) => return,
                    }
                }
            });
        }
        Self(Arc::new(Mutex::new(sender)))
    }

    /// The pool as a port that adds the processor time of its work to `used`.
    pub fn metered(&self, used: Arc<AtomicU64>) -> Arc<dyn Cpu> {
        Arc::new(Metered { pool: self.clone(), used })
    }
}

struct Metered {
    pool: Pool,
    used: Arc<AtomicU64>,
}

impl Cpu for Metered {
    fn spawn(&self, work: Box<dyn FnOnce() -> Reply + Send>) {
        let used = Arc::clone(&self.used);
        let metered: Work = Box::new(move || {
            let before = thread_time();
            let reply = work();
            let spent = thread_time().saturating_sub(before);
            used.fetch_add(spent.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
            reply();
        });
        // The threads end only when this sender does.
        let _ = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).send(metered);
    }
}

/// The processor time that this thread has used.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// How many processors there are to use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
