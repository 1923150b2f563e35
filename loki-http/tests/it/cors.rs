use crate::support::{Answer, TestServer};
use loki_core::Settings;
use loki_http::{CorsSettings, ServerSettings};

const ORIGIN: &str = "https://grafana.example:3000";

fn server(origins: &[&str]) -> TestServer {
    let cors = CorsSettings {
        allowed_origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
        ..CorsSettings::default()
    };
    let settings = ServerSettings {
        cors: Some(cors),
        ..ServerSettings::default()
    };
    TestServer::start_with(settings, Settings::default())
}

/// What a browser asks before a request with a header of its own.
fn preflight(server: &TestServer, origin: &str) -> Answer {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "x-scope-orgid"),
    ];
    server.request("OPTIONS", "/loki/api/v1/query_range", &headers, b"")
}

#[test]
fn without_a_configuration_no_other_origin_may_ask() {
    let server = TestServer::start();
    let answer = preflight(&server, ORIGIN);
    assert_eq!((answer.status, answer.text().as_str()), (405, ""));
    let answer = server.request("GET", "/loki/api/v1/labels", &[("Origin", ORIGIN)], b"");
    assert_eq!(answer.status, 200);
    let is_cors = |(name, _): &(String, String)| name.to_ascii_lowercase().starts_with("access-control");
    assert!(!answer.headers.iter().any(is_cors), "{:?}", answer.headers);
}

#[test]
fn an_allowed_origin_may_ask() {
    let server = server(&[ORIGIN]);
    let answer = preflight(&server, ORIGIN);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET,POST,PUT,DELETE")
    );
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-scope-orgid"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    for path in ["/loki/api/v1/labels", "/nosuch"] {
        let answer = server.request("GET", path, &[("Origin", ORIGIN)], b"");
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{path}");
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("x-delete-request-id")
        );
    }
}

#[test]
fn another_origin_may_not() {
    let server = server(&[ORIGIN]);
    let answer = preflight(&server, "https://elsewhere.example");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn a_star_lets_all_origins_ask() {
    let server = server(&["*"]);
    let answer = preflight(&server, "https://elsewhere.example");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
