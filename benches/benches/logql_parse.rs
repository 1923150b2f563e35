//! How fast queries are read and printed.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const QUERIES: [(&str, &str); 4] = [
    (
        "log",
        r#"{app="api", env="prod"} |= "error" != "timeout" | json | status>=500 | line_format "{{.msg}}""#,
    ),
    (
        "metric",
        r#"sum by (app) (rate({env="prod"} |= "error" [5m])) / on (app) group_left (team) sum by (app) (rate({env="prod"}[5m]))"#,
    ),
    (
        "regexes",
        r#"count_over_time({app=~"api|web|worker-.+", env!~"dev|test"} |~ "(?i)panic" | regexp "(?P<code>\\d{3})" | code=~"5.." [1h])"#,
    ),
    (
        "refused",
        r#"sum by (app) (rate({env="prod"} |= "error" | json | status>=500 and [5m]))"#,
    ),
];

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("logql_parse");
    for (name, query) in QUERIES {
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            bencher.iter(|| loki_logql::parse(black_box(query)).is_ok())
        });
    }
    let filters = format!("{{app=\"api\"}} | {}", vec!["status=500"; 900].join(" or "));
    group.throughput(Throughput::Bytes(filters.len() as u64));
    group.bench_function("long", |bencher| {
        bencher.iter(|| loki_logql::parse(black_box(&filters)).is_ok())
    });
    group.finish();
}

fn print(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("logql_print");
    for (name, query) in QUERIES {
        let Ok(query) = loki_logql::parse(query) else { continue };
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&query).to_string()));
    }
    group.finish();
}

criterion_group!(benches, parse, print);
criterion_main!(benches);
