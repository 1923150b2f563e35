//! The whole text of a query as tokens.

use super::keyword::keyword;
use super::number::{Minus, Numeric};
use super::raw::Raw;
use super::token::Token;
use crate::parse::MAX_NESTING;
use logos::Logos;
use std::borrow::Cow;

/// A token and the bytes it covers.
pub(crate) type Spanned<'q> = (usize, Token<'q>, usize);

/// What is wrong with the text at the token that stands there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LexError {
    /// The message that clients read.
    pub(crate) message: Cow<'static, str>,
    /// Whether Loki completes the token by looking ahead; see [`Token::is_looked_ahead`].
    pub(crate) is_looked_ahead: bool,
}

impl LexError {
    pub(super) const fn new(message: &'static str) -> LexError {
        LexError {
            message: Cow::Borrowed(message),
            is_looked_ahead: false,
        }
    }

    pub(super) fn owned(message: String) -> LexError {
        LexError {
            message: Cow::Owned(message),
            is_looked_ahead: false,
        }
    }

    pub(super) fn looked_ahead(message: impl Into<Cow<'static, str>>) -> LexError {
        LexError {
            message: message.into(),
            is_looked_ahead: true,
        }
    }
}

impl Default for LexError {
    /// What `logos` reports for text that no rule takes; [`Raw::Other`] takes every character.
    fn default() -> LexError {
        LexError::new("invalid UTF-8 encoding")
    }
}

/// The tokens of a text.
#[derive(Debug)]
pub(crate) struct Lexed<'q> {
    /// Those before the end or the first error.
    pub(crate) tokens: Vec<Spanned<'q>>,
    /// The first error and the bytes it is about.
    pub(crate) error: Option<(usize, LexError, usize)>,
}

/// Reads all of `query`, up to its first error.
pub(crate) fn scan(query: &str) -> Lexed<'_> {
    // A byte order mark is no token, though it counts as a column.
    let skipped = if query.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut lexer = Raw::lexer(&query[skipped..]);
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    while let Some(raw) = lexer.next() {
        let span = lexer.span();
        let (start, end) = (span.start + skipped, span.end + skipped);
        let error = match raw {
            Ok(raw) => {
                let token = token(raw, lexer.slice(), lexer.remainder());
                match token {
                    Token::OpenParen => depth += 1,
                    Token::CloseParen => depth = depth.saturating_sub(1),
                    _ => {}
                }
                tokens.push((start, token, end));
                if depth <= MAX_NESTING {
                    continue;
                }
                tokens.pop();
                LexError::owned(format!("parentheses nest more than {MAX_NESTING} levels deep"))
            }
            Err(error) => error,
        };
        return Lexed {
            tokens,
            error: Some((start, error, end)),
        };
    }
    Lexed { tokens, error: None }
}

/// The token that `raw` is, written as `text` and followed by `rest`.
fn token<'q>(raw: Raw, text: &'q str, rest: &str) -> Token<'q> {
    match raw {
        Raw::Word => keyword(text, rest).unwrap_or(Token::Identifier(text)),
        Raw::Numeric(Numeric::Number) => Token::Number(text),
        Raw::Numeric(Numeric::Duration(duration)) => Token::Duration(duration),
        Raw::Numeric(Numeric::Bytes(size)) => Token::Bytes(size),
        Raw::Minus(Minus::Sign) => Token::Sub,
        Raw::Minus(Minus::Duration(duration)) => Token::Duration(duration),
        Raw::Minus(Minus::Strict) => Token::Strict,
        Raw::Minus(Minus::KeepEmpty) => Token::KeepEmpty,
        Raw::String(value) => Token::String(value),
        Raw::Range(range) => Token::Range(range),
        Raw::Comma => Token::Comma,
        Raw::Dot => Token::Dot,
        Raw::OpenBrace => Token::OpenBrace,
        Raw::CloseBrace => Token::CloseBrace,
        Raw::OpenParen => Token::OpenParen,
        Raw::CloseParen => Token::CloseParen,
        Raw::CloseBracket => Token::CloseBracket,
        Raw::Pipe => Token::Pipe,
        Raw::Equal => Token::Equal,
        Raw::NotEqual => Token::NotEqual,
        Raw::Match => Token::Match,
        Raw::NotMatch => Token::NotMatch,
        Raw::PipeEqual => Token::PipeEqual,
        Raw::PipeMatch => Token::PipeMatch,
        Raw::PipePattern => Token::PipePattern,
        Raw::NotPattern => Token::NotPattern,
        Raw::EqualEqual => Token::EqualEqual,
        Raw::Greater => Token::Greater,
        Raw::GreaterOrEqual => Token::GreaterOrEqual,
        Raw::Less => Token::Less,
        Raw::LessOrEqual => Token::LessOrEqual,
        Raw::Add => Token::Add,
        Raw::Mul => Token::Mul,
        Raw::Div => Token::Div,
        Raw::Mod => Token::Mod,
        Raw::Pow => Token::Pow,
        Raw::Char | Raw::Other | Raw::Comment | Raw::Nul => Token::Identifier(text),
    }
}
