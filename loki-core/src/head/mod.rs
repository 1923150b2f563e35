//! What was pushed and is not in a segment yet: streams in memory, backed by the write-ahead log.

mod sealer;
mod stream;

pub(crate) use sealer::{SealedBlock, Sealers};
pub(crate) use stream::{OpenSnapshot, Stream, StreamEnd};

use crate::TenantId;
use crate::ingest::Accepted;
use hashbrown::HashMap;
use loki_chunk::EntryRef;
use loki_index::{MemoryIndex, Predicate, SeriesId};
use loki_logql::Labels;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The streams of all tenants that one generation of the write-ahead log backs.
#[derive(Debug)]
pub(crate) struct Head {
    sealers: Arc<Sealers>,
    tenants: RwLock<HashMap<TenantId, Arc<TenantHead>>>,
    /// Bytes of memory, about.
    bytes: AtomicU64,
    /// When the first entry came, by the engine's clock; `i64::MAX` while there is none.
    first_append: AtomicI64,
    /// When the last entry came.
    last_append: AtomicI64,
}

/// The streams of one tenant.
#[derive(Debug, Default)]
pub(crate) struct TenantHead {
    streams: RwLock<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    index: MemoryIndex,
    /// By series id.
    list: Vec<Arc<Stream>>,
}

impl Head {
    /// An empty head whose blocks will be sealed by `sealers`.
    pub(crate) fn new(sealers: Arc<Sealers>) -> Head {
        Head {
            sealers,
            tenants: RwLock::default(),
            bytes: AtomicU64::new(0),
            first_append: AtomicI64::new(i64::MAX),
            last_append: AtomicI64::new(i64::MIN),
        }
    }

    /// What seals its blocks.
    pub(crate) fn sealers(&self) -> &Arc<Sealers> {
        &self.sealers
    }

    /// The streams of `tenant`, where it has any.
    pub(crate) fn tenant(&self, tenant: &TenantId) -> Option<Arc<TenantHead>> {
        self.tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .cloned()
    }

    /// The streams of `tenant`, to add to.
    pub(crate) fn tenant_or_new(&self, tenant: &TenantId) -> Arc<TenantHead> {
        if let Some(found) = self.tenant(tenant) {
            return found;
        }
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant.clone()).or_default())
    }

    /// All tenants with their streams.
    pub(crate) fn tenants(&self) -> Vec<(TenantId, Arc<TenantHead>)> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = tenants
            .iter()
            .map(|(id, head)| (id.clone(), Arc::clone(head)))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// The stream of `tenant` with these labels, made where there is none; whether it was made.
    pub(crate) fn find_or_new(&self, tenant: &TenantHead, labels: &Labels) -> (Arc<Stream>, bool) {
        if let Some(found) = tenant.find(labels) {
            return (found, false);
        }
        let (stream, new) = tenant.insert(Stream::new(labels.clone(), self.sealers.open()));
        if new {
            self.bytes.fetch_add(stream_bytes(labels), Ordering::Relaxed);
        }
        (stream, new)
    }

    /// Appends entries to a stream: hands the stream to `fill` and keeps the accounts.
    pub(crate) fn append<T>(&self, stream: &Stream, now: i64, fill: impl FnOnce(&mut StreamEnd<'_>) -> T) -> T {
        let (answer, grown) = stream.append(&self.sealers, fill);
        self.grow(grown);
        self.first_append.fetch_min(now, Ordering::Relaxed);
        self.last_append.fetch_max(now, Ordering::Relaxed);
        answer
    }

    /// The blocks of a stream that is appended to no more, in the order in which they came. What was open is sealed and takes
    /// less memory from then on.
    pub(crate) fn sealed_blocks(&self, stream: &Stream) -> Vec<Arc<SealedBlock>> {
        self.grow(stream.seal(&self.sealers));
        stream.snapshot().sealed
    }

    fn grow(&self, bytes: i64) {
        if bytes >= 0 {
            self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(bytes.unsigned_abs(), Ordering::Relaxed);
        }
    }

    /// Appends what was accepted of a push to the streams of its tenant; answers how many streams that made.
    pub(crate) fn store(&self, tenant: &TenantHead, accepted: &Accepted<'_>, now: i64) -> u64 {
        let mut created = 0;
        for stream in &accepted.streams {
            let (kept, new) = self.find_or_new(tenant, &stream.labels.labels);
            created += u64::from(new);
            self.append(&kept, now, |end| {
                accepted.each(stream, |timestamp, line, metadata| {
                    end.append(EntryRef {
                        timestamp,
                        line,
                        metadata,
                    });
                });
            });
        }
        created
    }

    /// Bytes of memory that the head takes, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether nothing was appended.
    pub(crate) fn is_empty(&self) -> bool {
        self.first_append.load(Ordering::Relaxed) == i64::MAX
    }

    /// When the first and the last entry came.
    pub(crate) fn appended(&self) -> (i64, i64) {
        (
            self.first_append.load(Ordering::Relaxed),
            self.last_append.load(Ordering::Relaxed),
        )
    }
}

/// Bytes that a stream takes before its first entry, about: its labels here and in the index, and the stream itself.
fn stream_bytes(labels: &Labels) -> u64 {
    let pairs: usize = labels.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    512 + 3 * pairs as u64
}

impl TenantHead {
    /// The stream with these labels, where there is one.
    pub(crate) fn find(&self, labels: &Labels) -> Option<Arc<Stream>> {
        let pairs: Vec<(&str, &str)> = labels.iter().collect();
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        streams
            .index
            .lookup(&pairs)
            .map(|id| Arc::clone(&streams.list[id.0 as usize]))
    }

    /// Takes `stream` in, unless one with its labels has come meanwhile; the one that is there, and whether it is new.
    fn insert(&self, stream: Stream) -> (Arc<Stream>, bool) {
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<(&str, &str)> = stream.labels().iter().collect();
        let (id, new) = streams.index.insert(&pairs);
        drop(pairs);
        if new {
            streams.list.push(Arc::new(stream));
        }
        (Arc::clone(&streams.list[id.0 as usize]), new)
    }

    /// A copy of the streams that `predicates` select, as they are now: what is appended later is not in it.
    pub(crate) fn frozen(&self, predicates: &[Predicate]) -> TenantHead {
        let mut frozen = Streams::default();
        for stream in self.select(predicates) {
            let pairs: Vec<(&str, &str)> = stream.labels().iter().collect();
            frozen.index.insert(&pairs);
            frozen.list.push(Arc::new(stream.frozen()));
        }
        TenantHead {
            streams: RwLock::new(frozen),
        }
    }

    /// Number of streams.
    pub(crate) fn len(&self) -> usize {
        self.streams.read().unwrap_or_else(PoisonError::into_inner).list.len()
    }

    /// Number of blocks, open ones included.
    pub(crate) fn blocks(&self) -> u64 {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner).list.clone();
        streams.iter().map(|stream| stream.blocks()).sum()
    }

    /// The streams that all of `predicates` select.
    pub(crate) fn select(&self, predicates: &[Predicate]) -> Vec<Arc<Stream>> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        if predicates.is_empty() {
            return streams.list.clone();
        }
        streams
            .index
            .select(predicates)
            .iter()
            .map(|SeriesId(id)| Arc::clone(&streams.list[id as usize]))
            .collect()
    }
}
