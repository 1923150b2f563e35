//! The thread that gives the engine its time: flushing, compaction, retention.

use loki_core::{Engine, ErrorKind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest nap: what becomes due by other means than time is noticed within it.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// A running thread; ends when it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Maintenance {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Maintenance {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Maintenance> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("maintenance".to_owned()).spawn(move || run(&engine, &stopped))?;
        Ok(Maintenance { stop, thread })
    }

    /// Waits for the step that is being done and ends. Blocks.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("maintenance panicked; it did not run to the end");
        }
    }
}

fn run(engine: &Engine, stopped: &Receiver<()>) {
    loop {
        let nap = match engine.maintain(engine.now()) {
            Ok(done) if done.worked => Duration::ZERO,
            Ok(done) => {
                let nanos = done.next.saturating_sub(engine.now());
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)).min(LONGEST_NAP)
            }
            Err(error) if error.kind() == ErrorKind::Closed => return,
            Err(error) => {
                tracing::error!(%error, "maintenance failed; it will be tried again");
                LONGEST_NAP
            }
        };
        match stopped.recv_timeout(nap) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
