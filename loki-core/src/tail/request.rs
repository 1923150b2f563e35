//! What a tail is asked for.

use crate::{Error, ErrorKind, Period};
use loki_logql::ast::Expr;

/// The longest that entries may be held back.
const MAX_DELAY: Period = Period::seconds(5);

/// A log query to follow.
///
/// ```
/// use loki_core::{Period, TailRequest};
/// let mut request = TailRequest::new(r#"{app="shop"} |= "error""#, 0);
/// request.delay = Period::seconds(2);
/// assert_eq!(request.limit, 100);
/// assert!(request.check().is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct TailRequest {
    /// The text.
    pub query: String,
    /// Entries of the past are sent from this timestamp on, in nanoseconds.
    pub start: i64,
    /// How many entries of the past at most; the newest are sent.
    pub limit: usize,
    /// How long entries are held back, so that those that come late can be sent in order; 5 s at most.
    pub delay: Period,
    /// Whether stream labels, structured metadata and parsed labels are told apart.
    pub categorize: bool,
}

impl TailRequest {
    /// A tail of `query` with the newest 100 entries since `start` (nanoseconds) before the live ones.
    pub fn new(query: impl Into<String>, start: i64) -> TailRequest {
        TailRequest {
            query: query.into(),
            start,
            limit: 100,
            delay: Period::ZERO,
            categorize: false,
        }
    }

    /// Refuses what can be refused without an engine: a delay that is too long, a text that is no query.
    /// [`Engine::tail`](crate::Engine::tail) does the same, and refuses metric queries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidQuery`] with Loki's text.
    pub fn check(&self) -> Result<(), Error> {
        self.parse().map(drop)
    }

    pub(super) fn parse(&self) -> Result<Expr, Error> {
        if self.delay > MAX_DELAY {
            return Err(Error::new(ErrorKind::InvalidQuery, "delay_for can't be greater than 5"));
        }
        Ok(loki_logql::parse(&self.query)?)
    }
}
