//! Live tails: entries are handed to those who asked for them as they are pushed.
//!
//! - `registry`: the open tails by tenant, which a push hands its entries to;
//! - `subscription`: what one tail selects, and how the pushing side reaches the reading side;
//! - `buffer`: the bounded buffer between the two;
//! - `session`: the reading side, from the entries of the past to those of the present.

mod buffer;
mod registry;
mod request;
mod session;
mod subscription;

pub(crate) use registry::Tails;
pub use request::TailRequest;
pub use session::{DroppedEntry, Tail, TailEntry, TailFrame};
