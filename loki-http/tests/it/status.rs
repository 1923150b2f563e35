use crate::support::{T0, TestServer};
use loki_core::Settings;
use loki_http::ServerSettings;
use loki_http::config::Config;

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
    let now = server.push_json(&format!(
        r#"{{"streams":[{{"stream":{{"app":"shop"}},"values":[["{T0}000000000","{}"]]}}]}}"#,
        "x".repeat(300_000)
    ));
    assert_eq!(now.status, 400);
    assert_eq!(
        server
            .ask("/loki/api/v1/query_range", &[("query", "{app=\"shop\"}")])
            .status,
        200
    );
    assert_eq!(
        server.ask("/loki/api/v1/query", &[("query", "{app=\"shop\"}")]).status,
        400
    );
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
        "loki_ingester_memory_chunks 1",
        "loki_ingester_flush_queue_length 0",
        "loki_querier_tail_active 0",
        "loki_querier_tail_active_streams 0",
        "loki_distributor_bytes_received_total{format=\"loki\",is_internal_stream=\"false\",policy=\"\",retention_hours=\"\",tenant=\"fake\"} ",
        "loki_discarded_samples_total{format=\"loki\",policy=\"\",reason=\"line_too_long\",retention_hours=\"0\",tenant=\"fake\"} 1",
        "loki_logql_querystats_latency_seconds_count{range=\"range\",status_code=\"200\",type=\"limited\"} 1",
        "loki_logql_querystats_latency_seconds_count{range=\"instant\",status_code=\"400\",type=\"limited\"} 1",
        "loki_query_frontend_queries_in_progress 0",
        "loki_query_scheduler_queue_length 0",
        "loki_log_messages_total{level=\"error\"} ",
        "loki_ring_members{name=\"ingester\",state=\"ACTIVE\"} 1",
        "loki_tcp_connections{protocol=\"http\"} ",
        "process_cpu_seconds_total ",
        "process_open_fds ",
        "process_start_time_seconds ",
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
    assert_eq!(server.get(paths[0]).text(), "no org id\n");
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
fn the_api_is_described_under_any_prefix() {
    let settings = ServerSettings {
        path_prefix: "/logs".to_owned(),
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let answer = server.get("/logs/openapi.yaml");
    assert_eq!(answer.header("content-type"), Some("application/yaml"));
    let text = answer.text();
    assert!(
        text.contains("\nopenapi: 3.1.0\n") && text.contains("\n  - url: .\n"),
        "{text}"
    );
}

#[test]
fn the_log_level_is_one_of_four_words() {
    let server = TestServer::start();
    let answer = server.request("POST", "/log_level?log_level=zzz", &[], b"");
    let text = "{\"status\":\"failed\",\"message\":\"unrecognized log level \\\"zzz\\\"\"}\n";
    assert_eq!((answer.status, answer.text().as_str()), (400, text));
}

#[test]
fn a_configuration_is_shown_whole_by_defaults_and_by_difference() {
    let config = Config::from_yaml("auth_enabled: false\nreceiver: {labels: {via: alloy}}\n").expect("valid");
    let server = TestServer::start_with(config.server, Settings::default());
    let page = |mode: &str| server.get(&format!("/config?mode={mode}")).text();
    assert_eq!(
        page("diff"),
        "auth_enabled: false\nreceiver:\n  labels:\n    via: alloy\n"
    );
    assert!(page("").contains("auth_enabled: false\n") && page("").contains("max_query_series: 500\n"));
    assert!(page("defaults").contains("auth_enabled: true\n") && !page("defaults").contains("alloy"));
    assert_eq!(page("nosuch"), page(""));
}

#[test]
fn answers_have_their_keys_in_lokis_order() {
    let server = TestServer::start();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        server.get("/loki/api/v1/status/buildinfo").text(),
        format!(
            "{{\"version\":\"{version}\",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}}\n"
        )
    );
    // A server that is embedded leaves the log to its host.
    assert_eq!(
        server.get("/log_level").text(),
        "{\"message\":\"Current log level is unknown\"}\n"
    );
    let ring = server
        .request("GET", "/ring", &[("Accept", "application/json")], b"")
        .text();
    let address = server.address;
    let start =
        format!("{{\"shards\":[{{\"id\":\"loki\",\"state\":\"ACTIVE\",\"address\":\"{address}\",\"timestamp\":\"");
    assert!(ring.starts_with(&start), "{ring}");
    assert!(
        ring.contains(
            "\"read_only\":false,\"read_only_updated_timestamp\":\"\",\"zone\":\"\",\"tokens\":[]}],\"now\":"
        ),
        "{ring}"
    );
}

#[test]
fn rings_are_there_for_the_parts_that_are() {
    let rings = |engine| {
        let server = TestServer::start_with(ServerSettings::default(), engine);
        [
            "ring",
            "distributor/ring",
            "compactor/ring",
            "scheduler/ring",
            "pattern/ring",
            "ruler/ring",
            "indexgateway/ring",
        ]
        .map(|path| server.get(&format!("/{path}")).status)
    };
    assert_eq!(rings(Settings::default()), [200, 200, 200, 200, 404, 200, 404]);
    let patterns = Settings {
        pattern_ingester: true,
        ..Settings::default()
    };
    assert_eq!(rings(patterns), [200, 200, 200, 200, 200, 200, 404]);
}
