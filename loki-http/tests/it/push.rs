use crate::support::{T0, TestServer, gzip};
use loki_core::{Limits, Settings};
use loki_http::ServerSettings;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct PushMessage {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<StreamMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamMessage {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<EntryMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct EntryMessage {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<TimestampMessage>,
    #[prost(string, tag = "2")]
    line: String,
}

#[derive(Clone, PartialEq, Message)]
struct TimestampMessage {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

fn message(labels: &str, line: &str) -> Vec<u8> {
    let entry = EntryMessage {
        timestamp: Some(TimestampMessage { seconds: T0 }),
        line: line.to_owned(),
    };
    let stream = StreamMessage {
        labels: labels.to_owned(),
        entries: vec![entry],
    };
    PushMessage { streams: vec![stream] }.encode_to_vec()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).expect("compresses")
}

fn lines(server: &TestServer, query: &str) -> Vec<String> {
    let (start, end) = (T0.to_string(), (T0 + 3600).to_string());
    let answer = server.ask(
        "/loki/api/v1/query_range",
        &[("query", query), ("start", &start), ("end", &end)],
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let result = answer.json()["data"]["result"].clone();
    let streams = result.as_array().expect("streams").clone();
    let values = |stream: &serde_json::Value| stream["values"].as_array().expect("values").clone();
    let mut lines: Vec<String> = streams
        .iter()
        .flat_map(values)
        .map(|value| value[1].as_str().expect("a line").to_owned())
        .collect();
    lines.sort();
    lines
}

#[test]
fn every_form_of_a_push_is_stored() {
    let server = TestServer::start();
    let protobuf = [("Content-Type", "application/x-protobuf")];
    let json = format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{T0}000000000","json"]]}}]}}"#);
    let gzipped = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let legacy = r#"{"streams":[{"labels":"{app=\"x\"}","entries":[{"ts":"2024-03-01T00:00:00Z","line":"legacy"}]}]}"#;
    for (path, headers, body) in [
        (
            "/loki/api/v1/push",
            &protobuf[..],
            snappy(&message("{app=\"x\"}", "protobuf")),
        ),
        (
            "/api/prom/push",
            &protobuf[..],
            snappy(&message("{app=\"x\"}", "old path")),
        ),
        ("/loki/api/v1/push", &gzipped[..], gzip(json.as_bytes())),
        (
            "/api/prom/push",
            &[("Content-Type", "application/json")][..],
            legacy.as_bytes().to_vec(),
        ),
    ] {
        let answer = server.request("POST", path, headers, &body);
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{path}");
    }
    assert_eq!(
        lines(&server, r#"{app="x"}"#),
        ["json", "legacy", "old path", "protobuf"]
    );
}

#[test]
fn refusals_carry_lokis_words_in_a_line() {
    let server = TestServer::start();
    let json = ("Content-Type", "application/json");
    for (headers, body, status, text) in [
        (&[][..], &b"{}"[..], 400, "mime: no media type\n"),
        (&[json], b"", 400, "EOF\n"),
        (
            &[json],
            b"{}",
            422,
            "error at least one valid stream is required for ingestion\n",
        ),
        (
            &[json, ("Content-Encoding", "br")],
            b"{}",
            400,
            "Content-Encoding \"br\" not supported\n",
        ),
        (
            &[json, ("Content-Encoding", "gzip")],
            b"not gzip at all",
            400,
            "gzip: invalid header\n",
        ),
        (
            &[("Content-Type", "text/plain")],
            b"garbage",
            400,
            "snappy: corrupt input\n",
        ),
    ] {
        let answer = server.request("POST", "/loki/api/v1/push", headers, body);
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let torn = snappy(b"\xff\xff");
    let answer = server.request(
        "POST",
        "/loki/api/v1/push",
        &[("Content-Type", "application/x-protobuf")],
        &torn,
    );
    assert_eq!((answer.status, answer.text().as_str()), (400, "unexpected EOF\n"));
}

#[test]
fn a_bad_stream_does_not_keep_out_a_good_one() {
    let server = TestServer::start();
    let value = "v".repeat(3000);
    let body = format!(
        r#"{{"streams":[{{"stream":{{"app":"{value}"}},"values":[["{T0}000000000","refused"]]}},
            {{"stream":{{"app":"good"}},"values":[["{T0}000000000","stored"]]}}]}}"#
    );
    let answer = server.push_json(&body);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("has label value too long"), "{}", answer.text());
    assert_eq!(lines(&server, r#"{app=~".+"}"#), ["stored"]);
}

#[test]
fn what_is_too_large_is_refused_by_any_measure() {
    let settings = ServerSettings {
        max_push_bytes: 1000,
        max_push_decompressed_bytes: 2000,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    for body in [vec![b' '; 1001], gzip(&vec![b' '; 2001])] {
        let answer = server.request("POST", "/loki/api/v1/push", &headers, &body);
        assert_eq!(answer.status, 413);
        let prefix = "request body too large: message size too large than max (";
        assert!(answer.text().starts_with(prefix), "{}", answer.text());
    }
}

#[test]
fn opentelemetry_records_become_lines() {
    let server = TestServer::start();
    let json = [("Content-Type", "application/json")];
    let body = format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
            "scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{T0}000000000","body":{{"stringValue":"paid"}}}}]}}]}}]}}"#
    );
    let answer = server.request("POST", "/otlp/v1/logs", &json, body.as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(lines(&server, r#"{service_name="shop"}"#), ["paid"]);

    let answer = server.request("POST", "/otlp/v1/logs", &json, b"{}");
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.text(),
        "\x12\x39error at least one valid stream is required for ingestion"
    );
    let answer = server.request("POST", "/otlp/v1/logs", &[("Content-Type", "text/plain")], b"x");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (400, "\x12\x29content type: text/plain is not supported")
    );
}

#[test]
fn tenants_are_apart_where_authentication_is_on() {
    let settings = ServerSettings {
        auth_enabled: true,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let body = format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{T0}000000000","of a"]]}}]}}"#);
    let push = |tenant: &str| {
        let headers = [("Content-Type", "application/json"), ("X-Scope-OrgID", tenant)];
        server.request("POST", "/loki/api/v1/push", &headers, body.as_bytes())
    };
    assert_eq!(push("a").status, 204);
    for (tenant, status, text) in [
        ("", 401, "no org id\n"),
        ("a/b", 400, "tenant ID 'a/b' contains unsupported character '/'\n"),
        ("a|b", 400, "multiple org IDs present\n"),
    ] {
        let answer = push(tenant);
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
    }
    let names = |tenant: &str| {
        let path = format!("/loki/api/v1/labels?start={T0}&end={}", T0 + 60);
        server.request("GET", &path, &[("X-Scope-OrgID", tenant)], b"").text()
    };
    assert_eq!(
        names("a"),
        "{\"status\":\"success\",\"data\":[\"app\",\"service_name\"]}\n"
    );
    assert_eq!(names("b"), "{\"status\":\"success\"}\n");
    let answer = server.request("GET", "/loki/api/v1/query?query=1", &[("X-Scope-OrgID", "a/b")], b"");
    let text = "rpc error: code = Code(400) desc = tenant ID 'a/b' contains unsupported character '/'";
    assert_eq!((answer.status, answer.text().as_str()), (400, text));
}

#[test]
fn rules_of_a_tenant_say_what_becomes_of_attributes() {
    let config =
        r#"{"log_attributes":[{"action":"index_label","attributes":["http.route"]}],"severity_text_as_label":true}"#;
    let limits = Limits {
        otlp_config: serde_json::from_str(config).expect("valid"),
        ..Limits::default()
    };
    let settings = Settings {
        overrides: [("ruled".parse().expect("a tenant"), limits)].into(),
        ..Settings::default()
    };
    let server = ServerSettings {
        auth_enabled: true,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(server, settings);
    let body = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{T0}000000000","severityText":"WARN",
            "body":{{"stringValue":"paid"}},"attributes":[{{"key":"http.route","value":{{"stringValue":"/pay"}}}}]}}]}}]}}]}}"#
    );
    let labels = |tenant: &str| {
        let tenant = [("X-Scope-OrgID", tenant), ("Content-Type", "application/json")];
        assert_eq!(
            server.request("POST", "/otlp/v1/logs", &tenant, body.as_bytes()).status,
            204
        );
        let path = format!("/loki/api/v1/labels?start={T0}&end={}", T0 + 60);
        server.request("GET", &path, &tenant, b"").json()["data"].to_string()
    };
    assert_eq!(labels("plain"), r#"["service_name"]"#);
    assert_eq!(labels("ruled"), r#"["http_route","service_name","severity_text"]"#);

    let page = server
        .request(
            "GET",
            "/loki/api/v1/drilldown-limits",
            &[("X-Scope-OrgID", "ruled")],
            b"",
        )
        .json();
    let shown = &page["limits"]["otlp_config"];
    assert_eq!(
        shown["resource_attributes"]["attributes_config"][0]["attributes"][0],
        "service.name"
    );
    assert_eq!(shown["log_attributes"][0]["action"], "index_label");
    assert_eq!(shown["severity_text_as_label"], true);
    let metrics = server.get("/metrics").text();
    for tenant in ["plain", "ruled"] {
        let line = format!(
            "loki_distributor_lines_received_total{{format=\"otlp\",is_internal_stream=\"false\",policy=\"\",tenant=\"{tenant}\"}} 1"
        );
        assert!(metrics.contains(&line), "{metrics}");
    }
}
