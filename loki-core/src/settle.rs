//! Laying out for good what is stored, when it is asked for.

use crate::maintain::Haste;
use crate::tenants::TenantState;
use crate::{Engine, Error, ErrorKind};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

impl Engine {
    /// Writes everything that is in memory to segments, as [`flush`](Engine::flush) does, and lays out for good, now, all
    /// segments that would be once they are left alone for [`settle_period`](crate::Settings::settle_period): for whoever has
    /// loaded much and is done, or will measure or copy what is stored. Takes about a second for 100 MB of lines.
    ///
    /// What comes meanwhile is left for later, and so are segments of which a delete request has yet to be carried out.
    /// [`maintain_store`](Engine::maintain_store) goes on to flush, and does nothing else until this is done. Where `cancel`
    /// is set, it ends behind the segment at hand.
    ///
    /// # Errors
    ///
    /// As [`flush`](Engine::flush). [`ErrorKind::Cancelled`]. [`ErrorKind::Io`], [`ErrorKind::Corrupt`]: everything is
    /// flushed, but a segment cannot be written or read; it stays as it is and the others are laid out.
    ///
    /// ```
    /// # use loki_core::{Engine, Settings};
    /// # use std::sync::atomic::AtomicBool;
    /// # let folder = tempfile::tempdir()?;
    /// let engine = Engine::open(folder.path(), Settings::default())?;
    /// // … push …
    /// engine.settle(&AtomicBool::new(false))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn settle(&self, cancel: &AtomicBool) -> Result<(), Error> {
        self.flush()?;
        let inner = &*self.0;
        let mut failed = None;
        for (tenant, state) in inner.tenants.all() {
            let haste = Haste::Through(last_order(&state));
            // One that cannot be read is left out by the next choice; this ends where it is not.
            let mut failures_left = state.store.live().len();
            while failures_left > 0 {
                inner.check_open()?;
                if cancel.load(Ordering::Relaxed) {
                    return Err(Error::new(
                        ErrorKind::Cancelled,
                        "segments are not all laid out for good",
                    ));
                }
                let _turn = inner.compact_turn.lock().unwrap_or_else(PoisonError::into_inner);
                match inner.compact(&inner.settings(), &tenant, &state, haste, self.now()) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        failed.get_or_insert(error);
                        failures_left -= 1;
                    }
                }
            }
            if let Some(why) = state.rewrite_pause.reason(self.now()) {
                let message = format!("segments of tenant {tenant} are not laid out for good: {why}");
                failed.get_or_insert(Error::new(ErrorKind::Io, message));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The order of the newest segment of a tenant.
fn last_order(state: &TenantState) -> u64 {
    let live = state.store.live();
    live.last().map_or(0, |segment| segment.meta().order)
}
