//! What clients send that is wrong, for every endpoint: each is answered as documented, and the next request as well.

use crate::support::{Answer, T0, TestServer, encode, receive, send};
use loki_core::Settings;
use loki_http::ServerSettings;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

/// A parameter, a value that it does not take, and the text of the answer.
type Check = (&'static str, &'static str, &'static str);

const RANGE: &[Check] = &[
    (
        "start",
        "abc",
        "could not parse 'start' parameter: strconv.ParseInt: parsing \"abc\": invalid syntax",
    ),
    (
        "end",
        "2020-09-13",
        "could not parse 'end' parameter: strconv.ParseInt: parsing \"2020-09-13\": invalid syntax",
    ),
    ("end", "1", "end timestamp must not be before or equal to start time"),
    (
        "since",
        "abc",
        "could not parse 'since' parameter: not a valid duration string: \"abc\"",
    ),
];
const LIMIT: &[Check] = &[
    ("limit", "abc", "strconv.Atoi: parsing \"abc\": invalid syntax"),
    ("limit", "0", "limit must be a positive value"),
    (
        "limit",
        "9999999999999999999",
        "strconv.Atoi: parsing \"9999999999999999999\": value out of range",
    ),
];
const VOLUME: &[Check] = &[
    ("limit", "-1", "limit must be a positive value"),
    ("limit", "abc", "strconv.Atoi: parsing \"abc\": invalid syntax"),
    ("aggregateBy", "colour", "invalid aggregation option"),
];
const STEP: &[Check] = &[
    ("step", "abc", "cannot parse \"abc\" to a valid duration"),
    (
        "step",
        "1e30",
        "cannot parse \"1e30\" to a valid duration. It overflows int64",
    ),
    (
        "step",
        "0",
        "zero or negative query resolution step widths are not accepted. Try a positive integer",
    ),
    (
        "step",
        "0.001",
        "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
    ),
];
const INTERVAL: &[Check] = &[
    ("interval", "-1", "interval must be >= 0"),
    ("interval", "-5s", "cannot parse \"-5s\" to a valid duration"),
];
const DIRECTION: &[Check] = &[("direction", "sideways", "invalid direction 'sideways'")];
const QUERY: &[Check] = &[
    (
        "query",
        "{app=",
        "parse error at line 1, col 6: syntax error: unexpected $end, expecting STRING",
    ),
    (
        "query",
        "{}",
        "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible \
         value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will",
    ),
];
const SELECTOR: &[Check] = &[
    (
        "query",
        "{app=",
        "parse error at line 1, col 6: syntax error: unexpected $end, expecting STRING",
    ),
    ("query", "{app=\"x\"} |= \"y\"", "only label matchers are supported"),
];
const SERIES: &[Check] = &[
    ("match[]", "{app=\"x\"} | json", "only label matchers are supported"),
    (
        "match",
        "{app=",
        "parse error at line 1, col 6: syntax error: unexpected $end, expecting STRING",
    ),
];
const FIELDS: &[Check] = &[
    ("query", "rate({app=\"x\"}[1m])", "only log selector is supported"),
    (
        "line_limit",
        "6000",
        "max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)",
    ),
];
const TIME: &[Check] = &[("time", "abc", "strconv.ParseInt: parsing \"abc\": invalid syntax")];
const LOG_QUERY: &[Check] = &[(
    "query",
    "{app=\"x\"}",
    "log queries are not supported as an instant query type, please change your query to a range query type",
)];
const TAIL: &[Check] = &[
    ("delay_for", "6", "delay_for can't be greater than 5"),
    ("delay_for", "x", "strconv.Atoi: parsing \"x\": invalid syntax"),
];
/// The query must be there.
const REQUIRED: &[Check] = &[("query", "", "parse error : syntax error: unexpected $end")];

/// The endpoints that take parameters, and what they refuse.
const READING: &[(&str, &[&[Check]])] = &[
    (
        "/loki/api/v1/query_range",
        &[RANGE, LIMIT, DIRECTION, STEP, INTERVAL, QUERY, REQUIRED],
    ),
    (
        "/loki/api/v1/query",
        &[TIME, LIMIT, DIRECTION, QUERY, REQUIRED, LOG_QUERY],
    ),
    ("/loki/api/v1/labels", &[RANGE, SELECTOR]),
    ("/loki/api/v1/label", &[RANGE, SELECTOR]),
    ("/loki/api/v1/label/app/values", &[RANGE, SELECTOR]),
    ("/loki/api/v1/series", &[RANGE, SERIES]),
    ("/loki/api/v1/index/stats", &[RANGE, STEP, SELECTOR, REQUIRED]),
    ("/loki/api/v1/index/volume", &[RANGE, VOLUME, SELECTOR, REQUIRED]),
    (
        "/loki/api/v1/index/volume_range",
        &[RANGE, VOLUME, STEP, SELECTOR, REQUIRED],
    ),
    ("/loki/api/v1/detected_labels", &[RANGE, SELECTOR]),
    ("/loki/api/v1/detected_fields", &[RANGE, STEP, FIELDS, QUERY, REQUIRED]),
    (
        "/loki/api/v1/detected_field/a/values",
        &[RANGE, STEP, FIELDS, QUERY, REQUIRED],
    ),
    ("/loki/api/v1/patterns", &[RANGE, STEP, SELECTOR, REQUIRED]),
    ("/loki/api/v1/tail", &[RANGE, LIMIT, TAIL, QUERY, REQUIRED]),
    ("/api/prom/tail", &[RANGE, LIMIT, TAIL, QUERY, REQUIRED]),
    ("/api/prom/query", &[RANGE, LIMIT, DIRECTION, QUERY, REQUIRED]),
    ("/api/prom/label", &[RANGE]),
    ("/api/prom/label/app/values", &[RANGE]),
    ("/api/prom/series", &[RANGE, SERIES]),
];

/// The endpoints that take entries.
const PUSHING: &[&str] = &[
    "/loki/api/v1/push",
    "/api/prom/push",
    "/otlp/v1/logs",
    "/api/v1/push",
    "/loki/api/v1/raw",
    "/api/v1/raw",
];

/// The endpoints that would end the server.
const ENDING: &[&str] = &["/ingester/shutdown", "/ingester/flush_shutdown"];

/// Form bodies and pushes may have so many bytes.
const MAX_BODY: u64 = 10_000;

fn server() -> TestServer {
    let settings = ServerSettings {
        max_body_bytes: MAX_BODY,
        max_push_bytes: MAX_BODY,
        receiver: loki_http::ReceiverSettings {
            max_message_bytes: MAX_BODY,
            ..loki_http::ReceiverSettings::default()
        },
        read_timeout: Duration::from_millis(200),
        ..ServerSettings::default()
    };
    let engine = Settings {
        pattern_ingester: true,
        ..Settings::default()
    };
    TestServer::start_with(settings, engine)
}

/// Every path of the table of endpoints, its segments in braces filled in.
fn paths() -> BTreeSet<String> {
    let table = include_str!("../../src/routes.rs");
    let paths = table
        .split("route(")
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'));
    let filled = |path: &str| {
        let path = path.replace("label/{name}", "label/app").replace("{name}", "a");
        path.replace("{namespace}", "n").replace("{group}", "g")
    };
    paths
        .map(|(path, _)| filled(path))
        .filter(|path| path.starts_with('/'))
        .collect()
}

/// Parameters that are right for every endpoint that reads, but `bad` instead of one of them.
fn parameters(bad: (&str, &str)) -> String {
    let (start, end) = (T0.to_string(), (T0 + 60).to_string());
    let mut good = vec![("query", "{app=\"x\"}"), ("start", &*start), ("end", &*end)];
    good.retain(|(name, _)| *name != bad.0);
    good.push(bad);
    encode(&good)
}

fn refused(answer: &Answer, text: &str, what: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (400, text), "{what}");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8"),
        "{what}"
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
}

#[test]
fn every_parameter_is_refused_with_lokis_words() {
    let server = server();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    for (path, groups) in READING {
        for (name, value, text) in groups.iter().copied().flatten() {
            let parameters = parameters((name, value));
            let answer = server.get(&format!("{path}?{parameters}"));
            refused(&answer, text, &format!("GET {path} {name}={value}"));
            let answer = server.request("POST", path, &form, parameters.as_bytes());
            refused(&answer, text, &format!("POST {path} {name}={value}"));
        }
        let answer = server.get(&format!("{path}?query=%zz"));
        refused(&answer, "invalid URL escape \"%zz\"", path);
        // A name or value that is no UTF-8 is read, and is none that is known.
        let answer = server.get(&format!(
            "{path}?%ff=%fe&{}",
            parameters(("query", "{app=\"\u{fffd}\"}"))
        ));
        assert!(answer.status < 500, "{path} {}", answer.text());
    }
}

#[test]
fn the_table_of_checks_is_whole() {
    let known: BTreeSet<String> = READING
        .iter()
        .map(|(path, _)| *path)
        .chain(PUSHING.iter().copied())
        .map(str::to_owned)
        .collect();
    let all = paths();
    assert!(all.len() > 50, "{all:?}");
    let unknown: Vec<_> = known.difference(&all).collect();
    assert!(unknown.is_empty(), "not in the table of endpoints: {unknown:?}");
    let reads = |path: &&String| path.starts_with("/loki/api/v1/") || path.starts_with("/api/");
    let others = [
        "rules",
        "delete",
        "buildinfo",
        "drilldown",
        "format_query",
        "generation",
    ];
    let unchecked: Vec<_> = all
        .difference(&known)
        .filter(reads)
        .filter(|path| !others.iter().any(|other| path.contains(other)))
        .collect();
    assert!(unchecked.is_empty(), "without a check: {unchecked:?}");
}

#[test]
fn every_endpoint_turns_away_methods_that_it_has_not() {
    let server = server();
    for path in paths().iter().filter(|path| !ENDING.contains(&path.as_str())) {
        if path == "/metrics" || path == "/memberlist" || path == "/compactor/ui/api/v1/deletes" {
            continue;
        }
        for method in ["PATCH", "HEAD", "OPTIONS"] {
            let mut connection = server.connect();
            send(&mut connection, method, path, &[], b"");
            let answer = receive(&mut connection);
            assert_eq!((answer.status, answer.header("allow")), (405, None), "{method} {path}");
        }
    }
    for path in PUSHING {
        assert_eq!(server.get(path).text(), "404 page not found\n", "{path}");
        assert_eq!(
            server.request("DELETE", path, &[], b"").text(),
            "404 page not found\n",
            "{path}"
        );
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let server = server();
    let form = "application/x-www-form-urlencoded";
    let reading = READING.iter().map(|(path, _)| (*path, form));
    let pushing = PUSHING.iter().map(|&path| (path, "application/json"));
    for (path, content_type) in reading.chain(pushing) {
        let mut connection = server.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\nContent-Length: 1099511627776\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).expect("sent");
        let answer = receive(&mut connection);
        let text = "request body too large: message size too large than max (1099511627776 vs 10000)";
        assert_eq!(answer.status, 413, "{path}");
        assert!(
            String::from_utf8_lossy(&answer.body).contains(text),
            "{path} {}",
            answer.text()
        );
    }
    // One that does not say how large it is is cut off when it is.
    let mut connection = server.connect();
    let head = "POST /loki/api/v1/push HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("{:x}\r\n{}\r\n", 6000, " ".repeat(6000));
    connection.write_all(chunk.repeat(2).as_bytes()).expect("sent");
    assert_eq!(receive(&mut connection).status, 413);
}

#[test]
fn a_body_that_comes_too_slowly_or_not_whole_is_given_up() {
    let server = server();
    let form = "application/x-www-form-urlencoded";
    let reading = READING.iter().map(|(path, _)| (*path, form));
    let pushing = PUSHING.iter().map(|&path| (path, "application/json"));
    for (path, content_type) in reading.chain(pushing) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\nContent-Length: 100\r\n\r\nquery="
        );
        let mut torn = server.connect();
        torn.write_all(head.as_bytes()).expect("sent");
        torn.shutdown(Shutdown::Write).expect("half closed");
        let mut heard = Vec::new();
        // The server may say what is wrong or take the client for gone; it does not wait.
        torn.read_to_end(&mut heard).expect("the server ends the connection");
        assert!(
            heard.is_empty() || heard.starts_with(b"HTTP/1.1 400") || heard.starts_with(b"HTTP/1.1 408"),
            "{path} {}",
            String::from_utf8_lossy(&heard)
        );
    }
    for (path, content_type) in [
        (READING[0].0, form),
        (PUSHING[0], "application/json"),
        (PUSHING[4], "text/plain"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\nContent-Length: 100\r\n\r\nquery="
        );
        let mut slow = server.connect();
        slow.write_all(head.as_bytes()).expect("sent");
        let answer = receive(&mut slow);
        assert_eq!(answer.status, 408, "{path} {}", answer.text());
        assert!(
            answer.text().contains("did not arrive within 200ms"),
            "{path} {}",
            answer.text()
        );
    }
}

#[test]
fn whatever_is_sent_to_whatever_endpoint_the_server_goes_on() {
    let server = server();
    let garbage: Vec<u8> = (0..5000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let bodies: [(&str, &str, &[u8]); 6] = [
        ("application/x-www-form-urlencoded", "", &garbage),
        ("application/json", "", &garbage),
        ("application/json", "gzip", &garbage),
        ("application/x-protobuf", "deflate", &garbage),
        ("application/x-protobuf", "", b"\xff\xff\xff\xff\x0f"),
        ("application/json", "", b"[[[[[[[["),
    ];
    for path in paths().iter().filter(|path| !ENDING.contains(&path.as_str())) {
        for (content_type, encoding, body) in bodies {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                let headers = [("Content-Type", content_type), ("Content-Encoding", encoding)];
                let mut connection = server.connect();
                send(&mut connection, method, path, &headers, body);
                let answer = receive(&mut connection);
                assert!(
                    answer.status < 500,
                    "{method} {path} {content_type}: {} {:?}",
                    answer.status,
                    answer.body
                );
            }
        }
    }
    assert_eq!(server.get("/ready").text(), "ready\n");
    assert!(server.get("/metrics").text().contains("\nloki_panic_total 0\n"));
    server.push_lines("shop", &["still here"]);
}

#[test]
fn an_answer_arrives_though_nobody_read_the_body() {
    let server = server();
    let body = vec![b'x'; 200_000];
    let mut connection = server.connect();
    // The answers come on one connection, which goes on after each.
    for (path, status) in [
        ("/nowhere", 404),
        ("/loki/api/v1/format_query?query=1", 200),
        ("/ready", 405),
    ] {
        send(&mut connection, "POST", path, &[("Content-Type", "text/plain")], &body);
        assert_eq!(receive(&mut connection).status, status, "{path}");
    }
    send(&mut connection, "GET", "/openapi.yaml", &[], &body);
    assert!(receive(&mut connection).body.len() > 10_000);
}

#[test]
fn rule_groups_that_take_long_to_read_hold_nobody_up() {
    let server = TestServer::start();
    // Each line repeats the one before nine times: read out, it is more than any reader takes.
    let mut group = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, next) in ('a'..='i').zip('b'..='j') {
        let again = vec![format!("*{one}"); 9].join(",");
        group.push_str(&format!("{next}: &{next} [{again}]\n"));
    }
    // As many as the runtime has threads.
    let mut slow: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for connection in &mut slow {
        send(connection, "POST", "/loki/api/v1/rules/n", &[], group.as_bytes());
    }
    // By then they are being read.
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(server.get("/ready").status, 200);
    for connection in &slow {
        connection.set_nonblocking(true).expect("a socket");
        let early = connection.peek(&mut [0]).expect_err("it is still read");
        assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
        connection.set_nonblocking(false).expect("a socket");
    }
    for connection in &mut slow {
        let answer = receive(connection);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (400, "unable to decoded rule group\n")
        );
    }
}
