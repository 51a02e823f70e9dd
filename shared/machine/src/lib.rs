//! The ports of core that are the same wherever a host runs: the clock, threads for the functions' work, and
//! a memory budget.
//!
//! - [`SystemClock`] tells the time.
//! - [`Pool`] has as many threads as processors; what it runs is metered in processor time.
//! - [`Budget`] lets an item begin only when its predicted memory is free.
//! - [`give_large_blocks_back`] has the allocator keep to what the budget counts on.

mod budget;
mod clock;
mod heap;
mod pool;

pub use budget::{Budget, default_budget};
pub use clock::SystemClock;
pub use heap::give_large_blocks_back;
pub use pool::{Pool, processors};
