//! What an engine is opened with: numbers of the whole engine, and the limits of its tenants.

use crate::{ByteSize, Limits, Period, TenantId};
use loki_chunk::Encoding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The settings of an engine. `Settings::default()` is ready for use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When an acknowledged push is safe from a power cut.
    pub wal_sync: WalSync,
    /// How blocks are compressed.
    pub encoding: Encoding,
    /// Which content filters segments get.
    pub content_filters: ContentFilters,
    /// Bytes that the head may take before it is flushed early. Up to a quarter as much waits in pages for what comes next.
    pub head_bytes: ByteSize,
    /// A stream that got nothing for so long is flushed.
    pub chunk_idle_period: Period,
    /// Once nothing has come for so long, a head that holds a sixteenth of its size or more is flushed, long before it has
    /// been idle: there is time, and what is flushed is searched faster and need not be replayed. 0: it is not.
    pub quiet_period: Period,
    /// Entries are flushed at the latest so long after they came.
    pub max_chunk_age: Period,
    /// Segments are merged until they are this large.
    pub target_segment_bytes: ByteSize,
    /// Once nothing has been flushed for so long, segments are laid out for good that have not grown full before: it takes time
    /// that pushes would want, and about half of the room is won.
    pub settle_period: Period,
    /// Bytes that one query may hold.
    pub max_query_memory: ByteSize,
    /// How often old data is looked for.
    pub retention_interval: Period,
    /// All segments together take no more than this: the oldest go first; 0: no limit.
    pub retention_bytes: ByteSize,
    /// How long a delete request can be cancelled; then what it hides is removed.
    pub delete_cancel_period: Period,
    /// The longest `max_interval` that a delete request may name.
    pub delete_max_interval: Period,
    /// How often rule groups are evaluated that do not say.
    pub rule_interval: Period,
    /// Where rule groups come from.
    pub rule_storage: RuleStorage,
    /// An alert that goes on firing is delivered again so often.
    pub alert_resend_delay: Period,
    /// What templates of rules know as `$externalURL`.
    pub external_url: String,
    /// Threads that queries use; 0: one a core.
    pub query_threads: usize,
    /// A tail is ended after so long; 0: it is not.
    pub tail_max_duration: Period,
    /// Whether patterns are mined from what is pushed, for [`Engine::patterns`](crate::Engine::patterns).
    pub pattern_ingester: bool,
    /// Limits of tenants without limits of their own.
    pub limits: Limits,
    /// Limits of single tenants.
    pub overrides: BTreeMap<TenantId, Limits>,
}

/// Where rule groups come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuleStorage {
    /// From [`Engine::set_rule_group`](crate::Engine::set_rule_group), kept with the data.
    #[default]
    Kept,
    /// From [`Engine::give_rule_groups`](crate::Engine::give_rule_groups) alone; what is kept rests.
    Given,
    /// From both; a namespace that is given stands before one that is kept, and cannot be changed.
    Both,
}

/// When the write-ahead log is synced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WalSync {
    /// Before a push is acknowledged. Pushes that wait at the same time share one sync.
    #[default]
    Always,
    /// At most so often; a power cut can take what was acknowledged since.
    Interval(Period),
    /// When the operating system likes.
    Never,
}

/// What a segment knows of the lines in each block, so that a query reads only blocks that can hold what it looks for.
///
/// A filter never hides a line; it costs space and the time to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentFilters {
    /// Nothing: every block of the time and the streams wanted is read. Written `none`: to YAML, `off` is a boolean.
    #[serde(rename = "none")]
    Off,
    /// Texts of 13 bytes and more are looked up; half the size of the dense ones.
    Sparse,
    /// Texts of 8 bytes and more.
    #[default]
    Dense,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            wal_sync: WalSync::Always,
            encoding: Encoding::Zstd,
            content_filters: ContentFilters::default(),
            head_bytes: ByteSize(40 << 20),
            chunk_idle_period: Period::minutes(30),
            quiet_period: Period::seconds(20),
            max_chunk_age: Period::hours(2),
            target_segment_bytes: ByteSize(256 << 20),
            settle_period: Period::seconds(20),
            max_query_memory: ByteSize(256 << 20),
            retention_interval: Period::minutes(10),
            retention_bytes: ByteSize(0),
            delete_cancel_period: Period::hours(24),
            delete_max_interval: Period::hours(24),
            rule_interval: Period::minutes(1),
            rule_storage: RuleStorage::default(),
            alert_resend_delay: Period::minutes(1),
            external_url: String::new(),
            query_threads: 0,
            tail_max_duration: Period::hours(1),
            pattern_ingester: false,
            limits: Limits::default(),
            overrides: BTreeMap::new(),
        }
    }
}

/// The head takes this share of the memory where there is little of it: while one is flushed another grows, and what is sealed
/// and written needs as much again.
const HEAD_SHARE: u64 = 8;
/// A head smaller than this would be flushed all the time.
const LEAST_HEAD: u64 = 8 << 20;
/// A query takes this share of the memory at most.
const QUERY_SHARE: u64 = 4;
/// A query that may hold less would be of little use.
const LEAST_QUERY: u64 = 4 << 20;

impl Settings {
    /// The default settings on a machine, or within a limit, of so many bytes of memory: never more than the default, and
    /// less where that would be too much.
    ///
    /// ```
    /// use loki_core::{ByteSize, Settings};
    ///
    /// assert_eq!(Settings::for_memory(ByteSize(64 << 30)).head_bytes, Settings::default().head_bytes);
    /// assert_eq!(Settings::for_memory(ByteSize(256 << 20)).head_bytes, ByteSize(32 << 20));
    /// ```
    pub fn for_memory(memory: ByteSize) -> Settings {
        let share = |parts: u64, least: u64, most: ByteSize| ByteSize((memory.0 / parts).max(least).min(most.0));
        let most = Settings::default();
        Settings {
            head_bytes: share(HEAD_SHARE, LEAST_HEAD, most.head_bytes),
            max_query_memory: share(QUERY_SHARE, LEAST_QUERY, most.max_query_memory),
            ..most
        }
    }

    /// The limits that hold for `tenant`.
    pub fn limits(&self, tenant: &TenantId) -> &Limits {
        self.overrides.get(tenant).unwrap_or(&self.limits)
    }
}
