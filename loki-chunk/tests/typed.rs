//! Typed blocks give back every line as it was, whatever it holds, and are never larger than plain ones.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use loki_chunk::{BLOCK_MAX_BYTES, Block, BlockColumns, ColumnSet, Compressor, Encoding, Entry, ErrorKind, Layout};
use proptest::prelude::*;
use support::{any_encoding, any_entries, any_log, block_of, entries_of, head_of, sorted};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_come_back(entries in any_entries(200), encoding in any_encoding()) {
        let block = typed(&entries, encoding);
        prop_assert_eq!(entries_of(&read(&block, ColumnSet::ALL)), sorted(&entries));
    }

    #[test]
    fn lines_of_any_variables_come_back_in_no_more_bytes_than_plain(
        entries in any_log(),
        encoding in any_encoding(),
    ) {
        let block = typed(&entries, encoding);
        let plain = head_of(&entries).seal(encoding);
        prop_assert!(block.data.len() <= plain.data.len());
        prop_assert_eq!(entries_of(&read(&block, ColumnSet::ALL)), sorted(&entries));
        let (lengths, plain) = (read(&block, ColumnSet::OFFSETS), read(&plain, ColumnSet::OFFSETS));
        prop_assert_eq!(lengths, plain, "lengths alone");
    }

    #[test]
    fn lines_that_are_asked_for_come_back_whole(
        entries in any_log(),
        encoding in any_encoding(),
        chosen in proptest::collection::vec(any::<bool>(), 1..20),
        before in prop_oneof![Just(ColumnSet::NONE), Just(ColumnSet::OFFSETS), Just(ColumnSet::ALL)],
    ) {
        let block = typed(&entries, encoding);
        let whole = read(&block, ColumnSet::ALL);
        let chosen: Vec<u32> = (0..whole.len() as u32).filter(|&entry| chosen[entry as usize % chosen.len()]).collect();
        let mut some = read(&block, before);
        some.read_lines_of(&block.header, &block.data, &chosen).unwrap();
        prop_assert_eq!(some.offsets().len(), whole.len() + 1);
        for entry in 0..whole.len() {
            let is_chosen = chosen.contains(&(entry as u32));
            let line = some.line(entry);
            prop_assert!(line == whole.line(entry) || !is_chosen && line.is_empty(), "line {}", entry);
        }
        some.read(&block.header, &block.data, ColumnSet::ALL).unwrap();
        prop_assert_eq!(some, whole, "what is read later is all there");
    }

    #[test]
    fn damage_with_fitting_checksums_is_an_error_or_lines_of_the_same_shape(
        entries in any_log(),
        places in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut block = typed(&entries, Encoding::None);
        prop_assume!(block.header.layout == Layout::Typed);
        for (place, byte) in places {
            let place = place.index(block.data.len());
            block.data[place] = byte;
        }
        let mut at = 0;
        for section in &mut block.header.sections {
            let end = at + section.stored_bytes as usize;
            section.checksum = crc32fast::hash(&block.data[at..end]);
            at = end;
        }
        let mut columns = BlockColumns::new();
        if columns.read(&block.header, &block.data, ColumnSet::ALL).is_ok() {
            prop_assert_eq!(columns.len(), entries.len());
            prop_assert_eq!(columns.lines().len() as u64, block.header.line_bytes);
        } else {
            prop_assert!(columns.is_empty() && columns.held() == ColumnSet::NONE);
        }
    }
}

fn typed(entries: &[Entry], encoding: Encoding) -> Block {
    head_of(entries).seal_with(&mut Compressor::typed(encoding))
}

fn read(block: &Block, want: ColumnSet) -> BlockColumns {
    let mut columns = BlockColumns::new();
    columns.read(&block.header, &block.data, want).unwrap();
    columns
}

/// A number that looks random.
fn random(seed: u64) -> u64 {
    (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (seed + 7).wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(31)
}

#[test]
fn variables_take_little_more_than_their_bits() {
    // 64 bits of id, 10 and 17 of numbers, 2 of a word; a quarter of a byte is left for all the rest.
    let line = |place| {
        let level = ["debug", "info", "warn", "error"][random(place) as usize % 4];
        format!(
            "level={level} trace={:016x} status={} size={}",
            random(place + 1_000_000),
            random(place + 2_000_000) % 1024,
            random(place + 3_000_000) % (1 << 17),
        )
    };
    let block = block_of((0..5_000).map(line), &mut Compressor::typed(Encoding::Zstd));
    let bits = (block.data.len() * 8) as f64 / 5_000.0;
    assert_eq!(block.header.layout, Layout::Typed);
    assert!(bits < 64.0 + 10.0 + 17.0 + 2.0 + 2.0, "{bits} bits a line");
}

#[test]
fn a_line_longer_than_a_block_stays_plain() {
    let line = "7 ".repeat(BLOCK_MAX_BYTES);
    let block = block_of([line.clone()].into_iter(), &mut Compressor::typed(Encoding::Zstd));
    assert_eq!(block.header.layout, Layout::Plain);
    assert_eq!(read(&block, ColumnSet::LINES).lines(), line.as_bytes());
}

#[test]
fn what_promises_more_than_a_block_holds_is_refused_before_it_is_allocated() {
    let sound = block_of(
        (0..500).map(|place| format!("took {place} ms")),
        &mut Compressor::typed(Encoding::None),
    );
    assert_eq!(sound.header.layout, Layout::Typed);
    let mut header = sound.header;
    header.line_bytes = BLOCK_MAX_BYTES as u64 + 1;
    header.sections[3].raw_bytes = header.line_bytes as u32;
    let error = BlockColumns::new()
        .read(&header, &sound.data, ColumnSet::LINES)
        .unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::TooLarge {
                what: "bytes of typed lines",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_typed_block_is_held_against_a_plain_one_unless_it_is_known_to_be_smaller() {
    // Lines that come again whole: text finds each of them in one go, columns find its parts.
    let line = |n: u64| {
        (0..8)
            .map(|word| format!("{:x} ", random(n * 8 + word) % 100_003))
            .collect::<String>()
    };
    let entry = |n: u64| Entry {
        timestamp: n as i64,
        line: line(random(n) % 30).into_bytes(),
        metadata: Vec::new(),
    };
    let repetitive: Vec<Entry> = (0..2_000).map(entry).collect();
    let columns = {
        let mut columns = BlockColumns::new();
        head_of(&repetitive).columns(repetitive.len(), &mut columns, ColumnSet::ALL);
        columns
    };
    let seal = |plain_bytes| {
        let mut compressor = Compressor::typed(Encoding::Zstd);
        columns.seal_below(&mut compressor, plain_bytes).unwrap()
    };
    let plain = columns.seal_with(&mut Compressor::new(Encoding::Zstd)).unwrap();
    let (least, taken) = (seal(0), seal(usize::MAX));
    assert_eq!(taken.header.layout, Layout::Typed);
    assert_eq!(
        least,
        plain,
        "{} bytes typed, {} plain",
        taken.data.len(),
        plain.data.len()
    );
    assert_eq!(seal(taken.data.len()), least, "not below the bound");
    assert_eq!(read(&taken, ColumnSet::ALL), read(&plain, ColumnSet::ALL));
}
