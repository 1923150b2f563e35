//! What is asked of the engine, and what it answers.

use loki_logql::{Direction, QueryResult, Time};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A LogQL query and when to evaluate it.
///
/// ```
/// use loki_core::QueryRequest;
/// let request = QueryRequest::range(r#"{app="shop"} |= "error""#, 0, 60_000_000_000).limit(10);
/// assert_eq!(request.limit, 10);
/// ```
#[derive(Debug, Clone)]
pub struct QueryRequest {
    /// The text.
    pub query: String,
    /// When.
    pub time: Time,
    /// How many lines at most; a metric query has no such limit.
    pub limit: usize,
    /// Which lines, and in which order.
    pub direction: Direction,
    /// Lines closer than this (nanoseconds) to the one before are left out; 0: none is.
    pub interval: i64,
    /// Whether stream labels, structured metadata and parsed labels are told apart.
    pub categorize: bool,
    /// Set by the caller to stop the query.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl QueryRequest {
    /// A query over `start..end` (nanoseconds); a metric query in steps of a 250th of that, at least a second.
    pub fn range(query: impl Into<String>, start: i64, end: i64) -> QueryRequest {
        let seconds = end.saturating_sub(start) / 1_000_000_000 / 250;
        let step = seconds.max(1) * 1_000_000_000;
        QueryRequest::at(query, Time::Range { start, end, step })
    }

    /// A metric query at one time (nanoseconds).
    pub fn instant(query: impl Into<String>, time: i64) -> QueryRequest {
        QueryRequest::at(query, Time::Instant(time))
    }

    fn at(query: impl Into<String>, time: Time) -> QueryRequest {
        QueryRequest {
            query: query.into(),
            time,
            limit: 100,
            direction: Direction::Backward,
            interval: 0,
            categorize: false,
            cancel: None,
        }
    }

    /// With so many lines at most.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> QueryRequest {
        self.limit = limit;
        self
    }

    /// In this direction.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> QueryRequest {
        self.direction = direction;
        self
    }

    /// Evaluated every `step` nanoseconds, where the query is over a range.
    #[must_use]
    pub fn step(mut self, nanos: i64) -> QueryRequest {
        if let Time::Range { step, .. } = &mut self.time {
            *step = nanos;
        }
        self
    }
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResponse {
    /// Values.
    pub result: QueryResult,
    /// What it took.
    pub stats: QueryStats,
}

/// What a query took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryStats {
    /// Nanoseconds from call to answer.
    pub exec_nanos: u64,
    /// Streams that the selector matched. A log query looks no further than its answer needs, and counts what it saw.
    pub streams: u64,
    /// Blocks in the time range of those streams that may hold what is looked for.
    pub blocks_matched: u64,
    /// Blocks of which a column was read.
    pub blocks_read: u64,
    /// Bytes read from compressed blocks.
    pub compressed_bytes: u64,
    /// Bytes of lines that were looked at.
    pub line_bytes: u64,
    /// Bytes of structured metadata that were looked at.
    pub metadata_bytes: u64,
    /// Lines that were looked at.
    pub lines: u64,
    /// Lines that came from memory rather than from segments, of `lines`.
    pub head_lines: u64,
    /// Lines that passed the pipeline.
    pub post_filter_lines: u64,
    /// Lines or samples in the answer.
    pub entries_returned: u64,
}

/// Which label names, label values or series are asked for.
#[derive(Debug, Clone, Default)]
pub struct SeriesRequest {
    /// First timestamp, inclusive, in nanoseconds.
    pub start: i64,
    /// Last timestamp, inclusive, in nanoseconds.
    pub end: i64,
    /// Selectors of matchers only; a stream counts when one of them selects it. Empty: every stream.
    pub selectors: Vec<String>,
}

/// Streams, blocks, bytes and entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStats {
    /// Distinct streams.
    pub streams: u64,
    /// Blocks.
    pub chunks: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}
