use crate::support::{Answer, TestServer, encode};
use loki_core::Settings;
use loki_http::ServerSettings;

fn range() -> [(&'static str, &'static str); 2] {
    [("start", "1709251200"), ("end", "1709251260")]
}

fn ask(server: &TestServer, path: &str, parameters: &[(&str, &str)]) -> Answer {
    let parameters: Vec<_> = parameters.iter().copied().chain(range()).collect();
    server.ask(path, &parameters)
}

#[test]
fn volumes_are_vectors_of_bytes_at_the_end_of_the_range() {
    let server = TestServer::start();
    server.push_lines("shop", &["12345", "123"]);
    server.push_lines("web", &["1"]);
    let answer = ask(&server, "/loki/api/v1/index/volume", &[("query", "{app=~\".+\"}")]);
    let wanted = concat!(
        r#"{"status":"success","data":{"resultType":"vector","result":["#,
        r#"{"metric":{"app":"shop"},"value":[1709251260,"8"]},{"metric":{"app":"web"},"value":[1709251260,"1"]}],"#,
    );
    assert!(answer.text().starts_with(wanted), "{}", answer.text());
    let steps = [("query", "{app=\"shop\"}"), ("step", "1")];
    let answer = ask(&server, "/loki/api/v1/index/volume_range", &steps).json();
    assert_eq!(answer["data"]["resultType"], "matrix");
    assert_eq!(answer["data"]["result"][0]["values"][0][0], 1_709_251_200.999);
    for (path, parameters, status, text) in [
        ("volume", vec![], 400, "parse error : syntax error: unexpected $end"),
        (
            "volume",
            vec![("query", "{}"), ("aggregateBy", "x")],
            400,
            "invalid aggregation option",
        ),
        (
            "volume",
            vec![("query", "{}"), ("limit", "-1")],
            400,
            "limit must be a positive value",
        ),
        (
            "volume_range",
            vec![("query", "rate({a=\"b\"}[1m])")],
            400,
            "only label matchers are supported",
        ),
        ("shards", vec![("query", "{a=\"b\"}")], 404, "404 page not found\n"),
    ] {
        let answer = ask(&server, &format!("/loki/api/v1/index/{path}"), &parameters);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, text),
            "{path} {parameters:?}"
        );
    }
}

#[test]
fn labels_and_fields_are_detected() {
    let server = TestServer::start();
    server.push_lines("shop", &[r#"{"user":{"id":7}}"#, "took=1s"]);
    let labels = ask(&server, "/loki/api/v1/detected_labels", &[]);
    assert_eq!(
        labels.text(),
        "{\"detectedLabels\":[{\"label\":\"app\",\"cardinality\":1},{\"label\":\"service_name\",\"cardinality\":1}]}\n"
    );
    let query = ("query", "{app=\"shop\"}");
    let fields = ask(&server, "/loki/api/v1/detected_fields", &[query]).json();
    assert_eq!(fields["limit"], 1000);
    assert_eq!(fields["fields"][2]["jsonPath"], serde_json::json!(["user", "id"]));
    let values = ask(
        &server,
        "/loki/api/v1/detected_field/took/values",
        &[query, ("limit", "5")],
    );
    assert_eq!(values.text(), "{\"limit\":5,\"values\":[\"1s\"]}\n");
    assert_eq!(
        ask(&server, "/loki/api/v1/detected_field/none/values", &[query]).text(),
        "{}\n"
    );
    assert_eq!(ask(&server, "/loki/api/v1/detected_fields", &[]).status, 400);
}

#[test]
fn queries_are_formatted_without_a_tenant() {
    let settings = ServerSettings {
        auth_enabled: true,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    let answer = server.ask("/loki/api/v1/format_query", &[("query", "{a=`<b>`}")]);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(
        answer.text(),
        "{\"status\":\"success\",\"data\":\"{a=\\\"\\u003cb\\u003e\\\"}\"}\n"
    );
    let answer = server.ask("/loki/api/v1/format_query", &[("query", "{a=")]);
    assert_eq!(answer.status, 400);
    let problem = "parse error at line 1, col 4: syntax error: unexpected $end, expecting STRING";
    assert_eq!(
        answer.text(),
        format!("{{\"status\":\"invalid-query\",\"error\":\"{problem}\"}}\n")
    );
}

#[test]
fn several_tenants_are_read_where_that_is_allowed() {
    for allowed in [false, true] {
        let settings = ServerSettings {
            auth_enabled: true,
            multi_tenant_queries: allowed,
            ..ServerSettings::default()
        };
        let server = TestServer::start_with(settings, Settings::default());
        let get = |path: &str, tenant: &str, parameters: &[(&str, &str)]| {
            let parameters: Vec<_> = parameters.iter().copied().chain(range()).collect();
            let path = format!("/loki/api/v1/{path}?{}", encode(&parameters));
            server.request("GET", &path, &[("X-Scope-OrgID", tenant)], b"")
        };
        for tenant in ["a", "b"] {
            let body = r#"{"streams":[{"stream":{"app":"x"},"values":[["1709251200000000000","line"]]}]}"#;
            let headers = [("X-Scope-OrgID", tenant), ("Content-Type", "application/json")];
            let push = server.request("POST", "/loki/api/v1/push", &headers, body.as_bytes());
            assert_eq!(push.status, 204);
        }
        let query = [("query", "{app=\"x\"}")];
        for path in ["query_range", "index/stats", "index/volume", "detected_fields"] {
            let answer = get(path, "a|b", &query);
            let refused = (500, "multiple org IDs present".to_owned());
            assert_eq!(
                (answer.status, answer.text()) == refused,
                !allowed,
                "{path}: {}",
                answer.text()
            );
            let bad = get(path, "a/b", &query).text();
            assert!(
                bad.ends_with("tenant ID 'a/b' contains unsupported character '/'"),
                "{bad}"
            );
        }
        assert_eq!(get("query", "a|b", &[("query", "vector(1)")]).status, 200);
        assert_eq!(
            get("labels", "|", &[]).text(),
            "no queue found: empty tenant is not allowed"
        );
        let tenants = get("label/__tenant_id__/values", "a", &[]).json();
        assert_eq!(tenants["data"] == serde_json::json!(["a"]), allowed);
        if allowed {
            let series = get("series", "b|a", &[]).json();
            assert_eq!(series["data"][1]["__tenant_id__"], "b");
            assert_eq!(
                get("query_range", "b|a", &query).json()["data"]["result"][0]["stream"]["__tenant_id__"],
                "a"
            );
        }
    }
}
