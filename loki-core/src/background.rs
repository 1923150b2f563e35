//! Threads that do the work of [`Engine::maintain`], for programs without a loop of their own.

use crate::{Engine, Error, ErrorKind, Maintenance, WalSync};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{JoinHandle, park_timeout};
use std::time::Duration;

/// Running maintenance threads; dropping it stops them. The step at hand on the store is finished, the evaluation of
/// rules is given up.
#[derive(Debug)]
pub struct Background {
    /// Dropping a sender stops its thread, once it is awake.
    stops: Vec<Sender<()>>,
    cancel_rules: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Longest wait between two looks: what goes on meanwhile can make work due earlier than was foretold. A head that is full
/// does not wait for it: it rings the alarm.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Wait after an error before the step is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(5);
/// Threads that evaluate rules: one group less than that may be slow without holding up the others.
const RULE_THREADS: usize = 4;

/// Starts threads that do the work of `engine` as it becomes due, and hand errors to `report`: one for what is stored,
/// some for rules, so that a slow rule holds up neither a flush nor other groups.
///
/// The threads end when the engine is closed or the answer is dropped.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) where no thread can be started.
///
/// ```
/// # use loki_core::{Engine, Settings};
/// # let folder = tempfile::tempdir()?;
/// let engine = Engine::open(folder.path(), Settings::default())?;
/// let background = loki_core::background(&engine, |error| eprintln!("maintenance: {error}"))?;
/// // … push and query …
/// drop(background);
/// engine.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn background(engine: &Engine, report: impl FnMut(Error) + Send + 'static) -> Result<Background, Error> {
    let mut background = Background {
        stops: Vec::new(),
        cancel_rules: Arc::default(),
        threads: Vec::new(),
    };
    background.start("loki-maintain", engine, Engine::maintain_store, report)?;
    if let Some(maintains) = background.threads.last() {
        engine.0.alarm.wakes(maintains.thread().clone());
    }
    if matches!(engine.0.settings().wal_sync, WalSync::Interval(_)) {
        // A merge that takes long must not put off what was promised to be on the disk by now. A sync that fails is
        // found and told of by the other thread, too.
        background.start("loki-sync", engine, Engine::maintain_log, drop)?;
    }
    for _ in 0..RULE_THREADS {
        let cancel = Arc::clone(&background.cancel_rules);
        let step = move |engine: &Engine, now| engine.maintain_rules_until(now, Some(&cancel));
        // Only the end of the engine goes wrong here, and the other thread tells of that.
        background.start("loki-rules", engine, step, drop)?;
    }
    Ok(background)
}

impl Background {
    fn start(
        &mut self,
        name: &str,
        engine: &Engine,
        step: impl Fn(&Engine, i64) -> Result<Maintenance, Error> + Send + 'static,
        report: impl FnMut(Error) + Send + 'static,
    ) -> Result<(), Error> {
        let (stop, stopped) = mpsc::channel();
        let engine = engine.clone();
        let run = move || run(&engine, step, &stopped, report, RETRY_WAIT);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads
            .push(thread.map_err(|e| Error::io("maintenance thread", e))?);
        self.stops.push(stop);
        Ok(())
    }
}

/// Does one step after the other until a stop or the end of the engine.
fn run(
    engine: &Engine,
    step: impl Fn(&Engine, i64) -> Result<Maintenance, Error>,
    stopped: &Receiver<()>,
    mut report: impl FnMut(Error),
    retry_wait: Duration,
) {
    loop {
        let now = engine.now();
        // A panic must not end what else is due, and least of all unheard. What it leaves behind is what an error would:
        // locks are taken over, files that count for nothing are removed at the next open.
        let done = catch_unwind(AssertUnwindSafe(|| step(engine, now))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or_default();
            Err(Error::new(ErrorKind::Internal, format!("maintenance panicked: {text}")))
        });
        let wait = match done {
            Ok(done) if done.worked => Duration::ZERO,
            Ok(done) => {
                Duration::from_nanos(u64::try_from(done.next.saturating_sub(now)).unwrap_or(0)).min(LONGEST_WAIT)
            }
            Err(error) if engine.0.check_open().is_err() => return report(error),
            // A part of the store that takes no more writes until the next open leaves others that do.
            Err(error) => {
                report(error);
                // Whatever wakes the thread early would have the step tried again too soon.
                match stopped.recv_timeout(retry_wait) {
                    Err(RecvTimeoutError::Timeout) => continue,
                    _ => return,
                }
            }
        };
        if !wait.is_zero() {
            park_timeout(wait);
        }
        if stopped.try_recv() != Err(TryRecvError::Empty) {
            return;
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.cancel_rules.store(true, Ordering::Relaxed);
        self.stops.clear();
        self.threads.iter().for_each(|thread| thread.thread().unpark());
        for thread in self.threads.drain(..) {
            // A panic in the thread was reported where it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FaultyFiles;
    use crate::{ManualClock, Settings};
    use std::cell::RefCell;

    #[test]
    fn errors_are_told_and_only_the_end_of_the_engine_ends_the_work() {
        let (files, clock) = (Arc::new(FaultyFiles::default()), Arc::new(ManualClock::new(0)));
        let engine = Engine::open_with("data", Settings::default(), files, clock).expect("opens");
        let steps = vec![
            ErrorKind::Corrupt,
            ErrorKind::Internal,
            ErrorKind::Closed,
            ErrorKind::Io,
        ];
        let steps = RefCell::new(steps);
        let next = || steps.borrow_mut().pop();
        let step = |engine: &Engine, _| match next() {
            Some(ErrorKind::Internal) => panic!("tried"),
            Some(kind) => Err(Error::new(kind, "tried")),
            None => {
                engine.close().expect("closes");
                engine.maintain_log(0)
            }
        };
        let (_stop, stopped) = mpsc::channel();
        let mut told = Vec::new();
        let report = |error: Error| told.push((error.kind(), error.message().to_owned()));
        run(&engine, step, &stopped, report, Duration::ZERO);
        let expected = [
            (ErrorKind::Io, "tried"),
            (ErrorKind::Closed, "tried"),
            (ErrorKind::Internal, "maintenance panicked: tried"),
            (ErrorKind::Corrupt, "tried"),
            (ErrorKind::Closed, "the engine is closed"),
        ];
        assert_eq!(told, expected.map(|(kind, text)| (kind, text.to_owned())));
    }
}
