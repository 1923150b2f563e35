//! Entry points of the parser.

use super::expecting::expecting;
use super::failure::Failure;
use crate::ast::{Expr, Selector};
use crate::lexer::{LexError, Spanned, Token, scan};
use crate::{Error, ErrorKind, Span, check};
use lalrpop_util::ParseError;

#[allow(
    clippy::all,
    clippy::unwrap_used,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    reason = "generated"
)]
mod grammar {
    lalrpop_util::lalrpop_mod!(generated, "/grammar.rs");
    pub(super) use generated::QueryParser;
}

/// Bytes that a query may have, at most; Loki's number.
const MAX_QUERY_BYTES: usize = 131_072;

/// Parses and checks a query.
///
/// The result is a log query or a metric query that means something, except for what is found only when a query is
/// compiled (templates, expressions of parsers, patterns of line filters).
///
/// # Errors
///
/// [`ErrorKind::Syntax`] where a token does not fit, [`ErrorKind::Invalid`] where a rule is broken that is not tied
/// to one token. Texts are those of Loki.
///
/// # Examples
///
/// ```
/// use loki_logql::{ast::Expr, parse};
///
/// let query = parse(r#"sum by (app) (rate({env="prod"} |= "error" [5m]))"#)?;
/// assert!(matches!(query, Expr::Vector(_)));
///
/// let error = parse("{app=}").unwrap_err();
/// assert_eq!(error.to_string(), "parse error at line 1, col 6: syntax error: unexpected }, expecting STRING");
/// # Ok::<(), loki_logql::Error>(())
/// ```
pub fn parse(query: &str) -> Result<Expr, Error> {
    let expr = parse_unchecked(query)?;
    check::query(&expr)?;
    Ok(expr)
}

/// Parses a stream selector: `{app="x"}`. Unlike the selector of a query it may be empty or match every stream.
///
/// # Errors
///
/// As [`parse`]; [`ErrorKind::Unsupported`], with Loki's text, if the query is more than a selector.
///
/// # Examples
///
/// ```
/// let selector = loki_logql::parse_selector(r#"{app="x", env!~"dev|test"}"#)?;
/// assert_eq!(selector.matchers[1].name, "env");
/// # Ok::<(), loki_logql::Error>(())
/// ```
pub fn parse_selector(text: &str) -> Result<Selector, Error> {
    match parse_unchecked(text)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.selector),
        _ => Err(Error::new(ErrorKind::Unsupported {
            message: "only label matchers are supported".to_owned(),
        })
        .at(Span::new(0, text.len()))),
    }
}

/// Parses a query and checks only what constructors check.
fn parse_unchecked(query: &str) -> Result<Expr, Error> {
    if query.len() >= MAX_QUERY_BYTES {
        let message = format!("input size too long ({} > {MAX_QUERY_BYTES})", query.len());
        return Err(Error::invalid(message));
    }
    let lexed = scan(query);
    let failure = lexed.error.map(|(start, error, end)| Failure::Lex(start, error, end));
    match run(&lexed.tokens, failure) {
        Ok(expr) => Ok(expr),
        Err(stop) => Err(explain(query, &lexed.tokens, stop)),
    }
}

/// Runs the grammar over `tokens`, and over `failure` behind them.
fn run<'q>(tokens: &[Spanned<'q>], failure: Option<Failure>) -> Result<Expr, ParseError<usize, Token<'q>, Failure>> {
    let tokens = tokens.iter().cloned().map(Ok).chain(failure.map(Err));
    grammar::QueryParser::new().parse(tokens)
}

/// The error that Loki answers where the parser stopped.
fn explain<'q>(query: &str, tokens: &[Spanned<'q>], stop: ParseError<usize, Token<'q>, Failure>) -> Error {
    let at = match &stop {
        ParseError::User {
            error: Failure::Meaning(error),
        } => return (**error).clone(),
        ParseError::UnrecognizedToken { token: (start, ..), .. } => tokens.partition_point(|(other, ..)| other < start),
        _ => tokens.len(),
    };
    let (before, behind) = tokens.split_at(at);
    // Loki's parser completes what stands before the token that does not fit without looking at that token; if what it
    // completes means nothing, that is the first error. Only a string can be the end of such a construct, and one of
    // these two tokens completes it here.
    if let Some((.., Token::String(_), _)) = before.last() {
        for end in [Token::CloseBrace, Token::Pipe] {
            if let Some(error) = meaning(&[before, &[(query.len(), end, query.len())]].concat()) {
                return error;
            }
        }
    }
    let expected = expecting(before);
    // It also closes a selector that lacks its brace and reads on.
    if expected == ["}", ","] {
        let brace = (query.len(), Token::CloseBrace, query.len());
        if let Some(error) = meaning(&[before, &[brace], behind].concat()) {
            return error;
        }
    }
    match (stop, behind.first()) {
        (
            ParseError::User {
                error: Failure::Lex(start, error, end),
            },
            _,
        ) => lexical(query, &error, Span::new(start, end)),
        (_, Some((start, token, end))) => {
            let is_looked_ahead = token.is_looked_ahead();
            unexpected(query, &token.name(), expected, Span::new(*start, *end), is_looked_ahead)
        }
        (_, None) => unexpected(query, "$end", expected, Span::new(query.len(), query.len()), false),
    }
}

/// The error of a construct that `tokens` complete and that means nothing.
fn meaning(tokens: &[Spanned<'_>]) -> Option<Error> {
    match run(tokens, None) {
        Err(ParseError::User {
            error: Failure::Meaning(error),
        }) => Some(*error),
        _ => None,
    }
}

/// The error for text that is no token.
fn lexical(query: &str, error: &LexError, span: Span) -> Error {
    syntax(query, error.message.to_string(), span, error.is_looked_ahead)
}

/// The error for a token that does not fit.
fn unexpected(query: &str, token: &str, expected: &[&str], span: Span, is_looked_ahead: bool) -> Error {
    let mut message = format!("syntax error: unexpected {token}");
    for (i, name) in expected.iter().enumerate() {
        message.push_str(if i == 0 { ", expecting " } else { " or " });
        message.push_str(name);
    }
    syntax(query, message, span, is_looked_ahead)
}

/// An error at `span`, where Loki says it is.
fn syntax(query: &str, message: String, span: Span, is_looked_ahead: bool) -> Error {
    if query.is_empty() {
        // Loki has no place in an empty query.
        return Error::invalid(message);
    }
    let before = &query[..span.start];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = match is_looked_ahead {
        true => 0,
        false => before.matches('\n').count() + 1,
    };
    let column = before[line_start..].chars().count() + 1;
    Error::new(ErrorKind::Syntax { line, column, message }).at(span)
}
