//! Time as a query in order sees it: the less, the sooner, in either direction.

use loki_chunk::Direction;

/// The rank of a timestamp.
pub(super) fn rank(direction: Direction, timestamp: i64) -> i64 {
    match direction {
        Direction::Backward => !timestamp,
        Direction::Forward => timestamp,
    }
}

/// The rank of the first of these timestamps.
pub(super) fn near_rank(direction: Direction, (min_timestamp, max_timestamp): (i64, i64)) -> i64 {
    rank(direction, min_timestamp).min(rank(direction, max_timestamp))
}

/// The rank of the last of these timestamps.
pub(super) fn far_rank(direction: Direction, (min_timestamp, max_timestamp): (i64, i64)) -> i64 {
    rank(direction, min_timestamp).max(rank(direction, max_timestamp))
}
