//! Selecting among a million series: pods of some applications in a few name spaces.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loki_index::{ChunkPlace, Index, IndexBuilder, MemoryIndex, Predicate};

const SERIES: usize = 1_000_000;

/// The labels of one series, as `app`, `env`, `namespace` and `pod`; pods are in no order.
fn labels(series: usize) -> [String; 4] {
    let pod = series * 7919 % 1_000_003;
    ["app-", "env-", "ns-", "pod-"].map(|kind| match kind {
        "app-" => format!("app-{:03}", series % 300),
        "env-" => format!("env-{}", series % 3),
        "ns-" => format!("ns-{:02}", series % 40),
        _ => format!("pod-{pod:07}"),
    })
}

fn pairs(values: &[String; 4]) -> [(&str, &str); 4] {
    let [app, env, namespace, pod] = values;
    [("app", app), ("env", env), ("namespace", namespace), ("pod", pod)]
}

fn builder(series: &[[String; 4]]) -> IndexBuilder {
    let mut builder = IndexBuilder::new();
    for (values, offset) in series.iter().zip((0..).step_by(70_000)) {
        let place = ChunkPlace {
            offset,
            length: 70_000,
            min_timestamp: 0,
            max_timestamp: 1,
            entries: 500,
            bytes: 300_000,
        };
        builder.push(&pairs(values), &[place]);
    }
    builder
}

fn build(criterion: &mut Criterion) {
    let series: Vec<_> = (0..SERIES / 10).map(labels).collect();
    let mut group = criterion.benchmark_group("index_build");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(series.len() as u64));
    group.bench_function("memory", |bencher| {
        bencher.iter(|| {
            let mut index = MemoryIndex::new();
            for values in &series {
                index.insert(&pairs(values));
            }
            index
        });
    });
    group.bench_function("bytes", |bencher| {
        bencher.iter(|| {
            let mut bytes = Vec::new();
            builder(&series)
                .finish(&mut bytes)
                .expect("writing to a vector does not fail");
            bytes
        });
    });
    group.finish();
}

fn select(criterion: &mut Criterion) {
    let series: Vec<_> = (0..SERIES).map(labels).collect();
    let mut memory = MemoryIndex::new();
    for values in &series {
        memory.insert(&pairs(values));
    }
    let mut bytes = Vec::new();
    builder(&series)
        .finish(&mut bytes)
        .expect("writing to a vector does not fail");
    // The first question has the dictionary looked through; the bench data's is small, its pods being numbered.
    let mut group = criterion.benchmark_group("index_open");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let equal = [Predicate::equal("app", "app-017")];
    group.bench_function("first_select", |bencher| {
        bencher.iter(|| {
            let index = Index::open(bytes.as_slice()).expect("an index that was just written opens");
            index.select(black_box(&equal)).expect("the index is whole")
        });
    });
    group.bench_function("verify", |bencher| {
        let index = Index::open(bytes.as_slice()).expect("an index that was just written opens");
        bencher.iter(|| index.verify().expect("the index is whole"));
    });
    group.finish();
    let index = Index::open(bytes).expect("an index that was just written opens");

    let regex = |name, pattern| Predicate::regex(name, pattern).expect("the pattern is valid");
    let not_regex = |name, pattern| Predicate::not_regex(name, pattern).expect("the pattern is valid");
    let cases = [
        ("equal", vec![Predicate::equal("app", "app-017")]),
        (
            "two_equal",
            vec![
                Predicate::equal("app", "app-017"),
                Predicate::equal("namespace", "ns-17"),
            ],
        ),
        ("not_equal", vec![Predicate::not_equal("app", "app-017")]),
        ("regex_alternatives", vec![regex("app", "app-017|app-018|app-019")]),
        ("regex_prefix", vec![regex("pod", "pod-0001.*")]),
        ("regex_suffix", vec![regex("pod", ".*77")]),
        ("not_regex", vec![not_regex("pod", ".*7")]),
        (
            "equal_and_regex",
            vec![Predicate::equal("app", "app-017"), regex("pod", ".*7")],
        ),
    ];
    let mut group = criterion.benchmark_group("index_select");
    group.sample_size(20);
    for (name, predicates) in &cases {
        group.bench_function(format!("bytes/{name}"), |bencher| {
            bencher.iter(|| index.select(black_box(predicates)).expect("the index is whole"));
        });
        group.bench_function(format!("memory/{name}"), |bencher| {
            bencher.iter(|| memory.select(black_box(predicates)));
        });
    }
    group.finish();
}

criterion_group!(benches, build, select);
criterion_main!(benches);
