//! Fewer, larger, younger segments: merging, and dropping what is too old.

mod merge;
mod plan;
mod retention;
mod settle;

pub(crate) use merge::{Removed, Terms, rewrite};
pub(crate) use plan::{Choice, Goals, choose, oldest_beyond};
pub(crate) use retention::{Retention, RetentionTurn};
pub(crate) use settle::SettleTurn;
