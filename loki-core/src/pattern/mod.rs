//! Patterns of log lines, mined as lines are pushed: how often each occurs, over the last hours.
//!
//! Lines are clustered by Drain (He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree",
//! ICWS 2017), one tree for each stream and level:
//!
//! - `line`: a line as tokens, and a template as text again;
//! - `tree`: the tree that finds the cluster of a line;
//! - `cluster`: a template and its samples;
//! - `samples`: counts in buckets of ten seconds;
//! - `stream`: the trees of one stream;
//! - `registry`: the streams of all tenants, and the bounds of their memory;
//! - `request`: what is asked, and the answer.

mod cluster;
mod line;
mod registry;
mod request;
mod samples;
mod stream;
mod tree;

pub(crate) use registry::Patterns;
pub use request::{PatternRequest, PatternSeries};

/// What stands for any text in a template.
const WILDCARD: &str = "<_>";
