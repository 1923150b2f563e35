//! Bounded queues on disk, for what has to reach another machine that may be gone for hours. See `FORMAT.md`.

mod part;
mod queue;
mod registry;

pub use queue::{Batch, Record, Spool, Stats};
pub(crate) use registry::Spools;
