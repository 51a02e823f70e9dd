//! Memory, given out before it is used.

use std::sync::Arc;

use tidemill_core::Cost;
use tidemill_core::ports::{Admission, Answer};
use tokio::sync::Semaphore;

/// A memory budget, given out first come, first served.
pub struct Budget {
    /// What the whole process may use.
    whole: u64,
    /// What functions may use of it.
    bytes: u64,
    units: Arc<Semaphore>,
}

/// What the process itself takes at most: the state file's cache, buffers, and what an allocator keeps.
const OWN_BYTES: u64 = 32 << 20;

/// The grain of the budget: a semaphore counts in 32 bits.
const UNIT: u64 = 64 * 1024;

impl Budget {
    /// A budget for a process that may use `whole` bytes; what the process itself takes is kept back.
    pub fn new(whole: u64) -> Self {
        let bytes = whole - OWN_BYTES.min(whole / 4);
        let units = (bytes / UNIT).clamp(1, u64::from(u32::MAX) >> 4);
        Self { whole, bytes, units: Arc::new(Semaphore::new(units as usize)) }
    }
}

impl Admission for Budget {
    fn admit(&self, cost: Cost) -> Answer<'_, Result<Box<dyn Send + Sync>, String>> {
        Box::pin(async move {
            if cost.memory > self.bytes {
                return Err(format!(
                    "it needs about {} MB of memory, and of `--memory {}MB` there are {} MB for one item",
                    cost.memory.div_ceil(1_000_000),
                    self.whole / 1_000_000,
                    self.bytes / 1_000_000
                ));
            }
            let units = u32::try_from(cost.memory.div_ceil(UNIT)).unwrap_or(u32::MAX);
            let all = u32::try_from(self.bytes / UNIT).unwrap_or(u32::MAX).max(1);
            match Arc::clone(&self.units).acquire_many_owned(units.min(all)).await {
                Ok(permit) => Ok(Box::new(permit) as Box<dyn Send + Sync>),
                Err(_) => Err("the host is closing".to_owned()),
            }
        })
    }
}

/// Half of the machine's memory, or of what the container may use.
pub fn default_budget() -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(info.mem_unit.max(1).into());
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse::<u64>().ok());
    container.map_or(machine, |limit| limit.min(machine)) / 2
}
