//! Laying out for good what is stored, when it is asked for.

use crate::engine::Inner;
use crate::maintain::Haste;
use crate::store::SegmentMeta;
use crate::tenants::TenantState;
use crate::{Engine, Error, ErrorKind, TenantId};
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;

impl Engine {
    /// Writes everything that is in memory to segments, as [`flush`](Engine::flush) does, and lays out for good, now, all
    /// segments that would be once they are left alone for [`settle_period`](crate::Settings::settle_period), with the merges
    /// and removals that are due for them: for whoever has loaded much and is done, or will measure or copy what is stored.
    /// Takes about a second for 100 MB of lines.
    ///
    /// What comes meanwhile is left for later, and so are segments of which a delete request has yet to be carried out.
    /// [`maintain_store`](Engine::maintain_store) goes on to flush, and leaves segments alone until this is done. Where `cancel`
    /// is set, it ends soon, and the segment at hand stays as it was.
    ///
    /// # Errors
    ///
    /// As [`flush`](Engine::flush). Of the others everything is flushed all the same: [`ErrorKind::Cancelled`];
    /// [`ErrorKind::Io`], [`ErrorKind::Corrupt`] where a segment cannot be written or read, which stays as it is while others
    /// are laid out.
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
        let mut failed = None;
        for (tenant, state) in self.0.tenants.all() {
            match self.0.settle_tenant(&tenant, &state, cancel) {
                Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed) => return Err(error),
                Err(error) => {
                    failed.get_or_insert(error);
                }
                Ok(()) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Inner {
    /// Lays out for good what a tenant has now.
    fn settle_tenant(&self, tenant: &TenantId, state: &TenantState, cancel: &AtomicBool) -> Result<(), Error> {
        // Nobody merges what is to be laid out with what comes meanwhile.
        let _turn = self.compact_turn.lock().unwrap_or_else(PoisonError::into_inner);
        let last = state.store.live().last().map_or(0, |segment| segment.meta().order);
        let haste = Haste::Through { last, cancel };
        let mut failed = None;
        loop {
            self.check_open()?;
            let before = damaged(state);
            match self.compact(&self.settings(), tenant, state, haste, self.clock.now()) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    failed.get_or_insert(error);
                    // One that is known to be damaged now is left out by the next choice.
                    if damaged(state) == before {
                        break;
                    }
                }
            }
        }
        let live = state.store.live();
        let is_left = |meta: &SegmentMeta| !meta.settled && meta.order <= last;
        if let Some(why) = state.rewrite_pause.reason(self.clock.now())
            && live
                .iter()
                .any(|segment| !segment.is_damaged() && is_left(segment.meta()))
        {
            let message = format!("segments of tenant {tenant} are not laid out for good: {why}");
            failed.get_or_insert(Error::new(ErrorKind::Io, message));
        }
        failed.map_or(Ok(()), Err)
    }
}

/// How many segments of a tenant cannot be read.
fn damaged(state: &TenantState) -> usize {
    let live = state.store.live();
    live.iter().filter(|segment| segment.is_damaged()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Fault, FaultyFiles, Files};
    use crate::{ManualClock, Period, PushRequest, Settings};
    use std::sync::Arc;

    fn engine(files: &FaultyFiles) -> Engine {
        let settings = Settings {
            settle_period: Period::hours(1),
            ..Settings::default()
        };
        let files: Arc<dyn Files> = Arc::new(files.clone());
        Engine::open_with("data", settings, files, Arc::new(ManualClock::new(0))).expect("opens")
    }

    fn push(engine: &Engine, first: i64) {
        let lines: Vec<String> = (0..500)
            .map(|n| format!("took={}ms id={:08x}", n % 97, n * 0x9e37))
            .collect();
        let entries = (first..).zip(lines.iter().map(String::as_str));
        let request = PushRequest::new().with_stream([("app", "x")], entries);
        engine.push(&TenantId::single(), &request).expect("stored");
    }

    fn settled(engine: &Engine) -> Vec<bool> {
        let state = engine.0.tenants.get_or_open(&TenantId::single()).expect("is there");
        state
            .store
            .live()
            .iter()
            .map(|segment| segment.meta().settled)
            .collect()
    }

    #[test]
    fn flushes_go_on_while_another_thread_has_segments_to_itself() {
        let engine = engine(&FaultyFiles::default());
        let turn = engine.0.compact_turn.lock().expect("nobody panicked");
        let idle = engine.maintain_store(0).expect("looks");
        assert!(
            !idle.worked && idle.next <= Period::seconds(1).as_nanos(),
            "it looks again soon"
        );
        push(&engine, 0);
        let aged = Settings::default().max_chunk_age.as_nanos();
        assert!(engine.maintain_store(aged).expect("flushes").worked);
        assert_eq!(engine.metrics().flushes, 1);
        drop(turn);
    }

    #[test]
    fn what_came_later_is_left_alone() {
        let engine = engine(&FaultyFiles::default());
        for first in [0, 1_000] {
            push(&engine, first);
            engine.flush().expect("flushes");
        }
        let tenant = TenantId::single();
        let state = engine.0.tenants.get_or_open(&tenant).expect("is there");
        let last = state.store.live()[0].meta().order;
        let (settings, cancel) = (engine.0.settings(), AtomicBool::new(false));
        let haste = Haste::Through { last, cancel: &cancel };
        let step = || engine.0.compact(&settings, &tenant, &state, haste, 0);
        assert!(step().expect("settles") && !step().expect("has no more to do"));
        assert_eq!(settled(&engine), [true, false]);
        engine.settle(&cancel).expect("settles the other");
        assert!(settled(&engine).iter().all(|&settled| settled));
    }

    #[test]
    fn a_segment_is_given_up_in_the_middle_where_nobody_wants_it_any_more() {
        let engine = engine(&FaultyFiles::default());
        push(&engine, 0);
        engine.flush().expect("flushes");
        let tenant = TenantId::single();
        let state = engine.0.tenants.get_or_open(&tenant).expect("is there");
        let cancel = AtomicBool::new(true);
        let haste = Haste::Through {
            last: u64::MAX,
            cancel: &cancel,
        };
        let step = engine.0.compact(&engine.0.settings(), &tenant, &state, haste, 0);
        assert_eq!(step.expect_err("it is given up").kind(), ErrorKind::Cancelled);
        assert_eq!(settled(&engine), [false]);
        cancel.store(false, std::sync::atomic::Ordering::Relaxed);
        engine.settle(&cancel).expect("nothing is in its way");
        assert_eq!(settled(&engine), [true]);
    }

    #[test]
    fn a_disk_that_fails_is_told_of_and_nothing_is_lost() {
        let files = FaultyFiles::default();
        let engine = engine(&files);
        push(&engine, 0);
        engine.flush().expect("flushes");
        files.fail_at(files.calls() + 1, Fault::Full);
        let never = AtomicBool::new(false);
        let error = engine.settle(&never).expect_err("there is no room");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(settled(&engine), [false]);
        let again = engine.settle(&never).expect_err("it is not tried again at once");
        assert_eq!(again.kind(), ErrorKind::Io);
    }
}
