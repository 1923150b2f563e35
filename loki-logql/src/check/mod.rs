//! What the grammar alone cannot refuse.
//!
//! [`stage`] holds what constructors check while a query is read, [`rules`] the walk over a finished tree, [`selector`]
//! the rule that every selector must ask for something, [`weight`] how large regular expressions may be.

mod rules;
mod selector;
mod stage;
mod weight;

pub(crate) use rules::query;
pub(crate) use stage::{pattern_stage, regex, regexp_stage};
