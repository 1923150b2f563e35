//! Regular expressions in Go's dialect: parsed here, run by regex-automata.
//!
//! LogQL's expressions are those of Go's `regexp` with Perl's flags. They differ from the `regex` crate's in many small
//! ways: `\d`, `\w`, `\s` and `\b` are ASCII, `{` may be literal, a class holds no class, a byte that is not UTF-8 is a
//! character, errors have other texts. So the text is parsed here and lowered to the tree of regex-syntax; nothing is
//! translated as text.
//!
//! - `syntax`: the tree and the errors;
//! - `parse`, `escape`, `class`, `factor`: text to tree, with the normalisations of Go's parser, which [`Test`] depends on;
//! - `lower`, `compile`: tree to automaton;
//! - `literal`: substrings that a match must hold;
//! - `needle`: substrings that are all there is to a match;
//! - `test`: what an expression means as a filter;
//! - `weight`: what it will cost to compile.

mod class;
mod compile;
mod escape;
mod factor;
mod literal;
mod lower;
mod needle;
mod parse;
mod syntax;
mod test;
mod weight;

pub use compile::matcher_regex;
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use compile::{Regex, Shape, check, group_names, text};
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use test::Test;
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use weight::weight;

#[cfg(test)]
mod tests;
