//! Any bytes as a chunk: an error, or entries that every way of reading agrees on. Never a panic.

use loki_chunk::{BlockColumns, BlockSource, Chunk, ColumnSet, Direction, Merge, directory};

/// Reads `data` as a whole chunk, and as a directory behind which the data follows.
pub fn run(data: &[u8]) {
    if let Ok(chunk) = Chunk::open(data) {
        read(&chunk);
    }
    // Bytes that choose where to split reach the sections without having to get a trailer right.
    if let [first, second, rest @ ..] = data {
        let split = usize::from(u16::from_le_bytes([*first, *second])).min(rest.len());
        let (headers, data) = rest.split_at(split);
        if let Ok(chunk) = Chunk::from_parts(headers, data) {
            let decoded = directory::decode(headers).expect("the chunk opened by this directory");
            assert_eq!(decoded, chunk.blocks());
            read(&chunk);
        }
    }
}

fn read<D: AsRef<[u8]>>(chunk: &Chunk<D>) {
    let (mut all, mut one) = (BlockColumns::new(), BlockColumns::new());
    let mut sources = Vec::new();
    for (index, header) in chunk.blocks().iter().enumerate() {
        let Ok(data) = chunk.block_data(index) else {
            panic!("the chunk has checked its bounds")
        };
        if chunk.read(index, &mut all, ColumnSet::ALL).is_err() {
            continue;
        }
        header.verify(data).expect("what was read had the right checksums");
        assert_eq!(all.timestamps().len(), header.entries as usize);
        assert!(all.timestamps().is_sorted());
        assert_eq!(all.offsets().len(), header.entries as usize + 1);
        assert!(all.offsets().is_sorted());
        assert_eq!(all.lines().len() as u64, header.line_bytes);
        for want in [
            ColumnSet::TIMESTAMPS,
            ColumnSet::OFFSETS,
            ColumnSet::METADATA,
            ColumnSet::LINES,
        ] {
            chunk.read(index, &mut one, want).expect("all columns could be read");
        }
        assert_eq!(all, one);
        sources.push(BlockSource { header, data });
    }

    let mut scan = chunk.scan(i64::MIN..i64::MAX, Direction::Backward);
    for _ in chunk.blocks() {
        let _ = scan.next();
    }

    let entries: u64 = sources.iter().map(|source| u64::from(source.header.entries)).sum();
    let mut merged = 0;
    let mut merge = Merge::new(sources);
    while let Some(run) = merge.next_run(1000).expect("all blocks could be read") {
        merged += run.len() as u64;
    }
    assert!(merged <= entries);
}
