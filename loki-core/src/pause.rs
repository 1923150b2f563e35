//! A rest between a try that failed and the next.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps something that failed from being tried again at once: each failure doubles the wait.
///
/// What fails for want of space has written much by then. Tried again and again it would take from others the space that
/// is left.
#[derive(Debug)]
pub(crate) struct Pause {
    first: i64,
    longest: i64,
    state: Mutex<Option<Failure>>,
}

#[derive(Debug)]
struct Failure {
    at: i64,
    wait: i64,
    why: String,
}

impl Pause {
    /// Waits `first` nanoseconds behind the first failure, and never more than `longest`.
    pub(crate) const fn new(first: i64, longest: i64) -> Pause {
        Pause {
            first,
            longest,
            state: Mutex::new(None),
        }
    }

    /// Why nothing should be tried at `now`. A clock that was set back ends the wait.
    pub(crate) fn reason(&self, now: i64) -> Option<String> {
        let state = self.lock();
        let failure = state.as_ref()?;
        let waited = now.saturating_sub(failure.at);
        (0..failure.wait).contains(&waited).then(|| failure.why.clone())
    }

    /// Notes a failure at `now`.
    pub(crate) fn failed(&self, now: i64, why: &str) {
        let mut state = self.lock();
        let wait = state.as_ref().map_or(self.first, |last| last.wait.saturating_mul(2));
        *state = Some(Failure {
            at: now,
            wait: wait.min(self.longest),
            why: why.to_owned(),
        });
    }

    /// Notes that it went well.
    pub(crate) fn succeeded(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Failure>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_until_it_goes_well() {
        let pause = Pause::new(10, 35);
        let wait = |pause: &Pause, now: i64| (now..).take_while(|&now| pause.reason(now).is_some()).count();
        assert_eq!(wait(&pause, 0), 0);
        for expected in [10, 20, 35, 35] {
            pause.failed(100, "no room");
            assert_eq!(pause.reason(100).as_deref(), Some("no room"));
            assert_eq!(wait(&pause, 100), expected);
        }
        assert_eq!(wait(&pause, 99), 0, "the clock was set back");
        pause.succeeded();
        assert_eq!(wait(&pause, 100), 0);
    }
}
