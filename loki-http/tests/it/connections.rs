//! How many connections there are at once.

use crate::support::{TestServer, receive, send};
use loki_core::Settings;
use loki_http::ServerSettings;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

fn limited_to(most: usize) -> TestServer {
    let settings = ServerSettings {
        max_connections: most,
        ..ServerSettings::default()
    };
    TestServer::start_with(settings, Settings::default())
}

/// Asserts that what was sent is not answered for a while.
fn assert_waits(connection: &mut TcpStream) {
    let patience = connection.read_timeout().expect("a timeout");
    connection
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a timeout");
    let waits = connection.read(&mut [0; 1]).expect_err("nobody answers");
    assert!(matches!(waits.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    connection.set_read_timeout(patience).expect("a timeout");
}

#[test]
fn connections_beyond_the_limit_wait_until_others_end() {
    let server = limited_to(2);
    let (mut first, mut second) = (server.connect(), server.connect());
    for connection in [&mut first, &mut second] {
        send(connection, "GET", "/ready", &[], b"");
        receive(connection);
    }
    let mut third = server.connect();
    send(&mut third, "GET", "/loki/api/v1/status/buildinfo", &[], b"");
    assert_waits(&mut third);
    send(&mut first, "GET", "/loki/api/v1/status/buildinfo", &[], b"");
    assert_eq!(receive(&mut first).status, 200, "those that are open go on");

    drop(second);
    assert_eq!(receive(&mut third).status, 200);
}

#[test]
fn a_websocket_is_a_connection_until_it_ends() {
    let server = limited_to(1);
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
    assert_waits(&mut other);

    drop(tail);
    assert_eq!(receive(&mut other).status, 200);
}
