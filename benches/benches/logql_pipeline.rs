//! Megabytes of lines a second through each stage of a pipeline, on one thread.
//!
//! Every query counts what passes, so that next to nothing but the pipeline takes time.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loki_benches::column_source::ColumnSource;
use loki_benches::log_text::{self, LEVELS, Random};
use loki_logql::{Labels, Plan, Request, Time, parse};
use std::hint::black_box;

const LINES: usize = 20_000;
/// As many entries as a block of 256 KiB holds, more or less.
const BATCH_ENTRIES: usize = 2_000;

const JSON: &[(&str, &str)] = &[
    ("none", "sum(count_over_time({app=\"a\"}[1m]))"),
    (
        "contains_absent",
        "sum(count_over_time({app=\"a\"} |= \"no such thing\" [1m]))",
    ),
    ("contains_some", "sum(count_over_time({app=\"a\"} |= \"error\" [1m]))"),
    ("contains_all", "sum(count_over_time({app=\"a\"} |= \"level\" [1m]))"),
    ("contains_not", "sum(count_over_time({app=\"a\"} != \"error\" [1m]))"),
    ("ignore_case", "sum(count_over_time({app=\"a\"} |~ \"(?i)Error\" [1m]))"),
    (
        "alternatives",
        "sum(count_over_time({app=\"a\"} |~ \"timeout|origin\" [1m]))",
    ),
    (
        "regex_literal",
        "sum(count_over_time({app=\"a\"} |~ `status\":5\\d\\d` [1m]))",
    ),
    ("regex", "sum(count_over_time({app=\"a\"} |~ \"[a-f]{6}\" [1m]))"),
    (
        "metadata",
        "sum(count_over_time({app=\"a\"} | detected_level=\"error\" [1m]))",
    ),
    (
        "json_first_key",
        "sum by (level) (count_over_time({app=\"a\"} | json [1m]))",
    ),
    (
        "json_last_key",
        "sum(sum_over_time({app=\"a\"} | json | unwrap took_ms [1m]))",
    ),
    (
        "json_filter",
        "sum by (status) (count_over_time({app=\"a\"} | json | status >= 500 [1m]))",
    ),
    (
        "json_path",
        "sum by (s) (count_over_time({app=\"a\"} | json s=\"status\" [1m]))",
    ),
    (
        "line_format",
        "sum(bytes_over_time({app=\"a\"} | line_format \"{{.app}} {{__line__}}\" [1m]))",
    ),
];
const LOGFMT: &[(&str, &str)] = &[
    (
        "logfmt_first_key",
        "sum by (level) (count_over_time({app=\"a\"} | logfmt [1m]))",
    ),
    (
        "logfmt_unwrap",
        "max_over_time({app=\"a\"} | logfmt | unwrap duration(duration) [1m]) by ()",
    ),
    (
        "logfmt_keys",
        "sum by (l) (count_over_time({app=\"a\"} | logfmt l=\"level\" [1m]))",
    ),
    (
        "regexp",
        "sum by (l) (count_over_time({app=\"a\"} | regexp `level=(?P<l>\\w+)` [1m]))",
    ),
    ("decolorize", "sum(bytes_over_time({app=\"a\"} | decolorize [1m]))"),
];
const ACCESS: &[(&str, &str)] = &[
    (
        "pattern",
        "sum by (st) (count_over_time({app=\"a\"} | pattern `<_> - - [<_>] \"<_> <_> <_>\" <st> <_>` [1m]))",
    ),
    (
        "pattern_filter",
        "sum(count_over_time({app=\"a\"} |> `<_> 500 <_>` [1m]))",
    ),
    ("ip", "sum(count_over_time({app=\"a\"} |= ip(\"10.1.0.0/16\") [1m]))"),
];

fn pipelines(criterion: &mut Criterion) {
    for (kind, line, queries) in [
        ("json", log_text::json as fn(&mut Random) -> String, JSON),
        ("logfmt", log_text::logfmt, LOGFMT),
        ("access", log_text::access, ACCESS),
    ] {
        let (source, bytes) = source(line);
        let mut group = criterion.benchmark_group(format!("logql_pipeline/{kind}"));
        group.throughput(Throughput::Bytes(bytes));
        for (name, query) in queries {
            let plan = Plan::compile(&parse(query).expect("the query is valid")).expect("the query has a plan");
            let request = Request::new(Time::Instant(LINES as i64));
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| black_box(plan.evaluate(&source, &request).expect("the query is answered")));
            });
        }
        group.finish();
    }
}

/// One stream of lines of one kind, and how many bytes they have.
fn source(line: fn(&mut Random) -> String) -> (ColumnSource, u64) {
    let mut random = Random::new();
    let mut source = ColumnSource::new(BATCH_ENTRIES);
    let stream = Labels::from_pairs([("app", "a"), ("env", "prod"), ("host", "host-17")]);
    let mut bytes = 0;
    for timestamp in 1..=LINES as i64 {
        let line = line(&mut random);
        bytes += line.len() as u64;
        let level = random.of(&LEVELS);
        source.push(&stream, timestamp, &line, &[("detected_level", level)]);
    }
    (source.sealed(), bytes)
}

criterion_group!(benches, pipelines);
criterion_main!(benches);
