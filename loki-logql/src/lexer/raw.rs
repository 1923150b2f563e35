//! Shapes that need no context, as `logos` reads them.

use super::number::{self, Minus, Numeric};
use super::scan::LexError;
use super::string;
use crate::Text;
use logos::{Lexer, Logos, Skip};

/// A token before words are told apart.
#[derive(Debug, Clone, PartialEq, Logos)]
#[logos(error = LexError)]
#[logos(skip r"[ \t\r\n]+")]
pub(super) enum Raw {
    /// Not a token: white space.
    #[regex(r"(#|//)[^\n]*", line_comment, allow_greedy = true)]
    #[token("/*", block_comment)]
    Comment,

    #[regex(r"[\p{L}_][\p{L}\p{Nd}_]*")]
    Word,
    #[regex(r"[0-9]|\.[0-9]", number::scan)]
    Numeric(Numeric),
    #[token("-", number::scan_minus)]
    Minus(Minus),
    #[token("\"", string::scan_quoted)]
    #[token("`", string::scan_raw)]
    String(Text),
    #[token("'", string::scan_char)]
    Char,
    #[token("[", number::scan_range)]
    Range(i64),

    #[token(",")]
    Comma,
    #[token(".")]
    Dot,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("]")]
    CloseBracket,
    #[token("|")]
    Pipe,
    #[token("=")]
    Equal,
    #[token("!=")]
    NotEqual,
    #[token("=~")]
    Match,
    #[token("!~")]
    NotMatch,
    #[token("|=")]
    PipeEqual,
    #[token("|~")]
    PipeMatch,
    #[token("|>")]
    PipePattern,
    #[token("!>")]
    NotPattern,
    #[token("==")]
    EqualEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterOrEqual,
    #[token("<")]
    Less,
    #[token("<=")]
    LessOrEqual,
    #[token("+")]
    Add,
    #[token("*")]
    Mul,
    #[token("/")]
    Div,
    #[token("%")]
    Mod,
    #[token("^")]
    Pow,

    #[token("\0", nul)]
    Nul,
    /// A character that starts nothing else is an identifier of its own.
    #[regex(r"[^\x00]", priority = 0)]
    Other,
}

fn line_comment(lexer: &mut Lexer<'_, Raw>) -> Result<Skip, LexError> {
    refuse_nul(lexer.slice())?;
    Ok(Skip)
}

fn block_comment(lexer: &mut Lexer<'_, Raw>) -> Result<Skip, LexError> {
    let rest = lexer.remainder();
    let length = rest.find("*/").map(|i| i + 2);
    lexer.bump(length.unwrap_or(rest.len()));
    refuse_nul(lexer.slice())?;
    match length {
        Some(_) => Ok(Skip),
        None => Err(LexError::new("comment not terminated")),
    }
}

fn nul(lexer: &mut Lexer<'_, Raw>) -> Result<(), LexError> {
    refuse_nul(lexer.slice())
}

/// NUL is an error wherever it stands, also inside literals and comments.
pub(super) fn refuse_nul(text: &str) -> Result<(), LexError> {
    match text.contains('\0') {
        true => Err(LexError::new("invalid character NUL")),
        false => Ok(()),
    }
}
