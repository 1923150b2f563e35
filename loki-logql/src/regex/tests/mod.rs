//! Tests of the dialect as a whole; the modules beside it are tested through it.

mod dialect;
mod errors;
mod filter;
mod literals;
mod model;
