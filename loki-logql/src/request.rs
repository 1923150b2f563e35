//! When and how a query is evaluated.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The times at which a query is evaluated, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// At one time.
    Instant(i64),
    /// A metric query at `start`, `start + step`, … up to and including `end`; a log query over `start..end`.
    Range {
        /// First time.
        start: i64,
        /// Last time.
        end: i64,
        /// Distance of two evaluations.
        step: i64,
    },
}

/// In which order lines are wanted, and which of them when there are more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    #[default]
    Backward,
}

/// How a [`Plan`](crate::Plan) is to be evaluated.
///
/// ```
/// use loki_logql::{Direction, Request, Time};
/// let request = Request { limit: 10, ..Request::new(Time::Instant(1_700_000_000_000_000_000)) };
/// assert_eq!(request.direction, Direction::Backward);
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// When.
    pub time: Time,
    /// Entries before this time are not looked at, in nanoseconds, also where the window of a metric query reaches back
    /// beyond it.
    pub oldest: i64,
    /// Most lines that a log query answers.
    pub limit: usize,
    /// Order of the lines of a log query.
    pub direction: Direction,
    /// A line of a log query is left out when it is nearer than so many nanoseconds to the one before; 0: none is.
    pub interval: i64,
    /// Whether structured metadata and parsed labels stand with each line instead of in the labels of its stream.
    pub categorize: bool,
    /// What `now` means in templates, in nanoseconds.
    pub now: i64,
    /// Where evaluation gives up.
    pub limits: Limits,
    /// Set by the caller to stop the evaluation.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl Request {
    /// A request for `time` with Loki's defaults: the 100 newest lines, no thinning. `now` is the end of `time`.
    pub fn new(time: Time) -> Request {
        Request {
            time,
            oldest: i64::MIN,
            limit: 100,
            direction: Direction::default(),
            interval: 0,
            categorize: false,
            now: match time {
                Time::Instant(at) => at,
                Time::Range { end, .. } => end,
            },
            limits: Limits::default(),
            cancel: None,
        }
    }
}

/// Where an evaluation gives up.
///
/// ```
/// assert_eq!(loki_logql::Limits::default().max_series, 500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most series in the result of a metric query (`max_query_series`).
    pub max_series: usize,
    /// Most bytes that one evaluation may hold (`max_query_memory`). Label sets, samples and lines are counted; what
    /// allocators and tables add to them is estimated.
    pub max_memory_bytes: usize,
}

impl Default for Limits {
    /// 500 series and 256 MiB.
    fn default() -> Limits {
        Limits {
            max_series: 500,
            max_memory_bytes: 256 << 20,
        }
    }
}
