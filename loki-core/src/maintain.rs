//! The work that is due now and then: flush, compact, expire.

use crate::compact::{Choice, Goals, Removed, Retention, Terms, choose, oldest_beyond, rewrite};
use crate::delete::DeleteFilter;
use crate::engine::Inner;
use crate::store::Segment;
use crate::tenants::TenantState;
use crate::{ByteSize, Engine, Error, ErrorKind, Period, Settings, TenantId};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, TryLockError};

/// What a call of [`Engine::maintain`] did, and when it wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance {
    /// Whether something was done; then more may be due at once.
    pub worked: bool,
    /// The next time (nanoseconds) at which something will be due, as far as can be told.
    pub next: i64,
}

impl Engine {
    /// Does one step of the work that is due at `now`: the evaluation of a rule group, or what
    /// [`maintain_store`](Engine::maintain_store) does. Pushes and queries go on meanwhile.
    ///
    /// For a program with one loop. Where a slow rule must not hold up a flush, call
    /// [`maintain_rules`](Engine::maintain_rules) and [`maintain_store`](Engine::maintain_store) on threads of their
    /// own, as [`background`](crate::background) does.
    ///
    /// # Errors
    ///
    /// As [`maintain_store`](Engine::maintain_store).
    pub fn maintain(&self, now: i64) -> Result<Maintenance, Error> {
        // Alerts are wanted in time; what else is due waits for the next call then.
        let rules = self.maintain_rules(now)?;
        if rules.worked {
            // The log is synced in time all the same.
            self.0.wal.tick(now)?;
            return Ok(rules);
        }
        let store = self.maintain_store(now)?;
        Ok(Maintenance {
            next: store.next.min(rules.next),
            ..store
        })
    }

    /// Does one step of the work on what is stored that is due at `now`: a flush, a merge, a removal of what was deleted
    /// or is too old.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io): nothing is lost, the step is tried again by a later call.
    /// [`Corrupt`](crate::ErrorKind::Corrupt), [`Closed`](crate::ErrorKind::Closed).
    pub fn maintain_store(&self, now: i64) -> Result<Maintenance, Error> {
        let inner = &*self.0;
        inner.check_open()?;
        let settings = inner.settings();
        let next_sync = inner.wal.tick(now)?;
        inner.patterns.forget(now);
        let flushed = match inner.flush_is_due(&settings, now) {
            true => inner.flush().map(|()| true),
            false => Ok(false),
        };
        let tidied = match flushed {
            Ok(true) => Some(true),
            // A flush that failed for want of space must not keep old data from making room.
            flushed => inner.tidy(&settings, now).and_then(|tidied| flushed.map(|_| tidied))?,
        };
        let worked = tidied.unwrap_or(false);
        let due = [
            next_sync,
            inner.next_flush(&settings),
            inner.next_settle(&settings, now),
            tidied.is_none().then(|| now.saturating_add(BUSY_WAIT.as_nanos())),
        ]
        .into_iter()
        .flatten();
        let next = match worked {
            true => now,
            false => due.fold(later(&settings, now), i64::min).max(now),
        };
        Ok(Maintenance { worked, next })
    }

    /// Syncs the write-ahead log, where [`WalSync::Interval`](crate::WalSync::Interval) says that it is time to.
    ///
    /// [`maintain_store`](Engine::maintain_store) does so, too, between its steps; a step may take longer than the
    /// interval.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) where the sync fails.
    pub fn maintain_log(&self, now: i64) -> Result<Maintenance, Error> {
        self.0.check_open()?;
        let next = self.0.wal.tick(now)?;
        Ok(Maintenance {
            worked: false,
            next: next.unwrap_or_else(|| later(&self.0.settings(), now)),
        })
    }

    /// Evaluates one rule group that is due at `now`. Several threads may call it: each takes another group.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed). What goes wrong with a rule is told by [`rules`](Engine::rules).
    pub fn maintain_rules(&self, now: i64) -> Result<Maintenance, Error> {
        self.maintain_rules_until(now, None)
    }

    /// As [`maintain_rules`](Engine::maintain_rules); stops where `cancel` is set.
    pub(crate) fn maintain_rules_until(
        &self,
        now: i64,
        cancel: Option<&Arc<AtomicBool>>,
    ) -> Result<Maintenance, Error> {
        self.0.check_open()?;
        let settings = self.0.settings();
        let (worked, next) = self.evaluate_rules(&settings, now, cancel);
        let next = next.unwrap_or_else(|| later(&settings, now)).max(now);
        Ok(Maintenance { worked, next })
    }
}

/// How long segments wait to be laid out for good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Haste<'a> {
    /// As long as the settings say.
    Patient,
    /// Those up to an order not at all, until it is cancelled; later ones are left alone.
    Through { last: u64, cancel: &'a AtomicBool },
}

/// When to look again where another thread has the turn.
const BUSY_WAIT: Period = Period::seconds(1);

/// When to look again where nothing is foreseen.
fn later(settings: &Settings, now: i64) -> i64 {
    now.saturating_add(settings.retention_interval.as_nanos())
}

/// The segment of a tenant, one of those that may be rewritten, that is due to be laid out for good, where there is one.
fn to_settle(
    settings: &Settings,
    state: &TenantState,
    free: &[Arc<Segment>],
    haste: Haste<'_>,
    now: i64,
) -> Option<u64> {
    let mut metas = free.iter().map(|segment| segment.meta());
    match haste {
        Haste::Patient => {
            let (target, patience) = (settings.target_segment_bytes.0, settings.settle_period);
            state.settle_turn.take(metas, target, patience, now)
        }
        Haste::Through { .. } => metas.find(|meta| !meta.settled).map(|meta| meta.number),
    }
}

impl Inner {
    /// Does one step of compaction, deletion or expiry for the first tenant that has one to do. A tenant whose step
    /// fails holds up no other. `None` where another thread has the turn: whoever flushes must not wait for that.
    fn tidy(&self, settings: &Settings, now: i64) -> Result<Option<bool>, Error> {
        let _turn = match self.compact_turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let mut failed = None;
        for (tenant, state) in self.tenants.all() {
            let swept = self.sweep(settings, &tenant, &state, now);
            if let Ok(true) = swept {
                return Ok(Some(true));
            }
            let compacted = self.compact(settings, &tenant, &state, Haste::Patient, now);
            if let Ok(true) = compacted {
                return Ok(Some(true));
            }
            failed = failed.or(swept.err()).or(compacted.err());
        }
        let dropped = self.drop_beyond(settings.retention_bytes)?;
        match failed {
            Some(error) if !dropped => Err(error),
            _ => Ok(Some(dropped)),
        }
    }

    /// Does one step for one tenant, whose turn it is; answers whether there was one to do.
    pub(crate) fn compact(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        state: &TenantState,
        haste: Haste<'_>,
        now: i64,
    ) -> Result<bool, Error> {
        let retention = Retention::new(settings.limits(tenant), now);
        let live = state.store.live();
        let metas: Vec<_> = live.iter().map(|segment| segment.meta().clone()).collect();
        let (last, cancel) = match haste {
            Haste::Patient => (u64::MAX, None),
            Haste::Through { last, cancel } => (last, Some(cancel)),
        };
        // What cannot be read, and what a removal has yet to look at: it knows segments by their numbers.
        let waiting = state.deletes.waiting();
        let is_free = |s: &Segment| !s.is_damaged() && !waiting.contains(&s.meta().number) && s.meta().order <= last;
        let (free, apart): (Vec<_>, Vec<_>) = live.iter().cloned().partition(|s| is_free(s));
        let apart: Vec<u64> = apart.iter().map(|s| s.meta().number).collect();
        let goals = Goals {
            target_bytes: settings.target_segment_bytes.0,
            cutoff: retention.earliest(),
            apart: &apart,
        };
        let chosen = match choose(&metas, goals) {
            Choice::Nothing => state
                .retention_turn
                .take(settings, now, || retention.first_overdue(&free))?,
            Choice::Drop(old) => {
                state.store.replace(&old, None, |_| Ok(()))?;
                self.counters.compactions.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            }
            Choice::Merge(numbers) => numbers,
        };
        let chosen = match chosen.is_empty() {
            true => to_settle(settings, state, &free, haste, now).into_iter().collect(),
            false => chosen,
        };
        if chosen.is_empty() || state.rewrite_pause.reason(now).is_some() {
            return Ok(false);
        }
        let chosen: Vec<_> = live
            .iter()
            .filter(|s| chosen.contains(&s.meta().number))
            .map(Arc::clone)
            .collect();
        self.rewrite(settings, tenant, state, &chosen, now, &[], cancel, &mut |_, _| {})?;
        Ok(true)
    }

    /// When the next segment will be laid out for good if nothing more is flushed. One that was due and is not yet done has to
    /// wait for something else.
    fn next_settle(&self, settings: &Settings, now: i64) -> Option<i64> {
        let tenants = self.tenants.all();
        let due = tenants
            .iter()
            .filter_map(|(_, state)| state.settle_turn.next(settings.settle_period));
        due.filter(|&due| due > now).min()
    }

    /// Makes one segment of several, without what is too old and what `deletes` name.
    #[expect(
        clippy::too_many_arguments,
        reason = "whose, what of it, without what, and whom to tell"
    )]
    pub(crate) fn rewrite(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        state: &TenantState,
        segments: &[Arc<Segment>],
        now: i64,
        deletes: &[Arc<DeleteFilter>],
        cancel: Option<&AtomicBool>,
        removed: Removed<'_>,
    ) -> Result<(), Error> {
        let retention = Retention::new(settings.limits(tenant), now);
        let bytes: u64 = segments.iter().map(|segment| segment.meta().bytes).sum();
        let terms = Terms {
            cancel,
            cutoff: &|labels| retention.cutoff(labels),
            deletes,
            encoding: settings.encoding,
            content_filters: settings.content_filters,
            // What will be merged again is only copied: while much comes in there is no time to lose.
            settle: segments.len() == 1 || bytes >= settings.target_segment_bytes.0,
        };
        let numbers: Vec<u64> = segments.iter().map(|segment| segment.meta().number).collect();
        let written = state
            .store
            .replace(&numbers, None, |writer| rewrite(segments, &terms, removed, writer));
        match &written {
            Ok(()) => state.rewrite_pause.succeeded(),
            // What is damaged is left out by the next choice.
            Err(error) if error.kind() == ErrorKind::Io => state.rewrite_pause.failed(now, error.message()),
            Err(_) => {}
        }
        written?;
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Drops the oldest segment, whose ever it is, where all together take more than `most`.
    fn drop_beyond(&self, most: ByteSize) -> Result<bool, Error> {
        let tenants = self.tenants.all();
        let segments = tenants.iter().flat_map(|(_, state)| {
            let live = state.store.live();
            live.iter()
                .map(|segment| (state, segment.meta().clone()))
                .collect::<Vec<_>>()
        });
        let segments: Vec<_> = segments.collect();
        let Some(place) = oldest_beyond(segments.iter().map(|(_, meta)| meta), most.0) else {
            return Ok(false);
        };
        let (state, meta) = &segments[place];
        state.store.replace(&[meta.number], None, |_| Ok(()))?;
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }
}
