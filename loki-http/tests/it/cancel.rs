//! Queries end when nobody waits for them or their time is over.

use crate::support::{T0, TestServer, encode, send};
use loki_core::{Limits, Period, Settings};
use loki_http::ServerSettings;
use std::time::{Duration, Instant};

/// A query that reads every line and works on each.
const SLOW: &str = "sum by (n) (count_over_time({app=\"x\"} | regexp \"(?P<n>[0-9]+) .*(a|b|c)+$\" | line_format \"{{.n | repeat 9}}\" |~ \"^[0-9]+[x]*$\" [1h]))";
/// How long an engine may take to see that it is to stop: it looks between blocks.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with so many lines that [`SLOW`] goes on for many seconds.
fn server(query_timeout: Period) -> TestServer {
    let limits = Limits {
        query_timeout,
        max_query_series: 1_000_000,
        ..Limits::default()
    };
    let engine = Settings {
        limits,
        ..Settings::default()
    };
    let server = TestServer::start_with(ServerSettings::default(), engine);
    let filler = "abc".repeat(60);
    for push in 0..40 {
        let values: Vec<_> = (0..5000)
            .map(|n| serde_json::json!([format!("{T0}{:09}", push * 5000 + n), format!("{} {filler}", n % 100)]))
            .collect();
        let body = serde_json::json!({ "streams": [{ "stream": { "app": "x" }, "values": values }] });
        assert_eq!(server.push_json(&body.to_string()).status, 204);
    }
    server
}

fn path() -> String {
    let (start, end) = (T0.to_string(), (T0 + 3600).to_string());
    let parameters = encode(&[("query", SLOW), ("start", &start), ("end", &end), ("step", "60")]);
    format!("/loki/api/v1/query_range?{parameters}")
}

/// Queries that are being evaluated.
fn in_progress(server: &TestServer) -> u64 {
    let metrics = server.get("/metrics").text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("loki_query_frontend_queries_in_progress "));
    line.and_then(|line| line.rsplit_once(' '))
        .expect("the gauge")
        .1
        .parse()
        .expect("a number")
}

fn wait_for(server: &TestServer, queries: u64) {
    let started = Instant::now();
    while in_progress(server) != queries {
        assert!(started.elapsed() < PATIENCE, "still not {queries} queries in progress");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_query_ends_when_its_client_goes_away() {
    let server = server(Period::minutes(10));
    let mut client = server.connect();
    send(&mut client, "GET", &path(), &[], b"");
    wait_for(&server, 1);
    drop(client);
    wait_for(&server, 0);
    // It ended without a result, and was not the client's to hear of.
    let metrics = server.get("/metrics").text();
    assert!(
        !metrics.contains("loki_logql_querystats_latency_seconds_count"),
        "{metrics}"
    );
}

#[test]
fn a_query_ends_when_its_time_is_over() {
    let server = server(Period::nanos(20_000_000));
    let answer = server.get(&path());
    let text = "request timed out, decrease the duration of the request or add more label matchers (prefer exact match \
                over regex match) to reduce the amount of data processed";
    assert_eq!((answer.status, answer.text().as_str()), (504, text));
    wait_for(&server, 0);
}
