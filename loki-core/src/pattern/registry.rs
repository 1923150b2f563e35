//! The patterns of all tenants.

use super::request::{PatternRequest, PatternSeries, Sums};
use super::stream::StreamPatterns;
use crate::ingest::Accepted;
use crate::{Period, TenantId};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use loki_index::Predicate;
use loki_logql::Labels;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// How long counts are kept.
const KEPT: Period = Period::hours(3);
/// How often what is too old is looked for.
const FORGET_INTERVAL: Period = Period::minutes(1);
/// Bytes that the patterns of one tenant may take; the streams not used for longest make room.
const TENANT_BYTES: usize = 32 << 20;
/// Bytes that a stream takes besides its trees, about.
const STREAM_BYTES: usize = 512;
/// The metadata that holds the level of an entry.
const LEVEL: &str = "detected_level";
/// The level of an entry without one.
const NO_LEVEL: &str = "unknown";

/// What was mined since the engine was opened.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    tenants: RwLock<HashMap<TenantId, Arc<Mutex<TenantPatterns>>>>,
    /// When what is too old was last forgotten.
    forgotten: AtomicI64,
}

#[derive(Debug, Default)]
struct TenantPatterns {
    streams: HashMap<Labels, StreamPatterns, RandomState>,
    /// Pushes so far.
    pushes: u64,
    memory_bytes: usize,
}

impl Patterns {
    /// Learns what was stored at `now`.
    pub(crate) fn observe(&self, tenant: &TenantId, stored: &Accepted<'_>, now: i64) {
        let cutoff = now.saturating_sub(KEPT.as_nanos());
        let patterns = self.tenant_or_new(tenant);
        let mut patterns = lock(&patterns);
        patterns.pushes += 1;
        for stream in &stored.streams {
            let pushes = patterns.pushes;
            let learner = patterns.streams.entry_ref(&stream.labels.labels).or_default();
            let before = if learner.used == 0 {
                0
            } else {
                STREAM_BYTES + learner.memory_bytes()
            };
            learner.used = pushes;
            stored.each(stream, |timestamp, line, metadata| {
                if timestamp >= cutoff {
                    let level = metadata
                        .iter()
                        .find(|(name, _)| *name == LEVEL)
                        .map_or(NO_LEVEL, |(_, level)| level);
                    learner.learn(level, timestamp, line);
                }
            });
            let after = STREAM_BYTES + learner.memory_bytes();
            patterns.memory_bytes = patterns.memory_bytes - before + after;
        }
        patterns.bound(TENANT_BYTES);
    }

    /// Forgets what is too old at `now`, where it has not done so just before.
    pub(crate) fn forget(&self, now: i64) {
        let last = self.forgotten.load(Ordering::Relaxed);
        if now < last.saturating_add(FORGET_INTERVAL.as_nanos()) {
            return;
        }
        self.forgotten.store(now, Ordering::Relaxed);
        let all: Vec<_> = self
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        all.iter()
            .for_each(|patterns| lock(patterns).forget(now.saturating_sub(KEPT.as_nanos())));
    }

    /// The patterns of the streams that `predicates` select.
    pub(super) fn series(
        &self,
        tenant: &TenantId,
        predicates: &[Predicate],
        request: &PatternRequest,
        now: i64,
    ) -> Vec<PatternSeries> {
        let found = self
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .cloned();
        let Some(patterns) = found else { return Vec::new() };
        let start = request.start.max(now.saturating_sub(KEPT.as_nanos()));
        let mut sums = Sums::new(start, request.end, request.step);
        for (labels, stream) in &lock(&patterns).streams {
            let value = |name: &str| labels.value(name).unwrap_or_default();
            if predicates
                .iter()
                .all(|predicate| predicate.matches(value(predicate.name())))
            {
                stream
                    .clusters()
                    .for_each(|(level, text, cluster)| sums.add(level, text, &cluster.samples));
            }
        }
        sums.finish()
    }

    fn tenant_or_new(&self, tenant: &TenantId) -> Arc<Mutex<TenantPatterns>> {
        if let Some(found) = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant) {
            return Arc::clone(found);
        }
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant.clone()).or_default())
    }
}

fn lock(patterns: &Mutex<TenantPatterns>) -> MutexGuard<'_, TenantPatterns> {
    patterns.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TenantPatterns {
    fn forget(&mut self, cutoff: i64) {
        self.streams.retain(|_, stream| stream.forget(cutoff));
        self.count();
    }

    /// Lets streams go until a tenth of `bytes` is free, where they take more than `bytes`.
    fn bound(&mut self, bytes: usize) {
        if self.memory_bytes <= bytes {
            return;
        }
        let mut by_use: Vec<(u64, Labels)> = self
            .streams
            .iter()
            .map(|(labels, stream)| (stream.used, labels.clone()))
            .collect();
        by_use.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
        while self.memory_bytes > bytes - bytes / 10 {
            let Some((_, labels)) = by_use.pop() else { break };
            if let Some(stream) = self.streams.remove(&labels) {
                self.memory_bytes = self.memory_bytes.saturating_sub(STREAM_BYTES + stream.memory_bytes());
            }
        }
    }

    fn count(&mut self) {
        self.memory_bytes = self
            .streams
            .values()
            .map(|stream| STREAM_BYTES + stream.memory_bytes())
            .sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_not_used_for_longest_make_room() {
        let mut patterns = TenantPatterns::default();
        for used in 1..=20 {
            let mut stream = StreamPatterns::default();
            stream.used = used;
            stream.learn("info", 0, b"one two three four five");
            patterns
                .streams
                .insert(Labels::from_pairs([("n", used.to_string())]), stream);
        }
        patterns.count();
        let whole = patterns.memory_bytes;
        patterns.bound(whole);
        assert_eq!(patterns.streams.len(), 20);
        patterns.bound(whole / 2);
        assert!(patterns.memory_bytes <= whole / 2);
        assert_eq!(patterns.streams.values().map(|stream| stream.used).min(), Some(12));
        let counted = patterns.memory_bytes;
        patterns.count();
        assert_eq!(patterns.memory_bytes, counted);
    }
}
