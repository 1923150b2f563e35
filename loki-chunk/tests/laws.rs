//! The laws of the format, for any entries and every codec.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use loki_chunk::{
    BlockColumns, BlockSource, Chunk, ChunkBuilder, ColumnSet, Direction, Encoding, Entry, HeadBlock, Merge,
};
use proptest::prelude::*;
use support::{any_encoding, any_entries, append_all, entries_of, sorted};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decode_of_encode_is_the_entries_stably_sorted(entries in any_entries(200), encoding in any_encoding()) {
        let block = head_of(&entries).seal(encoding);
        let mut columns = BlockColumns::new();
        columns.read(&block.header, &block.data, ColumnSet::ALL).unwrap();
        prop_assert_eq!(entries_of(&columns), sorted(&entries));
        let metadata_bytes = entries.iter().flat_map(|entry| &entry.metadata).map(|(name, value)| name.len() + value.len());
        prop_assert_eq!(block.header.metadata_bytes, metadata_bytes.sum::<usize>() as u64);
        prop_assert_eq!(block.header.has_metadata(), entries.iter().any(|entry| !entry.metadata.is_empty()));
        let longest = entries.iter().map(|entry| entry.line.len()).max().unwrap_or(0);
        prop_assert_eq!(block.header.longest_line as usize, longest);
    }

    #[test]
    fn columns_read_alone_or_one_by_one_are_those_of_a_full_read(
        entries in any_entries(60),
        encoding in any_encoding(),
        wants in proptest::collection::vec(any_column_set(), 1..4),
    ) {
        let block = head_of(&entries).seal(encoding);
        let mut full = BlockColumns::new();
        full.read(&block.header, &block.data, ColumnSet::ALL).unwrap();
        let mut columns = BlockColumns::new();
        let mut held = ColumnSet::NONE;
        for want in wants {
            columns.read(&block.header, &block.data, want).unwrap();
            held = held | want;
            prop_assert_eq!(columns.held(), held);
            let has = |column| held.contains(column);
            prop_assert_eq!(columns.timestamps(), if has(ColumnSet::TIMESTAMPS) { full.timestamps() } else { &[] });
            prop_assert_eq!(columns.offsets(), if has(ColumnSet::OFFSETS) { full.offsets() } else { &[] });
            prop_assert_eq!(columns.lines(), if has(ColumnSet::LINES) { full.lines() } else { &[] });
            prop_assert_eq!(columns.metadata(), if has(ColumnSet::METADATA) { full.metadata() } else { &[] });
        }
    }

    #[test]
    fn columns_of_a_head_block_are_those_of_its_prefix_sealed_and_read(
        entries in any_entries(60),
        want in any_column_set(),
        part in 0usize..=60,
    ) {
        let part = part.min(entries.len());
        let block = head_of(&entries[..part]).seal(Encoding::Lz4);
        let mut sealed = BlockColumns::new();
        sealed.read(&block.header, &block.data, want).unwrap();
        let mut open = BlockColumns::new();
        head_of(&entries).columns(part, &mut open, want);
        prop_assert_eq!(open, sealed);
    }

    #[test]
    fn a_cleared_head_block_is_as_good_as_new(before in any_entries(30), entries in any_entries(30)) {
        let mut head = head_of(&before);
        head.clear();
        append_all(&mut head, &entries);
        prop_assert_eq!(head.seal(Encoding::Zstd), head_of(&entries).seal(Encoding::Zstd));
    }

    #[test]
    fn a_head_block_contains_what_was_appended_and_nothing_else(
        entries in any_entries(40),
        others in any_entries(40),
    ) {
        let head = head_of(&entries);
        let mut pairs = Vec::new();
        for entry in entries.iter().chain(&others) {
            prop_assert_eq!(head.contains(entry.borrow(&mut pairs)), entries.contains(entry));
        }
    }

    #[test]
    fn a_scan_is_the_filtered_entries_and_backward_its_reverse(
        entries in any_entries(120),
        cuts in proptest::collection::vec(0usize..120, 0..4),
        range in (-2i64..14, -2i64..14),
        encoding in any_encoding(),
    ) {
        let entries = sorted(&entries);
        let chunk = Chunk::open(chunk_of(&entries, &cuts, encoding)).unwrap();
        prop_assert!(chunk.is_sorted());
        chunk.verify().unwrap();
        let range = range.0..range.1;
        let expected: Vec<Entry> = entries.into_iter().filter(|entry| range.contains(&entry.timestamp)).collect();
        let forward = scanned(&chunk, range.clone(), Direction::Forward);
        let mut backward = scanned(&chunk, range, Direction::Backward);
        backward.reverse();
        prop_assert_eq!(&backward, &forward);
        prop_assert_eq!(forward, expected);
    }

    #[test]
    fn merge_of_split_is_merge_of_whole(
        entries in any_entries(150),
        ways in 1usize..6,
        max_entries in 1usize..40,
        encoding in any_encoding(),
    ) {
        // Entries go to their source by order of arrival, so that ties between sources are ties of arrival.
        let blocks: Vec<_> =
            entries.chunks(entries.len().div_ceil(ways).max(1)).map(|part| head_of(part).seal(encoding)).collect();
        let mut merge = Merge::new(blocks.iter().map(|block| BlockSource { header: &block.header, data: &block.data }));
        let mut merged = Vec::new();
        while let Some(run) = merge.next_run(max_entries).unwrap() {
            prop_assert!(!run.is_empty() && run.len() <= max_entries);
            merged.extend(entries_of(run));
        }
        let mut expected: Vec<Entry> = Vec::new();
        for entry in sorted(&entries) {
            if !expected.contains(&entry) {
                expected.push(entry);
            }
        }
        prop_assert_eq!(merged, expected);
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_changes_nothing(
        entries in any_entries(20),
        encoding in any_encoding(),
        place in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let sound = chunk_of(&entries, &[5], encoding);
        let mut damaged = sound.clone();
        damaged[place.index(sound.len())] ^= 1 << bit;
        if let Ok(found) = support::read_all(&damaged) {
            prop_assert_eq!(found, support::read_all(&sound).unwrap());
        }
    }

    #[test]
    fn a_truncated_chunk_is_refused(
        entries in any_entries(20),
        encoding in any_encoding(),
        place in any::<proptest::sample::Index>(),
    ) {
        let sound = chunk_of(&entries, &[5], encoding);
        prop_assert!(Chunk::open(&sound[..place.index(sound.len())]).is_err());
    }

    #[test]
    fn any_bytes_behind_a_sound_directory_are_an_error_or_entries(
        entries in any_entries(20),
        encoding in any_encoding(),
        section in 0usize..4,
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        // A checksum made to fit: what a fuzzer that knows crc32 would find.
        let block = head_of(&entries).seal(encoding);
        let mut header = block.header;
        header.sections[section].stored_bytes = noise.len() as u32;
        header.sections[section].checksum = crc32fast::hash(&noise);
        if header.sections[section].raw_bytes < noise.len() as u32 {
            header.sections[section].raw_bytes = noise.len() as u32;
        }
        let before: usize = block.header.sections[..section].iter().map(|section| section.stored_bytes as usize).sum();
        let behind = before + block.header.sections[section].stored_bytes as usize;
        let data = [&block.data[..before], &noise, &block.data[behind..]].concat();
        let mut columns = BlockColumns::new();
        if columns.read(&header, &data, ColumnSet::ALL).is_ok() {
            prop_assert_eq!(entries_of(&columns).len(), entries.len());
        } else {
            prop_assert!(columns.is_empty() && columns.held() == ColumnSet::NONE);
        }
    }
}

fn any_column_set() -> impl Strategy<Value = ColumnSet> {
    use ColumnSet as C;
    proptest::sample::select(vec![
        C::NONE,
        C::TIMESTAMPS,
        C::OFFSETS,
        C::LINES,
        C::METADATA,
        C::TIMESTAMPS | C::OFFSETS,
        C::LINES | C::METADATA,
        C::ALL,
    ])
}

fn head_of(entries: &[Entry]) -> HeadBlock {
    let mut head = HeadBlock::new();
    append_all(&mut head, entries);
    head
}

/// A chunk of these entries with blocks cut at the given places.
fn chunk_of(entries: &[Entry], cuts: &[usize], encoding: Encoding) -> Vec<u8> {
    let mut builder = ChunkBuilder::new(encoding);
    let mut pairs = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        if cuts.contains(&place) {
            builder.cut();
        }
        builder.append(entry.borrow(&mut pairs)).unwrap();
    }
    builder.finish()
}

fn scanned(chunk: &Chunk<Vec<u8>>, range: std::ops::Range<i64>, direction: Direction) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut pairs = Vec::new();
    let mut scan = chunk.scan(range, direction);
    while let Some(batch) = scan.next().unwrap() {
        let mut in_block: Vec<Entry> = batch
            .entries
            .map(|entry| batch.columns.entry(entry, &mut pairs).into())
            .collect();
        pairs = Vec::new();
        if direction == Direction::Backward {
            in_block.reverse();
        }
        found.extend(in_block);
    }
    found
}
