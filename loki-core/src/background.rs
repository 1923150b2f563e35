//! A thread that drives [`Engine::maintain`], for programs without a loop of their own.

use crate::{Engine, Error, ErrorKind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running maintenance thread; dropping it stops the thread and waits for the step at hand.
#[derive(Debug)]
pub struct Background {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Longest wait between two looks: pushes can make work due earlier than was foretold.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Wait after an error before the step is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// Starts a thread that does the work of `engine` as it becomes due, and hands errors to `report`.
///
/// The thread ends when the engine is closed or the answer is dropped.
///
/// # Errors
///
/// [`ErrorKind::Io`] where no thread can be started.
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
pub fn background(engine: &Engine, mut report: impl FnMut(Error) + Send + 'static) -> Result<Background, Error> {
    let engine = engine.clone();
    let (stop, stopped) = mpsc::channel::<()>();
    let run = move || {
        loop {
            let now = engine.now();
            let wait = match engine.maintain(now) {
                Ok(done) if done.worked => Duration::ZERO,
                Ok(done) => Duration::from_nanos(u64::try_from(done.next.saturating_sub(now)).unwrap_or(0)),
                Err(error) if error.kind() == ErrorKind::Closed => return report(error),
                Err(error) => {
                    report(error);
                    RETRY_WAIT
                }
            };
            let wait = if wait == RETRY_WAIT {
                wait
            } else {
                wait.min(LONGEST_WAIT)
            };
            if !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("loki-maintain".to_owned()).spawn(run);
    let thread = thread.map_err(|e| Error::io("maintenance thread", e))?;
    Ok(Background {
        stop: Some(stop),
        thread: Some(thread),
    })
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was reported where it happened.
            let _ = thread.join();
        }
    }
}
