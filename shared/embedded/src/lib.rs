//! The one-machine host: directories are buckets, one SQLite file is the queues.
//!
//! It runs whatever functions a plan names and knows none of them. It links no AWS SDK.

mod books;
mod bucket;
mod documents;
mod draft;
mod error;
mod http;
mod intake;
mod key;
mod lock;
mod mill;
mod open;
mod ports;
mod probe;
mod queue;
mod settle;
mod shards;
mod source;
mod state;
mod summary;
mod watch;
mod work;

pub use books::{Books, DeadEntry, StageStatus, Status};
pub use error::HostError;
pub use http::secret_variable;
pub use mill::{Options, run};
pub use probe::{Probe, Step};
pub use shards::append;
pub use summary::{Ended, Endpoint, Event, Ignored, Observer, StageSummary, Summary};

/// The folder of the host's own state, in the pipeline's folder.
pub const STATE_FOLDER: &str = ".tidemill";
