//! Per-tenant limits, named as Loki's `limits_config` names them.

mod otlp;

pub use otlp::{AttributeAction, AttributeRule, OtlpConfig, ResourceAttributes};

use crate::{ByteSize, Period};
use serde::{Deserialize, Serialize};

/// The limits of one tenant.
///
/// The defaults are Loki's, but for those that protect neighbours or that lose data without being asked to:
/// `reject_old_samples` is off, the ingestion rates are unlimited (0) and `split_queries_by_interval` is 0, because
/// this engine splits no queries (so metric queries are evaluated exactly at `start + k * step`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    reason = "the names are those of Loki's documentation; what is not obvious is said"
)]
pub struct Limits {
    /// Megabytes (2^20) a second; 0: no limit.
    pub ingestion_rate_mb: f64,
    /// Megabytes (2^20) at once; 0: no limit.
    pub ingestion_burst_size_mb: f64,
    pub max_label_name_length: usize,
    pub max_label_value_length: usize,
    pub max_label_names_per_series: usize,
    pub reject_old_samples: bool,
    pub reject_old_samples_max_age: Period,
    pub creation_grace_period: Period,
    /// Bytes of one line; 0: no limit.
    pub max_line_size: ByteSize,
    pub max_line_size_truncate: bool,
    pub max_line_size_truncate_identifier: String,
    pub increment_duplicate_timestamp: bool,
    /// Off: an entry older than the newest of its stream is refused.
    pub unordered_writes: bool,
    /// Labels whose value names the service, best first; empty: no discovery.
    pub discover_service_name: Vec<String>,
    pub discover_log_levels: bool,
    pub log_level_from_json_max_depth: usize,
    pub log_level_fields: Vec<String>,
    /// Active streams of a tenant; 0: no limit.
    pub max_streams_per_user: usize,
    /// As `max_streams_per_user`; the smaller of the two that are set counts.
    pub max_global_streams_per_user: usize,
    /// Bytes a second; 0: no limit.
    pub per_stream_rate_limit: ByteSize,
    /// Bytes at once; 0: no limit.
    pub per_stream_rate_limit_burst: ByteSize,
    pub allow_structured_metadata: bool,
    pub max_structured_metadata_size: ByteSize,
    pub max_structured_metadata_entries_count: usize,
    pub enforced_labels: Vec<String>,
    pub otlp_config: OtlpConfig,
    /// RFC 3339; `"0"` or empty: not blocked.
    pub block_ingestion_until: String,
    /// What a blocked push is answered; 200: it is dropped and its sender not told.
    pub block_ingestion_status_code: u16,

    pub max_query_series: usize,
    pub max_query_lookback: Period,
    pub max_query_length: Period,
    pub max_query_range: Period,
    pub max_entries_limit_per_query: usize,
    pub max_streams_matchers_per_query: usize,
    /// Bytes of lines and metadata in the blocks that a query selects; 0: no limit.
    pub max_query_bytes_read: ByteSize,
    /// As `max_query_bytes_read`, which is held against first: this engine does not split queries.
    pub max_querier_bytes_read: ByteSize,
    pub query_timeout: Period,
    pub split_queries_by_interval: Period,
    pub required_labels: Vec<String>,
    pub minimum_labels_number: usize,
    pub max_concurrent_tail_requests: usize,
    pub volume_enabled: bool,
    pub volume_max_series: usize,
    pub enable_multi_variant_queries: bool,
    pub blocked_queries: Vec<BlockedQuery>,

    pub deletion_mode: DeletionMode,
    /// How long entries are kept; 0: for ever.
    pub retention_period: Period,
    pub retention_stream: Vec<StreamRetention>,

    pub ruler_max_rules_per_rule_group: usize,
    pub ruler_max_rule_groups_per_tenant: usize,
}

/// A query that is refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockedQuery {
    /// The exact text, `.*` for every query, or a regular expression.
    pub pattern: String,
    /// Whether `pattern` is a regular expression.
    pub regex: bool,
    /// 32-bit FNV-1 of the text of the query; 0: not used.
    pub hash: u32,
    /// `filter`, `limited`, `metric`, joined by commas; empty: all.
    pub types: String,
}

/// How long the streams of one selector are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamRetention {
    /// A selector of matchers only.
    pub selector: String,
    /// The highest wins.
    pub priority: i64,
    /// How long.
    pub period: Period,
}

/// What a tenant may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletionMode {
    /// Nothing.
    Disabled,
    /// Requests hide lines from queries and leave the bytes.
    FilterOnly,
    /// Requests hide lines, then the bytes go.
    #[default]
    FilterAndDelete,
}

impl Default for Limits {
    fn default() -> Limits {
        let words = |list: &str| list.split(' ').map(str::to_owned).collect();
        Limits {
            ingestion_rate_mb: 0.0,
            ingestion_burst_size_mb: 0.0,
            max_label_name_length: 1024,
            max_label_value_length: 2048,
            max_label_names_per_series: 15,
            reject_old_samples: false,
            reject_old_samples_max_age: Period::hours(7 * 24),
            creation_grace_period: Period::minutes(10),
            max_line_size: ByteSize(256 << 10),
            max_line_size_truncate: false,
            max_line_size_truncate_identifier: String::new(),
            increment_duplicate_timestamp: false,
            unordered_writes: true,
            discover_service_name: words(
                "service app application app_name name app_kubernetes_io_name container container_name \
                 k8s_container_name component workload job k8s_job_name",
            ),
            discover_log_levels: true,
            log_level_from_json_max_depth: 2,
            log_level_fields: words(
                "level LEVEL Level log.level severity SEVERITY Severity SeverityText lvl LVL Lvl severity_text \
                 Severity_Text SEVERITY_TEXT",
            ),
            max_streams_per_user: 0,
            max_global_streams_per_user: 100_000,
            per_stream_rate_limit: ByteSize(0),
            per_stream_rate_limit_burst: ByteSize(0),
            allow_structured_metadata: true,
            max_structured_metadata_size: ByteSize(64 << 10),
            max_structured_metadata_entries_count: 128,
            enforced_labels: Vec::new(),
            otlp_config: OtlpConfig::default(),
            block_ingestion_until: "0".to_owned(),
            block_ingestion_status_code: 260,
            max_query_series: 500,
            max_query_lookback: Period::ZERO,
            max_query_length: Period::hours(721),
            max_query_range: Period::ZERO,
            max_entries_limit_per_query: 5000,
            max_streams_matchers_per_query: 1000,
            max_query_bytes_read: ByteSize(0),
            max_querier_bytes_read: ByteSize(150 << 30),
            query_timeout: Period::minutes(1),
            split_queries_by_interval: Period::ZERO,
            required_labels: Vec::new(),
            minimum_labels_number: 0,
            max_concurrent_tail_requests: 10,
            volume_enabled: true,
            volume_max_series: 1000,
            enable_multi_variant_queries: false,
            blocked_queries: Vec::new(),
            deletion_mode: DeletionMode::FilterAndDelete,
            retention_period: Period::ZERO,
            retention_stream: Vec::new(),
            ruler_max_rules_per_rule_group: 0,
            ruler_max_rule_groups_per_tenant: 0,
        }
    }
}
