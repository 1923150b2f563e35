//! Removing what can no longer be brought back, one segment at a time.

use super::filter::DeleteFilter;
use super::tenant_deletes::{InForce, TenantDeletes};
use crate::engine::Inner;
use crate::store::Segment;
use crate::tenants::TenantState;
use crate::{DeletionMode, Error, Settings, TenantId};
use std::sync::{Arc, PoisonError};

/// So many requests are carried out together, as in Loki.
const BATCH: usize = 70;

/// Requests that are being carried out. It lives in memory: after a restart it begins anew, and finds nothing more to
/// remove in segments that were done.
#[derive(Debug)]
pub(crate) struct Sweep {
    requests: Vec<Swept>,
    /// Numbers of the segments to look at yet.
    left: Vec<u64>,
}

/// A request of a sweep.
#[derive(Debug)]
struct Swept {
    id: String,
    filter: Arc<DeleteFilter>,
    entries: u64,
    bytes: u64,
}

impl Inner {
    /// Does one step of what a tenant asked to delete; answers whether there was one to do.
    ///
    /// What is in memory is flushed first and the segments that are there then are rewritten one by one; a request is
    /// done when all of them are. Until then it stays in force, so that no query sees a part of it.
    pub(crate) fn sweep(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        state: &TenantState,
        now: i64,
    ) -> Result<bool, Error> {
        if state.rewrite_pause.reason(now).is_some() {
            return Ok(false);
        }
        let mut current = state.deletes.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_none() {
            let may_delete = settings.limits(tenant).deletion_mode == DeletionMode::FilterAndDelete;
            let created_before = now.saturating_sub(settings.delete_cancel_period.as_nanos());
            if !may_delete || !state.deletes.has_older(created_before) {
                return Ok(false);
            }
            self.flush()?;
            let due = state.deletes.begin_sweep(created_before, BATCH);
            let left = state.store.live().iter().map(|segment| segment.meta().number).collect();
            *current = Some(Sweep {
                requests: due.into_iter().map(Swept::new).collect(),
                left,
            });
        }
        let Some(sweep) = current.as_mut() else {
            return Ok(false);
        };
        while let Some(&number) = sweep.left.last() {
            let live = state.store.live();
            let segment = live.iter().find(|segment| segment.meta().number == number);
            if let Some(segment) = segment.filter(|segment| sweep.requests.iter().any(|r| r.touches(segment))) {
                let removed = self.remove_from(settings, tenant, state, segment, &mut sweep.requests, now);
                if let Err(error) = removed {
                    // The others need not wait for one that cannot be read.
                    sweep.left.rotate_right(1);
                    return Err(error);
                }
                sweep.left.pop();
                return Ok(true);
            }
            sweep.left.pop();
        }
        let done: Vec<_> = sweep
            .requests
            .iter()
            .map(|r| (r.id.clone(), r.entries, r.bytes))
            .collect();
        state.deletes.finish(&done, now)?;
        *current = None;
        Ok(true)
    }

    fn remove_from(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        state: &TenantState,
        segment: &Arc<Segment>,
        requests: &mut [Swept],
        now: i64,
    ) -> Result<(), Error> {
        let filters: Vec<_> = requests.iter().map(|request| Arc::clone(&request.filter)).collect();
        let mut removed = vec![(0, 0); filters.len()];
        self.rewrite(
            settings,
            tenant,
            state,
            std::slice::from_ref(segment),
            now,
            &filters,
            None,
            &mut |filter, bytes| {
                if let Some(place) = filters.iter().position(|known| Arc::ptr_eq(known, filter)) {
                    removed[place].0 += 1;
                    removed[place].1 += bytes;
                }
            },
        )?;
        for (request, (entries, bytes)) in requests.iter_mut().zip(removed) {
            request.entries += entries;
            request.bytes += bytes;
        }
        Ok(())
    }
}

impl TenantDeletes {
    /// Numbers of the segments that a removal has yet to look at. They have to keep them until then: what is merged meanwhile
    /// would be there again once the removal counts as done.
    pub(crate) fn waiting(&self) -> Vec<u64> {
        let sweep = self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        sweep.as_ref().map_or_else(Vec::new, |sweep| sweep.left.clone())
    }
}

impl Swept {
    fn new(request: InForce) -> Swept {
        Swept {
            id: request.id,
            filter: request.filter,
            entries: 0,
            bytes: 0,
        }
    }

    /// Whether the segment can hold what it names. One that cannot be read is found out by whoever rewrites it.
    fn touches(&self, segment: &Segment) -> bool {
        let (start, end) = self.filter.times();
        segment.overlaps(start, end.saturating_add(1))
            && segment
                .series(self.filter.predicates(), start, end)
                .map_or(true, |found| !found.is_empty())
    }
}
