//! A deployment's life on AWS: made, changed, removed. Everything before this module is pure.

mod account;
mod change;
mod deploy;
mod destroy;
mod empty;
mod follow;
mod notifications;
mod observer;
mod revision;
mod stack;
mod upload;

pub use account::{Account, problem};
pub use change::Change;
pub use deploy::{Deployed, Deployment};
pub use destroy::{Left, Removal};
pub use observer::{Observer, State, Step, Work};
