//! Which tenant each family of endpoints asks for, and how it says that there is none.

use crate::support::{Answer, T0, TestServer};
use loki_core::Settings;
use loki_http::ServerSettings;

/// Methods and paths of a family, and how it answers a name that is none and two names: status and text.
type Family = (
    &'static [(&'static str, &'static str)],
    (u16, &'static str),
    (u16, &'static str),
);

const FAMILIES: &[Family] = &[
    (
        &[
            ("POST", "/loki/api/v1/push"),
            ("POST", "/api/prom/push"),
            ("POST", "/api/v1/push"),
            ("POST", "/loki/api/v1/raw"),
        ],
        (400, "tenant ID 'a/b' contains unsupported character '/'\n"),
        (400, "multiple org IDs present\n"),
    ),
    (
        &[("POST", "/otlp/v1/logs")],
        (400, "\x12\x32tenant ID 'a/b' contains unsupported character '/'"),
        (400, "\x12\x18multiple org IDs present"),
    ),
    (
        &[
            ("GET", "/loki/api/v1/tail?query={app=\"x\"}"),
            ("GET", "/api/prom/tail?query={app=\"x\"}"),
        ],
        (400, "tenant ID 'a/b' contains unsupported character '/'"),
        (400, "multiple org IDs present"),
    ),
    (
        &[
            ("GET", "/loki/api/v1/delete"),
            ("GET", "/loki/api/v1/cache/generation_numbers"),
        ],
        (400, "tenant ID 'a/b' contains unsupported character '/'\n"),
        (400, "multiple org IDs present\n"),
    ),
    (
        &[
            ("GET", "/loki/api/v1/query_range?query={app=\"x\"}"),
            ("GET", "/loki/api/v1/query?query=rate({app=\"x\"}[1m])"),
            ("GET", "/api/prom/query?query={app=\"x\"}"),
        ],
        (
            400,
            "rpc error: code = Code(400) desc = tenant ID 'a/b' contains unsupported character '/'",
        ),
        (500, "multiple org IDs present"),
    ),
    (
        &[
            ("GET", "/loki/api/v1/labels"),
            ("GET", "/loki/api/v1/label/app/values"),
            ("GET", "/loki/api/v1/series"),
            ("GET", "/loki/api/v1/index/stats?query={app=\"x\"}"),
            ("GET", "/loki/api/v1/index/volume?query={app=\"x\"}"),
            ("GET", "/loki/api/v1/index/volume_range?query={app=\"x\"}"),
            ("GET", "/loki/api/v1/detected_labels"),
            ("GET", "/loki/api/v1/detected_fields?query={app=\"x\"}"),
            ("GET", "/loki/api/v1/detected_field/a/values?query={app=\"x\"}"),
            ("GET", "/api/prom/label"),
            ("GET", "/api/prom/label/app/values"),
            ("GET", "/api/prom/series"),
        ],
        (400, "tenant ID 'a/b' contains unsupported character '/'"),
        (500, "multiple org IDs present"),
    ),
];

/// Endpoints that belong to nobody.
const NOBODYS: &[&str] = &[
    "/ready",
    "/metrics",
    "/config",
    "/services",
    "/log_level",
    "/loki/api/v1/status/buildinfo",
    "/ring",
    "/memberlist",
    "/flush",
    "/ingester/prepare_shutdown",
    "/loki/api/v1/format_query?query={app=\"x\"}",
    "/compactor/ui/api/v1/deletes",
];

fn server(multi_tenant_queries: bool) -> TestServer {
    let settings = ServerSettings {
        auth_enabled: true,
        multi_tenant_queries,
        ..ServerSettings::default()
    };
    TestServer::start_with(settings, Settings::default())
}

fn ask(server: &TestServer, (method, path): (&str, &str), tenant: Option<&str>) -> Answer {
    let path = path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
    let json = ("Content-Type", "application/json");
    let headers = [json].into_iter().chain(tenant.map(|tenant| ("X-Scope-OrgID", tenant)));
    server.request(method, &path, &headers.collect::<Vec<_>>(), b"{}")
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text())
}

#[test]
fn each_family_says_in_its_own_way_that_a_name_is_none() {
    let server = server(false);
    for (family, bad, several) in FAMILIES {
        for &endpoint in *family {
            for missing in [None, Some("")] {
                assert_eq!(
                    told(&ask(&server, endpoint, missing)),
                    (401, "no org id\n".to_owned()),
                    "{endpoint:?}"
                );
            }
            let bad_answer = ask(&server, endpoint, Some("a/b"));
            assert_eq!(told(&bad_answer), (bad.0, bad.1.to_owned()), "{endpoint:?}");
            let several_answer = ask(&server, endpoint, Some("a|b"));
            assert_eq!(told(&several_answer), (several.0, several.1.to_owned()), "{endpoint:?}");
            // The same name twice is one name; what follows a colon is not looked at.
            for one in ["a|a", "a:sub", "a"] {
                let status = ask(&server, endpoint, Some(one)).status;
                assert!([200, 204, 400, 422].contains(&status), "{endpoint:?} {one}: {status}");
                assert_ne!(
                    ask(&server, endpoint, Some(one)).text(),
                    several.1,
                    "{endpoint:?} {one}"
                );
            }
        }
    }
}

#[test]
fn an_empty_name_among_others_is_asked_for_by_nobody() {
    let server = server(false);
    let reading = FAMILIES[4..].iter().flat_map(|(family, ..)| *family);
    for &endpoint in reading {
        for names in ["|", "a|"] {
            let text = "no queue found: empty tenant is not allowed";
            assert_eq!(
                told(&ask(&server, endpoint, Some(names))),
                (500, text.to_owned()),
                "{endpoint:?} {names}"
            );
        }
    }
}

#[test]
fn several_names_are_read_together_where_that_is_configured() {
    let server = server(true);
    for (tenant, app) in [("a", "shop"), ("b", "web")] {
        let body = format!(r#"{{"streams":[{{"stream":{{"app":"{app}"}},"values":[["{T0}000000000","x"]]}}]}}"#);
        let headers = [("Content-Type", "application/json"), ("X-Scope-OrgID", tenant)];
        assert_eq!(
            server
                .request("POST", "/loki/api/v1/push", &headers, body.as_bytes())
                .status,
            204
        );
    }
    let range = format!("start={T0}&end={}", T0 + 60);
    let get = |path: &str| ask(&server, ("GET", path), Some("b|a")).json();
    assert_eq!(
        get(&format!("/loki/api/v1/label/app/values?{range}"))["data"],
        serde_json::json!(["shop", "web"])
    );
    assert_eq!(
        get(&format!("/loki/api/v1/label/__tenant_id__/values?{range}"))["data"],
        serde_json::json!(["a", "b"])
    );
    let streams = get(&format!(
        "/loki/api/v1/query_range?query={{__tenant_id__=\"b\",app=~\".%2B\"}}&{range}"
    ));
    assert_eq!(streams["data"]["result"][0]["stream"]["app"], "web");
    assert_eq!(streams["data"]["result"].as_array().map(Vec::len), Some(1));
    // Whoever writes or follows still names one.
    for (family, _, several) in &FAMILIES[..4] {
        for &endpoint in *family {
            assert_eq!(
                told(&ask(&server, endpoint, Some("b|a"))),
                (several.0, several.1.to_owned()),
                "{endpoint:?}"
            );
        }
    }
}

#[test]
fn what_belongs_to_nobody_asks_for_no_name() {
    let server = server(false);
    for path in NOBODYS {
        for tenant in [None, Some("a/b"), Some("a|b")] {
            let status = ask(&server, ("GET", path), tenant).status;
            assert!(status < 300, "{path} {tenant:?}: {status}");
        }
    }
}

#[test]
fn a_page_of_limits_asks_for_a_name_even_where_there_is_one_tenant_and_drilldown_needs_none() {
    let server = TestServer::start();
    let paths = ["/config/tenant/v1/limits", "/loki/api/v1/drilldown-limits"];
    let no_name = (401, "no org id\n".to_owned());
    assert_eq!(told(&ask(&server, ("GET", paths[0]), None)), no_name);
    assert_eq!(ask(&server, ("GET", paths[1]), None).status, 200);
    for path in paths {
        assert_eq!(ask(&server, ("GET", path), Some("a")).status, 200);
        assert_eq!(ask(&server, ("GET", path), Some("a/b")).status, 400);
    }
    let strict = TestServer::start_with(
        ServerSettings {
            auth_enabled: true,
            ..ServerSettings::default()
        },
        Settings::default(),
    );
    assert_eq!(told(&ask(&strict, ("GET", paths[1]), None)), no_name);
    // All others take any name, as there is one tenant.
    assert_eq!(ask(&server, ("GET", "/loki/api/v1/labels"), Some("a/b")).status, 200);
}
