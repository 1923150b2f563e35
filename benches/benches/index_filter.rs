//! Content filters over blocks of 256 KiB: how fast they are made and asked. Prints their size, too.

#![expect(
    clippy::print_stderr,
    reason = "size is a number of this room too, and criterion measures time alone"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needle};

const BLOCK_BYTES: usize = 256 << 10;
const BLOCKS: usize = 64;

/// Lines with a fresh trace id each, end to end, and their offsets.
fn block(state: &mut u64) -> (Vec<u8>, Vec<u32>) {
    let messages = [
        "request completed",
        "cache miss",
        "retrying upstream",
        "connection refused by peer",
        "job finished",
    ];
    let levels = ["info", "info", "info", "debug", "warn", "error"];
    let (mut lines, mut offsets) = (Vec::new(), vec![0]);
    while lines.len() < BLOCK_BYTES {
        // xorshift64: the same lines on every run.
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let pick = |count: usize, shift: u32| (*state >> shift) as usize % count;
        let line = format!(
            "level={} msg=\"{}\" trace_id={state:016x} user={} duration={}ms path=/api/v1/items/{}",
            levels[pick(levels.len(), 3)],
            messages[pick(messages.len(), 9)],
            pick(5000, 13),
            pick(900, 29),
            pick(2000, 40),
        );
        lines.extend_from_slice(line.as_bytes());
        offsets.push(lines.len() as u32);
    }
    (lines, offsets)
}

fn build(grams: Grams, (lines, offsets): &(Vec<u8>, Vec<u32>)) -> Vec<u8> {
    let mut builder = ContentFilterBuilder::new(FilterSettings {
        grams,
        ..FilterSettings::default()
    });
    builder.add_lines(lines, offsets);
    builder.finish()
}

fn filters(criterion: &mut Criterion) {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let blocks: Vec<_> = (0..BLOCKS).map(|_| block(&mut state)).collect();
    let raw: usize = blocks.iter().map(|(lines, _)| lines.len()).sum();

    let mut group = criterion.benchmark_group("index_filter");
    for grams in [Grams::Sparse, Grams::Dense] {
        let filters: Vec<Vec<u8>> = blocks.iter().map(|block| build(grams, block)).collect();
        let size: usize = filters.iter().map(Vec::len).sum();
        eprintln!("{grams:?}: {} bytes for a MB of lines", size * 1_000_000 / raw);

        group.throughput(Throughput::Bytes(blocks[0].0.len() as u64));
        group.bench_function(format!("{grams:?}/build"), |bencher| {
            bencher.iter(|| build(grams, black_box(&blocks[0])))
        });

        let opened: Vec<_> = filters
            .iter()
            .map(|bytes| ContentFilter::open(bytes).expect("a filter that was just written opens"))
            .collect();
        group.throughput(Throughput::Elements(opened.len() as u64));
        for (name, needle) in [
            ("absent_id", "4bf92f3577b34da6"),
            ("common_phrase", "connection refused by peer"),
        ] {
            let needle = Needle::new(needle.as_bytes(), false);
            group.bench_function(format!("{grams:?}/ask_{name}"), |bencher| {
                bencher.iter(|| {
                    opened
                        .iter()
                        .filter(|filter| filter.may_contain(black_box(&needle)))
                        .count()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, filters);
criterion_main!(benches);
