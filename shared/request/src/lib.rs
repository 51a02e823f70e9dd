//! A request becomes an item: what an HTTP source accepts, and what it answers.
//!
//! - In: a request as a host has read it: method, headers, body.
//! - Out: an [`Item`](tidemill_core::Item) that carries the body, or a [`Refusal`]; both become an [`Answer`].
//! - Never: reads a socket, a clock or a secret store, and queues nothing. Every host that takes requests asks this
//!   crate, so all of them take the same.
//! - Limits: a body of [`MAX_BODY`] bytes and [`MAX_DEPTH`] levels; both are checked before anything grows with them.
//! - Sources: RFC 9110 (HTTP semantics), RFC 8259 (JSON), GitHub's "Validating webhook deliveries" for the signature,
//!   draft-ietf-httpapi-idempotency-key-header for the key.
//!
//! Whoever calls is not trusted before its signature is checked: until then no answer says more than that it is not
//! known, or that a body is too large to be read.

#![forbid(unsafe_code)]

mod admit;
mod answer;
mod json;
mod signature;
mod upload;

pub use admit::{Endpoint, MAX_KEY, Request, admit, admit_upload};
pub use answer::{Answer, Refusal, Upload};
pub use json::MAX_DEPTH;
pub use upload::wants_upload;

/// The largest body in bytes: an item with it passes through a queue by reference, and what is larger is no small value.
pub const MAX_BODY: usize = 4 << 20;
