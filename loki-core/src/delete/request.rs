//! What is asked to be deleted, and what is kept of it.

use super::filter::DeleteFilter;
use crate::{Error, ErrorKind, Period};
use loki_logql::ast::{Expr, LogExpr};
use loki_logql::units::format_duration;
use serde::{Deserialize, Serialize};

/// A query that names what to delete: a selector, and any stages that choose lines.
///
/// ```
/// use loki_core::DeleteQuery;
/// let query: DeleteQuery = r#"{app="shop"} |= "secret""#.parse()?;
/// assert_eq!(query.as_str(), r#"{app="shop"} |= "secret""#);
/// assert!("rate({app=\"shop\"}[1m])".parse::<DeleteQuery>().is_err(), "only lines can be deleted");
/// # Ok::<(), loki_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DeleteQuery {
    text: String,
    pub(super) log: LogExpr,
}

/// A selector of nothing in particular, which a query may not begin with and a delete request may.
const EVERY_STREAM: &str = "{}";
/// Stands in for it while the rest is parsed.
const STAND_IN: &str = r#"{_="_"}"#;

impl std::str::FromStr for DeleteQuery {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] with Loki's text, also for an empty query.
    fn from_str(text: &str) -> Result<DeleteQuery, Error> {
        if text.is_empty() {
            return Err(invalid("query not set"));
        }
        let refused = |_| invalid("invalid query expression");
        let parsed = match text.trim_start().strip_prefix(EVERY_STREAM) {
            Some(stages) => loki_logql::parse(&format!("{STAND_IN}{stages}")),
            None => loki_logql::parse(text),
        };
        match parsed.map_err(refused)? {
            Expr::Log(mut log) => {
                if text.trim_start().starts_with(EVERY_STREAM) {
                    log.selector.matchers.clear();
                }
                let query = DeleteQuery {
                    text: text.to_owned(),
                    log,
                };
                DeleteFilter::compile(&query, i64::MIN, i64::MAX).map_err(|_| invalid("invalid query expression"))?;
                Ok(query)
            }
            _ => Err(invalid("invalid query expression")),
        }
    }
}

impl DeleteQuery {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What is asked to be deleted.
///
/// ```
/// use loki_core::NewDelete;
/// let delete = NewDelete { query: r#"{app="shop"}"#.parse()?, start: 0, end: None, max_interval: None };
/// assert_eq!(delete.query.as_str(), r#"{app="shop"}"#);
/// # Ok::<(), loki_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelete {
    /// Which streams and lines.
    pub query: DeleteQuery,
    /// First timestamp, in nanoseconds.
    pub start: i64,
    /// Last timestamp, inclusive; none: the present.
    pub end: Option<i64>,
    /// Loki splits a long request by this. It is checked, and has no other effect: nothing is split here.
    pub max_interval: Option<Period>,
}

impl NewDelete {
    /// Checks the times at `now`; answers the last timestamp.
    pub(super) fn check(&self, now: i64, max_interval: Period) -> Result<i64, Error> {
        let end = self.end.unwrap_or(now);
        if end > now {
            return Err(invalid("deletes in the future are not allowed"));
        }
        if self.start >= end {
            return Err(invalid("start time can't be greater than or equal to end time"));
        }
        let go = |nanos| format_duration(nanos);
        if let Some(interval) = self.max_interval {
            if interval > max_interval {
                return Err(invalid(format!(
                    "max_interval can't be greater than {}",
                    go(max_interval.as_nanos())
                )));
            }
            let length = end.saturating_sub(self.start);
            if interval.as_nanos() > length {
                let text = "max_interval can't be greater than the interval to be deleted";
                return Err(invalid(format!("{text} ({})", go(length))));
            }
        }
        Ok(end)
    }
}

/// A delete request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRequest {
    /// Names it among those of its tenant: eight hexadecimal digits.
    pub id: String,
    /// As written.
    pub query: String,
    /// First timestamp, in nanoseconds.
    pub start: i64,
    /// Last timestamp, inclusive.
    pub end: i64,
    /// When it was asked, in nanoseconds.
    pub created_at: i64,
    /// How far it is.
    pub status: DeleteStatus,
    /// Entries that it removed.
    pub entries_removed: u64,
    /// Bytes of their lines.
    pub bytes_removed: u64,
}

/// How far a delete request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteStatus {
    /// It hides what it names, and can be cancelled.
    Received,
    /// What it names is gone.
    Processed,
}

impl DeleteStatus {
    /// Loki's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            DeleteStatus::Received => "received",
            DeleteStatus::Processed => "processed",
        }
    }
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, text)
}
