//! Waking whoever maintains the engine when work is due earlier than was foretold.

use std::sync::{Mutex, PoisonError};
use std::thread::Thread;

/// Wakes the thread that maintains the store, where there is one that sleeps.
///
/// Pushes ring it: between two looks at the clock they can fill the head twice over, and then they have to wait.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Mutex<Option<Thread>>);

impl Alarm {
    /// From now on it wakes `thread`, and no other.
    pub(crate) fn wakes(&self, thread: Thread) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Wakes the thread. One that is awake looks once more before it sleeps.
    pub(crate) fn ring(&self) {
        if let Some(thread) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread::{park, scope};
    use std::time::Duration;

    #[test]
    fn a_ring_wakes_the_thread_also_before_it_sleeps() {
        let alarm = Alarm::default();
        // Nobody is there to hear it.
        alarm.ring();
        let (awake, woken) = mpsc::channel();
        scope(|scope| {
            let sleeper = scope.spawn(|| {
                park();
                awake.send(())
            });
            alarm.wakes(sleeper.thread().clone());
            alarm.ring();
            let rang = woken.recv_timeout(Duration::from_secs(10));
            // The scope waits for it, whatever the alarm does.
            sleeper.thread().unpark();
            assert_eq!(rang, Ok(()), "it sleeps on");
        });
    }
}
