//! What is counted of deliveries, under Loki's names.

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Seconds of a delivery.
const SECONDS: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// Why the registration of a metric cannot fail.
const WELL_FORMED: &str = "names are constant and unique";

/// Of alerts, by tenant and Alertmanager.
#[derive(Debug, Clone)]
pub(super) struct AlertMetrics {
    pub(super) sent: IntCounterVec,
    pub(super) errors: IntCounterVec,
    pub(super) dropped: IntCounterVec,
    pub(super) seconds: HistogramVec,
    pub(super) queue_length: IntGaugeVec,
}

impl AlertMetrics {
    pub(super) fn new(registry: &Registry, managers: usize, queue_capacity: usize) -> AlertMetrics {
        let name = |name: &str| format!("loki_prometheus_notifications_{name}");
        let labels = ["user", "alertmanager"];
        let counter = |short: &str, help: &str| {
            keep(
                registry,
                IntCounterVec::new(Opts::new(name(short), help), &labels).expect(WELL_FORMED),
            )
        };
        let gauge = |short: &str, help: &str, value: usize| {
            let gauge = keep(
                registry,
                IntGauge::with_opts(Opts::new(name(short), help)).expect(WELL_FORMED),
            );
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        gauge(
            "alertmanagers_discovered",
            "Alertmanagers that are told of alerts.",
            managers,
        );
        gauge(
            "queue_capacity",
            "Alerts that may wait for one Alertmanager.",
            queue_capacity,
        );
        let length = Opts::new(name("queue_length"), "Alerts that wait.");
        let seconds =
            HistogramOpts::new(name("latency_seconds"), "Seconds of a delivery of alerts.").buckets(SECONDS.to_vec());
        AlertMetrics {
            sent: counter("sent_total", "Alerts that were delivered."),
            errors: counter("errors_total", "Alerts that one Alertmanager did not take."),
            dropped: counter(
                "dropped_total",
                "Alerts that were dropped: the queue was full, or all tries failed.",
            ),
            seconds: keep(registry, HistogramVec::new(seconds, &labels).expect(WELL_FORMED)),
            queue_length: keep(registry, IntGaugeVec::new(length, &labels).expect(WELL_FORMED)),
        }
    }
}

/// Of samples, by destination.
#[derive(Debug, Clone)]
pub(super) struct SampleMetrics {
    sent: IntCounterVec,
    bytes: IntCounterVec,
    failed: IntCounterVec,
    retried: IntCounterVec,
    dropped: IntCounterVec,
    pending: IntGaugeVec,
    queue_bytes: IntGaugeVec,
    seconds: HistogramVec,
    newest: Gauge,
    newest_sent: GaugeVec,
}

/// Of the samples of one destination.
#[derive(Debug)]
pub(super) struct TargetMetrics {
    pub(super) sent: IntCounter,
    pub(super) bytes: IntCounter,
    pub(super) failed: IntCounter,
    pub(super) retried: IntCounter,
    pub(super) dropped: IntCounter,
    pub(super) pending: IntGauge,
    pub(super) queue_bytes: IntGauge,
    pub(super) seconds: Histogram,
    pub(super) newest: Gauge,
    pub(super) newest_sent: Gauge,
}

impl SampleMetrics {
    pub(super) fn new(registry: &Registry) -> SampleMetrics {
        let name = |name: &str| format!("loki_ruler_wal_prometheus_remote_storage_{name}");
        let labels = ["remote_name", "url"];
        let counter = |short: &str, help: &str| {
            keep(
                registry,
                IntCounterVec::new(Opts::new(name(short), help), &labels).expect(WELL_FORMED),
            )
        };
        let gauge = |short: &str, help: &str| {
            keep(
                registry,
                IntGaugeVec::new(Opts::new(name(short), help), &labels).expect(WELL_FORMED),
            )
        };
        let seconds = HistogramOpts::new(name("sent_batch_duration_seconds"), "Seconds of a delivery of samples.")
            .buckets(SECONDS.to_vec());
        let newest = Opts::new(
            name("highest_timestamp_in_seconds"),
            "Time of the newest sample that came.",
        );
        let sent = Opts::new(
            name("queue_highest_sent_timestamp_seconds"),
            "Time of the newest sample that was delivered.",
        );
        SampleMetrics {
            sent: counter("samples_total", "Samples that were delivered."),
            bytes: counter("bytes_total", "Bytes of samples that were delivered, compressed."),
            failed: counter("samples_failed_total", "Samples that were refused for good."),
            retried: counter(
                "samples_retried_total",
                "Samples whose delivery failed and was tried again.",
            ),
            dropped: counter(
                "samples_dropped_total",
                "Samples that were dropped: the queue was full.",
            ),
            pending: gauge("samples_pending", "Samples that wait on disk."),
            queue_bytes: gauge("queue_bytes", "Bytes on disk of samples that wait."),
            seconds: keep(registry, HistogramVec::new(seconds, &labels).expect(WELL_FORMED)),
            newest: keep(registry, Gauge::with_opts(newest).expect(WELL_FORMED)),
            newest_sent: keep(registry, GaugeVec::new(sent, &labels).expect(WELL_FORMED)),
        }
    }

    /// Those of one destination.
    pub(super) fn of(&self, remote_name: &str, url: &str) -> TargetMetrics {
        let labels = &[remote_name, url];
        TargetMetrics {
            sent: self.sent.with_label_values(labels),
            bytes: self.bytes.with_label_values(labels),
            failed: self.failed.with_label_values(labels),
            retried: self.retried.with_label_values(labels),
            dropped: self.dropped.with_label_values(labels),
            pending: self.pending.with_label_values(labels),
            queue_bytes: self.queue_bytes.with_label_values(labels),
            seconds: self.seconds.with_label_values(labels),
            newest: self.newest.clone(),
            newest_sent: self.newest_sent.with_label_values(labels),
        }
    }
}

fn keep<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry.register(Box::new(metric.clone())).expect(WELL_FORMED);
    metric
}
