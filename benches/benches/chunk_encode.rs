//! Log lines into sealed blocks: megabytes of lines a second, appending included, by codec.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loki_chunk::{ChunkBuilder, Compressor, Encoding, EntryRef, HeadBlock, PagePool};

fn encode(criterion: &mut Criterion) {
    let entries = loki_benches::log_text::entries(8 << 20);
    let line_bytes: u64 = entries.iter().map(|(_, line)| line.len() as u64).sum();
    let mut group = criterion.benchmark_group("chunk_encode");
    group.throughput(Throughput::Bytes(line_bytes)).sample_size(10);

    group.bench_function("append", |bencher| {
        let mut head = HeadBlock::in_pool(&PagePool::new(1 << 20));
        bencher.iter(|| {
            head.clear();
            for (timestamp, line) in &entries {
                let entry = EntryRef {
                    timestamp: *timestamp,
                    line: line.as_bytes(),
                    metadata: &[],
                };
                if !head.has_room_for(entry) {
                    head.clear();
                }
                head.append(entry).expect("it has room");
            }
        });
    });
    for encoding in Encoding::ALL {
        group.bench_with_input(BenchmarkId::new("seal", encoding), &encoding, |bencher, &encoding| {
            bencher.iter(|| chunk_of(&entries, encoding));
        });
    }
    let heads = heads_of(&entries);
    for (layout, mut compressor) in [
        ("plain", Compressor::new(Encoding::Zstd)),
        ("typed", Compressor::typed(Encoding::Zstd)),
    ] {
        group.bench_function(BenchmarkId::new("layout", layout), |bencher| {
            bencher.iter(|| {
                heads
                    .iter()
                    .map(|head| head.seal_with(&mut compressor).data.len())
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}

/// Full blocks, open.
fn heads_of(entries: &[(i64, String)]) -> Vec<HeadBlock> {
    let mut heads = vec![HeadBlock::new()];
    for (timestamp, line) in entries {
        let entry = EntryRef {
            timestamp: *timestamp,
            line: line.as_bytes(),
            metadata: &[],
        };
        if !heads.last().is_some_and(|head| head.has_room_for(entry)) {
            heads.push(HeadBlock::new());
        }
        let head = heads.last_mut().expect("there is one");
        head.append(entry).expect("it has room");
    }
    heads
}

fn chunk_of(entries: &[(i64, String)], encoding: Encoding) -> Vec<u8> {
    let mut builder = ChunkBuilder::new(encoding);
    for (timestamp, line) in entries {
        let entry = EntryRef {
            timestamp: *timestamp,
            line: line.as_bytes(),
            metadata: &[],
        };
        builder.append(entry).expect("lines of this length fit");
    }
    builder.finish()
}

criterion_group!(benches, encode);
criterion_main!(benches);
