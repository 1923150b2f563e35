use crate::support::{T0, TestServer, receive, send};
use loki_core::Settings;
use loki_http::ServerSettings;
use std::io::{Read, Write};
use std::time::Duration;

fn entries(server: &TestServer) -> i64 {
    let path = format!(
        "/loki/api/v1/index/stats?query=%7Bapp%3D~%22.%2B%22%7D&start={T0}&end={}",
        T0 + 60
    );
    server.get(&path).json()["entries"].as_i64().expect("a number")
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let server = TestServer::start();
    server.push_lines("shop", &["one", "two"]);
    let directory = server.stop();
    let server = TestServer::start_in(directory, ServerSettings::default(), Settings::default());
    assert_eq!(entries(&server), 2);
}

#[test]
fn a_flush_is_answered_when_it_is_done() {
    let server = TestServer::start();
    server.push_lines("shop", &["one"]);
    assert_eq!(server.request("POST", "/flush", &[], b"").status, 204);
    assert_eq!(entries(&server), 1);
}

#[test]
fn a_flush_lays_segments_out_for_good_unless_it_is_told_not_to() {
    let server = TestServer::start();
    let lines: Vec<String> = (0..2_000u64)
        .map(|n| {
            format!(
                "trace={:016x} status={}",
                (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                200 + n % 5
            )
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    server.push_lines("shop", &lines);
    let stored = || {
        let metrics = server.get("/metrics").text();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("loki_store_segment_bytes{"));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value.and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    assert_eq!(server.request("POST", "/flush?settle=false", &[], b"").status, 204);
    let flushed = stored();
    assert_eq!(server.get("/flush").status, 204);
    assert!(stored() < flushed, "{} of {flushed} bytes are left", stored());
    assert_eq!(entries(&server), 60, "those of the first minute");
}

#[test]
fn a_request_that_came_is_answered_though_the_server_stops() {
    let server = TestServer::start();
    let mut idle = server.connect();
    let mut busy = server.connect();
    let body = format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{T0}000000000","late"]]}}]}}"#);
    let head = format!(
        "POST /loki/api/v1/push HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).expect("sent");
    // The server has the head, and waits for the body when the stop comes.
    assert_eq!(receive(&mut busy).status, 100);
    busy.write_all(&body.as_bytes()[..10]).expect("sent");
    send(&mut idle, "POST", "/ingester/shutdown", &[], b"");
    assert_eq!(receive(&mut idle).status, 204);
    busy.write_all(&body.as_bytes()[10..]).expect("sent");
    assert_eq!(receive(&mut busy).status, 204);
    server.wait();
}

#[test]
fn a_shutdown_can_be_prepared_and_forgotten() {
    let server = TestServer::start();
    let path = "/ingester/prepare_shutdown";
    assert_eq!(server.get(path).text(), "unset");
    assert_eq!(server.request("POST", path, &[], b"").status, 204);
    assert_eq!(server.get(path).text(), "set");
    assert_eq!(server.request("DELETE", path, &[], b"").status, 204);
    assert_eq!(server.get(path).text(), "unset");
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let settings = ServerSettings {
        read_timeout: Duration::from_millis(20),
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let mut slow = server.connect();
    slow.write_all(b"POST /loki/api/v1/push HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        .expect("sent");
    assert_eq!(receive(&mut slow).status, 408);
}

#[test]
fn a_client_that_sends_nothing_is_given_up() {
    let settings = ServerSettings {
        read_timeout: Duration::from_millis(20),
        idle_timeout: Duration::from_millis(20),
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let mut silent = server.connect();
    silent.write_all(b"GET /ready HT").expect("sent");
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).expect("the server ends the connection");
    assert!(
        rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
}

/// Segments on disk and streams in memory of the one tenant.
fn stored(server: &TestServer) -> (String, String) {
    let metrics = server.get("/metrics").text();
    let value = |name: &str| {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(&format!("{name}{{tenant=\"fake\"}} ")));
        line.and_then(|line| line.rsplit_once(' ')).expect(name).1.to_owned()
    };
    (value("loki_store_segments"), value("loki_ingester_memory_streams"))
}

#[test]
fn an_ingester_can_stop_and_leave_the_server_running() {
    for (method, path, flushed) in [
        ("POST", "/ingester/flush_shutdown", true),
        ("GET", "/ingester/shutdown?terminate=false", true),
        (
            "POST",
            "/ingester/shutdown?terminate=F&flush=0&delete_ring_tokens=true",
            false,
        ),
    ] {
        let server = TestServer::start();
        server.push_lines("shop", &["one"]);
        assert_eq!(server.request(method, path, &[], b"").status, 204, "{path}");
        let expected = if flushed { ("1", "0") } else { ("0", "1") };
        assert_eq!(
            stored(&server),
            (expected.0.to_owned(), expected.1.to_owned()),
            "{path}"
        );

        // What was there is found; more is not taken, and clients try again later.
        assert_eq!(entries(&server), 1);
        let refused = server.push_json(r#"{"streams":[{"stream":{"app":"x"},"values":[["1","late"]]}]}"#);
        assert_eq!(
            (refused.status, refused.text().as_str()),
            (503, "the engine takes no more pushes\n")
        );
        let ready = server.get("/ready");
        assert_eq!(ready.status, 503);
        assert!(
            ready.text().starts_with("Some services are not Running:\nRunning: ")
                && ready.text().contains("\nTerminated: 1\n\n"),
            "{}",
            ready.text()
        );
        assert!(server.get("/services").text().contains("ingester => Terminated\n"));
        let ring = server
            .request("GET", "/ring", &[("Accept", "application/json")], b"")
            .json();
        assert_eq!(ring["shards"], serde_json::json!([]));
        for again in ["/ingester/shutdown", "/ingester/flush_shutdown"] {
            let answer = server.request("POST", again, &[], b"");
            let text = "Ingester is stopping or already stopped.";
            assert_eq!((answer.status, answer.text().as_str()), (503, text));
        }
    }
}

#[test]
fn a_shutdown_ends_the_server_and_leaves_in_memory_what_it_is_told_to() {
    for (path, prepared, segments) in [
        ("/ingester/shutdown", false, 1),
        ("/ingester/shutdown?flush=false", false, 0),
        // What is said with the stop holds, whatever was prepared.
        ("/ingester/shutdown?flush=false&terminate=true", true, 0),
    ] {
        let server = TestServer::start();
        server.push_lines("shop", &["one"]);
        if prepared {
            assert_eq!(
                server.request("POST", "/ingester/prepare_shutdown", &[], b"").status,
                204
            );
        }
        assert_eq!(server.request("POST", path, &[], b"").status, 204);
        let directory = server.wait();
        let engine = loki_core::Engine::open(directory.path(), Settings::default()).expect("opens");
        assert_eq!(engine.metrics().tenants[0].segments, segments, "{path}");
    }
}

#[test]
fn a_prepared_stop_flushes() {
    let server = TestServer::start();
    server.push_lines("shop", &["one"]);
    assert_eq!(
        server.request("POST", "/ingester/prepare_shutdown", &[], b"").status,
        204
    );
    let engine = loki_core::Engine::open(server.stop().path(), Settings::default()).expect("opens");
    assert_eq!(engine.metrics().tenants[0].segments, 1);
}
