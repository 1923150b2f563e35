//! What the engine knows of each tenant.

use crate::compact::{RetentionTurn, SettleTurn};
use crate::delete::TenantDeletes;
use crate::files::Files;
use crate::head::TenantHead;
use crate::ingest::{Accepted, Bucket, Discarded, LabelCache, Refusals, stream_refusal};
use crate::pause::Pause;
use crate::ruler::{Schedule, TenantRules};
use crate::store::TenantStore;
use crate::{ByteSize, Error, ErrorKind, Limits, Period, PushFormat, PushMetrics, TenantId};
use hashbrown::HashMap;
use loki_logql::Labels;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The tenants of an engine.
#[derive(Debug)]
pub(crate) struct Tenants {
    files: Arc<dyn Files>,
    folder: PathBuf,
    by_id: RwLock<HashMap<TenantId, Arc<TenantState>>>,
}

/// One tenant: its segments, what is remembered of its pushes, what was counted.
#[derive(Debug)]
pub(crate) struct TenantState {
    pub(crate) store: TenantStore,
    pub(crate) deletes: TenantDeletes,
    pub(crate) rules: TenantRules,
    pub(crate) schedule: Schedule,
    pub(crate) retention_turn: RetentionTurn,
    /// Between tries to rewrite segments.
    pub(crate) rewrite_pause: Pause,
    pub(crate) settle_turn: SettleTurn,
    pub(crate) labels: LabelCache,
    pub(crate) counters: TenantCounters,
    rate: Mutex<Bucket>,
    stream_rates: Mutex<HashMap<Labels, Bucket>>,
}

/// What was counted of a tenant since the start.
#[derive(Debug, Default)]
pub(crate) struct TenantCounters {
    by_format: [FormatCounters; PushFormat::ALL.len()],
    pub(crate) streams_created: AtomicU64,
}

/// What was counted of pushes of one format.
#[derive(Debug, Default)]
pub(crate) struct FormatCounters {
    lines: AtomicU64,
    bytes: AtomicU64,
    metadata_bytes: AtomicU64,
    pub(crate) discarded: Discarded,
}

/// Segments whose rewriting failed rest so long at first, and so long at most.
const REWRITE_REST: Period = Period::seconds(5);
const LONGEST_REWRITE_REST: Period = Period::minutes(10);
/// Megabytes of the ingestion rates, 2^20 bytes.
const MEGABYTE: f64 = (1 << 20) as f64;
/// Streams whose rates are remembered; beyond that all are forgotten and begin with a full bucket.
const STREAM_RATES: usize = 100_000;

impl Tenants {
    /// Opens the tenants that have a folder in `folder`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`], [`ErrorKind::Corrupt`].
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<Tenants, Error> {
        let tenants = Tenants {
            files,
            folder: folder.to_owned(),
            by_id: RwLock::default(),
        };
        for name in tenants.files.list(folder).map_err(|e| Error::io(folder.display(), e))? {
            // A folder that no tenant can be named for is not ours.
            if let Ok(tenant) = name.parse::<TenantId>() {
                tenants.get_or_open(&tenant)?;
            }
        }
        Ok(tenants)
    }

    /// The tenant, where it has ever pushed.
    pub(crate) fn get(&self, tenant: &TenantId) -> Option<Arc<TenantState>> {
        self.by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .cloned()
    }

    /// The tenant; a new one gets a folder.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`], [`ErrorKind::Corrupt`].
    pub(crate) fn get_or_open(&self, tenant: &TenantId) -> Result<Arc<TenantState>, Error> {
        if let Some(known) = self.get(tenant) {
            return Ok(known);
        }
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_id.get(tenant) {
            return Ok(Arc::clone(known));
        }
        let folder = self.folder.join(tenant.as_str());
        let failed = |e| Error::io(folder.display(), e);
        self.files.create_folder(&folder).map_err(failed)?;
        self.files.sync_folder(&self.folder).map_err(failed)?;
        let state = Arc::new(TenantState {
            store: TenantStore::open(Arc::clone(&self.files), &folder)?,
            deletes: TenantDeletes::open(Arc::clone(&self.files), &folder.join("deletes"))?,
            rules: TenantRules::open(Arc::clone(&self.files), &folder.join("rules"))?,
            schedule: Schedule::default(),
            retention_turn: RetentionTurn::default(),
            rewrite_pause: Pause::new(REWRITE_REST.as_nanos(), LONGEST_REWRITE_REST.as_nanos()),
            settle_turn: SettleTurn::default(),
            labels: LabelCache::default(),
            counters: TenantCounters::default(),
            rate: Mutex::default(),
            stream_rates: Mutex::default(),
        });
        by_id.insert(tenant.clone(), Arc::clone(&state));
        Ok(state)
    }

    /// All tenants, sorted.
    pub(crate) fn all(&self) -> Vec<(TenantId, Arc<TenantState>)> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_id
            .iter()
            .map(|(id, state)| (id.clone(), Arc::clone(state)))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

impl TenantState {
    /// Holds what was accepted against the tenant's rate. Where it is too much, nothing of it is stored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RateLimited`].
    pub(crate) fn admit(
        &self,
        tenant: &TenantId,
        limits: &Limits,
        accepted: &Accepted<'_>,
        now: i64,
    ) -> Result<(), Error> {
        let (lines, bytes) = (accepted.len() as u64, accepted.bytes);
        let discarded = &self.counters.of(accepted.format).discarded;
        if limits.ingestion_rate_mb <= 0.0 || bytes == 0 {
            return Ok(());
        }
        let rate = limits.ingestion_rate_mb * MEGABYTE;
        let burst = if limits.ingestion_burst_size_mb > 0.0 {
            limits.ingestion_burst_size_mb * MEGABYTE
        } else {
            rate
        };
        let mut bucket = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.take(now, rate, burst, bytes as f64) {
            return Ok(());
        }
        discarded.count("rate_limited", lines, bytes);
        let text = format!(
            "ingestion rate limit exceeded for user {tenant} (limit: {} bytes/sec) while attempting to ingest \
             '{lines}' lines totaling '{bytes}' bytes, reduce log volume or contact your Loki administrator to see if \
             the limit can be increased",
            rate as u64
        );
        Err(Error::new(ErrorKind::RateLimited, text))
    }

    /// Takes out of what was accepted the streams and entries that a rule of the storage side refuses.
    pub(crate) fn admit_streams(
        &self,
        tenant: &TenantId,
        limits: &Limits,
        head: &TenantHead,
        accepted: &mut Accepted<'_>,
        refusals: &mut Refusals,
        now: i64,
    ) {
        let most = match (limits.max_streams_per_user, limits.max_global_streams_per_user) {
            (0, most) | (most, 0) => most,
            (local, global) => local.min(global),
        };
        let mut created = 0;
        let discarded = &self.counters.of(accepted.format).discarded;
        accepted.retain_streams(|stream, timestamps| {
            let labels = &stream.labels.labels;
            let known = head.find(labels);
            if known.is_none() && most > 0 {
                if head.len() + created >= most {
                    discarded.count("stream_limit", stream.len() as u64, stream.bytes);
                    refusals.add_storage(Error::new(ErrorKind::RateLimited, stream_limit_text(labels, tenant)));
                    return false;
                }
                created += 1;
            }
            if limits.per_stream_rate_limit > ByteSize(0) && !self.take_stream_rate(limits, stream.bytes, labels, now) {
                discarded.count("per_stream_rate_limit", stream.len() as u64, stream.bytes);
                let reason = format!(
                    "Per stream rate limit exceeded (limit: {}/sec) while attempting to ingest for stream '{labels}' \
                     totaling {}, consider splitting a stream via additional labels or contact your Loki administrator \
                     to see if the limit can be increased",
                    limits.per_stream_rate_limit,
                    ByteSize(stream.bytes)
                );
                let refused = timestamps();
                let text = stream_refusal(&refused, &reason, tenant, refused.len(), labels);
                refusals.add_storage(Error::new(ErrorKind::RateLimited, text));
                return false;
            }
            true
        });
        if !limits.unordered_writes {
            accepted.retain_ordered(
                tenant,
                &|labels| head.find(labels).map(|s| s.time_range().1),
                discarded,
                refusals,
            );
        }
    }

    fn take_stream_rate(&self, limits: &Limits, bytes: u64, labels: &Labels, now: i64) -> bool {
        let rate = limits.per_stream_rate_limit.0 as f64;
        let burst = limits.per_stream_rate_limit_burst.0.max(limits.per_stream_rate_limit.0) as f64;
        let mut rates = self.stream_rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= STREAM_RATES {
            rates.clear();
        }
        rates
            .entry(labels.clone())
            .or_default()
            .take(now, rate, burst, bytes as f64)
    }
}

impl TenantCounters {
    /// Those of one format.
    pub(crate) fn of(&self, format: PushFormat) -> &FormatCounters {
        &self.by_format[format as usize]
    }

    /// Counts what was stored.
    pub(crate) fn received(&self, accepted: &Accepted<'_>, streams_created: u64) {
        let counters = self.of(accepted.format);
        counters.lines.fetch_add(accepted.len() as u64, Ordering::Relaxed);
        counters.bytes.fetch_add(accepted.bytes, Ordering::Relaxed);
        counters
            .metadata_bytes
            .fetch_add(accepted.metadata_bytes, Ordering::Relaxed);
        self.streams_created.fetch_add(streams_created, Ordering::Relaxed);
    }
}

impl FormatCounters {
    /// The counts so far.
    pub(crate) fn metrics(&self, format: PushFormat) -> PushMetrics {
        PushMetrics {
            format,
            lines: self.lines.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            metadata_bytes: self.metadata_bytes.load(Ordering::Relaxed),
            discarded: self.discarded.counts(),
        }
    }
}

fn stream_limit_text(labels: &Labels, tenant: &TenantId) -> String {
    format!(
        "maximum active stream limit exceeded when trying to create stream {labels}, reduce the number of active \
         streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can \
         be increased, user: '{tenant}'"
    )
}
