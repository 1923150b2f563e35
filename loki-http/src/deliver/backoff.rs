//! Growing distances between tries.

use std::time::Duration;

/// How long to wait before the next try: twice as long every time, up to a bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff {
            next: first.min(longest),
            longest,
        }
    }

    /// The wait, and then a longer one.
    pub(super) fn step(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<u64> = (0..5).map(|_| backoff.step().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
    }
}
