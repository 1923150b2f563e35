//! Small blocks whose tables promise much: each is refused before it costs room or time.

use super::blobs::BlobWriter;
use super::numbers;
use super::{Chosen, Decoder, Shape};
use crate::encoding::{Compressor, Encoding};
use crate::error::Error;
use crate::format::BLOCK_MAX_BYTES;
use crate::line_search::LineSearch;

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
        Self::with_literal(b"")
    }

    /// The same with a text.
    fn with_literal(text: &[u8]) -> Self {
        let mut forged = Self {
            blobs: BlobWriter::default(),
            compressor: Compressor::new(Encoding::Zstd),
        };
        forged.blobs.put_varint(1);
        forged.numbers(&[text.len() as u64]);
        forged.blobs.put(text, &mut forged.compressor);
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

    fn finish(mut self) -> Vec<u8> {
        let mut stored = Vec::new();
        self.blobs.finish(&mut self.compressor, &mut stored);
        stored
    }
}

fn is_refused_cheaply(forged: Forged) {
    let stored = forged.finish();
    assert!(
        stored.len() < BLOCK_MAX_BYTES,
        "{} bytes are more than such a block has",
        stored.len()
    );
    let mut decoder = Decoder::default();
    let read = decoder.lines(&stored, Encoding::Zstd, SHAPE, &mut Vec::new(), &mut Vec::new());
    read.expect_err("it makes no sense");
    assert!(decoder.memory_bytes() < MOST_MEMORY, "{}", decoder.memory_bytes());
    // A line is passed over and one printed, which may be less than was promised.
    let shape = Shape { entries: 2, ..SHAPE };
    let chosen = Chosen {
        entries: &[1],
        longest_line: SHAPE.line_bytes,
    };
    let _ = decoder.lines_of(&stored, Encoding::Zstd, shape, chosen, &mut Vec::new(), &mut Vec::new());
    assert!(decoder.memory_bytes() < MOST_MEMORY, "{}", decoder.memory_bytes());
    // What a search does not look at, it need not refuse.
    let _ = search(&stored, b"0123456789abcdef");
}

fn search(stored: &[u8], needle: &[u8]) -> Result<Vec<u32>, Error> {
    let (mut decoder, mut search, mut found) = (Decoder::default(), LineSearch::new(), Vec::new());
    search.holds_any(&[needle.iter().map(|&byte| [byte]).collect::<Vec<_>>()]);
    let done = decoder.search(stored, Encoding::Zstd, SHAPE, search.clauses(), &mut found);
    assert!(decoder.memory_bytes() < MOST_MEMORY, "{}", decoder.memory_bytes());
    done.map(|_| found)
}

#[test]
fn a_literal_that_follows_itself_is_not_followed_for_ever() {
    let mut forged = Forged::with_literal(b"x");
    forged.blobs.put_varint(1);
    // Decimal, one value, which is 0.
    forged.table(&[0, 1, 0, 0, 0]);
    let stored = forged.finish();
    search(&stored, b"x").expect_err("it comes more often than there are bytes");
    search(&stored, b"x0x0x").expect_err("there is but one value");
    assert_eq!(search(&stored, b"y"), Ok(Vec::new()), "no literal and no digit is a y");
}

#[test]
fn a_word_that_stands_for_many_values_is_gone_through_no_further_than_there_are_lines() {
    let values = BLOCK_MAX_BYTES / 4;
    let mut forged = Forged::with_literal(b"x");
    forged.blobs.put_varint(2);
    // Words, of which there is one. A needle cannot end in it, but goes on for ever.
    forged.table(&[7]);
    forged.blobs.put_varint(values as u64);
    forged.table(&[1]);
    let word = b"ero".repeat(BLOCK_MAX_BYTES / 8);
    forged.numbers(&[word.len() as u64]);
    let Forged { blobs, compressor } = &mut forged;
    blobs.put(&word, compressor);
    blobs.put(&vec![0; values], compressor);
    // Decimal, not part of any line: beside so many values it seems worth while to go through the others.
    forged.table(&[0]);
    forged.blobs.put_varint(values as u64);
    forged.numbers(&vec![0; values]);
    let stored = forged.finish();
    search(&stored, b"error").expect_err("the lines would be longer than they are");
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
