//! Pushes into an engine: megabytes of lines a second, from the call to the acknowledgement, and the flush behind them.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loki_benches::engine_load::Load;
use loki_core::{ByteSize, ContentFilters, Engine, PushRequest, Settings, TenantId, WalSync, background};
use tempfile::TempDir;

const LINE_BYTES: usize = 16 << 20;

fn ingest(criterion: &mut Criterion) {
    let load = Load::of(LINE_BYTES);
    let pushes = load.pushes();
    let mut group = criterion.benchmark_group("engine_ingest");
    group.throughput(Throughput::Bytes(load.line_bytes())).sample_size(10);
    for (name, wal_sync) in [("every push", WalSync::Always), ("never", WalSync::Never)] {
        let settings = Settings {
            wal_sync,
            ..Settings::default()
        };
        group.bench_function(BenchmarkId::new("push, synced", name), |bencher| {
            let empty = || open(&settings);
            bencher.iter_batched(empty, |opened| push(opened, &pushes), BatchSize::PerIteration);
        });
    }
    let settings = Settings {
        head_bytes: ByteSize(LINE_BYTES as u64 / 4),
        ..Settings::default()
    };
    group.bench_function("push, flushed meanwhile", |bencher| {
        let empty = || {
            let opened = open(&settings);
            let flushes = background(&opened.1, |error| panic!("{error}")).expect("threads can be started");
            (flushes, opened)
        };
        let fill = |(flushes, opened)| (flushes, push(opened, &pushes));
        bencher.iter_batched(empty, fill, BatchSize::PerIteration);
    });
    for (name, content_filters) in [
        ("without filters", ContentFilters::Off),
        ("with filters", ContentFilters::Dense),
    ] {
        let settings = Settings {
            wal_sync: WalSync::Never,
            content_filters,
            ..Settings::default()
        };
        group.bench_function(BenchmarkId::new("flush", name), |bencher| {
            let full = || push(open(&settings), &pushes);
            let flush = |opened: (TempDir, Engine)| {
                opened.1.flush().expect("the folder can be written");
                opened
            };
            bencher.iter_batched(full, flush, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn open(settings: &Settings) -> (TempDir, Engine) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let engine = Engine::open(folder.path(), settings.clone()).expect("an empty folder opens");
    (folder, engine)
}

fn push(opened: (TempDir, Engine), pushes: &[PushRequest<'_>]) -> (TempDir, Engine) {
    let tenant = TenantId::single();
    for request in pushes {
        opened.1.push(&tenant, request).expect("the push keeps the rules");
    }
    opened
}

criterion_group!(benches, ingest);
criterion_main!(benches);
