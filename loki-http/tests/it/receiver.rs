use crate::support::{T0, TestServer, encode, gzip};
use loki_core::Settings;
use loki_http::{ReceiverSettings, ServerSettings};

const RAW: [&str; 2] = ["/loki/api/v1/raw", "/api/v1/raw"];

fn server(use_incoming_timestamp: bool) -> TestServer {
    let receiver = ReceiverSettings {
        labels: vec![("forwarded".to_owned(), "true".to_owned())],
        use_incoming_timestamp,
        max_message_bytes: 1000,
    };
    let settings = ServerSettings {
        receiver,
        max_push_decompressed_bytes: 2000,
        ..ServerSettings::default()
    };
    TestServer::start_with(settings, Settings::default())
}

/// Labels and lines of everything that came in the last hour, oldest first.
fn received(server: &TestServer) -> Vec<(String, Vec<String>)> {
    let query = [("query", "{forwarded=\"true\"}"), ("direction", "forward")];
    let answer = server
        .get(&format!("/loki/api/v1/query_range?{}", encode(&query)))
        .json();
    let streams = answer["data"]["result"].as_array().expect("streams").clone();
    let lines = |stream: &serde_json::Value| {
        let values = stream["values"].as_array().expect("values");
        values
            .iter()
            .map(|value| value[1].as_str().expect("a line").to_owned())
            .collect()
    };
    streams
        .iter()
        .map(|stream| (stream["stream"].to_string(), lines(stream)))
        .collect()
}

#[test]
fn each_line_of_a_raw_body_is_an_entry() {
    let server = server(true);
    let gzipped = gzip(b"from gzip\nfrom gzip\n");
    for (path, headers, body) in [
        (RAW[0], &[][..], &b"{\"a\": 1}\r\n\n{\"a\": 2}"[..]),
        (RAW[1], &[("Content-Type", "text/plain")][..], b"plain\n"),
        (RAW[0], &[("Content-Encoding", "gzip")][..], &gzipped),
        (RAW[0], &[][..], b""),
    ] {
        let answer = server.request("POST", path, headers, body);
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{path}");
    }
    let labels = r#"{"detected_level":"unknown","forwarded":"true","service_name":"unknown_service"}"#;
    // Equal lines stay two: each has a time of its own.
    let lines = ["{\"a\": 1}", "{\"a\": 2}", "plain", "from gzip", "from gzip"].map(str::to_owned);
    assert_eq!(received(&server), [(labels.to_owned(), lines.to_vec())]);
}

#[test]
fn a_receiver_stamps_entries_unless_it_may_not() {
    let body = format!(
        r#"{{"streams":[{{"stream":{{"app":"x","__tenant_id__":"t","forwarded":"no"}},"values":[["{T0}000000000","pushed"]]}}]}}"#
    );
    let json = [("Content-Type", "application/json")];
    let old = |server: &TestServer| {
        let (start, end) = (T0.to_string(), (T0 + 60).to_string());
        let range = [("query", "{forwarded=\"true\"}"), ("start", &start), ("end", &end)];
        server.ask("/loki/api/v1/index/stats", &range).json()["entries"].clone()
    };
    for (keeps, entries) in [(true, 1), (false, 0)] {
        let server = server(keeps);
        assert_eq!(
            server.request("POST", "/api/v1/push", &json, body.as_bytes()).status,
            204
        );
        assert_eq!(old(&server), entries, "use_incoming_timestamp: {keeps}");
        assert_eq!(received(&server).len(), 1 - entries);
        // The server's own endpoint keeps labels and time in any case.
        assert_eq!(
            server
                .push_json(&body.replace("__tenant_id__", "tenant").replace("no", "true"))
                .status,
            204
        );
        assert_eq!(old(&server), entries + 1);
    }
}

#[test]
fn a_receiver_refuses_what_a_push_refuses() {
    let server = server(false);
    let json = ("Content-Type", "application/json");
    let gzip_header = ("Content-Encoding", "gzip");
    let bomb = gzip(&[b'x'; 2001]);
    for (path, headers, body, status, text) in [
        (
            "/api/v1/push",
            &[json][..],
            &b"{}"[..],
            422,
            "error at least one valid stream is required for ingestion\n",
        ),
        (
            "/api/v1/push",
            &[json],
            br#"{"streams":[{"stream":{"a-b":"c"},"values":[["1","x"]]}]}"#,
            400,
            "couldn't parse labels: ",
        ),
        ("/api/v1/push", &[], b"{}", 400, "mime: no media type\n"),
        ("/api/v1/push", &[json], &[b' '; 1001], 413, "request body too large: "),
        (RAW[0], &[], &[b'x'; 1001], 413, "request body too large: "),
        (RAW[0], &[gzip_header], &bomb, 413, "request body too large: "),
        (RAW[0], &[gzip_header], b"no gzip at all", 400, "gzip: invalid header\n"),
        (
            RAW[0],
            &[("Content-Encoding", "br")],
            b"x",
            400,
            "Content-Encoding \"br\" not supported\n",
        ),
    ] {
        let answer = server.request("POST", path, headers, body);
        assert_eq!(answer.status, status, "{path} {}", answer.text());
        assert!(answer.text().starts_with(text), "{path} {}", answer.text());
    }
    for path in RAW.iter().chain(&["/api/v1/push"]) {
        assert_eq!(server.get(path).text(), "404 page not found\n");
    }
}

#[test]
fn a_receiver_has_tenants_too() {
    let settings = ServerSettings {
        auth_enabled: true,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let push = |headers: &[(&str, &str)]| server.request("POST", RAW[0], headers, b"a line");
    assert_eq!((push(&[]).status, push(&[]).text().as_str()), (401, "no org id\n"));
    assert_eq!(push(&[("X-Scope-OrgID", "a|b")]).text(), "multiple org IDs present\n");
    assert_eq!(push(&[("X-Scope-OrgID", "a")]).status, 204);
}
