//! How many connections there are at once.

use crate::support::{TestServer, receive, send};
use loki_core::Settings;
use loki_http::ServerSettings;
use std::io::{ErrorKind, Read};
use std::time::Duration;

#[test]
fn connections_beyond_the_limit_wait_until_others_end() {
    let settings = ServerSettings {
        max_connections: 2,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let (mut first, mut second) = (server.connect(), server.connect());
    for connection in [&mut first, &mut second] {
        send(connection, "GET", "/ready", &[], b"");
        receive(connection);
    }
    let mut third = server.connect();
    send(&mut third, "GET", "/loki/api/v1/status/buildinfo", &[], b"");
    third
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a timeout");
    let waits = third.read(&mut [0; 1]).expect_err("nobody answers");
    assert!(matches!(waits.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    send(&mut first, "GET", "/loki/api/v1/status/buildinfo", &[], b"");
    assert_eq!(receive(&mut first).status, 200, "those that are open go on");

    drop(second);
    third
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    assert_eq!(receive(&mut third).status, 200);
}

#[test]
fn a_websocket_is_a_connection_until_it_ends() {
    let settings = ServerSettings {
        max_connections: 1,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let mut tail = server.connect();
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let path = "/loki/api/v1/tail?query=%7Bapp%3D%22x%22%7D";
    send(&mut tail, "GET", path, &upgrade, b"");
    assert_eq!(receive(&mut tail).status, 101);
    let mut other = server.connect();
    send(&mut other, "GET", "/loki/api/v1/status/buildinfo", &[], b"");
    other
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a timeout");
    other.read(&mut [0; 1]).expect_err("nobody answers");

    drop(tail);
    other
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    assert_eq!(receive(&mut other).status, 200);
}
