//! Any bytes as lines come back from typed columns, and any bytes as typed columns are an error or lines of the right shape;
//! what a search finds in them is what a scan of the lines finds, and a line alone is what it is among all.

use loki_chunk::{Block, BlockColumns, ColumnSet, Compressor, Encoding, EntryRef, HeadBlock, Layout, LineSearch};

/// Takes `data` as lines, repeated so that columns form, then as damage to the columns they became.
pub fn run(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let lines: Vec<&[u8]> = rest.split(|&byte| byte == b'\n').collect();
    let mut head = HeadBlock::new();
    for round in 0..1 + i64::from(first % 16) {
        for (place, &line) in lines.iter().enumerate() {
            let entry = EntryRef {
                timestamp: round * 1_000 + place as i64,
                line,
                metadata: &[],
            };
            if !head.has_room_for(entry) || head.append(entry).is_err() {
                break;
            }
        }
    }
    for encoding in [Encoding::None, Encoding::Zstd] {
        let plain = head.seal(encoding);
        let typed = head.seal_with(&mut Compressor::typed(encoding));
        assert!(typed.data.len() <= plain.data.len());
        assert_eq!(columns(&typed, ColumnSet::ALL), columns(&plain, ColumnSet::ALL));
        assert_eq!(columns(&typed, ColumnSet::OFFSETS), columns(&plain, ColumnSet::OFFSETS));
        if typed.header.layout == Layout::Typed {
            search(&typed, rest.chunks(7).take(4));
            some_lines(&typed);
            damage(typed, rest);
        }
    }
}

/// Overwrites bytes, three of `program` a time, and makes the checksums fit.
fn damage(mut block: Block, program: &[u8]) {
    for change in program.chunks_exact(3).take(64) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % block.data.len();
        block.data[place] ^= change[2];
        let mut at = 0;
        for section in &mut block.header.sections {
            let end = at + section.stored_bytes as usize;
            section.checksum = crc32fast::hash(&block.data[at..end]);
            at = end;
        }
        let (mut all, mut offsets) = (BlockColumns::new(), BlockColumns::new());
        let read = all.read(&block.header, &block.data, ColumnSet::LINES | ColumnSet::TIMESTAMPS);
        let alone = offsets.read(&block.header, &block.data, ColumnSet::OFFSETS);
        if read.is_ok() {
            assert_eq!(all.lines().len() as u64, block.header.line_bytes);
            assert_eq!(all.offsets().len(), block.header.entries as usize + 1);
            assert!(all.offsets().is_sorted() && all.timestamps().is_sorted());
            alone.expect("lines could be read");
            assert_eq!(offsets.offsets(), all.offsets());
            search(&block, program.chunks(7).take(1));
            some_lines(&block);
        } else {
            let _ = offsets.read_lines_of(&block.header, &block.data, &[0, 3]);
            // Where lines cannot be made, a search may find some or fail.
            let _ = offsets.search(
                &block.header,
                &block.data,
                &search_for(&[b"a", b"1"], &[]),
                &mut Vec::new(),
            );
            let _ = offsets.search(
                &block.header,
                &block.data,
                &search_for(&[b"a"], &[b"error"]),
                &mut Vec::new(),
            );
        }
    }
}

/// Reads every third line of a block whose lines can be read.
fn some_lines(block: &Block) {
    let all = columns(block, ColumnSet::LINES);
    let chosen: Vec<u32> = (0..all.len() as u32).step_by(3).collect();
    let mut some = BlockColumns::new();
    some.read_lines_of(&block.header, &block.data, &chosen)
        .expect("lines could be read");
    for entry in chosen {
        assert_eq!(some.line(entry as usize), all.line(entry as usize));
    }
}

/// Searches a block whose lines can be read for `pieces` of text, and holds what is found against the lines.
fn search<'p>(block: &Block, pieces: impl Iterator<Item = &'p [u8]>) {
    let lines = columns(block, ColumnSet::LINES);
    let mut found = Vec::new();
    for piece in pieces {
        let needles = [piece, &piece[..piece.len().min(2)], &piece[piece.len() / 2..]];
        for (needles, others) in [
            (&needles[..1], &needles[..0]),
            (&needles, &needles[..0]),
            (&needles[1..], &needles[..1]),
        ] {
            let is_known = BlockColumns::new()
                .search(&block.header, &block.data, &search_for(needles, others), &mut found)
                .expect("lines could be read");
            if !is_known {
                continue;
            }
            let holds_any = |needles: &[&[u8]], line: &[u8]| {
                needles
                    .iter()
                    .any(|&needle| line.windows(needle.len()).any(|window| window == needle))
            };
            let holds = |line: &[u8]| holds_any(needles, line) && !holds_any(others, line);
            let wanted: Vec<u32> = (0..lines.len() as u32)
                .filter(|&entry| holds(lines.line(entry as usize)))
                .collect();
            assert_eq!(found, wanted);
        }
    }
}

/// A search for lines that hold one of `needles` and none of `others`.
fn search_for(needles: &[&[u8]], others: &[&[u8]]) -> LineSearch {
    let places = |needles: &[&[u8]]| -> Vec<Vec<[u8; 1]>> {
        let place = |needle: &&[u8]| needle.iter().map(|&byte| [byte]).collect();
        needles.iter().map(place).collect()
    };
    let mut search = LineSearch::new();
    search.holds_any(&places(needles));
    if !others.is_empty() {
        search.holds_none(&places(others));
    }
    search
}

fn columns(block: &Block, want: ColumnSet) -> BlockColumns {
    let mut columns = BlockColumns::new();
    columns
        .read(&block.header, &block.data, want)
        .expect("it was just sealed");
    columns
}
