use crate::support::TestServer;
use loki_core::Settings;
use loki_http::ServerSettings;

#[test]
fn a_server_that_answers_is_ready() {
    let server = TestServer::start();
    let answer = server.get("/ready");
    assert_eq!((answer.status, answer.text().as_str()), (200, "ready\n"));
}

#[test]
fn metrics_carry_lokis_names() {
    let server = TestServer::start();
    server.push_lines("shop", &["one", "two"]);
    server.get("/loki/api/v1/labels");
    let page = server.get("/metrics");
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = page.text();
    for line in [
        "loki_build_info{",
        "loki_request_duration_seconds_count{method=\"GET\",route=\"loki_api_v1_labels\",status_code=\"200\",ws=\"false\"} 1",
        "loki_inflight_requests{method=\"GET\",route=\"metrics\"} 1",
        "loki_distributor_lines_received_total{format=\"loki\",is_internal_stream=\"false\",policy=\"\",tenant=\"fake\"} 2",
        "loki_ingester_memory_streams{tenant=\"fake\"} 1",
        "loki_ingester_wal_records_logged_total 1",
        "process_resident_memory_bytes ",
    ] {
        assert!(
            text.lines().any(|known| known.starts_with(line)),
            "{line} is not in\n{text}"
        );
    }
}

#[test]
fn metrics_are_compressed_for_those_who_ask() {
    let server = TestServer::start();
    let answer = server.request(
        "GET",
        "/metrics",
        &[("Accept-Encoding", "gzip"), ("Connection", "close")],
        b"",
    );
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
}

#[test]
fn answers_are_compressed_only_where_that_is_configured() {
    let lines = ["x".repeat(2000)];
    for (compress_responses, encoding) in [(true, Some("gzip")), (false, None)] {
        let settings = ServerSettings {
            compress_responses,
            ..ServerSettings::default()
        };
        let server = TestServer::start_with(settings, Settings::default());
        server.push_lines("shop", &[&lines[0]]);
        let path = "/loki/api/v1/query_range?query=%7Bapp%3D%22shop%22%7D&start=1709251200&end=1709251260";
        let answer = server.request("GET", path, &[("Accept-Encoding", "gzip")], b"");
        assert_eq!((answer.status, answer.header("content-encoding")), (200, encoding));
    }
}

#[test]
fn limits_are_shown_to_the_tenant_they_are_of() {
    let server = TestServer::start();
    let paths = ["/config/tenant/v1/limits", "/loki/api/v1/drilldown-limits"];
    for path in paths {
        assert_eq!(server.get(path).text(), "no org id\n");
    }
    let show = |path: &str| server.request("GET", path, &[("X-Scope-OrgID", "a")], b"");
    assert!(
        show(paths[0]).text().contains("max_entries_limit_per_query: 5000\n"),
        "{}",
        show(paths[0]).text()
    );
    let limits = show(paths[1]).json()["limits"].clone();
    assert_eq!(limits["max_query_length"], "30d1h");
    assert_eq!(
        limits["otlp_config"]["resource_attributes"]["attributes_config"][0]["action"],
        "index_label"
    );
}

#[test]
fn the_cluster_is_one_process() {
    let server = TestServer::start();
    let ring = server
        .request("GET", "/ring", &[("Accept", "application/json")], b"")
        .json();
    assert_eq!(ring["shards"][0]["state"], "ACTIVE");
    assert!(
        server
            .get("/distributor/ring")
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
    );
    assert_eq!(
        server.get("/memberlist").text(),
        "This instance doesn't use memberlist."
    );
    assert!(server.get("/services").text().contains("ingester => Running\n"));
    let version = server.get("/loki/api/v1/status/buildinfo").json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_log_level_is_one_of_four_words() {
    let server = TestServer::start();
    let answer = server.request("POST", "/log_level?log_level=zzz", &[], b"");
    let text = "{\"message\":\"unrecognized log level \\\"zzz\\\"\",\"status\":\"failed\"}\n";
    assert_eq!((answer.status, answer.text().as_str()), (400, text));
}
