//! The pipeline's HTTP sources on this machine: a server on the loopback interface, while a run watches.
//!
//! - In: `POST /SOURCE` with a JSON body; `POST /SOURCE?upload` and then `PUT /SOURCE/uploads/NAME` for what is larger.
//! - Out: 202 and the item's id once the item is safely in the queue of every stage that takes it.
//! - Never: listens on another interface, or takes a request that a page in a browser sent.
//! - Limits: connections, the size of heads and bodies, the time that each may take, and the items that wait.
//!
//! What is accepted, and what is said otherwise, is `tidemill-request`'s business, as on AWS. A signature by AWS
//! (`auth: iam`) is not asked for: whoever reaches the loopback interface is on this machine already.

mod body;
mod endpoint;
mod offers;
mod serve;
mod server;
mod take;

pub use endpoint::secret_variable;
pub(crate) use endpoint::uploads_to;
pub(crate) use server::Server;
