//! Delete requests: they hide what they name at once, and remove it once they can no longer be cancelled.
//!
//! - `request`: what is asked, and what is kept of it;
//! - `filter`: a request compiled, to test entries with;
//! - `tenant_deletes`: the requests of a tenant, durable, and those in force;
//! - `sweep`: removing what is due, segment by segment;
//! - `calls`: the engine's calls.

mod calls;
mod filter;
mod request;
mod sweep;
mod tenant_deletes;

pub use request::{DeleteQuery, DeleteRequest, DeleteStatus, NewDelete};

pub(crate) use filter::{DeleteFilter, remaining, stream_filters};
pub(crate) use tenant_deletes::TenantDeletes;
