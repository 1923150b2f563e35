//! Lines as templates and typed columns. `FORMAT.md` says how it lies.
//!
//! A line is cut into literals and variables: numbers, ids, words mixed of letters and digits. Literals are kept once; which
//! one follows which is kept in a column for each literal that more than one follows, and the variables behind the same words
//! are a column, in binary where that gives back the exact text.

mod automaton;
mod blobs;
mod column;
mod decode;
mod digits;
mod encode;
mod numbers;
mod plan;
mod search;
mod token;
mod value;

#[cfg(test)]
mod hostile;

pub(crate) use automaton::Shape;
pub(crate) use decode::{Chosen, Decoder};
pub(crate) use encode::Encoder;
