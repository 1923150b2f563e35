//! Any sequence of calls, against a model that is a vector of entries.

use loki_chunk::{
    BlockColumns, BlockSource, Chunk, ChunkBuilder, ColumnSet, Compressor, Direction, Encoding, Entry, HeadBlock, Merge,
};

/// Takes `data` as a program: appends, cuts and questions.
pub fn run(data: &[u8]) {
    let Some((&first, mut program)) = data.split_first() else {
        return;
    };
    let encoding = Encoding::ALL[usize::from(first % 4)];
    let mut compressor = if first & 4 == 0 {
        Compressor::new(encoding)
    } else {
        Compressor::typed(encoding)
    };
    let mut builder = ChunkBuilder::new(encoding);
    let mut head = HeadBlock::new();
    // What the open block should hold, and what each block so far should.
    let (mut open, mut sealed) = (Vec::<Entry>::new(), Vec::<Vec<Entry>>::new());
    let mut pairs = Vec::new();

    while let Some((&step, rest)) = program.split_first() {
        program = rest;
        match step % 8 {
            0 => {
                builder.push_block(&head.seal_with(&mut compressor));
                head.clear();
                if !open.is_empty() {
                    sealed.push(sorted(std::mem::take(&mut open)));
                }
            }
            1 => {
                let entries = usize::from(step / 8).min(open.len());
                let mut columns = BlockColumns::new();
                head.columns(entries, &mut columns, ColumnSet::ALL);
                assert_eq!(entries_of(&columns), sorted(open[..entries].to_vec()));
            }
            _ => {
                let entry = entry(&mut program);
                assert_eq!(head.contains(entry.borrow(&mut pairs)), open.contains(&entry));
                if head.append(entry.borrow(&mut pairs)).is_ok() {
                    open.push(entry.clone());
                    assert!(head.contains(entry.borrow(&mut Vec::new())));
                }
                pairs = Vec::new();
                assert_eq!(head.len(), open.len());
            }
        }
    }
    builder.push_block(&head.seal_with(&mut compressor));
    if !open.is_empty() {
        sealed.push(sorted(open));
    }
    check(&builder.finish(), sealed);
}

fn check(bytes: &[u8], sealed: Vec<Vec<Entry>>) {
    let chunk = Chunk::open(bytes).expect("it was just built");
    chunk.verify().expect("nothing was damaged");
    assert_eq!(chunk.blocks().len(), sealed.len());

    let mut by_time: Vec<&Vec<Entry>> = sealed.iter().collect();
    by_time.sort_by_key(|block| block[0].timestamp);
    let mut scan = chunk.scan(i64::MIN..i64::MAX, Direction::Forward);
    for block in by_time {
        // The range is half-open, so the last instant there is can stand in a block and not in the range.
        let inside = block.iter().filter(|entry| entry.timestamp < i64::MAX).count();
        if inside > 0 {
            let batch = scan.next().expect("nothing was damaged").expect("a block is left");
            assert_eq!(batch.entries, 0..inside);
            assert_eq!(&entries_of(batch.columns), block);
        }
    }
    assert!(scan.next().expect("nothing was damaged").is_none());

    let sources = chunk.blocks().iter().enumerate().map(|(index, header)| BlockSource {
        header,
        data: chunk
            .block_data(index)
            .expect("the index is below the number of blocks"),
    });
    let mut merge = Merge::new(sources);
    let mut merged = Vec::new();
    while let Some(run) = merge.next_run(7).expect("nothing was damaged") {
        merged.extend(entries_of(run));
    }
    let mut expected: Vec<Entry> = Vec::new();
    for entry in sorted(sealed.into_iter().flatten().collect()) {
        if !expected.contains(&entry) {
            expected.push(entry);
        }
    }
    assert_eq!(merged, expected);
}

/// An entry out of the next bytes; zeros where there are none.
fn entry(program: &mut &[u8]) -> Entry {
    let mut byte = || {
        let Some((&first, rest)) = program.split_first() else {
            return 0;
        };
        *program = rest;
        first
    };
    let timestamp = match byte() {
        255 => i64::MAX,
        254 => i64::MIN,
        small => i64::from(small % 16),
    };
    let line = (0..byte() % 8).map(|_| byte()).collect();
    let metadata = ["", "pod", "trace"].into_iter().filter_map(|name| match byte() % 4 {
        0 => None,
        value => Some((name.to_owned(), "v".repeat(usize::from(value) - 1))),
    });
    Entry {
        timestamp,
        line,
        metadata: metadata.collect(),
    }
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| entry.timestamp);
    entries
}

fn entries_of(columns: &BlockColumns) -> Vec<Entry> {
    let mut pairs = Vec::new();
    (0..columns.len())
        .map(|entry| columns.entry(entry, &mut pairs).into())
        .collect()
}
