//! Text to tokens.
//!
//! [`raw`] holds the shapes that need no context; [`number`] and [`string`] the literals, which follow the scanner of
//! Go's library in its oddities; [`keyword`] the words, some of which are keywords only before a call. [`scan`] puts
//! them together.

mod keyword;
mod number;
mod raw;
mod scan;
mod string;
mod token;

pub(crate) use scan::{LexError, Spanned, scan};
pub(crate) use token::Token;
