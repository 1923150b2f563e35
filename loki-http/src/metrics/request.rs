//! Requests: how many, how long, how large.

use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, core::Collector};
use std::time::Duration;

/// Seconds, as Loki buckets them.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0,
];

/// Bytes: from 1 MiB to 256 MiB.
const BYTES: [f64; 9] = [
    1048576.0,
    2621440.0,
    5242880.0,
    10485760.0,
    26214400.0,
    52428800.0,
    104857600.0,
    157286400.0,
    262144000.0,
];

/// Seconds of a query, from a quarter of one on, as Loki buckets them.
const QUERY_SECONDS: [f64; 11] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Bytes a second: from 50 MB to 6 GB.
const SPEEDS: [f64; 13] = [
    50e6, 100e6, 200e6, 300e6, 400e6, 500e6, 600e6, 700e6, 800e6, 1e9, 2e9, 4e9, 6e9,
];

/// Why the registration of a metric cannot fail.
const WELL_FORMED: &str = "names are constant and unique";

/// Counters of one server.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    registry: Registry,
    seconds: HistogramVec,
    inflight: IntGaugeVec,
    request_bytes: HistogramVec,
    response_bytes: HistogramVec,
    connections: IntGauge,
    panics: IntCounter,
    queries_waiting: IntGauge,
    queries_evaluated: IntGauge,
    query_seconds: HistogramVec,
    query_speed: HistogramVec,
}

impl RequestMetrics {
    pub(crate) fn new() -> RequestMetrics {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            keep(&registry, HistogramVec::new(options, labels).expect(WELL_FORMED))
        };
        let build = Opts::new("loki_build_info", "The version that is running; the value is always 1.")
            .const_label("version", env!("CARGO_PKG_VERSION"))
            .const_label("revision", "")
            .const_label("branch", "")
            .const_label("goversion", "")
            .const_label("goos", std::env::consts::OS)
            .const_label("goarch", std::env::consts::ARCH)
            .const_label("tags", "rust");
        keep(&registry, IntGauge::with_opts(build).expect(WELL_FORMED)).set(1);
        let tcp = Opts::new("loki_tcp_connections", "Connections that are open.").const_label("protocol", "http");
        let panics = Opts::new("loki_panic_total", "Requests that ended in a panic.");
        let waiting = Opts::new("loki_query_scheduler_queue_length", "Queries that wait for their turn.");
        let evaluated = Opts::new(
            "loki_query_frontend_queries_in_progress",
            "Queries that are being evaluated.",
        );
        let inflight = Opts::new("loki_inflight_requests", "Requests that are being answered.");
        RequestMetrics {
            seconds: histogram(
                "loki_request_duration_seconds",
                "Seconds from a request's headers to its answer.",
                &["method", "route", "status_code", "ws"],
                &SECONDS,
            ),
            request_bytes: histogram(
                "loki_request_message_bytes",
                "Bytes of requests' bodies.",
                &["method", "route"],
                &BYTES,
            ),
            response_bytes: histogram(
                "loki_response_message_bytes",
                "Bytes of answers' bodies.",
                &["method", "route"],
                &BYTES,
            ),
            inflight: keep(
                &registry,
                IntGaugeVec::new(inflight, &["method", "route"]).expect(WELL_FORMED),
            ),
            connections: keep(&registry, IntGauge::with_opts(tcp).expect(WELL_FORMED)),
            queries_waiting: keep(&registry, IntGauge::with_opts(waiting).expect(WELL_FORMED)),
            queries_evaluated: keep(&registry, IntGauge::with_opts(evaluated).expect(WELL_FORMED)),
            query_seconds: histogram(
                "loki_logql_querystats_latency_seconds",
                "Seconds from a query to its answer.",
                &["status_code", "type", "range"],
                &QUERY_SECONDS,
            ),
            query_speed: histogram(
                "loki_logql_querystats_bytes_processed_per_seconds",
                "Bytes of lines and structured metadata that a query went through, a second.",
                &["status_code", "type", "range"],
                &SPEEDS,
            ),
            panics: keep(&registry, IntCounter::with_opts(panics).expect(WELL_FORMED)),
            registry,
        }
    }

    /// Counts a request that begins; the guard counts its end.
    pub(crate) fn begin(&self, method: &str, route: &str) -> InFlight {
        let gauge = self.inflight.with_label_values(&[method, route]);
        gauge.inc();
        InFlight(gauge)
    }

    /// Counts a request that was answered.
    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, took: Duration, received: u64, sent: u64) {
        let mut digits = itoa::Buffer::new();
        let is_upgraded = if status == 101 { "true" } else { "false" };
        self.seconds
            .with_label_values(&[method, route, digits.format(status), is_upgraded])
            .observe(took.as_secs_f64());
        self.request_bytes
            .with_label_values(&[method, route])
            .observe(received as f64);
        self.response_bytes
            .with_label_values(&[method, route])
            .observe(sent as f64);
    }

    /// Counts a connection; the guard counts its end.
    pub(crate) fn connect(&self) -> InFlight {
        self.connections.inc();
        InFlight(self.connections.clone())
    }

    /// Counts a query that waits for its turn; the guard counts the end of that.
    pub(crate) fn wait(&self) -> InFlight {
        self.queries_waiting.inc();
        InFlight(self.queries_waiting.clone())
    }

    /// Counts a query that is being evaluated; the guard counts its end.
    pub(crate) fn evaluate(&self) -> InFlight {
        self.queries_evaluated.inc();
        InFlight(self.queries_evaluated.clone())
    }

    /// Counts a query that was answered: its kind, whether it was over a range, the status and, of one that came to a
    /// result, the bytes that it went through.
    pub(crate) fn observe_query(&self, kind: &str, is_range: bool, status: u16, took: Duration, bytes: Option<u64>) {
        let mut digits = itoa::Buffer::new();
        let labels = [digits.format(status), kind, if is_range { "range" } else { "instant" }];
        let seconds = took.as_secs_f64();
        self.query_seconds.with_label_values(&labels).observe(seconds);
        if let Some(bytes) = bytes.filter(|_| seconds > 0.0) {
            self.query_speed
                .with_label_values(&labels)
                .observe(bytes as f64 / seconds);
        }
    }

    pub(crate) fn count_panic(&self) {
        self.panics.inc();
    }

    /// Where others put what they count.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

fn keep<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry.register(Box::new(metric.clone())).expect(WELL_FORMED);
    metric
}

/// Something that goes on; takes itself off the gauge at its end.
#[derive(Debug)]
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A route as the value of the label `route`.
pub(crate) fn route_label(path: &str) -> String {
    let mut label: String = path
        .chars()
        .filter(|c| !matches!(c, '{' | '}'))
        .map(|c| {
            if matches!(c, '/' | '-') {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    label.drain(..label.len() - label.trim_start_matches('_').len());
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_labelled_as_dashboards_expect() {
        for (path, label) in [
            ("/loki/api/v1/query_range", "loki_api_v1_query_range"),
            ("/loki/api/v1/label/{name}/values", "loki_api_v1_label_name_values"),
            ("/otlp/v1/logs", "otlp_v1_logs"),
            ("/loki/api/v1/drilldown-limits", "loki_api_v1_drilldown_limits"),
            ("/ready", "ready"),
        ] {
            assert_eq!(route_label(path), label);
        }
    }

    #[test]
    fn what_goes_on_leaves_the_gauge_at_its_end() {
        let metrics = RequestMetrics::new();
        let guard = metrics.begin("GET", "ready");
        assert_eq!(metrics.inflight.with_label_values(&["GET", "ready"]).get(), 1);
        drop(guard);
        assert_eq!(metrics.inflight.with_label_values(&["GET", "ready"]).get(), 0);
    }
}
