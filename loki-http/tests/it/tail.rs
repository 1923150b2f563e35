use crate::support::{TestServer, encode};
use loki_core::{Limits, Period, Settings};
use loki_http::ServerSettings;
use serde_json::Value;
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

const ALL: &str = r#"{app="shop"}"#;

/// Seconds now, which tails look back from.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after the epoch")
        .as_secs()
}

fn push(server: &TestServer, line: &str) {
    let body = serde_json::json!({ "streams": [{
        "stream": { "app": "shop" },
        "values": [[format!("{}000000000", now()), line]],
    }] });
    assert_eq!(server.push_json(&body.to_string()).status, 204);
}

fn connect(server: &TestServer, path: &str, headers: &[(&'static str, &'static str)]) -> WebSocket<TcpStream> {
    let mut request = format!("ws://{}{path}", server.address)
        .into_client_request()
        .expect("a request");
    for &(name, value) in headers {
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    tungstenite::client(request, server.connect()).expect("an upgrade").0
}

fn tail(server: &TestServer, query: &str) -> WebSocket<TcpStream> {
    connect(
        server,
        &format!("/loki/api/v1/tail?{}", encode(&[("query", query)])),
        &[],
    )
}

/// The next frame with entries, as text.
fn frame(socket: &mut WebSocket<TcpStream>) -> String {
    loop {
        if let Message::Text(text) = socket.read().expect("a frame") {
            return text.to_string();
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    let frame: Value = serde_json::from_str(text).expect("JSON");
    let streams = frame["streams"].as_array().expect("streams").iter();
    streams
        .map(|stream| stream["values"][0][1].as_str().expect("a line").to_owned())
        .collect()
}

/// The code and the reason that the server closes with.
fn close(socket: &mut WebSocket<TcpStream>) -> (CloseCode, String) {
    loop {
        match socket.read().expect("a close frame") {
            Message::Close(Some(frame)) => return (frame.code, frame.reason.to_string()),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn history_and_live_entries_arrive_as_text_frames() {
    let server = TestServer::start();
    push(&server, "before");
    let mut socket = tail(&server, ALL);
    let first = frame(&mut socket);
    assert!(
        first.starts_with(r#"{"streams":[{"stream":{"app":"shop","detected_level":"unknown","#),
        "{first}"
    );
    assert_eq!(lines(&first), ["before"]);
    push(&server, "after");
    let second = frame(&mut socket);
    let start = r#"{"streams":[{"stream":{"app":"shop","service_name":"shop"},"values":[["#;
    assert!(
        second.starts_with(start) && second.ends_with(r#","after"]]}]}"#),
        "{second}"
    );
    assert!(matches!(socket.read(), Ok(Message::Ping(data)) if data.is_empty()));
    let metrics = server.get("/metrics").text();
    for wanted in [
        "loki_querier_tail_active 1\n",
        "route=\"loki_api_v1_tail\",status_code=\"101\",ws=\"true\"",
    ] {
        assert!(metrics.contains(wanted), "{wanted}");
    }
    socket.close(None).expect("closed");
}

#[test]
fn the_early_tail_has_its_own_frames() {
    let server = TestServer::start();
    push(&server, "level=error x");
    push(&server, "level=info y");
    let path = format!("/api/prom/tail?{}", encode(&[("query", ALL), ("regexp", "err.r")]));
    let text = frame(&mut connect(&server, &path, &[]));
    assert!(text.starts_with(r#"{"streams":[{"labels":"{app=\"shop\","#), "{text}");
    assert!(
        text.ends_with("\"line\":\"level=error x\"}]}],\"dropped_entries\":null}\n"),
        "{text}"
    );
}

#[test]
fn labels_can_be_told_apart() {
    let server = TestServer::start();
    push(&server, "a=1");
    let path = format!("/loki/api/v1/tail?{}", encode(&[("query", r#"{app="shop"} | logfmt"#)]));
    let text = frame(&mut connect(
        &server,
        &path,
        &[("X-Loki-Response-Encoding-Flags", "categorize-labels")],
    ));
    let end = concat!(
        r#"{"structuredMetadata":{"detected_level":"unknown"},"parsed":{"a":"1"}}]]}],"#,
        r#""encodingFlags":["categorize-labels"]}"#
    );
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn what_is_wrong_with_a_request_is_said_before_the_upgrade() {
    let server = TestServer::start();
    for (parameters, text) in [
        (
            &[("query", "{")][..],
            "parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }",
        ),
        (
            &[("query", ALL), ("delay_for", "6")],
            "delay_for can't be greater than 5",
        ),
        (
            &[("query", ALL), ("delay_for", "x")],
            "strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        (&[("query", ALL), ("limit", "0")], "limit must be a positive value"),
        (&[("query", ALL)], "Bad Request\n"),
    ] {
        let answer = server.ask("/loki/api/v1/tail", parameters);
        assert_eq!((answer.status, answer.text().as_str()), (400, text));
        let is_handshake = text == "Bad Request\n";
        assert_eq!(answer.header("sec-websocket-version").is_some(), is_handshake, "{text}");
    }
    assert_eq!(server.request("DELETE", "/loki/api/v1/tail", &[], b"").status, 404);
}

#[test]
fn what_is_wrong_afterwards_is_said_in_the_close_frame() {
    let limits = Limits {
        max_concurrent_tail_requests: 1,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    let server = TestServer::start_with(ServerSettings::default(), settings);
    let mut socket = tail(&server, r#"rate({app="shop"}[1m])"#);
    assert_eq!(
        close(&mut socket),
        (CloseCode::Error, "only log selector is supported".to_owned())
    );
    push(&server, "x");
    let mut first = tail(&server, ALL);
    assert_eq!(lines(&frame(&mut first)), ["x"]);
    let text = "rpc error: code = Code(400) desc = max concurrent tail requests limit exceeded, count > limit (2 > 1)";
    assert_eq!(close(&mut tail(&server, ALL)), (CloseCode::Error, text.to_owned()));
    // A client that goes makes room for the next.
    first.close(None).expect("closed");
    while first.read().is_ok() {}
    assert_eq!(lines(&frame(&mut tail(&server, ALL))), ["x"]);
}

#[test]
fn a_tail_ends_after_its_longest_duration() {
    let settings = Settings {
        tail_max_duration: Period::nanos(1),
        ..Settings::default()
    };
    let server = TestServer::start_with(ServerSettings::default(), settings);
    let mut socket = tail(&server, ALL);
    assert_eq!(
        close(&mut socket),
        (CloseCode::Error, "reached tail max duration limit".to_owned())
    );
}

#[test]
fn a_stop_closes_tails() {
    let server = TestServer::start();
    push(&server, "x");
    let mut socket = tail(&server, ALL);
    frame(&mut socket);
    let client = std::thread::spawn(move || close(&mut socket));
    let directory = server.stop();
    assert_eq!(client.join().expect("no panic"), (CloseCode::Away, String::new()));
    // The tail has let go of the engine: it can be opened again.
    TestServer::start_in(directory, ServerSettings::default(), Settings::default());
}

#[test]
fn patterns_are_answered_where_they_are_mined() {
    let server = TestServer::start();
    let parameters = [("query", ALL)];
    let answer = server.ask("/loki/api/v1/patterns", &parameters);
    assert_eq!((answer.status, answer.text().as_str()), (404, ""));

    let settings = Settings {
        pattern_ingester: true,
        ..Settings::default()
    };
    let server = TestServer::start_with(ServerSettings::default(), settings);
    let ask = |parameters: &[(&str, &str)]| server.ask("/loki/api/v1/patterns", parameters);
    assert_eq!(ask(&parameters).text(), "{\"status\":\"success\",\"data\":[]}\n");
    for i in 0..40 {
        push(&server, &format!("level=warn user {i} logged in"));
    }
    let end = (now() + 60).to_string();
    let text = ask(&[("query", ALL), ("end", &end)]).text();
    let start = "{\"status\":\"success\",\"data\":[{\"pattern\":\"level=warn user \\u003c_\\u003e logged in\",\"level\":\"warn\",\"samples\":[[";
    assert!(text.starts_with(start) && text.ends_with("]]}]}\n"), "{text}");
    let missing = ask(&[]);
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (400, "parse error : syntax error: unexpected $end")
    );
}
