//! An environment of a pipeline on AWS, day by day.
//!
//! - [`Environment`] finds what a plan and a name stand for: account, region, queues, buckets.
//! - [`status`]: depths, ages, what is in flight, errors, concurrency.
//! - [`logs`]: lines of all stages in one order, or one item's whole way.
//! - [`dead`]: what was given up, and the way back.
//! - [`reconcile`]: result documents, tombstones and dead letters against what buckets hold.
//! - [`backfill`]: items for objects that were there before.
//! - [`tune`]: another memory or timeout, now; and what each memory size would cost.
//! - [`trial`]: a pipeline's sample through an environment.
//! - [`environments`]: which there are in the account.
//!
//! What is physical is computed by `tidemill-deploy`'s names, so nothing has to be kept to find it again.

#![forbid(unsafe_code)]

pub mod backfill;
pub mod dead;
mod environment;
pub mod environments;
pub mod logs;
pub mod reconcile;
pub mod status;
pub mod trial;
pub mod tune;

pub use environment::Environment;
