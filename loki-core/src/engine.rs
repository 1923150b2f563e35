//! The engine: open, push, query.

use crate::{Error, Limits, PushRequest, QueryRequest, QueryResponse, SeriesRequest, Settings, TenantId};
use loki_logql::Labels;
use std::path::Path;

/// An open log database. Cheap to clone; all clones are one engine.
#[derive(Debug, Clone)]
pub struct Engine {}

impl Engine {
    /// Opens the database in the directory `path`, which is made where it is not there.
    pub fn open(path: impl AsRef<Path>, settings: Settings) -> Result<Engine, Error> {
        let _ = (path.as_ref(), settings);
        todo!()
    }

    /// Stores entries; returns once they are as durable as [`Settings::wal_sync`] says.
    ///
    /// # Errors
    ///
    /// Where a stream or an entry breaks a rule the others are stored, and the error tells of the broken ones.
    pub fn push(&self, tenant: &TenantId, request: &PushRequest<'_>) -> Result<(), Error> {
        let _ = (tenant, request);
        todo!()
    }

    /// Evaluates a LogQL query.
    pub fn query(&self, tenant: &TenantId, request: &QueryRequest) -> Result<QueryResponse, Error> {
        let _ = (tenant, request);
        todo!()
    }

    /// The label names of the selected streams, sorted.
    pub fn labels(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<Vec<String>, Error> {
        let _ = (tenant, request);
        todo!()
    }

    /// The values that the label `name` has in the selected streams, sorted.
    pub fn label_values(&self, tenant: &TenantId, name: &str, request: &SeriesRequest) -> Result<Vec<String>, Error> {
        let _ = (tenant, name, request);
        todo!()
    }

    /// The label sets of the selected streams, sorted.
    pub fn series(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<Vec<Labels>, Error> {
        let _ = (tenant, request);
        todo!()
    }

    /// Streams, blocks, bytes and entries of a selector in a time range.
    pub fn index_stats(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<IndexStats, Error> {
        let _ = (tenant, request);
        todo!()
    }

    /// Writes everything that is in memory to segments.
    pub fn flush(&self) -> Result<(), Error> {
        todo!()
    }

    /// Does the work that is due at `now`; see [`Maintenance`].
    pub fn maintain(&self, now: i64) -> Result<Maintenance, Error> {
        let _ = now;
        todo!()
    }

    /// Syncs the write-ahead log and takes no more calls. What is in memory is replayed by the next open.
    pub fn close(&self) -> Result<(), Error> {
        todo!()
    }

    /// What the engine holds and has done.
    pub fn metrics(&self) -> Metrics {
        todo!()
    }

    /// The limits that hold for `tenant`.
    pub fn limits(&self, tenant: &TenantId) -> Limits {
        let _ = tenant;
        todo!()
    }

    /// The time by the engine's clock, in nanoseconds.
    pub fn now(&self) -> i64 {
        todo!()
    }
}

/// Streams, blocks, bytes and entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStats {
    /// Distinct streams.
    pub streams: u64,
    /// Blocks.
    pub chunks: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

/// What a call of [`Engine::maintain`] did, and when it wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance {
    /// Whether something was done; then more may be due at once.
    pub worked: bool,
    /// The next time (nanoseconds) at which something will be due.
    pub next: i64,
}

/// What an engine holds and has done since it was opened; counters only grow.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Per tenant.
    pub tenants: Vec<TenantMetrics>,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Records written to the write-ahead log.
    pub wal_records: u64,
    /// Syncs of the write-ahead log.
    pub wal_syncs: u64,
    /// Bytes that the head takes.
    pub head_bytes: u64,
    /// Blocks in the head.
    pub head_blocks: u64,
    /// Flushes done.
    pub flushes: u64,
    /// Compactions done.
    pub compactions: u64,
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
    /// Lines accepted.
    pub lines_received: u64,
    /// Bytes of accepted lines and structured metadata.
    pub bytes_received: u64,
    /// Bytes of accepted structured metadata.
    pub metadata_bytes_received: u64,
    /// Entries refused, and bytes of them, by reason (Loki's names: `line_too_long`, …).
    pub discarded: Vec<(&'static str, u64, u64)>,
}
