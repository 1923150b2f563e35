//! Small blocks whose tables promise much: each is refused before it costs room or time.

use super::blobs::BlobWriter;
use super::numbers;
use super::{Decoder, Shape};
use crate::encoding::{Compressor, Encoding};
use crate::error::Error;
use crate::format::BLOCK_MAX_BYTES;

/// Far above what a reader takes for the largest block, far below what these blocks ask for.
const MOST_MEMORY: usize = 256 << 20;

const SHAPE: Shape = Shape {
    entries: 1,
    line_bytes: BLOCK_MAX_BYTES,
};

/// Typed lines that are put together by hand.
struct Forged {
    blobs: BlobWriter,
    compressor: Compressor,
}

impl Forged {
    /// One literal without text, which follows itself, and the first column behind it.
    fn new() -> Self {
        let mut forged = Self {
            blobs: BlobWriter::default(),
            compressor: Compressor::new(Encoding::Zstd),
        };
        forged.blobs.put_varint(1);
        forged.numbers(&[0]);
        forged.numbers(&[1]);
        forged.numbers(&[1, 1]);
        forged.numbers(&[0, 0]);
        forged.numbers(&[]);
        forged
    }

    fn numbers(&mut self, values: &[u64]) {
        numbers::encode(
            values,
            &mut numbers::Scratch::default(),
            &mut self.blobs,
            &mut self.compressor,
        );
    }

    fn table(&mut self, bytes: &[u8]) {
        self.blobs.table.extend_from_slice(bytes);
    }

    /// How many bytes it has, what reading it comes to, and what the reader holds then.
    fn read(mut self) -> (usize, Result<(), Error>, usize) {
        let mut stored = Vec::new();
        self.blobs.finish(&mut self.compressor, &mut stored);
        let mut decoder = Decoder::default();
        let read = decoder.lines(&stored, Encoding::Zstd, SHAPE, &mut Vec::new(), &mut Vec::new());
        (stored.len(), read, decoder.memory_bytes())
    }
}

fn is_refused_cheaply(forged: Forged) {
    let (stored, read, memory) = forged.read();
    assert!(
        stored < BLOCK_MAX_BYTES,
        "{stored} bytes are more than such a block has"
    );
    let error = read.expect_err("it makes no sense");
    assert!(memory < MOST_MEMORY, "{memory} bytes for {stored}: {error}");
}

#[test]
fn ids_of_no_digits_do_not_go_on_for_ever() {
    for kind in [3, 4] {
        let mut forged = Forged::new();
        forged.blobs.put_varint(1);
        // Kind, values, digits, layout.
        forged.table(&[kind, 1, 0, 0]);
        is_refused_cheaply(forged);
    }
}

#[test]
fn columns_of_no_values_bring_no_words() {
    let mut forged = Forged::new();
    let columns = 1_000_000;
    forged.blobs.put_varint(columns);
    for _ in 0..columns {
        forged.table(&[7, 0]);
        forged.blobs.put_varint(256);
        // Lengths that are all 0.
        forged.table(&[0, 0, 0]);
    }
    is_refused_cheaply(forged);
}

#[test]
fn columns_of_no_values_bring_no_rows() {
    let mut forged = Forged::new();
    let columns = 1_000_000;
    forged.blobs.put_varint(columns);
    for _ in 0..columns {
        forged.table(&[3, 0]);
        forged.blobs.put_varint(BLOCK_MAX_BYTES as u64);
        forged.table(&[1]);
    }
    is_refused_cheaply(forged);
}

#[test]
fn words_together_are_no_longer_than_the_lines() {
    let mut forged = Forged::new();
    let columns = 1_000;
    let word = vec![b'x'; BLOCK_MAX_BYTES - columns];
    forged.blobs.put_varint(columns as u64);
    for _ in 0..columns {
        // Kind, values, words.
        forged.table(&[7, 1, 1]);
        forged.numbers(&[word.len() as u64]);
        let Forged { blobs, compressor } = &mut forged;
        blobs.put(&word, compressor);
        blobs.put(&[0], compressor);
    }
    is_refused_cheaply(forged);
}
