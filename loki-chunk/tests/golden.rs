//! Chunks of every version as they were first written stay readable, and damaged ones stay refused.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fs;
use std::path::PathBuf;

use loki_chunk::{Chunk, ChunkBuilder, Compressor, Encoding, Entry, ErrorKind, HeadBlock, Layout};

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

/// Variables of every kind that a typed column has: numbers, padded and of all lengths, ids in both cases, UUIDs, texts, words.
fn typed_entries() -> Vec<Entry> {
    let words = ["alpha7beta7gamma7", "delta8epsilon8zeta8"];
    let entries = (0..300u64).map(|place| {
        // No variable holds the digits of another: those a codec of texts would find.
        let random = |which: u64| {
            let mixed = (place * 8 + which + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ mixed >> 29).wrapping_mul(0xd6e8_feb8_6659_fd93)
        };
        let line = match place % 3 {
            0 => format!(
                "at={place} day={:02} id={:016x} HASH={:08X} ptr=0x{:x} {:04}",
                place % 28 + 1,
                random(0),
                random(1) as u32 | 1,
                random(2) >> 17,
                1_000 >> (place % 7),
            ),
            1 => format!(
                "user {:08x}-{:04x}-{:04x}-{:04x}-{:012x} said {} code {}",
                random(0) as u32,
                random(1) as u16,
                random(2) as u16,
                random(3) as u16,
                random(4) >> 16,
                words[place as usize % 2],
                [200, 404, 50_000][place as usize % 3],
            ),
            _ => format!(
                "odd {} {:0>3$} x{}y1z2",
                random(0) % 1_000_000,
                place,
                random(1),
                place as usize % 25
            ),
        };
        Entry {
            timestamp: 1_700_000_000_000_000_000 + (place * place * 1_000_003) as i64,
            line: line.into_bytes(),
            metadata: vec![("pod".to_owned(), format!("a-{}", place % 2))],
        }
    });
    let odd: [&[u8]; 3] = [b"", b"two\nlines 7", b"\xff\xfe 007"];
    let odd = odd.iter().map(|line| Entry {
        timestamp: 1_700_001_000_000_000_000,
        line: line.to_vec(),
        metadata: Vec::new(),
    });
    entries.chain(odd).collect()
}

fn typed_chunk(encoding: Encoding) -> Vec<u8> {
    let mut head = HeadBlock::new();
    let mut pairs = Vec::new();
    for entry in &typed_entries() {
        head.append(entry.borrow(&mut pairs)).unwrap();
    }
    let mut builder = ChunkBuilder::new(encoding);
    builder.push_block(&head.seal_with(&mut Compressor::typed(encoding)));
    builder.push_block(&head.seal(encoding));
    builder.finish()
}

#[test]
fn chunks_of_version_2_hold_what_they_held() {
    let expected = [typed_entries(), typed_entries()].concat();
    for encoding in [Encoding::None, Encoding::Zstd] {
        let bytes = golden(&format!("v2_typed_{encoding}.chunk"));
        assert_eq!(support::read_all(&bytes).unwrap(), expected, "{encoding}");
        let chunk = Chunk::open(&bytes).unwrap();
        chunk.verify().unwrap();
        let layouts: Vec<Layout> = chunk.blocks().iter().map(|header| header.layout).collect();
        assert_eq!(layouts, [Layout::Typed, Layout::Plain]);
    }
}

#[test]
fn an_uncompressed_typed_chunk_is_written_byte_for_byte_as_in_version_2() {
    assert_eq!(typed_chunk(Encoding::None), golden("v2_typed_none.chunk"));
}

#[test]
fn a_chunk_without_typed_blocks_is_still_of_version_1() {
    let sound = golden("v1_zstd.chunk");
    let typed = golden("v2_typed_zstd.chunk");
    let version = |bytes: &[u8]| {
        let chunk = Chunk::open(bytes).unwrap();
        let end = chunk.blocks().last().unwrap().data_range().end as usize;
        u16::from_le_bytes([bytes[end + 4], bytes[end + 5]])
    };
    assert_eq!((version(&sound), version(&typed)), (1, 2));
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
    let error = Chunk::open(golden("v2_version_3.chunk")).unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::Version {
            oldest: 1,
            newest: 2,
            found: 3
        }
    );
    assert!(
        error
            .to_string()
            .starts_with("format version is 3, this reader accepts 1 to 2"),
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
    later[end_of_lines + 4] = 3;
    write("v2_version_3.chunk", &later);
    for encoding in [Encoding::None, Encoding::Zstd] {
        write(&format!("v2_typed_{encoding}.chunk"), &typed_chunk(encoding));
    }
}
