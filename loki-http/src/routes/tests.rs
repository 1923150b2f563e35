use super::*;
use crate::log::LevelHandle;
use crate::settings::ServerSettings;
use axum::body::Body;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;
use tower::ServiceExt;

/// All rows.
fn rows() -> impl Iterator<Item = Route> {
    [table(), delete_table(), rules_table(), pattern_table()]
        .into_iter()
        .flatten()
}

fn description() -> Value {
    serde_saphyr::from_str(openapi::DESCRIPTION).expect("openapi.yaml is YAML")
}

/// Visits every object of a value.
fn visit(value: &Value, each: &mut dyn FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            each(members);
            members.values().for_each(|member| visit(member, each));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, each)),
        _ => {}
    }
}

#[test]
fn no_path_stands_twice_in_the_table() {
    let mut seen = HashSet::new();
    for route in rows() {
        assert!(seen.insert(route.path), "{}", route.path);
    }
}

#[test]
fn the_description_has_every_row_and_no_other() {
    const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let description = description();
    let paths = description["paths"].as_object().expect("paths");
    // A row without a restriction is described by what its methods are used for.
    let any = |path: &str| rows().any(|row| row.path == path && row.methods.is_empty());
    let mut described = BTreeSet::new();
    for (path, item) in paths {
        let operations = METHODS.iter().filter(|method| item.get(**method).is_some());
        match any(path) {
            true => _ = described.insert(format!("{path}: any method")),
            false => described.extend(operations.map(|method| format!("{path}: {}", method.to_uppercase()))),
        }
        assert_eq!(item.get("x-any-method").is_some(), any(path), "x-any-method of {path}");
    }
    let mut routed = BTreeSet::new();
    for row in rows() {
        match row.methods {
            [] => _ = routed.insert(format!("{}: any method", row.path)),
            methods => routed.extend(methods.iter().map(|method| format!("{}: {method}", row.path))),
        }
    }
    let missing: Vec<_> = routed.difference(&described).collect();
    assert!(missing.is_empty(), "to be added to openapi.yaml: {missing:#?}");
    let gone: Vec<_> = described.difference(&routed).collect();
    assert!(gone.is_empty(), "in openapi.yaml, but no row of routes.rs: {gone:#?}");
}

#[test]
fn the_description_names_what_it_refers_to() {
    let description = description();
    let mut references = 0;
    visit(&description, &mut |members| {
        if let Some(reference) = members.get("$ref") {
            let pointer = reference
                .as_str()
                .and_then(|text| text.strip_prefix('#'))
                .expect("a pointer within the page");
            assert!(description.pointer(pointer).is_some(), "{reference}");
            references += 1;
        }
    });
    assert!(references > 100, "{references}");
}

#[test]
fn the_description_declares_the_parameters_of_paths() {
    let description = description();
    let resolve = |parameter: &Value| match parameter.get("$ref").and_then(Value::as_str) {
        Some(reference) => description.pointer(&reference[1..]).cloned().unwrap_or_default(),
        None => parameter.clone(),
    };
    for (path, item) in description["paths"].as_object().expect("paths") {
        let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = item["parameters"].as_array().into_iter().flatten().map(resolve);
        let in_path: Vec<Value> = parameters.filter(|parameter| parameter["in"] == "path").collect();
        let declared: BTreeSet<&str> = in_path
            .iter()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        assert_eq!(declared, named, "{path}");
    }
}

#[test]
fn paths_are_cleaned_as_they_are_read() {
    for (path, clean) in [
        ("/loki/api", None),
        ("/loki/api/", None),
        ("//loki//api", Some("/loki/api")),
        ("/loki/./api/../x", Some("/loki/x")),
        ("/a//b/", Some("/a/b/")),
        ("/../..", Some("/")),
    ] {
        assert_eq!(clean_path(path).as_deref(), clean, "{path}");
    }
}

/// What a log writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_logged_without_its_query() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = loki_core::Engine::open(folder.path(), loki_core::Settings::default()).expect("opens");
    let stop = tokio::sync::watch::Sender::new(false);
    let address = ([127, 0, 0, 1], 0).into();
    let context = Context::new(engine, ServerSettings::default(), LevelHandle::default(), stop, address);
    let written = Written::default();
    let writer = written.clone();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(log);
    for (path, status) in [("/ready?secret=1", 200), ("/nowhere?secret=1", 404)] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router(&context).oneshot(request).await.expect("answers");
        assert_eq!(response.status(), status);
    }
    let text = String::from_utf8(written.0.lock().expect("nobody panics").clone()).expect("UTF-8");
    for line in [
        "answered method=\"GET\" path=\"/ready\" status=200 ",
        "path=\"/nowhere\" status=404 ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}
