//! Entries for tests, and the plain reading of a chunk.
#![allow(dead_code, reason = "each test binary uses its part")]

use loki_chunk::{BlockColumns, Chunk, ColumnSet, Encoding, Entry, Error, HeadBlock};
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
