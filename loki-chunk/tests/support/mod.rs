//! Entries for tests, and the plain reading of a chunk.
#![allow(dead_code, reason = "each test binary uses its part")]

use loki_chunk::{Block, BlockColumns, Chunk, ColumnSet, Compressor, Encoding, Entry, EntryRef, Error, HeadBlock};
use proptest::prelude::*;

pub(crate) fn any_encoding() -> impl Strategy<Value = Encoding> {
    proptest::sample::select(Encoding::ALL.to_vec())
}

/// Entries with few distinct timestamps, lines and pairs, so that ties and duplicates are common, and some of anything.
pub(crate) fn any_entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
    let timestamp = prop_oneof![12 => 0i64..12, 1 => any::<i64>()];
    let line = prop_oneof![
        Just(Vec::new()),
        Just(b"two\nlines".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(b"level=info msg=\"a line that repeats itself\" ".repeat(4)),
    ];
    let name = prop_oneof![
        Just("pod".to_owned()),
        Just("trace".to_owned()),
        Just(String::new()),
        ".{0,3}"
    ];
    let value = prop_oneof![Just("a".to_owned()), Just(String::new()), ".{0,5}"];
    let metadata = proptest::collection::btree_map(name, value, 0..4);
    let entry = (timestamp, line, metadata).prop_map(|(timestamp, line, metadata)| Entry {
        timestamp,
        line,
        metadata: metadata.into_iter().collect(),
    });
    proptest::collection::vec(entry, 0..most)
}

/// A block of these lines, a nanosecond apart.
pub(crate) fn block_of(lines: impl Iterator<Item = String>, compressor: &mut Compressor) -> Block {
    let mut head = HeadBlock::new();
    for (place, line) in lines.enumerate() {
        let entry = EntryRef {
            timestamp: place as i64,
            line: line.as_bytes(),
            metadata: &[],
        };
        head.append(entry).unwrap();
    }
    head.seal_with(compressor)
}

pub(crate) fn append_all(head: &mut HeadBlock, entries: &[Entry]) {
    let mut pairs = Vec::new();
    entries
        .iter()
        .for_each(|entry| head.append(entry.borrow(&mut pairs)).unwrap());
}

pub(crate) fn sorted(entries: &[Entry]) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| entry.timestamp);
    entries
}

pub(crate) fn entries_of(columns: &BlockColumns) -> Vec<Entry> {
    let mut pairs = Vec::new();
    (0..columns.len())
        .map(|entry| columns.entry(entry, &mut pairs).into())
        .collect()
}

/// All entries of a chunk, block by block.
pub(crate) fn read_all(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    let chunk = Chunk::open(bytes)?;
    let mut columns = BlockColumns::new();
    let mut entries = Vec::new();
    for index in 0..chunk.blocks().len() {
        chunk.read(index, &mut columns, ColumnSet::ALL)?;
        entries.extend(entries_of(&columns));
    }
    Ok(entries)
}

/// Lines of a few templates, whose variables are anything that looks like a number, an id or a word, and some that are not.
pub(crate) fn any_log() -> impl Strategy<Value = Vec<Entry>> {
    let word = prop_oneof![Just("GET"), Just("user"), Just("took_ms"), Just("naïve"), Just("")];
    let sign = prop_oneof![
        Just("="),
        Just(": "),
        Just("\":\""),
        Just("."),
        Just("-"),
        Just("\n"),
        Just(" 0x"),
        Just("/")
    ];
    let template = proptest::collection::vec((word, sign, 0usize..8), 1..8);
    let templates = proptest::collection::vec(template, 1..4);
    let variable = (
        prop_oneof![
            "[0-9]{1,3}",
            "[1-9][0-9]{0,17}",
            "0{1,4}[0-9]{0,3}",
            "[0-9]{17,24}",
            "[0-9a-f]{6,9}",
            "[0-9A-F]{16}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[a-zA-Z0-9]{1,20}",
        ],
        0usize..8,
    );
    let lines = proptest::collection::vec((0usize..4, proptest::collection::vec(variable, 8)), 1..120);
    (templates, lines).prop_map(|(templates, lines)| {
        let line = |(template, variables): (usize, Vec<(String, usize)>)| {
            let mut text = Vec::new();
            for (place, (word, sign, kind)) in templates[template % templates.len()].iter().enumerate() {
                text.extend_from_slice(word.as_bytes());
                text.extend_from_slice(sign.as_bytes());
                // Some places hold what others of theirs hold, some anything.
                let (variable, other) = &variables[place];
                match kind {
                    0 => text.extend_from_slice(other.to_string().as_bytes()),
                    1 => text.extend_from_slice(format!("{:02}:{:02}", other % 60, other * 7).as_bytes()),
                    2 => text.push(*other as u8 + 0xf8),
                    _ => text.extend_from_slice(variable.as_bytes()),
                }
            }
            text
        };
        let entry = |(place, line): (usize, Vec<u8>)| Entry {
            timestamp: place as i64 * 1_000_003,
            line,
            metadata: Vec::new(),
        };
        lines.into_iter().map(line).enumerate().map(entry).collect()
    })
}

pub(crate) fn head_of(entries: &[Entry]) -> HeadBlock {
    let mut head = HeadBlock::new();
    append_all(&mut head, entries);
    head
}
