//! What explorers of logs are told: volumes, labels and fields to filter by.

mod support;

use loki_core::logql::{MatrixSeries, QueryResult};
use loki_core::{
    ByteSize, Engine, ErrorKind, FieldRequest, FieldType, PushRequest, SeriesRequest, TenantId, VolumeGrouping,
    VolumeRequest,
};
use support::{Lab, SECOND, START, push};

const MINUTE: i64 = 60 * SECOND;

fn request(selector: &str) -> VolumeRequest {
    VolumeRequest::new(selector, START, START + 10 * MINUTE)
}

/// Volumes as (labels, bytes); of a matrix the sums.
fn volumes(engine: &Engine, request: &VolumeRequest) -> Vec<(String, f64)> {
    match engine.volume(&TenantId::single(), request).expect("answers").result {
        QueryResult::Vector(samples) => samples
            .into_iter()
            .map(|sample| (sample.labels.to_string(), sample.sample.value))
            .collect(),
        QueryResult::Matrix(series) => series
            .into_iter()
            .map(|MatrixSeries { labels, samples }| (labels.to_string(), samples.iter().map(|s| s.value).sum()))
            .collect(),
        other => panic!("{other:?} is no volume"),
    }
}

fn named(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs
        .iter()
        .map(|&(labels, bytes)| (labels.to_owned(), bytes))
        .collect()
}

/// Four streams, some of them in a segment and some in memory.
fn shop(lab: &Lab) -> Engine {
    let engine = lab.open().expect("opens");
    let tenant = TenantId::single();
    let stream = |env: &'static str, app: &'static str, lines: &'static [(i64, &'static str)]| {
        let lines = lines.iter().map(|&(after, line)| (START + after, line));
        engine
            .push(
                &tenant,
                &PushRequest::new().with_stream([("app", app), ("env", env)], lines),
            )
            .expect("stored");
    };
    stream("dev", "web", &[(0, "12345"), (1, "12345")]);
    stream("prod", "web", &[(0, "1234567")]);
    engine.flush().expect("flushes");
    stream("dev", "web", &[(5 * MINUTE, "123")]);
    stream("dev", "db", &[(0, "1234567")]);
    push(&engine, &tenant, "bare", &[(START, "1")]).expect("stored");
    engine
}

#[test]
fn volumes_count_memory_and_segments_by_the_labels_that_the_selector_names() {
    let lab = Lab::default();
    let engine = shop(&lab);
    let by_app = named(&[
        (r#"{app="web"}"#, 20.0),
        (r#"{app="db"}"#, 7.0),
        (r#"{app="bare"}"#, 1.0),
    ]);
    assert_eq!(volumes(&engine, &request(r#"{app=~".+"}"#)), by_app);
    engine.flush().expect("flushes");
    assert_eq!(volumes(&engine, &request(r#"{app=~".+"}"#)), by_app);
    let both = volumes(&engine, &request(r#"{app=~".+", env="prod"}"#));
    assert_eq!(both, named(&[(r#"{app="web", env="prod"}"#, 7.0)]));
}

#[test]
fn volumes_are_grouped_as_asked() {
    let engine = shop(&Lab::default());
    let by_env = VolumeRequest {
        target_labels: vec!["env".to_owned()],
        ..request("{}")
    };
    assert_eq!(
        volumes(&engine, &by_env),
        named(&[(r#"{env="dev"}"#, 20.0), (r#"{env="prod"}"#, 7.0)])
    );
    let names = VolumeRequest {
        grouping: VolumeGrouping::Labels,
        ..request("{}")
    };
    assert_eq!(
        volumes(&engine, &names),
        named(&[
            (r#"{app=""}"#, 28.0),
            (r#"{service_name=""}"#, 28.0),
            (r#"{env=""}"#, 27.0)
        ])
    );
    let streams = volumes(
        &engine,
        &VolumeRequest {
            limit: 2,
            ..request("{}")
        },
    );
    assert_eq!(
        streams,
        named(&[
            (r#"{app="web", env="dev", service_name="web"}"#, 13.0),
            (r#"{app="db", env="dev", service_name="db"}"#, 7.0),
        ])
    );
}

#[test]
fn volumes_step_by_step_are_a_matrix_where_some_group_has_several() {
    let engine = shop(&Lab::default());
    let tenant = TenantId::single();
    let by_step = VolumeRequest {
        step: Some(MINUTE),
        ..request(r#"{app="web"}"#)
    };
    let QueryResult::Matrix(series) = engine.volume(&tenant, &by_step).expect("answers").result else {
        panic!("the group has two volumes")
    };
    let samples: Vec<_> = series[0].samples.iter().map(|s| (s.timestamp_ms, s.value)).collect();
    let (first, second) = (
        START / MINUTE * MINUTE + MINUTE,
        (START + 5 * MINUTE) / MINUTE * MINUTE + MINUTE,
    );
    assert_eq!(samples, [(first / 1_000_000 - 1, 17.0), (second / 1_000_000 - 1, 3.0)]);
    let once = VolumeRequest {
        step: Some(MINUTE),
        ..request(r#"{app="db"}"#)
    };
    assert!(matches!(engine.volume(&tenant, &once).expect("answers").result, QueryResult::Vector(v) if v.len() == 1));
    let none = VolumeRequest {
        step: Some(MINUTE),
        ..request(r#"{app="none"}"#)
    };
    assert_eq!(volumes(&engine, &none), []);
}

#[test]
fn volumes_can_be_forbidden_and_have_a_limit() {
    let mut lab = Lab::default();
    lab.settings.limits.volume_max_series = 2;
    let engine = shop(&lab);
    let tenant = TenantId::single();
    let error = engine
        .volume(&tenant, &request(r#"{app=~".+"}"#))
        .expect_err("three groups");
    assert_eq!(
        error.message(),
        "the query hit the max number of series limit (limit: 2 series)"
    );
    assert_eq!(volumes(&engine, &request(r#"{app=~"web|db"}"#)).len(), 2);
    let error = engine
        .volume(&tenant, &request(r#"{app="web"} |= "x""#))
        .expect_err("a filter");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::InvalidQuery, "only label matchers are supported")
    );
    let mut limits = engine.limits(&tenant);
    limits.volume_enabled = false;
    engine.set_limits(limits, Default::default());
    let error = engine.volume(&tenant, &request("{}")).expect_err("forbidden");
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "not found"));
}

#[test]
fn volumes_hold_no_more_memory_than_a_query_may() {
    let mut lab = Lab::default();
    lab.settings.max_query_memory = ByteSize(1000);
    let engine = shop(&lab);
    let fine = VolumeRequest {
        step: Some(SECOND / 1000),
        ..request(r#"{app="web"}"#)
    };
    let spread = [(START, "first"), (START + MINUTE, "last")];
    push(&engine, &TenantId::single(), "web", &spread).expect("stored");
    let error = engine
        .volume(&TenantId::single(), &fine)
        .expect_err("sixty thousand steps");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(!volumes(&engine, &request("{}")).is_empty());
}

#[test]
fn labels_of_numbers_and_ids_are_not_detected() {
    let engine = Lab::default().open().expect("opens");
    let tenant = TenantId::single();
    for (shard, id, flag) in [("1", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "0"), ("2", "17", "1")] {
        let labels = [
            ("app", "x"),
            ("shard", shard),
            ("id", id),
            ("flag", flag),
            ("pod", shard),
        ];
        engine
            .push(&tenant, &PushRequest::new().with_stream(labels, [(START, "line")]))
            .expect("stored");
    }
    let everything = SeriesRequest {
        start: START,
        end: START + SECOND,
        selectors: Vec::new(),
    };
    let detected = engine.detected_labels(&tenant, &everything).expect("answers");
    let detected: Vec<_> = detected
        .iter()
        .map(|label| (label.name.as_str(), label.cardinality))
        .collect();
    assert_eq!(detected, [("app", 1), ("flag", 2), ("pod", 2), ("service_name", 1)]);
}

#[test]
fn fields_are_found_in_metadata_in_lines_and_by_the_parsers_of_the_query() {
    let engine = Lab::default().open().expect("opens");
    let tenant = TenantId::single();
    let lines = [
        (START, r#"{"user":{"id":7},"took":"1s"}"#),
        (START + 1, "took=2s size=5KB app=other"),
        (START + 2, "neither of them"),
    ];
    push(&engine, &tenant, "x", &lines).expect("stored");
    let ask = |query: &str| FieldRequest::new(query, START, START + SECOND);
    let fields = engine
        .detected_fields(&tenant, &ask(r#"{app="x"} | pattern "<word> <_>""#))
        .expect("answers");
    let shown: Vec<String> = fields
        .iter()
        .map(|field| {
            let parsers: Vec<String> = field.parsers.iter().map(ToString::to_string).collect();
            let (parsers, path) = (parsers.join("+"), field.json_path.join("."));
            format!("{} {} {} [{parsers}] {path}", field.name, field.kind, field.cardinality)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "app_extracted string 1 [logfmt] ",
            "detected_level string 1 [] ",
            "size bytes 1 [logfmt] ",
            "took duration 2 [logfmt+json] took",
            "user_id int 1 [json] user.id",
            "word string 3 [logfmt+json] ",
        ]
    );
    let values = |name: &str| {
        engine
            .detected_field_values(&tenant, name, &ask(r#"{app="x"}"#))
            .expect("answers")
    };
    assert_eq!(values("took"), ["1s", "2s"]);
    assert_eq!(values("size"), ["5.0kB"]);
    assert!(values("nothing").is_empty());
    let newest = FieldRequest {
        line_limit: 1,
        ..ask(r#"{app="x"}"#)
    };
    assert_eq!(engine.detected_fields(&tenant, &newest).expect("answers").len(), 1);
    let first = FieldRequest {
        limit: 2,
        ..ask(r#"{app="x"}"#)
    };
    assert_eq!(engine.detected_fields(&tenant, &first).expect("answers").len(), 2);
    assert!(fields.iter().any(|field| field.kind == FieldType::Bytes));
    let error = engine
        .detected_fields(&tenant, &ask(r#"rate({app="x"}[1m])"#))
        .expect_err("a metric query");
    assert_eq!(error.message(), "only log selector is supported");
}
