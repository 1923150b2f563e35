//! What stops the parser, besides a token that does not fit.

use crate::Error;
use crate::lexer::LexError;

/// An error of the lexer or of a constructor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// The text at these bytes is no token.
    Lex(usize, LexError, usize),
    /// The tokens fit and mean nothing.
    Meaning(Box<Error>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Meaning(Box::new(error))
    }
}
