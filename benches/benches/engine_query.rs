//! Queries over an engine's segments, from text to result: what each kind costs over the same lines, flushed and settled.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loki_benches::engine_load::Load;
use loki_core::logql::Time;
use loki_core::{Engine, Period, PushRequest, QueryRequest, Settings, TenantId, WalSync};
use std::path::Path;

const LINE_BYTES: usize = 64 << 20;
const SECOND: i64 = 1_000_000_000;

const QUERIES: &[(&str, &str)] = &[
    ("absent id", r#"{app=~".+"} |= "deadbeefcafef00d""#),
    ("absent word", r#"{app=~".+"} |= "zqxjkvwp""#),
    ("latest", r#"{app="api"}"#),
    ("count", r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#),
    ("filtered rate", r#"sum by (app) (rate({app=~".+"} |= "error" [1m]))"#),
    (
        "regex",
        r#"sum(count_over_time({app=~".+"} |~ "user\":12[0-9]{2}," [1m]))"#,
    ),
    (
        "json",
        r#"sum by (status) (count_over_time({app="api"} | json | status >= 500 [1m]))"#,
    ),
    (
        "logfmt quantile",
        r#"quantile_over_time(0.99, {app="worker"} | logfmt | unwrap duration(duration) [1m]) by (app)"#,
    ),
    (
        "pattern",
        r#"sum by (status) (count_over_time({app="gateway"} | pattern `<_>" <status> <_>` [1m]))"#,
    ),
];

/// Of these some are asked again over blocks that overlap in time.
const OVERLAPPING: &[&str] = &["latest", "count", "filtered rate"];
/// Pushes that come in reverse there: each stream has several among them.
const OUT_OF_TURN: usize = 512;

fn queries(criterion: &mut Criterion) {
    let load = Load::of(LINE_BYTES);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let engine = filled(folder.path(), &load.pushes());
    measure(criterion, "engine_query", &engine, &load, QUERIES);

    let later = engine.now() + 2 * SECOND;
    while engine.maintain(later).expect("the folder can be written").worked {}
    measure(criterion, "engine_query_settled", &engine, &load, QUERIES);

    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let engine = filled(folder.path(), &load.pushes_out_of_turn(OUT_OF_TURN));
    let overlapping = QUERIES.iter().filter(|(name, _)| OVERLAPPING.contains(name));
    let overlapping: Vec<_> = overlapping.copied().collect();
    measure(criterion, "engine_query_overlapping", &engine, &load, &overlapping);
}

fn filled(folder: &Path, pushes: &[PushRequest<'_>]) -> Engine {
    let settings = Settings {
        wal_sync: WalSync::Never,
        settle_period: Period::seconds(1),
        ..Settings::default()
    };
    let engine = Engine::open(folder, settings).expect("an empty folder opens");
    let tenant = TenantId::single();
    for request in pushes {
        engine.push(&tenant, request).expect("the push keeps the rules");
    }
    engine.flush().expect("the folder can be written");
    engine
}

fn measure(criterion: &mut Criterion, name: &str, engine: &Engine, load: &Load, queries: &[(&str, &str)]) {
    let (first, last) = load.times();
    let tenant = TenantId::single();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(load.line_bytes())).sample_size(20);
    for (name, query) in queries {
        let request = QueryRequest {
            time: Time::Range {
                start: first,
                end: last + SECOND,
                step: 60 * SECOND,
            },
            ..QueryRequest::range(*query, first, last)
        };
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| engine.query(&tenant, &request).expect("the query is answered"));
        });
    }
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
