//! Deleting lines.

use crate::support::{T0, TestServer};
use loki_core::Settings;
use loki_http::ServerSettings;

const PATH: &str = "/loki/api/v1/delete";

#[test]
fn a_request_hides_lines_is_listed_and_is_cancelled() {
    let server = TestServer::start();
    server.push_lines("x", &["keep", "secret"]);
    let (start, end) = (T0.to_string(), (T0 + 60).to_string());
    let query = "%7Bapp%3D%22x%22%7D%20%7C%3D%20%22secret%22";
    let taken = server.request(
        "POST",
        &format!("{PATH}?query={query}&start={start}&end={end}"),
        &[],
        b"",
    );
    assert_eq!((taken.status, taken.text().as_str()), (204, ""));
    let id = taken.header("X-Delete-Request-Id").expect("an id").to_owned();
    assert!(id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    let count = |server: &TestServer| {
        let time = (T0 + 60).to_string();
        let query = [("query", r#"sum(count_over_time({app="x"}[1h]))"#), ("time", &time)];
        server.ask("/loki/api/v1/query", &query).json()["data"]["result"][0]["value"][1].clone()
    };
    assert_eq!(count(&server), "1");
    let listed = server.get(PATH).json();
    assert_eq!(listed[0]["request_id"], id.as_str());
    assert_eq!(
        (&listed[0]["start_time"], &listed[0]["status"]),
        (&T0.into(), &"received".into())
    );
    assert!(server.get("/loki/api/v1/cache/generation_numbers").text().len() > 10);
    let page = server.get("/metrics").text();
    for line in [
        "loki_compactor_delete_requests_received_total{user=\"fake\"} 1",
        "loki_compactor_pending_delete_requests_count 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    let cancelled = server.request("DELETE", &format!("{PATH}?request_id={id}"), &[], b"");
    assert_eq!(cancelled.status, 204);
    assert_eq!(count(&server), "2");
    assert_eq!(server.get(PATH).text(), "[]\n");
}

#[test]
fn problems_are_told_in_lokis_order_and_words() {
    let server = TestServer::start();
    for (query, text) in [
        ("", "query not set\n"),
        ("query=rate(%7Ba%3D%22b%22%7D%5B1m%5D)", "invalid query expression\n"),
        ("query=%7B%7D", "start time not set\n"),
        (
            "query=%7B%7D&start=5",
            "invalid start time: require unix seconds or RFC3339 format\n",
        ),
        (
            "query=%7B%7D&start=1709251200&end=x",
            "invalid end time: require unix seconds or RFC3339 format\n",
        ),
        (
            "query=%7B%7D&start=1709251200&max_interval=1d",
            "invalid max_interval: valid time units are 's', 'm', 'h'\n",
        ),
    ] {
        let answer = server.request("PUT", &format!("{PATH}?{query}"), &[], b"");
        assert_eq!((answer.status, answer.text().as_str()), (400, text), "{query}");
    }
    let answer = server.request("DELETE", &format!("{PATH}?request_id=12345678"), &[], b"");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (404, "could not find delete request with given id\n")
    );
}

#[test]
fn where_nothing_can_be_deleted_there_is_no_endpoint() {
    let settings = ServerSettings {
        deletes_enabled: false,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    assert_eq!(server.get(PATH).status, 404);
    let page = server.get("/compactor/ui/api/v1/deletes");
    assert_eq!((page.status, page.text().as_str()), (400, "Retention is not enabled\n"));
    let mut engine = Settings::default();
    engine.limits.deletion_mode = loki_core::DeletionMode::Disabled;
    let server = TestServer::start_with(ServerSettings::default(), engine);
    for method in ["GET", "POST", "DELETE"] {
        let answer = server.request(method, PATH, &[], b"");
        assert_eq!(answer.status, 403);
        assert_eq!(answer.text(), "deletion is not available for this tenant\n");
    }
}
