use crate::support::TestServer;
use loki_core::Settings;
use loki_http::ServerSettings;

#[test]
fn unknown_paths_and_wrong_methods_answer_as_documented() {
    let server = TestServer::start();
    let nothing = (404, "404 page not found\n");
    for (method, path, answer) in [
        ("GET", "/loki/api/v1/nosuch", nothing),
        ("GET", "/loki/api/v1/labels/", nothing),
        ("GET", "/loki/api/v1/push", nothing),
        ("DELETE", "/loki/api/v1/push", nothing),
        ("PUT", "/loki/api/v1/push", (405, "")),
        ("DELETE", "/loki/api/v1/query", (405, "")),
        ("POST", "/ready", (405, "")),
        ("OPTIONS", "/loki/api/v1/query_range", (405, "")),
        ("PUT", "/nosuch", nothing),
    ] {
        let got = server.request(method, path, &[], b"");
        assert_eq!((got.status, got.text().as_str()), answer, "{method} {path}");
        assert_eq!(got.header("allow"), None);
        if got.status == 405 {
            assert_eq!(got.header("content-length"), Some("0"));
        }
    }
}

#[test]
fn paths_that_are_not_clean_are_moved() {
    let server = TestServer::start();
    let answer = server.get("//loki//api/./v1/labels?start=1&end=2");
    assert_eq!(answer.status, 301);
    assert_eq!(answer.header("location"), Some("/loki/api/v1/labels?start=1&end=2"));
}

#[test]
fn an_escaped_slash_separates_segments() {
    let server = TestServer::start();
    assert_eq!(server.get("/loki/api/v1/label/a%2Fb/values").status, 404);
    assert_eq!(server.get("/loki%2Fapi/v1/label/a%20b/values").status, 200);
}

#[test]
fn a_prefix_stands_before_every_path() {
    let settings = ServerSettings {
        path_prefix: "/logs/".to_owned(),
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(settings, Settings::default());
    assert_eq!(server.get("/logs/ready").text(), "ready\n");
    assert_eq!(server.get("/ready").status, 404);
}

#[test]
fn a_bad_escape_in_a_query_is_named() {
    let server = TestServer::start();
    let answer = server.get("/loki/api/v1/labels?query=%zz");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (400, "invalid URL escape \"%zz\"")
    );
}
