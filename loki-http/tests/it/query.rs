use crate::support::{T0, TestServer, encode, receive, send};

fn server() -> TestServer {
    let server = TestServer::start();
    server.push_lines("shop", &["level=info <a>", "level=error b", "level=error c"]);
    server
}

fn range() -> [(&'static str, &'static str); 2] {
    [("start", "1709251200"), ("end", "1709251260")]
}

fn with_range<'a>(parameters: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    parameters.iter().copied().chain(range()).collect()
}

#[test]
fn a_log_query_answers_streams_newest_first() {
    let server = server();
    let answer = server.ask(
        "/loki/api/v1/query_range",
        &with_range(&[("query", r#"{app="shop"} |= "error""#)]),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json; charset=UTF-8"));
    let wanted = concat!(
        r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"shop","detected_level":"error","#,
        r#""service_name":"shop"},"values":[["1709251202000000000","level=error c"],["1709251201000000000","level=error b"]]}],"#,
        r#""stats":{"summary":{"#
    );
    assert!(answer.text().starts_with(wanted), "{}", answer.text());
    assert!(answer.text().ends_with("}}}\n"));
}

#[test]
fn categorised_labels_are_apart() {
    let server = server();
    let parameters = with_range(&[("query", r#"{app="shop"} |= "<""#)]);
    let path = format!("/loki/api/v1/query_range?{}", encode(&parameters));
    let answer = server.request(
        "GET",
        &path,
        &[("X-Loki-Response-Encoding-Flags", "categorize-labels")],
        b"",
    );
    let wanted = concat!(
        r#""encodingFlags":["categorize-labels"],"result":[{"stream":{"app":"shop","service_name":"shop"},"#,
        r#""values":[["1709251200000000000","level=info \u003ca\u003e",{"structuredMetadata":{"detected_level":"info"}}]]}]"#
    );
    assert!(answer.text().contains(wanted), "{}", answer.text());
}

#[test]
fn metric_queries_answer_matrix_vector_and_scalar() {
    let server = server();
    let parameters = with_range(&[("query", r#"sum(count_over_time({app="shop"}[1m]))"#), ("step", "60")]);
    let answer = server.ask("/loki/api/v1/query_range", &parameters);
    let wanted = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[["#;
    assert!(answer.text().starts_with(wanted), "{}", answer.text());
    assert!(!answer.text().ends_with('\n'));
    let query = r#"sum(count_over_time({app="shop"}[1m]))"#;
    let answer = server.ask("/loki/api/v1/query", &[("query", query), ("time", "1709251210.224")]);
    let wanted =
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1709251210.224,"3"]}]"#;
    assert!(answer.text().starts_with(wanted), "{}", answer.text());
    let answer = server.ask("/loki/api/v1/query", &[("query", "1+1"), ("time", "1709251210")]);
    let wanted = r#"{"status":"success","data":{"resultType":"scalar","result":[1709251210,"2"]"#;
    assert!(answer.text().starts_with(wanted), "{}", answer.text());
}

#[test]
fn errors_are_bare_text() {
    let server = server();
    for (path, parameters, text) in [
        (
            "/loki/api/v1/query_range",
            &[("limit", "0")][..],
            "limit must be a positive value",
        ),
        (
            "/loki/api/v1/query_range",
            &[],
            "parse error : syntax error: unexpected $end",
        ),
        (
            "/loki/api/v1/query",
            &[("query", r#"{app="shop"}"#)],
            "log queries are not supported as an instant query type, please change your query to a range query type",
        ),
        (
            "/loki/api/v1/series",
            &[("match[]", r#"{a="b"} |= "x""#)],
            "only label matchers are supported",
        ),
        (
            "/loki/api/v1/series",
            &[("match", "{}"), ("match", "{}")],
            "0 matchers in group: {}",
        ),
        (
            "/loki/api/v1/index/stats",
            &[],
            "parse error : syntax error: unexpected $end",
        ),
        (
            "/api/prom/query",
            &[("query", r#"rate({app="shop"}[1m])"#)],
            "rpc error: code = Code(400) desc = legacy endpoints only support streams result type",
        ),
    ] {
        let answer = server.ask(path, parameters);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (400, text),
            "{path} {parameters:?}"
        );
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[test]
fn labels_values_and_series_are_listed() {
    let server = server();
    let ask = |path: &str, parameters: &[(&str, &str)]| server.ask(path, &with_range(parameters)).text();
    assert_eq!(
        ask("/loki/api/v1/labels", &[]),
        "{\"status\":\"success\",\"data\":[\"app\",\"service_name\"]}\n"
    );
    assert_eq!(
        ask("/loki/api/v1/label", &[("query", "{app=\"no\"}")]),
        "{\"status\":\"success\"}\n"
    );
    assert_eq!(
        ask("/loki/api/v1/label/app/values", &[]),
        "{\"status\":\"success\",\"data\":[\"shop\"]}\n"
    );
    assert_eq!(ask("/loki/api/v1/label/a-b/values", &[]), "{\"status\":\"success\"}\n");
    assert_eq!(ask("/api/prom/label", &[]), "{\"values\":[\"app\",\"service_name\"]}\n");
    assert_eq!(ask("/api/prom/label/app/values", &[]), "{\"values\":[\"shop\"]}\n");
    let series = "{\"status\":\"success\",\"data\":[{\"app\":\"shop\",\"service_name\":\"shop\"}]}\n";
    for parameters in [&[][..], &[("match[]", "{}")], &[("match", r#"{app=~"s.*"}"#)]] {
        assert_eq!(ask("/loki/api/v1/series", parameters), series, "{parameters:?}");
    }
    assert_eq!(
        ask("/loki/api/v1/series", &[("match", r#"{app="no"}"#)]),
        "{\"status\":\"success\",\"data\":[]}\n"
    );
    let stats = server
        .ask("/loki/api/v1/index/stats", &with_range(&[("query", r#"{app="shop"}"#)]))
        .json();
    assert_eq!((&stats["streams"], &stats["entries"]), (&1.into(), &3.into()));
}

#[test]
fn parameters_may_come_as_a_form() {
    let server = server();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = encode(&with_range(&[("query", r#"{app="no"}"#)]));
    let ask = |headers: &[(&str, &str)]| {
        server
            .request("POST", "/loki/api/v1/labels", headers, body.as_bytes())
            .text()
    };
    assert_eq!(ask(&form), "{\"status\":\"success\"}\n");
}

#[test]
fn the_early_query_answers_labels_as_text() {
    let server = server();
    let parameters = with_range(&[("query", r#"{app="shop"}"#), ("regexp", "a>"), ("direction", "FORWARD")]);
    let text = server.ask("/api/prom/query", &parameters).text();
    let wanted = concat!(
        r#"{"streams":[{"labels":"{app=\"shop\", detected_level=\"info\", service_name=\"shop\"}","#,
        r#""entries":[{"ts":"2024-03-01T00:00:00Z","line":"level=info \u003ca\u003e"}]}],"stats":{"#
    );
    assert!(text.starts_with(wanted), "{text}");
}

#[test]
fn a_connection_serves_many_requests() {
    let server = server();
    let mut connection = server.connect();
    for _ in 0..3 {
        send(
            &mut connection,
            "GET",
            &format!("/loki/api/v1/labels?start={T0}"),
            &[],
            b"",
        );
        assert_eq!(receive(&mut connection).status, 200);
    }
}
