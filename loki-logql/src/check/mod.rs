//! What the grammar alone cannot refuse.
//!
//! [`stage`] holds what constructors check while a query is read, [`rules`] the walk over a finished tree, [`selector`]
//! the rule that every selector must ask for something.

mod rules;
mod selector;
mod stage;

pub(crate) use rules::query;
pub(crate) use stage::{pattern_stage, regex, regexp_stage};
