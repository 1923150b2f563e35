//! What can go wrong in the engine, and what a caller can do about it.

use std::fmt;

/// An error of the engine: a kind to act on, a message to show.
///
/// The message names the thing, the value and the bound; of a push or a query it is the text that Loki answers.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the caller of a failed call can do.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The query is wrong; asking again gives the same answer.
    InvalidQuery,
    /// What is asked about deletes or rules breaks a rule that the message names; asking again gives the same answer.
    InvalidRequest,
    /// A push, or a part of it, breaks a rule; the rest of it was stored. Sending it again does not help.
    InvalidPush,
    /// A name of structured metadata cannot be kept; nothing of the push was stored.
    InvalidMetadata,
    /// A push holds nothing to store.
    EmptyPush,
    /// The answer, or what is pushed at once, would exceed a limit that the message names; ask for less.
    LimitExceeded,
    /// Too much was pushed; the refused part may be sent again later.
    RateLimited,
    /// An administrator blocked pushes; the status code is the configured one.
    Blocked(u16),
    /// The tenant may not do this.
    Forbidden,
    /// No such thing.
    NotFound,
    /// The query is valid and not supported.
    Unsupported,
    /// The caller cancelled the call.
    Cancelled,
    /// The query ran longer than its limit allows.
    TimedOut,
    /// Data on disk is damaged; the message names the file.
    Corrupt,
    /// The file system refused; the message says what.
    Io,
    /// Another engine has the directory open.
    Locked,
    /// The engine panicked at its own work, which is a defect of it; the message says what is known. It goes on.
    Internal,
    /// The engine is closed, or was poisoned by a failed sync and takes no more writes.
    Closed,
}

impl Error {
    /// An error of `kind` with the text for the caller.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same error with the error that caused it.
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.source = Some(Box::new(source));
        self
    }

    /// A failed file operation: `what` says which, on what.
    pub(crate) fn io(what: impl fmt::Display, error: std::io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("{what}: {error}")).with_source(error)
    }

    /// Damaged data in the file `name`.
    pub(crate) fn corrupt(name: impl fmt::Display, problem: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Corrupt, format!("{name} is damaged: {problem}"))
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<loki_logql::Error> for Error {
    fn from(error: loki_logql::Error) -> Error {
        use loki_logql::ErrorKind as Query;
        let kind = match error.kind() {
            Query::Limit { .. } => ErrorKind::LimitExceeded,
            Query::Unsupported { .. } => ErrorKind::Unsupported,
            Query::Cancelled => ErrorKind::Cancelled,
            Query::Source { .. } => ErrorKind::Corrupt,
            _ => ErrorKind::InvalidQuery,
        };
        Error::new(kind, error.to_string()).with_source(error)
    }
}
