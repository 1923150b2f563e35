//! What an engine holds and has done, in numbers.

use crate::engine::Inner;
use crate::{PushFormat, RuleGroupMetrics, TenantId};
use std::sync::atomic::Ordering::Relaxed;

/// What an engine holds and has done since it was opened; counters only grow.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Per tenant.
    pub tenants: Vec<TenantMetrics>,
    /// Bytes written to the write-ahead log.
    pub wal_bytes: u64,
    /// Records written to the write-ahead log.
    pub wal_records: u64,
    /// Syncs of the write-ahead log.
    pub wal_syncs: u64,
    /// Bytes that the head takes.
    pub head_bytes: u64,
    /// Flushes done.
    pub flushes: u64,
    /// Compactions done.
    pub compactions: u64,
    /// Blocks in the head.
    pub head_blocks: u64,
    /// Whether a flush goes on, or waits to be tried again.
    pub is_flushing: bool,
    /// Open tails.
    pub tails: u64,
    /// Streams in the head that tails follow; one that two tails follow counts twice.
    pub tailed_streams: u64,
    /// Bytes of lines that readers of tails have taken.
    pub tail_bytes: u64,
}

/// One tenant's part of [`Metrics`].
#[derive(Debug, Clone)]
pub struct TenantMetrics {
    /// Who.
    pub tenant: TenantId,
    /// Streams in the head.
    pub head_streams: u64,
    /// Streams created in the head so far.
    pub streams_created: u64,
    /// Segments on disk.
    pub segments: u64,
    /// Bytes of those.
    pub segment_bytes: u64,
    /// What was pushed, by the format that it came in.
    pub pushes: Vec<PushMetrics>,
    /// Delete requests.
    pub deletes: DeleteMetrics,
    /// Rule groups, by namespace and name.
    pub rule_groups: Vec<RuleGroupMetrics>,
}

/// Pushes of one tenant in one format.
#[derive(Debug, Clone)]
pub struct PushMetrics {
    /// Which.
    pub format: PushFormat,
    /// Lines accepted.
    pub lines: u64,
    /// Bytes of accepted lines and structured metadata.
    pub bytes: u64,
    /// Bytes of accepted structured metadata.
    pub metadata_bytes: u64,
    /// Entries refused, and bytes of them, by reason (Loki's names: `line_too_long`, …).
    pub discarded: Vec<(&'static str, u64, u64)>,
}

/// The delete requests of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeleteMetrics {
    /// Taken.
    pub received: u64,
    /// Carried out.
    pub processed: u64,
    /// Entries that those removed.
    pub entries_removed: u64,
    /// Bytes of their lines.
    pub bytes_removed: u64,
    /// Waiting, or being carried out.
    pub pending: u64,
    /// How long the oldest of those waits, in nanoseconds; 0: there is none.
    pub oldest_pending_nanos: i64,
}

pub(crate) fn collect(inner: &Inner) -> Metrics {
    let active = std::sync::Arc::clone(&inner.generations.read().active);
    let settings = inner.settings();
    let (wal_bytes, wal_records, wal_syncs) = inner.wal.counters();
    let tenants = inner.tenants.all().into_iter().map(|(tenant, state)| {
        let live = state.store.live();
        TenantMetrics {
            head_streams: active.tenant(&tenant).map_or(0, |head| head.len() as u64),
            tenant,
            streams_created: state.counters.streams_created.load(Relaxed),
            segments: live.len() as u64,
            segment_bytes: live.iter().map(|segment| segment.meta().bytes).sum(),
            pushes: PushFormat::ALL
                .map(|format| state.counters.of(format).metrics(format))
                .to_vec(),
            deletes: state.deletes.metrics(inner.clock.now()),
            rule_groups: state
                .schedule
                .metrics(&state.rules.namespaces(settings.rule_storage), settings.rule_interval),
        }
    });
    Metrics {
        tenants: tenants.collect(),
        wal_bytes,
        wal_records,
        wal_syncs,
        head_bytes: inner.generations.read().bytes(),
        head_blocks: active.tenants().iter().map(|(_, head)| head.blocks()).sum(),
        is_flushing: inner.generations.read().flushing.is_some(),
        flushes: inner.counters.flushes.load(Relaxed),
        compactions: inner.counters.compactions.load(Relaxed),
        tails: inner.tails.open(),
        tailed_streams: inner.tails.streams(&active),
        tail_bytes: inner.tails.read_bytes(),
    }
}
