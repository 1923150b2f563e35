//! Merging overlapping blocks of one stream.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use loki_chunk::{
    BLOCK_TARGET_BYTES, BlockColumns, BlockSource, ChunkBuilder, ColumnSet, Compressor, Encoding, EntryRef, HeadBlock,
    Merge, MergeSource,
};
use support::entries_of;

fn block(entries: &[(i64, &str)]) -> loki_chunk::Block {
    let mut head = HeadBlock::new();
    for &(timestamp, line) in entries {
        head.append(EntryRef {
            timestamp,
            line: line.as_bytes(),
            metadata: &[],
        })
        .unwrap();
    }
    head.seal(Encoding::Lz4)
}

fn merged(blocks: &[loki_chunk::Block], max_entries: usize) -> Vec<(i64, String)> {
    let mut merge = Merge::new(blocks.iter().map(|block| BlockSource {
        header: &block.header,
        data: &block.data,
    }));
    let mut found = Vec::new();
    while let Some(run) = merge.next_run(max_entries).unwrap() {
        found.extend(
            entries_of(run)
                .into_iter()
                .map(|entry| (entry.timestamp, String::from_utf8(entry.line).unwrap())),
        );
    }
    found
}

#[test]
fn ties_keep_the_order_of_the_sources() {
    let blocks = [
        block(&[(5, "b"), (5, "a")]),
        block(&[(1, "z"), (5, "c"), (5, "a"), (6, "d")]),
    ];
    for max_entries in 1..6 {
        let found = merged(&blocks, max_entries);
        let expected = [(1, "z"), (5, "b"), (5, "a"), (5, "c"), (6, "d")];
        assert_eq!(
            found,
            expected.map(|(timestamp, line)| (timestamp, line.to_owned())),
            "{max_entries} a run"
        );
    }
}

#[test]
fn many_entries_of_one_timestamp_are_merged_without_duplicates() {
    let lines: Vec<String> = (0..5_000).map(|line| format!("line {}", line % 3_000)).collect();
    let entries: Vec<(i64, &str)> = lines.iter().map(|line| (7, line.as_str())).collect();
    let found = merged(&[block(&entries), block(&entries)], 1_000);
    assert_eq!(found.len(), 3_000);
    assert!(found.iter().enumerate().all(|(place, (_, line))| *line == lines[place]));
}

#[test]
fn entries_that_differ_in_metadata_alone_are_kept() {
    let source = |value| {
        let mut head = HeadBlock::new();
        head.append(EntryRef {
            timestamp: 1,
            line: b"x",
            metadata: &[("pod", value)],
        })
        .unwrap();
        let mut columns = BlockColumns::new();
        head.columns(1, &mut columns, ColumnSet::ALL);
        columns
    };
    let mut merge = Merge::new([source("a"), source("b"), source("a")]);
    let run = merge.next_run(10).unwrap().unwrap();
    assert_eq!(run.metadata()[0].values().iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(run.metadata()[0].symbols(), [1, 2]);
}

#[test]
fn runs_are_of_a_size_that_one_block_holds() {
    let line = "x".repeat(1_000);
    let mut sources = Vec::new();
    for source in 0..3 {
        let entries: Vec<(i64, &str)> = (0..256).map(|at| (at * 3 + source, line.as_str())).collect();
        sources.push(block(&entries));
    }
    let mut merge = Merge::new(sources.iter().map(|block| BlockSource {
        header: &block.header,
        data: &block.data,
    }));
    let mut builder = ChunkBuilder::new(Encoding::Zstd);
    let mut compressor = Compressor::new(Encoding::Zstd);
    while let Some(run) = merge.next_run(usize::MAX).unwrap() {
        assert!(run.lines().len() < BLOCK_TARGET_BYTES + line.len());
        builder.push_block(&run.seal_with(&mut compressor).unwrap());
    }
    let entries = support::read_all(&builder.finish()).unwrap();
    assert!(entries.iter().map(|entry| entry.timestamp).eq(0..768));
}

#[test]
fn runs_part_between_timestamps() {
    const SAME: i64 = 50;
    let lines: Vec<String> = (0..SAME).map(|n| format!("{n:0>1000}")).collect();
    let entries: Vec<(i64, &str)> = (0..20)
        .flat_map(|at| lines.iter().map(move |line| (at, line.as_str())))
        .collect();
    let mut merge = Merge::new(entries.chunks(230).map(block).map(Kept));
    let mut counts = Vec::new();
    while let Some(run) = merge.next_run(usize::MAX).unwrap() {
        counts.push(run.len() as i64);
    }
    assert_eq!(counts.iter().sum::<i64>(), 20 * SAME);
    assert!(
        counts.len() > 3 && counts.iter().all(|count| count % SAME == 0),
        "{counts:?}"
    );
}

/// A block that is its own source.
struct Kept(loki_chunk::Block);

impl MergeSource for Kept {
    type Error = loki_chunk::Error;

    fn min_timestamp(&self) -> i64 {
        self.0.header.min_timestamp
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<(), loki_chunk::Error> {
        columns.read(&self.0.header, &self.0.data, ColumnSet::ALL)
    }
}

/// Counts how often it was loaded, and fails the first time.
struct Shaky<'a> {
    block: &'a loki_chunk::Block,
    loads: &'a std::cell::Cell<usize>,
}

impl MergeSource for Shaky<'_> {
    type Error = &'static str;

    fn min_timestamp(&self) -> i64 {
        self.block.header.min_timestamp
    }

    fn load(&mut self, columns: &mut BlockColumns) -> Result<(), &'static str> {
        self.loads.set(self.loads.get() + 1);
        if self.loads.get() == 1 {
            return Err("not now");
        }
        columns
            .read(&self.block.header, &self.block.data, ColumnSet::ALL)
            .map_err(|_| "damaged")
    }
}

#[test]
fn a_merge_goes_on_after_a_source_that_failed_to_load() {
    let blocks = [block(&[(1, "a")]), block(&[(2, "b")]), block(&[(3, "c")])];
    let loads = std::cell::Cell::new(0);
    let mut merge = Merge::new(blocks.iter().map(|block| Shaky { block, loads: &loads }));
    assert_eq!(merge.next_run(1).unwrap_err(), "not now");
    assert_eq!(merge.next_run(1).unwrap().unwrap().timestamps(), [1]);
    assert_eq!(loads.get(), 2, "blocks behind the run are not loaded");
    assert_eq!(merge.next_run(9).unwrap().unwrap().timestamps(), [2, 3]);
    assert!(merge.next_run(9).unwrap().is_none());
}
