//! The examples of Loki's documentation, from the first API to version 2.6, as they stand there.
//!
//! Where they contradict version 3.7 that one is followed: a log query is no instant query, and requests that name no
//! time look one hour back.

use crate::support::{Answer, TestServer, encode, receive};
use std::io::Write;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

fn push(server: &TestServer, path: &str, body: &str) {
    let answer = server.request("POST", path, JSON, body.as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{path} {body}");
}

/// A request as it was typed, without any escape.
fn typed(server: &TestServer, method: &str, target: &str) -> Answer {
    let mut connection = server.connect();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: test\r\nX-Scope-OrgID: 1\r\nContent-Length: 0\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("sent");
    receive(&mut connection)
}

#[test]
fn the_first_api_is_answered() {
    let server = TestServer::start();
    for line in ["baz", "fizzbuzz"] {
        let body = format!(
            r#"{{"streams": [{{ "labels": "{{foo=\"bar\"}}", "entries": [{{ "ts": "2018-12-18T08:28:06.801064-04:00", "line": "{line}" }}] }}]}}"#
        );
        push(&server, "/api/prom/push", &body);
    }
    let ask = |path: &str, more: &[(&str, &str)]| {
        let range = [("start", "2018-12-18T08:28:00-04:00"), ("end", "1545136087000000000")];
        server
            .get(&format!("{path}?{}", encode(&[&range, more].concat())))
            .json()
    };
    let query = ("query", r#"{foo="bar"}"#);
    for (more, lines) in [
        (&[query][..], &["baz", "fizzbuzz"][..]),
        (&[query, ("regexp", "^fizz.+")], &["fizzbuzz"]),
        (&[query, ("regexp", "no\"such")], &[]),
        (&[query, ("limit", "1")], &["fizzbuzz"]),
        (&[query, ("limit", "1"), ("direction", "forward")], &["baz"]),
    ] {
        let answer = ask("/api/prom/query", more);
        let entries = answer["streams"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|stream| stream["entries"].as_array());
        let mut found: Vec<_> = entries
            .flatten()
            .map(|entry| entry["line"].as_str().expect("a line").to_owned())
            .collect();
        found.sort();
        assert_eq!(found, lines, "{more:?}");
        for stream in answer["streams"].as_array().into_iter().flatten() {
            assert_eq!(stream["entries"][0]["ts"], "2018-12-18T12:28:06.801064Z");
        }
    }
    assert_eq!(
        ask("/api/prom/label", &[])["values"],
        serde_json::json!(["foo", "service_name"])
    );
    assert_eq!(
        ask("/api/prom/label/foo/values", &[])["values"],
        serde_json::json!(["bar"])
    );
    assert_eq!(server.get("/ready").status, 200);
    assert_eq!(server.get("/flush").status, 204);
    assert_eq!(server.get("/metrics").status, 200);
}

#[test]
fn queries_may_stand_in_a_line_as_they_are_typed() {
    let server = TestServer::start();
    let body =
        r#"{"streams": [{ "stream": { "foo": "bar2" }, "values": [ [ "1570818238000000000", "fizz<buzz>" ] ] }]}"#;
    push(&server, "/loki/api/v1/push", body);
    let range = "start=1570818238&end=1570818239";
    for query in [r#"{foo="bar2"}"#, r#"{foo=~"bar.*"}|="<buzz>""#, "{foo=`bar2`}|~`z<b`"] {
        let answer = typed(
            &server,
            "GET",
            &format!("/loki/api/v1/query_range?query={query}&{range}"),
        );
        assert_eq!(answer.status, 200, "{query} {}", answer.text());
        assert_eq!(
            answer.json()["data"]["result"][0]["values"][0][1],
            "fizz<buzz>",
            "{query}"
        );
    }
    let answer = typed(
        &server,
        "GET",
        &format!("/loki/api/v1/series?match[]={{foo=\"bar2\"}}&{range}"),
    );
    assert_eq!(answer.json()["data"][0]["foo"], "bar2");
}

#[test]
fn delete_requests_may_be_typed_too() {
    let server = TestServer::start();
    for (method, target) in [
        (
            "POST",
            r#"/loki/api/v1/delete?query={foo="bar"}&start=1591616227&end=1591619692"#,
        ),
        (
            "PUT",
            r#"/loki/api/v1/delete?query={foo="bar"}|="other"&start=2020-06-08T11:37:07Z"#,
        ),
    ] {
        let answer = typed(&server, method, target);
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{target}");
    }
    let listed = typed(&server, "GET", "/loki/api/v1/delete").json();
    let mut queries: Vec<_> = listed
        .as_array()
        .expect("requests")
        .iter()
        .map(|request| request["query"].to_string())
        .collect();
    queries.sort();
    assert_eq!(queries, [r#""{foo=\"bar\"}""#, r#""{foo=\"bar\"}|=\"other\"""#]);
    let id = listed[0]["request_id"].as_str().expect("an id");
    assert_eq!(
        typed(&server, "DELETE", &format!("/loki/api/v1/delete?request_id={id}")).status,
        204
    );
}

#[test]
fn what_version_2_6_says_of_the_server_is_answered() {
    let server = TestServer::start();
    for (method, path, status) in [
        ("GET", "/ready", 200),
        ("GET", "/metrics", 200),
        ("GET", "/config", 200),
        ("GET", "/config?mode=diff", 200),
        ("GET", "/config?mode=defaults", 200),
        ("GET", "/services", 200),
        ("GET", "/loki/api/v1/status/buildinfo", 200),
        ("POST", "/flush", 204),
        ("GET", "/distributor/ring", 200),
        ("GET", "/compactor/ring", 200),
        ("GET", "/ruler/ring", 200),
        ("GET", "/loki/api/v1/rules", 404),
        ("GET", "/api/prom/rules", 404),
        ("GET", "/prometheus/api/v1/rules", 200),
        ("GET", "/prometheus/api/v1/alerts", 200),
        ("GET", "/api/prom/series", 200),
        ("POST", "/api/prom/series", 200),
        ("POST", "/loki/api/v1/series", 200),
        (
            "POST",
            "/ingester/shutdown?flush=true&delete_ring_tokens=true&terminate=false",
            204,
        ),
        ("POST", "/ingester/flush_shutdown", 503),
    ] {
        assert_eq!(server.request(method, path, &[], b"").status, status, "{method} {path}");
    }
}
