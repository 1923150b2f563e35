//! Sealed blocks read again: whole in bytes of lines a second, small columns in entries a second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loki_chunk::{
    BlockColumns, BlockSource, Chunk, ChunkBuilder, ColumnSet, Compressor, Encoding, EntryRef, LineSearch, Merge,
};

fn scan(criterion: &mut Criterion) {
    let entries = loki_benches::log_text::entries(8 << 20);
    let line_bytes: u64 = entries.iter().map(|(_, line)| line.len() as u64).sum();
    let mut group = criterion.benchmark_group("chunk_scan");

    group.throughput(Throughput::Bytes(line_bytes));
    for encoding in Encoding::ALL {
        let chunk = chunk_of(
            entries.iter().map(|(timestamp, line)| (*timestamp, line.as_bytes())),
            encoding,
        );
        let mut columns = BlockColumns::new();
        group.bench_function(BenchmarkId::new("all", encoding), |bencher| {
            bencher.iter(|| read_all(&chunk, &mut columns, ColumnSet::ALL));
        });
    }
    let chunk = chunk_of(
        entries.iter().map(|(timestamp, line)| (*timestamp, line.as_bytes())),
        Encoding::Zstd,
    );
    let typed = typed(&chunk);
    for (columns_name, want) in [("all", ColumnSet::ALL), ("lengths", ColumnSet::OFFSETS)] {
        let mut columns = BlockColumns::new();
        group.bench_function(BenchmarkId::new(columns_name, "typed"), |bencher| {
            bencher.iter(|| read_all(&typed, &mut columns, want));
        });
    }
    for (name, needle) in [
        ("search literals", "error"),
        ("search numbers", "\"user\":1234,"),
        ("search ids", "beef"),
    ] {
        let mut search = LineSearch::new();
        search.holds_any(&[needle.bytes().map(|byte| [byte]).collect::<Vec<_>>()]);
        let (mut columns, mut found) = (BlockColumns::new(), Vec::new());
        group.bench_function(BenchmarkId::new(name, "typed"), |bencher| {
            bencher.iter(|| search_all(&typed, &mut columns, &search, &mut found));
        });
    }
    group.bench_function("merge", |bencher| bencher.iter(|| merge_all(&chunk)));

    let regular = (0..1 << 20).map(|second| (second * 1_000_000_000, b"".as_slice()));
    let jittered = (0..1 << 20i64).map(|second| (second * 1_000_000_000 + second * 7919 % 1_000_003, b"".as_slice()));
    let small = [
        ("irregular", chunk),
        ("regular", chunk_of(regular, Encoding::Zstd)),
        ("jittered", chunk_of(jittered, Encoding::Zstd)),
    ];
    for (name, chunk) in &small {
        let entries = chunk.blocks().iter().map(|header| u64::from(header.entries)).sum();
        group.throughput(Throughput::Elements(entries));
        for (columns_name, want) in [("timestamps", ColumnSet::TIMESTAMPS), ("lengths", ColumnSet::OFFSETS)] {
            let mut columns = BlockColumns::new();
            group.bench_function(BenchmarkId::new(columns_name, name), |bencher| {
                bencher.iter(|| read_all(chunk, &mut columns, want));
            });
        }
    }
    group.finish();
}

/// The same blocks with typed columns.
fn typed(chunk: &Chunk<Vec<u8>>) -> Chunk<Vec<u8>> {
    let mut compressor = Compressor::typed(Encoding::Zstd);
    let mut builder = ChunkBuilder::new(Encoding::Zstd);
    let mut columns = BlockColumns::new();
    for index in 0..chunk.blocks().len() {
        chunk
            .read(index, &mut columns, ColumnSet::ALL)
            .expect("it was just built");
        builder.push_block(&columns.seal_with(&mut compressor).expect("all columns were read"));
    }
    Chunk::open(builder.finish()).expect("it was just built")
}

fn read_all(chunk: &Chunk<Vec<u8>>, columns: &mut BlockColumns, want: ColumnSet) {
    for index in 0..chunk.blocks().len() {
        columns.clear();
        chunk.read(index, columns, want).expect("it was just built");
    }
}

fn search_all(chunk: &Chunk<Vec<u8>>, columns: &mut BlockColumns, search: &LineSearch, found: &mut Vec<u32>) -> usize {
    let blocks = chunk.blocks().iter().enumerate();
    let hits = blocks.map(|(index, header)| {
        let data = chunk.block_data(index).expect("the block is there");
        columns.search(header, data, search, found).expect("it was just built");
        found.len()
    });
    hits.sum()
}

fn merge_all(chunk: &Chunk<Vec<u8>>) -> usize {
    let sources = chunk.blocks().iter().enumerate().map(|(index, header)| BlockSource {
        header,
        data: chunk.block_data(index).expect("the block is there"),
    });
    let mut merge = Merge::new(sources);
    let mut entries = 0;
    while let Some(run) = merge.next_run(usize::MAX).expect("it was just built") {
        entries += run.len();
    }
    entries
}

fn chunk_of<'a>(entries: impl Iterator<Item = (i64, &'a [u8])>, encoding: Encoding) -> Chunk<Vec<u8>> {
    let mut builder = ChunkBuilder::new(encoding);
    for (timestamp, line) in entries {
        builder
            .append(EntryRef {
                timestamp,
                line,
                metadata: &[],
            })
            .expect("lines of this length fit");
    }
    Chunk::open(builder.finish()).expect("it was just built")
}

criterion_group!(benches, scan);
criterion_main!(benches);
