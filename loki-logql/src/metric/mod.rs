//! Metric queries: from entries to series of numbers.
//!
//! Every range aggregation is collected from the source once for all steps ([`range`], [`collect`]): as differences
//! between steps where numbers add up ([`counter`]), as lists of values where they do not ([`quantile`], and [`window`]
//! where their order matters). Then the expression is evaluated step by step ([`tree`]) over vectors of numbered series
//! ([`vector`]): aggregated ([`aggregate`]), joined ([`binary`], [`matching`]), relabelled ([`label_replace`]), set
//! behind one another ([`variants`]).

mod aggregate;
mod binary;
mod collect;
mod counter;
mod label_replace;
mod matching;
mod quantile;
mod range;
mod run;
mod steps;
mod table;
mod tree;
mod variants;
mod vector;
mod window;

pub(crate) use run::evaluate;
pub(crate) use steps::Steps;
pub(crate) use tree::{Tree, Value};
