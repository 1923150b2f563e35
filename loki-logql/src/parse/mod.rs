//! Tokens to the syntax tree.
//!
//! The grammar is `grammar.lalrpop`; its actions call [`build`], [`chain`] and [`filter`]. [`query`] drives it and turns
//! what can go wrong into the errors that Loki answers, [`expecting`] finds what such an error says was expected.

pub(crate) mod build;
pub(crate) mod chain;
mod expecting;
mod failure;
pub(crate) mod filter;
mod query;

pub(crate) use failure::Failure;
pub use query::{parse, parse_selector};

/// Parentheses open at one place of a query, and operators and aggregations inside each other, at most.
///
/// Every walk over a tree (drop, print, check, evaluation) may recurse, because no tree is deeper than this.
pub(crate) const MAX_NESTING: usize = 250;

/// Label filters joined in one stage, at most: `a or b or c` is a tree as deep as it is long.
pub(crate) const MAX_FILTER_NESTING: usize = 1000;
