//! When and how a query is evaluated.

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
