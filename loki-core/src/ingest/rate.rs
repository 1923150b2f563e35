//! Token buckets.

/// A bucket that fills at a rate and holds a burst.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    tokens: f64,
    /// When the bucket was looked at last; `None`: never, then it is full.
    at: Option<i64>,
}

impl Bucket {
    /// Takes `amount` where the bucket, which fills by `rate` a second up to `burst`, holds so much at `now`.
    pub(crate) fn take(&mut self, now: i64, rate: f64, burst: f64, amount: f64) -> bool {
        self.tokens = match self.at {
            None => burst,
            Some(at) => {
                let seconds = now.saturating_sub(at).max(0) as f64 / 1e9;
                (self.tokens + seconds * rate).min(burst)
            }
        };
        self.at = Some(now);
        if amount > self.tokens {
            return false;
        }
        self.tokens -= amount;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(0, 10.0, 20.0, 20.0));
        assert!(!bucket.take(0, 10.0, 20.0, 1.0));
        assert!(bucket.take(1_000_000_000, 10.0, 20.0, 10.0));
        assert!(!bucket.take(1_000_000_000, 10.0, 20.0, 1.0));
        assert!(!bucket.take(100_000_000_000, 10.0, 20.0, 21.0));
    }
}
