//! What can be wrong with a query, and where.

use crate::Span;
use std::fmt;

/// An error in a query or in its evaluation.
///
/// `Display` gives the one line that Loki answers with. [`span`](Error::span) gives the place for Rust callers,
/// [`render`](Error::render) draws it.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    span: Option<Span>,
}

/// The kinds of [`Error`].
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ErrorKind {
    /// The text is no LogQL: an error at a token. `line` is 0 where Loki prints 0 (a token that its lexer completes
    /// by looking ahead); `column` counts characters from 1.
    #[error("parse error at line {line}, col {column}: {message}")]
    Syntax {
        /// Line of the token, from 1; 0 where Loki prints 0.
        line: usize,
        /// Column of the token in characters, from 1.
        column: usize,
        /// What is wrong, as `syntax error: unexpected …` or a lexer's message.
        message: String,
    },
    /// The text parses and means nothing: a rule that is not tied to one token.
    #[error("parse error : {message}")]
    Invalid {
        /// Which rule.
        message: String,
    },
    /// A stage cannot be compiled. `stage` is its canonical text.
    #[error("parse error : stage '{stage}' : {message}")]
    Stage {
        /// Canonical text of the stage.
        stage: String,
        /// What is wrong with it.
        message: String,
    },
    /// A metric query met an entry with `__error__` (the text that Loki answers, five lines).
    #[error(
        "pipeline error: '{error}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// The value of `__error__`.
        error: String,
        /// All labels of the sample, as `{a="b"}`.
        series: String,
    },
    /// Two vectors cannot be matched.
    #[error("{message}")]
    Matching {
        /// Loki's text.
        message: String,
    },
    /// The query is valid and this evaluator does not support it.
    #[error("{message}")]
    Unsupported {
        /// Loki's text.
        message: String,
    },
    /// The query would exceed a limit; the message names it.
    #[error("{message}")]
    Limit {
        /// Name of the limit, as in the configuration.
        limit: &'static str,
        /// The text for the caller.
        message: String,
    },
    /// The query was stopped by its caller (time out, client gone).
    #[error("query cancelled")]
    Cancelled,
    /// The source failed while reading.
    #[error("source: {message}")]
    Source {
        /// What the source reported.
        message: String,
    },
}

impl Error {
    /// An error of `kind` with no place in the text.
    pub fn new(kind: ErrorKind) -> Error {
        Error { kind, span: None }
    }

    /// The same error, placed at `span`.
    pub fn at(mut self, span: Span) -> Error {
        self.span = Some(span);
        self
    }

    /// A rule of the language that the query breaks (`parse error : …`).
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid {
            message: message.into(),
        })
    }

    /// What kind of error this is.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The bytes of the query that the error is about, where it is about a part of it.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// The error with the line of `query` that it is about and carets under the place.
    ///
    /// ```text
    /// parse error at line 1, col 6: syntax error: unexpected }, expecting STRING
    ///   {app=}
    ///        ^
    /// ```
    pub fn render(&self, query: &str) -> String {
        let mut out = self.to_string();
        let Some(span) = self.span else { return out };
        let start = span.start.min(query.len());
        let line_start = query.as_bytes()[..start]
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |i| i + 1);
        let line_end = query.as_bytes()[start..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(query.len(), |i| start + i);
        let line = String::from_utf8_lossy(&query.as_bytes()[line_start..line_end]);
        let before = String::from_utf8_lossy(&query.as_bytes()[line_start..start])
            .chars()
            .count();
        let end = span.end.clamp(start, line_end.max(start));
        let width = String::from_utf8_lossy(&query.as_bytes()[start..end])
            .chars()
            .count()
            .max(1);
        out.push_str(&format!("\n  {line}\n  {}{}", " ".repeat(before), "^".repeat(width)));
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}
