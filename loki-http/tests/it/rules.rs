//! Rules: the API, and alerts on their way out.

use crate::support::TestServer;
use loki_core::{Period, RuleStorage, Settings};
use loki_http::{
    AlertmanagerSettings, Authorization, RemoteWriteSettings, RulerSettings, Secret, ServerSettings, TargetSettings,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const GROUP: &str =
    "name: g\ninterval: 1s\nrules:\n- alert: Always\n  expr: vector(1) > 0\n- record: a:b\n  expr: 1 + 1\n";
const CHANGED: &str = r#"{"status":"success","data":null,"errorType":"","error":""}"#;

#[test]
fn groups_are_set_shown_and_removed_under_all_names_of_the_api() {
    let server = TestServer::start();
    for path in ["/loki/api/v1/rules", "/api/prom/rules", "/prometheus/config/v1/rules"] {
        let none = server.get(path);
        assert_eq!((none.status, none.text().as_str()), (404, "no rule groups found\n"));
        let set = server.request("POST", &format!("{path}/a%20b"), &[], GROUP.as_bytes());
        assert_eq!((set.status, set.text().as_str()), (202, CHANGED));
        let all = server.get(path);
        assert_eq!(all.header("content-type"), Some("application/yaml"));
        assert!(
            all.text()
                .starts_with("a b:\n    - name: g\n      interval: 1s\n      rules:\n        - alert: ")
        );
        assert!(server.get(&format!("{path}/a%20b/g")).text().starts_with("name: g\n"));
        assert_eq!(server.get(&format!("{path}/a%20b/x")).text(), "group does not exist\n");
        assert_eq!(server.get(&format!("{path}?labels=a:b")).text(), "{}\n");
        let removed = server.request("DELETE", &format!("{path}/a%20b/g"), &[], b"");
        assert_eq!((removed.status, removed.text().as_str()), (202, CHANGED));
        let again = server.request("DELETE", &format!("{path}/a%20b"), &[], b"");
        assert_eq!(
            (again.status, again.text().as_str()),
            (404, "group namespace does not exist\n")
        );
    }
    let bad = server.request("POST", "/loki/api/v1/rules/n", &[], b"name: g\nrules: [{record: x}]");
    assert_eq!(
        (bad.status, bad.text().as_str()),
        (400, "field 'expr' must be set in rule\n")
    );
}

#[test]
fn what_rules_come_to_is_shown_and_filtered() {
    let server = TestServer::start();
    let empty = r#"{"status":"success","data":{"groups":[]},"errorType":"","error":""}"#;
    assert_eq!(server.get("/prometheus/api/v1/rules").text(), empty);
    server.request("POST", "/loki/api/v1/rules/n", &[], GROUP.as_bytes());
    let names = |path: &str| {
        let answer = server.get(path).json();
        let rules = answer["data"]["groups"][0]["rules"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        rules
            .iter()
            .map(|rule| rule["name"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("/prometheus/api/v1/rules"), ["Always", "a:b"]);
    assert_eq!(names("/prometheus/api/v1/rules?type=record"), ["a:b"]);
    assert_eq!(names("/prometheus/api/v1/rules?rule_name=Always&file=n"), ["Always"]);
    assert_eq!(names("/prometheus/api/v1/rules?file=x"), [""; 0]);
    assert_eq!(server.get("/prometheus/api/v1/rules?type=x").status, 400);
}

/// Takes one request and answers `answer`; the request as text with its body.
fn take(listener: &TcpListener, answer: &str) -> String {
    String::from_utf8_lossy(&take_bytes(listener, answer)).into_owned()
}

fn take_bytes(listener: &TcpListener, answer: &str) -> Vec<u8> {
    let (mut stream, _) = listener.accept().expect("a connection");
    let request = read_request(&mut stream);
    answer_request(&mut stream, answer);
    request
}

fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("a request");
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .expect("a length");
        if read == 0 || bytes.len() >= head.len() + 4 + length.parse::<usize>().expect("a number") {
            return bytes;
        }
    }
}

fn answer_request(stream: &mut TcpStream, answer: &str) {
    stream
        .write_all(format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes())
        .expect("an answer");
}

/// A server that sends what is recorded to `/write` of this receiver.
fn writing_to(receiver: &str, target: TargetSettings) -> ServerSettings {
    let ruler = RulerSettings {
        remote_write: vec![RemoteWriteSettings {
            url: format!("{receiver}/write"),
            target,
            ..RemoteWriteSettings::default()
        }],
        ..RulerSettings::default()
    };
    ServerSettings {
        ruler,
        ..ServerSettings::default()
    }
}

#[test]
fn alerts_and_samples_reach_their_destinations_also_at_the_second_try() {
    let (manager, receiver) = (TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
    let (manager, receiver) = (manager.expect("a port"), receiver.expect("a port"));
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
    let target = TargetSettings {
        headers: vec![("X-A".to_owned(), "b".to_owned())],
        ..TargetSettings::default()
    };
    let mut settings = writing_to(&url(&receiver), target);
    settings.ruler.alertmanagers = vec![AlertmanagerSettings {
        url: url(&manager),
        ..AlertmanagerSettings::default()
    }];
    let engine = Settings {
        rule_interval: Period::seconds(1),
        ..Settings::default()
    };
    let server = TestServer::start_with(settings, engine);
    server.request("POST", "/loki/api/v1/rules/n", &[], GROUP.as_bytes());
    let first = take(&manager, "503 Service Unavailable");
    let second = take(&manager, "200 OK");
    assert!(second.starts_with("POST /api/v2/alerts HTTP/1.1\r\n"), "{second}");
    assert!(second.contains(r#""labels":{"alertname":"Always"}"#), "{second}");
    let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body(&first), body(&second), "the same alerts are told again");
    let write = take(&receiver, "204 No Content").to_lowercase();
    assert!(write.starts_with("post /write http/1.1\r\n"), "{write}");
    for header in [
        "content-encoding: snappy",
        "x-prometheus-remote-write-version: 0.1.0",
        "x-scope-orgid: fake",
        "x-a: b",
    ] {
        assert!(write.contains(header), "{header}: {write}");
    }
}

/// The milliseconds of the samples of a body of remote write: the second field of the only field of each sample.
fn timestamps(request: &[u8]) -> Vec<i64> {
    let body = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a body")
        + 4;
    let raw = snap::raw::Decoder::new()
        .decompress_vec(&request[body..])
        .expect("snappy");
    // A sample is a double (tag 0x09) and an integer (tag 0x10) of six bytes, as all times of this age have.
    let value = 1.0f64.to_le_bytes();
    let samples = raw
        .windows(16)
        .filter(|window| window[0] == 0x09 && window[1..9] == value && window[9] == 0x10);
    let varint = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 7 | i64::from(byte & 0x7f))
    };
    samples.map(|window| varint(&window[10..])).collect()
}

#[test]
fn samples_survive_a_restart_and_a_refused_one_takes_no_other_with_it() {
    let receiver = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = receiver.local_addr().expect("an address");
    let target = TargetSettings {
        authorization: Authorization::Basic {
            username: "me".to_owned(),
            password: Secret::Text("word".to_owned()),
        },
        ..TargetSettings::default()
    };
    let settings = writing_to(&format!("http://{address}"), target);
    let group = b"name: g\ninterval: 1s\nrules: [{record: one, expr: vector(1)}]\n";
    // Nobody answers: everything stays in the queue.
    drop(receiver);
    let server = TestServer::start_with(settings.clone(), Settings::default());
    server.request("POST", "/loki/api/v1/rules/n", &[], group);
    let pending = |server: &TestServer| {
        let page = server.get("/metrics").text();
        let line = page
            .lines()
            .find(|line| line.starts_with("loki_ruler_wal_prometheus_remote_storage_samples_pending{"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
            .expect("a number")
    };
    while pending(&server) < 3 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    server.request("DELETE", "/loki/api/v1/rules/n", &[], b"");
    let folder = server.stop();
    let receiver = TcpListener::bind(address).expect("the port is free again");
    let server = TestServer::start_in(folder, settings, Settings::default());
    let waiting = pending(&server) as usize;
    assert!(waiting >= 3);
    let all = take_bytes(&receiver, "400 Bad Request");
    let text = String::from_utf8_lossy(&all).to_lowercase();
    assert!(text.contains("authorization: basic bwu6d29yza=="), "{text}");
    let whole = timestamps(&all);
    assert_eq!(whole.len(), waiting, "all of them go together");
    assert!(whole.is_sorted());
    // The first is refused also alone, the others are taken.
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    while taken.len() + refused.len() < waiting {
        let (mut stream, _) = receiver.accept().expect("a connection");
        let request = read_request(&mut stream);
        let times = timestamps(&request);
        let is_bad = times.contains(&whole[0]);
        let answer = if is_bad { "400 Bad Request" } else { "204 No Content" };
        answer_request(&mut stream, answer);
        match (is_bad, times.len()) {
            (true, 1) => refused.extend(times),
            (true, _) => {}
            (false, _) => taken.extend(times),
        }
    }
    assert_eq!((refused, taken), (vec![whole[0]], whole[1..].to_vec()));
    while pending(&server) > 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn dashboards_find_what_was_counted_of_rules() {
    let server = TestServer::start();
    let group = b"name: g\ninterval: 1h\nrules: [{record: one, expr: vector(1)}, {record: bad, expr: '{a=\"b\"}'}]\n";
    server.request("POST", "/loki/api/v1/rules/n", &[], group);
    let labels = r#"{rule_group="n;g",user="fake"}"#;
    let wanted = [
        ("evaluations_total", "2"),
        ("evaluation_failures_total", "1"),
        ("evaluation_duration_seconds_count", "2"),
        ("group_iterations_total", "1"),
        ("group_iterations_missed_total", "0"),
        ("group_interval_seconds", "3600"),
        ("group_rules", "2"),
        ("group_duration_seconds_count", "1"),
    ];
    let lines = wanted.map(|(name, value)| format!("loki_prometheus_rule_{name}{labels} {value}"));
    let has_all = |page: &str| lines.iter().all(|line| page.lines().any(|found| found == line));
    let mut page = String::new();
    for _ in 0..100 {
        page = server.get("/metrics").text();
        if has_all(&page) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(has_all(&page), "{page}");
    assert!(page.contains("\nloki_ruler_managers_total 1\n"), "{page}");
    assert!(
        page.contains(&format!("\nloki_prometheus_rule_group_last_duration_seconds{labels} ")),
        "{page}"
    );
}

#[test]
fn names_may_hold_what_paths_cannot_and_tenants_are_shown_and_emptied() {
    let auth = ServerSettings {
        auth_enabled: true,
        ..ServerSettings::default()
    };
    let server = TestServer::start_with(auth, Settings::default());
    let of = |tenant| [("X-Scope-OrgID", tenant)];
    let mimir = "/prometheus/config/v1/rules";
    let group = b"name: g/1 %\nrules: []\n";
    for tenant in ["a", "b"] {
        let set = server.request("POST", &format!("{mimir}/team%2Fx%20y%3F"), &of(tenant), group);
        assert_eq!((set.status, set.text().as_str()), (202, CHANGED));
    }
    let path = format!("{mimir}/team%2Fx%20y%3F/g%2F1%20%25");
    let one = server.request("GET", &path, &of("a"), b"");
    assert_eq!((one.status, one.text().as_str()), (200, "name: g/1 %\nrules: []\n"));
    let under_loki = server.request("GET", "/loki/api/v1/rules/team%2Fx%20y%3F", &of("a"), b"");
    assert_eq!(under_loki.status, 404, "Loki splits there");
    let groups = "    team/x y?:\n        - name: g/1 %\n          rules: []\n";
    let all = server.get("/ruler/rule_groups");
    assert_eq!((all.status, all.text()), (200, format!("a:\n{groups}b:\n{groups}")));
    assert_eq!(
        server.request("POST", "/ruler/delete_tenant_config", &[], b"").status,
        401
    );
    for _ in 0..2 {
        assert_eq!(
            server
                .request("POST", "/ruler/delete_tenant_config", &of("a"), b"")
                .status,
            200
        );
    }
    assert_eq!(server.get("/ruler/rule_groups").text(), format!("b:\n{groups}"));
    assert_eq!(server.request("DELETE", &path, &of("b"), b"").status, 202);
    assert_eq!(server.get("/ruler/rule_groups").text(), "{}\n");
}

#[test]
fn a_group_with_one_bad_rule_is_refused_whole_and_the_rule_is_named() {
    let server = TestServer::start();
    let bad = "name: g\nrules:\n- {record: good, expr: vector(1)}\n- {alert: Bad, expr: 'sum('}\n- {record: a-b, expr: '1'}\n";
    let answer = server.request("POST", "/loki/api/v1/rules/n", &[], bad.as_bytes());
    let text = answer.text();
    let start = "could not parse expression for alert 'Bad' in group 'g': parse error at line 1, col 5: ";
    assert_eq!(answer.status, 400);
    assert!(
        text.starts_with(start) && text.ends_with(", invalid recording rule name: a-b\n"),
        "{text}"
    );
    assert_eq!(server.get("/loki/api/v1/rules").status, 404);
}

#[test]
fn rule_files_are_shown_and_evaluated_and_cannot_be_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ruler = RulerSettings {
        rule_folder: Some(folder.path().to_owned()),
        files_only: true,
        poll_interval: std::time::Duration::from_secs(1),
        ..RulerSettings::default()
    };
    let settings = ServerSettings {
        ruler,
        ..ServerSettings::default()
    };
    let engine = Settings {
        rule_storage: RuleStorage::Given,
        ..Settings::default()
    };
    let server = TestServer::start_with(settings, engine);
    let path = "/loki/api/v1/rules";
    let missing = server.get(path);
    let tenant = folder.path().join("fake");
    let text = format!(
        "unable to read rule dir {0}: open {0}: no such file or directory\n",
        tenant.display()
    );
    assert_eq!((missing.status, missing.text()), (400, text));
    std::fs::create_dir(&tenant).expect("made");
    let file = "groups: [{name: g, rules: [{record: one, expr: vector(1)}]}]";
    std::fs::write(tenant.join("shop.yaml"), file).expect("written");
    let all = server.get(path).text();
    assert!(all.starts_with("shop.yaml:\n    - name: g\n"), "{all}");
    for (method, path, call) in [
        ("GET", "/loki/api/v1/rules/shop.yaml", "GetRuleGroup"),
        ("GET", "/loki/api/v1/rules/shop.yaml/g", "GetRuleGroup"),
        ("POST", "/loki/api/v1/rules/n", "SetRuleGroup"),
        ("DELETE", "/loki/api/v1/rules/shop.yaml/g", "DeleteRuleGroup"),
        ("DELETE", "/loki/api/v1/rules/shop.yaml", "DeleteNamespace"),
    ] {
        let answer = server.request(method, path, &[], GROUP.as_bytes());
        let text = format!("{call} unsupported in rule local store\n");
        assert_eq!((answer.status, answer.text()), (400, text), "{method} {path}");
    }
    let is_evaluated = || {
        let status = server.get("/prometheus/api/v1/rules").json();
        status["data"]["groups"][0]["rules"][0]["health"] == "ok"
    };
    let started = std::time::Instant::now();
    while !is_evaluated() {
        assert!(started.elapsed().as_secs() < 30, "the file is not evaluated");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let page = server.get("/metrics").text();
    assert!(
        page.contains("loki_ruler_config_last_reload_successful{user=\"fake\"} 1\n"),
        "{page}"
    );
}
