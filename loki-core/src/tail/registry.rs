//! The open tails of an engine.

use super::subscription::Subscription;
use crate::TenantId;
use crate::head::Head;
use crate::ingest::Accepted;
use hashbrown::HashMap;
use loki_logql::source::EntryBatch;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Entries and bytes of lines that are run through a pipeline together.
const BATCH_ENTRIES: usize = 1024;
const BATCH_BYTES: usize = 1 << 20;

/// The open tails, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    /// How many there are: a push looks here first, and mostly no further.
    open: AtomicUsize,
    by_tenant: RwLock<ByTenant>,
    /// Bytes of lines that readers have taken.
    read_bytes: AtomicU64,
}

/// No tenant is without subscriptions.
type ByTenant = HashMap<TenantId, Vec<Arc<Subscription>>>;

impl Tails {
    /// Takes in a tail, unless its tenant has `most` already (0: no limit); then the answer is how many it would have.
    pub(super) fn register(&self, subscription: &Arc<Subscription>, most: usize) -> Result<(), usize> {
        let mut by_tenant = self.by_tenant.write().unwrap_or_else(PoisonError::into_inner);
        let count = by_tenant.get(&subscription.tenant).map_or(0, Vec::len) + 1;
        if most > 0 && count > most {
            return Err(count);
        }
        by_tenant
            .entry(subscription.tenant.clone())
            .or_default()
            .push(Arc::clone(subscription));
        self.open.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    pub(super) fn remove(&self, subscription: &Arc<Subscription>) {
        let mut by_tenant = self.by_tenant.write().unwrap_or_else(PoisonError::into_inner);
        let Some(list) = by_tenant.get_mut(&subscription.tenant) else {
            return;
        };
        let before = list.len();
        list.retain(|open| !Arc::ptr_eq(open, subscription));
        self.open.fetch_sub(before - list.len(), Ordering::SeqCst);
        if list.is_empty() {
            by_tenant.remove(&subscription.tenant);
        }
    }

    /// Hands what was stored at `now` to the tails that want it.
    pub(crate) fn publish(&self, tenant: &TenantId, stored: &Accepted<'_>, now: i64) {
        if self.open.load(Ordering::SeqCst) == 0 {
            return;
        }
        let Some(subscriptions) = self.read().get(tenant).cloned() else {
            return;
        };
        for stream in &stored.streams {
            let labels = &stream.labels.labels;
            let interested: Vec<_> = subscriptions.iter().filter(|tail| tail.selects(labels)).collect();
            if interested.is_empty() {
                continue;
            }
            let offer = |batch: &EntryBatch| interested.iter().for_each(|tail| tail.offer(labels, batch, now));
            let mut batch = EntryBatch::default();
            stored.each(stream, |timestamp, line, metadata| {
                if batch.len() >= BATCH_ENTRIES || batch.line_bytes().saturating_add(line.len()) > BATCH_BYTES {
                    offer(&batch);
                    batch = EntryBatch::default();
                }
                let fits = batch.push(timestamp, line, metadata);
                debug_assert!(fits, "the head takes no line of 4 GiB");
            });
            offer(&batch);
        }
    }

    /// Counts lines that a reader has taken.
    pub(super) fn count_read(&self, bytes: usize) {
        self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of lines that readers have taken.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Number of open tails.
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed) as u64
    }

    /// Number of streams of `head` that tails follow, of each tail.
    pub(crate) fn streams(&self, head: &Head) -> u64 {
        let followed = |subscription: &Arc<Subscription>| {
            let streams = head.tenant(&subscription.tenant);
            streams.map_or(0, |streams| streams.select(&subscription.predicates).len() as u64)
        };
        self.read().values().flatten().map(followed).sum()
    }

    /// Wakes all readers: the engine is closed.
    pub(crate) fn wake_all(&self) {
        self.read()
            .values()
            .flatten()
            .for_each(|subscription| subscription.wake());
    }

    fn read(&self) -> RwLockReadGuard<'_, ByTenant> {
        self.by_tenant.read().unwrap_or_else(PoisonError::into_inner)
    }
}
