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
fn a_request_that_came_is_answered_though_the_server_stops() {
    let server = TestServer::start();
    let mut idle = server.connect();
    let mut busy = server.connect();
    let body = format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{T0}000000000","late"]]}}]}}"#);
    // The head and half of the body are there when the stop comes.
    let head = format!(
        "POST /loki/api/v1/push HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).expect("sent");
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
