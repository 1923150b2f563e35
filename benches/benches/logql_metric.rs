//! Metric and log queries over entries in memory, in entries a second: what evaluation costs beside reading.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loki_benches::column_source::ColumnSource;
use loki_logql::{Labels, Plan, Request, Time, parse};
use std::hint::black_box;

const SECOND: i64 = 1_000_000_000;
const STREAMS: i64 = 16;
const ENTRIES: i64 = 4_000;

/// logfmt lines, one a second in each stream; the same on every run.
fn source() -> ColumnSource {
    let mut source = ColumnSource::new(2_000);
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for stream in 0..STREAMS {
        let labels = Labels::from_pairs([("app", format!("app-{}", stream % 4)), ("pod", format!("pod-{stream}"))]);
        for i in 0..ENTRIES {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let status = [200, 200, 200, 404, 500][(random >> 33) as usize % 5];
            let took = (random >> 40) % 2_000;
            let line = format!(
                "level=info caller=http.go:42 method=GET path=/api/v1/items/{took} status={status} took={took}ms"
            );
            source.push(&labels, i * SECOND, &line, &[]);
        }
    }
    source.sealed()
}

fn queries(c: &mut Criterion) {
    let source = source();
    let minutes = Time::Range {
        start: 0,
        end: ENTRIES * SECOND,
        step: 60 * SECOND,
    };
    let queries = [
        ("count", r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#),
        (
            "rate of a needle",
            r#"sum by (app) (rate({app=~".+"} |= "status=500"[1m]))"#,
        ),
        (
            "logfmt by status",
            r#"sum by (status) (count_over_time({app=~".+"} | logfmt [1m]))"#,
        ),
        (
            "quantile",
            r#"quantile_over_time(0.99, {app=~".+"} | logfmt | unwrap duration(took) [1m]) by (app)"#,
        ),
        (
            "join",
            r#"sum by (app) (rate({app=~".+"} |= "=500"[1m])) / sum by (app) (rate({app=~".+"}[1m]))"#,
        ),
        ("latest 100", r#"{app="app-1"}"#),
        ("absent needle", r#"{app=~".+"} |= "no such thing""#),
    ];
    let mut group = c.benchmark_group("logql_metric");
    group.throughput(Throughput::Elements((STREAMS * ENTRIES) as u64));
    for (name, query) in queries {
        let plan = Plan::compile(&parse(query).expect("the query parses")).expect("the query compiles");
        let request = Request::new(minutes);
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                plan.evaluate(black_box(&source), &request)
                    .expect("the query evaluates")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
