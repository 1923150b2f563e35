//! The engine's counters under Loki's names, read when they are asked for.

use loki_core::{DeleteMetrics, Metrics, PushFormat, PushMetrics, TenantMetrics};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};

/// The families of one reading.
pub(super) fn gather(metrics: &Metrics) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let families = Families(Registry::new());
    let whole = |value| vec![(Vec::<&str>::new(), value)];
    families.gauge(
        "loki_ingester_memory_bytes",
        "Bytes that the streams in memory take.",
        &[],
        whole(metrics.head_bytes),
    )?;
    families.counter(
        "loki_ingester_wal_records_logged_total",
        "Records written to the write-ahead log.",
        &[],
        whole(metrics.wal_records),
    )?;
    families.counter(
        "loki_ingester_wal_logged_bytes_total",
        "Bytes written to the write-ahead log.",
        &[],
        whole(metrics.wal_bytes),
    )?;
    families.counter(
        "loki_ingester_wal_syncs_total",
        "Syncs of the write-ahead log.",
        &[],
        whole(metrics.wal_syncs),
    )?;
    families.counter(
        "loki_ingester_flushes_total",
        "Times that memory was written to segments.",
        &[],
        whole(metrics.flushes),
    )?;
    families.counter(
        "loki_compactor_compactions_total",
        "Merges of segments.",
        &[],
        whole(metrics.compactions),
    )?;
    families.gauge(
        "loki_ingester_memory_chunks",
        "Blocks in memory.",
        &[],
        whole(metrics.head_blocks),
    )?;
    families.gauge(
        "loki_ingester_flush_queue_length",
        "Flushes that go on or wait.",
        &[],
        whole(u64::from(metrics.is_flushing)),
    )?;
    families.gauge("loki_querier_tail_active", "Open tails.", &[], whole(metrics.tails))?;
    families.gauge(
        "loki_querier_tail_active_streams",
        "Streams in memory that open tails follow.",
        &[],
        whole(metrics.tailed_streams),
    )?;
    families.counter(
        "loki_querier_tail_bytes_total",
        "Bytes of lines handed to tails.",
        &[],
        whole(metrics.tail_bytes),
    )?;
    families.gauge(
        "loki_distributor_replication_factor",
        "Copies of an entry.",
        &[],
        whole(1),
    )?;
    families.gauge(
        "loki_ring_members",
        "Members of the ring: this process.",
        &["name", "state"],
        vec![(vec!["ingester", "ACTIVE"], 1)],
    )?;
    by_tenant(&families, &metrics.tenants)?;
    Ok(families.0.gather())
}

fn by_tenant(families: &Families, tenants: &[TenantMetrics]) -> Result<(), prometheus::Error> {
    let each = |value: fn(&TenantMetrics) -> u64| {
        tenants
            .iter()
            .map(|tenant| (vec![tenant.tenant.as_str()], value(tenant)))
            .collect::<Vec<_>>()
    };
    families.gauge(
        "loki_ingester_memory_streams",
        "Streams in memory.",
        &["tenant"],
        each(|t| t.head_streams),
    )?;
    families.counter(
        "loki_ingester_streams_created_total",
        "Streams that came into memory.",
        &["tenant"],
        each(|t| t.streams_created),
    )?;
    families.gauge(
        "loki_store_segments",
        "Segments on disk.",
        &["tenant"],
        each(|t| t.segments),
    )?;
    families.gauge(
        "loki_store_segment_bytes",
        "Bytes of the segments on disk.",
        &["tenant"],
        each(|t| t.segment_bytes),
    )?;

    deletes(families, tenants)?;
    pushes(families, tenants)
}

/// Delete requests: what waits, what is done.
fn deletes(families: &Families, tenants: &[TenantMetrics]) -> Result<(), prometheus::Error> {
    let each = |value: fn(&DeleteMetrics) -> u64| {
        let used = tenants
            .iter()
            .filter(|tenant| tenant.deletes != DeleteMetrics::default());
        used.map(|tenant| (vec![tenant.tenant.as_str()], value(&tenant.deletes)))
            .collect::<Vec<_>>()
    };
    families.counter(
        "loki_compactor_delete_requests_received_total",
        "Delete requests taken.",
        &["user"],
        each(|deletes| deletes.received),
    )?;
    families.counter(
        "loki_compactor_delete_requests_processed_total",
        "Delete requests carried out.",
        &["user"],
        each(|deletes| deletes.processed),
    )?;
    families.counter(
        "loki_compactor_deleted_lines",
        "Lines that delete requests removed.",
        &["user"],
        each(|deletes| deletes.entries_removed),
    )?;
    let all = tenants.iter().map(|tenant| &tenant.deletes);
    families.gauge(
        "loki_compactor_pending_delete_requests_count",
        "Delete requests that wait.",
        &[],
        vec![(Vec::<&str>::new(), all.clone().map(|deletes| deletes.pending).sum())],
    )?;
    let oldest = all.map(|deletes| deletes.oldest_pending_nanos).max().unwrap_or(0);
    families.gauge(
        "loki_compactor_oldest_pending_delete_request_age_seconds",
        "How long the oldest delete request waits.",
        &[],
        vec![(Vec::<&str>::new(), u64::try_from(oldest / 1_000_000_000).unwrap_or(0))],
    )
}

/// What came in, by the format that it came in.
fn pushes(families: &Families, tenants: &[TenantMetrics]) -> Result<(), prometheus::Error> {
    let each: Vec<(&str, &PushMetrics)> = tenants
        .iter()
        .flat_map(|tenant| tenant.pushes.iter().map(|push| (tenant.tenant.as_str(), push)))
        .filter(|(_, push)| push.format == PushFormat::Loki || push.lines > 0 || !push.discarded.is_empty())
        .collect();
    let received = |value: fn(&PushMetrics) -> u64| {
        let row =
            |&(tenant, push): &(_, &PushMetrics)| (vec![tenant, "", "false", "", push.format.as_str()], value(push));
        each.iter().map(row).collect()
    };
    let labels = ["tenant", "retention_hours", "is_internal_stream", "policy", "format"];
    families.counter(
        "loki_distributor_bytes_received_total",
        "Bytes of accepted lines and structured metadata.",
        &labels,
        received(|push| push.bytes),
    )?;
    families.counter(
        "loki_distributor_structured_metadata_bytes_received_total",
        "Bytes of accepted structured metadata.",
        &labels,
        received(|push| push.metadata_bytes),
    )?;
    let lines = |&(tenant, push): &(_, &PushMetrics)| (vec![tenant, "false", "", push.format.as_str()], push.lines);
    families.counter(
        "loki_distributor_lines_received_total",
        "Lines accepted.",
        &["tenant", "is_internal_stream", "policy", "format"],
        each.iter().map(lines).collect(),
    )?;
    let discarded = |value: fn(&(&'static str, u64, u64)) -> u64| {
        let rows = |&(tenant, push): &(_, &'_ PushMetrics)| {
            let labels = move |reason| vec![reason, tenant, "0", "", push.format.as_str()];
            push.discarded
                .iter()
                .map(move |row| (labels(row.0), value(row)))
                .collect::<Vec<_>>()
        };
        each.iter().flat_map(rows).collect()
    };
    let labels = ["reason", "tenant", "retention_hours", "policy", "format"];
    families.counter(
        "loki_discarded_samples_total",
        "Entries refused.",
        &labels,
        discarded(|row| row.1),
    )?;
    families.counter(
        "loki_discarded_bytes_total",
        "Bytes of refused entries.",
        &labels,
        discarded(|row| row.2),
    )
}

/// Families that are made anew for each reading.
struct Families(Registry);

impl Families {
    fn gauge<L: AsRef<str> + std::fmt::Debug>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        rows: Vec<(Vec<L>, u64)>,
    ) -> Result<(), prometheus::Error> {
        let family = GaugeVec::new(Opts::new(name, help), labels)?;
        for (values, value) in rows {
            family.get_metric_with_label_values(&values)?.set(value as f64);
        }
        self.0.register(Box::new(family))
    }

    fn counter<L: AsRef<str> + std::fmt::Debug>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        rows: Vec<(Vec<L>, u64)>,
    ) -> Result<(), prometheus::Error> {
        let family = IntCounterVec::new(Opts::new(name, help), labels)?;
        for (values, value) in rows {
            family.get_metric_with_label_values(&values)?.inc_by(value);
        }
        self.0.register(Box::new(family))
    }
}
