use super::*;
use crate::files::{FaultyFiles, Files};
use crate::store::TenantStore;
use loki_chunk::{EntryRef, HeadBlock};
use std::path::Path;

/// Bytes of lines in each block: they do not compress, and a block that overlaps another is made anew.
const BLOCK_BYTES: usize = 200 << 10;
const BLOCKS: usize = 40;

fn labels() -> Labels {
    Labels::from_pairs([("app", "x")])
}

/// Writes a segment of one stream with these blocks.
fn write_blocks(store: &TenantStore, blocks: impl Iterator<Item = Block>) {
    let fill = |writer: &mut SegmentWriter| {
        let labels = labels();
        let mut stream = writer.stream(&labels);
        for block in blocks {
            stream.block(&block.header, &block.data, &[])?;
        }
        stream.finish();
        Ok(())
    };
    store.replace(&[], None, fill).expect("written");
}

/// Lays the only segment, of this number, out for good.
fn settle(store: &TenantStore, number: u64, content_filters: ContentFilters) {
    let terms = Terms {
        cancel: None,
        cutoff: &|_| i64::MIN,
        deletes: &[],
        encoding: Encoding::Zstd,
        content_filters,
        settle: true,
    };
    let segments = store.live();
    let fill = |writer: &mut SegmentWriter| rewrite(&segments, &terms, &mut |_, _| {}, writer);
    store.replace(&[number], None, fill).expect("settled");
}

/// Of the blocks of the only segment.
fn headers(store: &TenantStore) -> Vec<BlockHeader> {
    let segment = store.live()[0].clone();
    let chunks: Result<Vec<_>, _> = segment.chunks().collect();
    let chunks = chunks.expect("readable");
    let blocks = chunks.iter().flat_map(|chunk| &chunk.blocks);
    blocks.map(|block| block.header).collect()
}

/// A segment of one stream whose blocks overlap those of the other segment.
fn write(store: &TenantStore, second: i64) {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let block = |n: i64| {
        let mut head = HeadBlock::new();
        for (at, text) in [(1, "gone"), (5, "kept")] {
            let mut line = text.as_bytes().to_vec();
            line.resize_with(BLOCK_BYTES / 2, || {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (random >> 56) as u8
            });
            head.append(EntryRef {
                timestamp: n * 10 + at + second,
                line: &line,
                metadata: &[],
            })
            .expect("it fits");
        }
        head.seal(Encoding::None)
    };
    write_blocks(store, (0..BLOCKS as i64).map(block));
}

#[test]
fn blocks_are_written_as_they_are_made() {
    let files = FaultyFiles::default();
    let store = TenantStore::open(Arc::new(files.clone()), Path::new("t")).expect("opens");
    (0..2).for_each(|second| write(&store, second));
    let query = r#"{app="x"} |= "gone""#.parse().expect("a query");
    let deletes = [Arc::new(DeleteFilter::compile(&query, 0, i64::MAX).expect("compiles"))];
    let terms = Terms {
        cancel: None,
        cutoff: &|_| i64::MIN,
        deletes: &deletes,
        encoding: Encoding::None,
        content_filters: ContentFilters::Off,
        settle: true,
    };
    // Each entry that goes tells how far the file has come while blocks are still being made.
    let mut furthest = 0;
    let mut removed = |_: &Arc<DeleteFilter>, _| {
        let beside = files.read(Path::new("t/segments/3.new")).expect("it is being written");
        furthest = furthest.max(beside.len());
    };
    let segments = store.live();
    store
        .replace(&[1, 2], None, |writer| rewrite(&segments, &terms, &mut removed, writer))
        .expect("merged");
    let merged = store.live()[0].meta().clone();
    assert_eq!(merged.entries, 2 * BLOCKS as u64, "half of them is gone");
    let held = merged.bytes - furthest as u64;
    assert!(held < 4 << 20, "{held} of {} bytes were held in memory", merged.bytes);
}

#[test]
fn blocks_that_a_flush_cut_short_are_joined_where_they_are_laid_out_for_good() {
    let store = TenantStore::open(Arc::new(FaultyFiles::default()), Path::new("t")).expect("opens");
    let id = |n: i64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15u64.cast_signed());
    let line = |n: i64| format!("a line that is like the others but for its id, which is {:016x}", id(n));
    let (entries, of_each) = (20_000, 1_000);
    let block = |first: i64| {
        let mut head = HeadBlock::new();
        for timestamp in first..first + of_each as i64 {
            let line = line(timestamp);
            let entry = EntryRef {
                timestamp,
                line: line.as_bytes(),
                metadata: &[],
            };
            head.append(entry).expect("it fits");
        }
        head.seal(Encoding::Zstd)
    };
    write_blocks(&store, (0..entries).step_by(of_each).map(block));
    assert_eq!(headers(&store).len(), entries as usize / of_each);
    settle(&store, 1, ContentFilters::Dense);
    let settled = headers(&store);
    let full = entries as usize * line(0).len() / BLOCK_TARGET_BYTES;
    assert_eq!(settled.len(), full + 1, "all but the last are full");
    assert!(store.live()[0].meta().settled);
    assert_eq!(
        settled.iter().map(|header| i64::from(header.entries)).sum::<i64>(),
        entries
    );
    let segment = store.live()[0].clone();
    let chunk = segment.chunks().next().expect("a stream").expect("readable");
    assert!(chunk.blocks.iter().all(|block| segment.filter(block).is_some()));
    // Once more: what is full and typed is copied, the rest has nothing to be joined with.
    settle(&store, 2, ContentFilters::Dense);
    assert_eq!(headers(&store), settled);
}

#[test]
fn small_blocks_that_say_the_same_are_joined_in_the_smaller_layout() {
    let store = TenantStore::open(Arc::new(FaultyFiles::default()), Path::new("t")).expect("opens");
    // Lines that come again whole, block after block: text finds each of them in one go, columns find its parts.
    let random = |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let line = |n: u64| {
        (0..8)
            .map(|word| format!("{:x} ", random(n * 8 + word) % 100_003))
            .collect::<String>()
    };
    let mut all = HeadBlock::new();
    let block = |block: u64| {
        let mut head = HeadBlock::new();
        for n in block * 40..(block + 1) * 40 {
            let line = line(n % 30);
            let entry = EntryRef {
                timestamp: n as i64,
                line: line.as_bytes(),
                metadata: &[],
            };
            head.append(entry).and_then(|()| all.append(entry)).expect("it fits");
        }
        head.seal(Encoding::Zstd)
    };
    write_blocks(&store, (0..60).map(block));
    settle(&store, 1, ContentFilters::Off);
    let stored: u64 = headers(&store).iter().map(BlockHeader::stored_bytes).sum();
    let least = all.seal_with(&mut Compressor::typed(Encoding::Zstd)).data.len() as u64;
    assert_eq!(stored, least);
}
