//! Chunks of version 1 as they were first written stay readable, and damaged ones stay refused.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fs;
use std::path::PathBuf;

use loki_chunk::{Chunk, ChunkBuilder, Encoding, Entry, ErrorKind};

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", name].iter().collect()
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

/// Out of order, with ties, empty lines, newlines, invalid UTF-8, absent and empty metadata, in two blocks.
fn entries() -> Vec<Entry> {
    let entry = |timestamp, line: &[u8], metadata: &[(&str, &str)]| Entry {
        timestamp,
        line: line.to_vec(),
        metadata: metadata
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    let mut entries = vec![
        entry(
            1_700_000_000_000_000_300,
            b"third",
            &[("pod", "a-1"), ("trace", "00ff")],
        ),
        entry(1_700_000_000_000_000_100, b"", &[]),
        entry(1_700_000_000_000_000_200, b"two\nlines", &[("pod", "a-2")]),
        entry(1_700_000_000_000_000_200, b"\xff\xfe", &[("empty", ""), ("pod", "a-1")]),
    ];
    for second in 0..200 {
        let line = format!(
            "level=info msg=\"request done\" path=/items/{} took={}ms",
            second * 7 % 31,
            second % 13
        );
        let timestamp = 1_700_000_001_000_000_000 + second * 1_000_000_000 + second % 3 * 1_000_000;
        entries.push(entry(
            timestamp,
            line.as_bytes(),
            &[("pod", if second % 5 == 0 { "a-2" } else { "a-1" })],
        ));
    }
    entries
}

fn chunk(encoding: Encoding) -> Vec<u8> {
    let mut builder = ChunkBuilder::new(encoding);
    let mut pairs = Vec::new();
    for (place, entry) in entries().iter().enumerate() {
        if place == 4 {
            builder.cut();
        }
        builder.append(entry.borrow(&mut pairs)).unwrap();
    }
    builder.finish()
}

#[test]
fn chunks_of_version_1_hold_what_they_held() {
    let mut expected = entries();
    expected[..4].sort_by_key(|entry| entry.timestamp);
    for encoding in Encoding::ALL {
        let bytes = golden(&format!("v1_{encoding}.chunk"));
        assert_eq!(support::read_all(&bytes).unwrap(), expected, "{encoding}");
        Chunk::open(&bytes).unwrap().verify().unwrap();
    }
}

#[test]
fn an_uncompressed_chunk_is_written_byte_for_byte_as_in_version_1() {
    assert_eq!(chunk(Encoding::None), golden("v1_none.chunk"));
}

#[test]
fn a_chunk_of_no_blocks_opens() {
    let chunk = Chunk::open(golden("v1_empty.chunk")).unwrap();
    assert!(chunk.blocks().is_empty() && chunk.is_sorted());
    chunk.verify().unwrap();
}

#[test]
fn a_truncated_chunk_is_refused_at_its_end() {
    let bytes = golden("v1_truncated_tail.chunk");
    assert!(matches!(
        Chunk::open(bytes).unwrap_err().kind(),
        ErrorKind::Magic { .. }
    ));
}

#[test]
fn a_flipped_bit_in_the_lines_opens_and_fails_its_checksum() {
    let chunk = Chunk::open(golden("v1_flipped_line_bit.chunk")).unwrap();
    let error = chunk.verify().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Checksum { section: "lines", .. }),
        "{error}"
    );
}

#[test]
fn a_flipped_bit_in_the_directory_does_not_open() {
    let error = Chunk::open(golden("v1_flipped_directory_bit.chunk")).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Checksum {
                section: "directory",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_later_version_is_refused_by_name() {
    let error = Chunk::open(golden("v1_version_2.chunk")).unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::Version {
            oldest: 1,
            newest: 1,
            found: 2
        }
    );
    assert!(
        error
            .to_string()
            .starts_with("format version is 2, this reader accepts 1 to 1"),
        "{error}"
    );
}

/// Writes the files. They are never written again for a version that was released: a change is a new version.
#[test]
#[ignore = "writes the golden files"]
fn write_golden_files() {
    let write = |name: &str, bytes: &[u8]| fs::write(path(name), bytes).unwrap();
    for encoding in Encoding::ALL {
        write(&format!("v1_{encoding}.chunk"), &chunk(encoding));
    }
    write("v1_empty.chunk", &ChunkBuilder::new(Encoding::Zstd).finish());

    let sound = chunk(Encoding::Zstd);
    write("v1_truncated_tail.chunk", &sound[..sound.len() - 3]);
    let opened = Chunk::open(sound.as_slice()).unwrap();
    let end_of_lines = opened.blocks()[1].data_range().end as usize;
    let flipped = |place: usize| {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x10;
        bytes
    };
    write("v1_flipped_line_bit.chunk", &flipped(end_of_lines - 5));
    write("v1_flipped_directory_bit.chunk", &flipped(end_of_lines + 40));
    let mut later = sound.clone();
    later[end_of_lines + 4] = 2;
    write("v1_version_2.chunk", &later);
}
