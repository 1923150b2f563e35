//! What is refused, where blocks are cut, and what hostile headers cost.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use loki_chunk::{
    BLOCK_MAX_BYTES, BLOCK_MAX_ENTRIES, BLOCK_TARGET_BYTES, BlockColumns, Chunk, ChunkBuilder, ColumnSet, Encoding,
    EntryRef, ErrorKind, HeadBlock, METADATA_MAX_BYTES, directory,
};

fn entry(timestamp: i64, line: &[u8]) -> EntryRef<'_> {
    EntryRef {
        timestamp,
        line,
        metadata: &[],
    }
}

#[test]
fn unsorted_or_repeated_metadata_names_are_refused_and_leave_the_block_as_it_was() {
    let mut head = HeadBlock::new();
    for metadata in [[("b", "1"), ("a", "2")], [("a", "1"), ("a", "2")]] {
        let error = head
            .append(EntryRef {
                metadata: &metadata,
                ..entry(1, b"line")
            })
            .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::UnsortedMetadata { index: 1 });
        assert_eq!(error.offset(), None);
    }
    assert!(head.is_empty() && head.line_bytes() == 0 && head.metadata_bytes() == 0);
}

#[test]
fn metadata_of_unbounded_size_is_refused() {
    let value = "v".repeat(METADATA_MAX_BYTES);
    let error = HeadBlock::new()
        .append(EntryRef {
            metadata: &[("a", &value)],
            ..entry(1, b"")
        })
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TooLarge { .. }), "{error}");
}

#[test]
fn a_full_block_refuses_and_stays_sealable() {
    let mut head = HeadBlock::new();
    for timestamp in 0..BLOCK_MAX_ENTRIES as i64 {
        head.append(entry(timestamp, b"")).unwrap();
    }
    assert!(!head.has_room_for(entry(0, b"")));
    assert!(matches!(
        head.append(entry(0, b"")).unwrap_err().kind(),
        ErrorKind::BlockFull { .. }
    ));
    assert_eq!(head.seal(Encoding::Zstd).header.entries as usize, BLOCK_MAX_ENTRIES);
}

#[test]
fn blocks_are_cut_at_the_target_and_longer_only_for_a_line_that_is_longer_alone() {
    let short = vec![b'x'; 10_000];
    let long = vec![b'y'; BLOCK_MAX_BYTES + 5];
    let mut builder = ChunkBuilder::new(Encoding::Lz4);
    for timestamp in 0..100 {
        builder
            .append(entry(timestamp, if timestamp == 50 { &long } else { &short }))
            .unwrap();
    }
    let chunk = Chunk::open(builder.finish()).unwrap();
    assert_eq!(chunk.blocks().iter().map(|header| header.entries).sum::<u32>(), 100);
    for header in chunk.blocks() {
        let bytes = header.line_bytes as usize;
        assert!(
            bytes < BLOCK_TARGET_BYTES + short.len() || header.entries == 1,
            "{header:?}"
        );
    }
    assert_eq!(
        chunk
            .blocks()
            .iter()
            .filter(|header| header.longest_line as usize == long.len())
            .count(),
        1
    );
}

#[test]
fn names_that_come_once_cut_blocks_before_their_columns_grow_without_bound() {
    let mut builder = ChunkBuilder::new(Encoding::Zstd);
    let names: Vec<String> = (0..3_000).map(|name| format!("name_{name:05}")).collect();
    for (timestamp, names) in names.chunks(2).enumerate() {
        let metadata = [(names[0].as_str(), "v"), (names[1].as_str(), "v")];
        builder
            .append(EntryRef {
                metadata: &metadata,
                ..entry(timestamp as i64, b"")
            })
            .unwrap();
    }
    let chunk = Chunk::open(builder.finish()).unwrap();
    let mut columns = BlockColumns::new();
    let mut seen = 0;
    for index in 0..chunk.blocks().len() {
        chunk.read(index, &mut columns, ColumnSet::METADATA).unwrap();
        assert!(columns.metadata().len() * columns.len() <= 4 << 20);
        seen += columns.metadata().len();
    }
    assert_eq!(seen, names.len());
}

#[test]
fn timestamps_at_both_ends_of_time_come_back() {
    let mut head = HeadBlock::new();
    for timestamp in [i64::MAX, 0, i64::MIN, -1, i64::MAX] {
        head.append(entry(timestamp, b"")).unwrap();
    }
    let block = head.seal(Encoding::None);
    let mut columns = BlockColumns::new();
    columns.read(&block.header, &block.data, ColumnSet::TIMESTAMPS).unwrap();
    assert_eq!(columns.timestamps(), [i64::MIN, -1, 0, i64::MAX, i64::MAX]);
}

#[test]
fn a_header_that_promises_too_much_is_refused_before_anything_is_allocated() {
    let mut head = HeadBlock::new();
    head.append(entry(1, &b"line ".repeat(100))).unwrap();
    let block = head.seal(Encoding::Zstd);
    let mut columns = BlockColumns::new();
    let mut refused = |change: &dyn Fn(&mut loki_chunk::BlockHeader)| {
        let mut header = block.header;
        change(&mut header);
        assert!(
            columns.read(&header, &block.data, ColumnSet::ALL).is_err(),
            "{header:?}"
        );
        assert!(directory::decode(&directory::encode(&[header])).is_err(), "{header:?}");
        assert!(columns.memory_bytes() < 1 << 20);
    };
    refused(&|header| header.entries = u32::MAX);
    refused(&|header| header.line_bytes = u64::MAX);
    refused(&|header| header.longest_line = u32::MAX);
    refused(&|header| (header.line_bytes, header.sections[3].raw_bytes) = (1 << 31, 1 << 31));
    refused(&|header| header.sections[2].raw_bytes = u32::MAX);
    refused(&|header| header.sections[0].stored_bytes = header.sections[0].raw_bytes + 1);
    refused(&|header| header.min_timestamp = 2);
    refused(&|header| header.offset = u64::MAX);
}

#[test]
fn a_regular_stream_costs_a_few_bytes_beside_its_lines() {
    let mut head = HeadBlock::new();
    for second in 0..10_000 {
        head.append(entry(second * 15_000_000_000, b"0123456789abcdef"))
            .unwrap();
    }
    let header = head.seal(Encoding::Zstd).header;
    assert!(
        header.sections[0].stored_bytes < 16,
        "timestamps {:?}",
        header.sections[0]
    );
    assert!(header.sections[1].stored_bytes < 16, "lengths {:?}", header.sections[1]);
}

#[test]
fn a_block_that_does_not_exist_is_refused() {
    let chunk = Chunk::open(ChunkBuilder::new(Encoding::None).finish()).unwrap();
    let error = chunk.read(0, &mut BlockColumns::new(), ColumnSet::ALL).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NoSuchBlock { index: 0, blocks: 0 });
}
