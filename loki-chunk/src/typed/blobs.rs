//! Runs of bytes, each compressed apart because each has a distribution of its own; short ones are compressed together.

use crate::encoding::{Compressor, Decompressor, Encoding};
use crate::error::{Error, Result};
use crate::format::{Reader, put_varint};

/// From so many bytes on a run is compressed apart: the head of a compressed frame, its table of codes above all, then weighs
/// less than what sharing it would lose.
const LEAST_APART: usize = 512;
const SECTION: &str = "typed columns";

/// What is gathered of a section: a table of numbers, and runs of bytes.
///
/// Layout: table, short runs, long runs. The lengths of runs are known to whoever reads the table.
#[derive(Debug, Default)]
pub(super) struct BlobWriter {
    pub(super) table: Vec<u8>,
    short: Vec<u8>,
    long: Vec<u8>,
}

impl BlobWriter {
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.short.clear();
        self.long.clear();
    }

    pub(super) fn put_varint(&mut self, value: u64) {
        put_varint(&mut self.table, value);
    }

    /// Adds a run, whose length the reader must know.
    pub(super) fn put(&mut self, run: &[u8], compressor: &mut Compressor) {
        if run.len() < LEAST_APART {
            self.short.extend_from_slice(run);
            return;
        }
        let stored = compressor.compress(run);
        put_varint(&mut self.table, stored.len() as u64);
        self.long.extend_from_slice(stored);
    }

    /// Appends all of it to `out`.
    pub(super) fn finish(&mut self, compressor: &mut Compressor, out: &mut Vec<u8>) {
        for part in [&self.table, &self.short] {
            let stored = compressor.compress(part);
            put_varint(out, part.len() as u64);
            put_varint(out, stored.len() as u64);
            out.extend_from_slice(stored);
        }
        out.extend_from_slice(&self.long);
    }
}

/// Buffers of a [`BlobReader`], to be used again.
#[derive(Debug, Default)]
pub(super) struct BlobBuffers {
    table: Vec<u8>,
    short: Vec<u8>,
    long: Vec<u8>,
    decompressor: Decompressor,
}

impl BlobBuffers {
    pub(super) fn memory_bytes(&self) -> usize {
        self.table.capacity() + self.short.capacity() + self.long.capacity()
    }
}

/// Where a [`BlobReader`] stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    table: usize,
    short: usize,
    stored: usize,
}

/// Reads what a [`BlobWriter`] wrote.
#[derive(Debug)]
pub(super) struct BlobReader<'a> {
    pub(super) table: Reader<'a>,
    short: Reader<'a>,
    stored: Reader<'a>,
    long: &'a mut Vec<u8>,
    decompressor: &'a mut Decompressor,
    encoding: Encoding,
}

impl<'a> BlobReader<'a> {
    /// Over a section whose table and short runs are each of at most `most_bytes`.
    pub(super) fn open(
        stored: &'a [u8],
        encoding: Encoding,
        most_bytes: usize,
        buffers: &'a mut BlobBuffers,
    ) -> Result<Self> {
        let BlobBuffers {
            table,
            short,
            long,
            decompressor,
        } = buffers;
        let mut reader = Reader::new(stored);
        for part in [&mut *table, &mut *short] {
            let raw_bytes = reader.count("bytes of a part of typed columns", most_bytes)?;
            let stored_bytes = reader.count("stored bytes of a part of typed columns", raw_bytes)?;
            let bytes = reader.take(stored_bytes)?;
            if stored_bytes == raw_bytes {
                part.clear();
                part.extend_from_slice(bytes);
            } else {
                decompressor
                    .decompress(encoding, bytes, raw_bytes, part)
                    .map_err(|reason| Error::malformed(SECTION, reason, 0))?;
            }
        }
        Ok(Self {
            table: Reader::new(table),
            short: Reader::new(short),
            stored: reader,
            long,
            decompressor,
            encoding,
        })
    }

    /// The next run, which is of `length` bytes: at most what the caller has checked.
    pub(super) fn take(&mut self, length: usize) -> Result<&[u8]> {
        if length < LEAST_APART {
            return self.short.take(length);
        }
        let stored_bytes = self.table.count("stored bytes of typed columns", length)?;
        let stored = self.stored.take(stored_bytes)?;
        if stored_bytes == length {
            return Ok(stored);
        }
        self.decompressor
            .decompress(self.encoding, stored, length, self.long)
            .map_err(|reason| Error::malformed(SECTION, reason, 0))?;
        Ok(self.long)
    }

    /// Passes over the next run, as [`take`](Self::take) does.
    pub(super) fn skip(&mut self, length: usize) -> Result<()> {
        if length < LEAST_APART {
            return self.short.take(length).map(drop);
        }
        let stored_bytes = self.table.count("stored bytes of typed columns", length)?;
        self.stored.take(stored_bytes).map(drop)
    }

    /// Where it stands, to come back to.
    pub(super) fn place(&self) -> Place {
        Place {
            table: self.table.at(),
            short: self.short.at(),
            stored: self.stored.at(),
        }
    }

    /// Goes on from a place where it once stood.
    pub(super) fn go_to(&mut self, place: Place) {
        self.table.go_to(place.table);
        self.short.go_to(place.short);
        self.stored.go_to(place.stored);
    }

    /// Refuses bytes left over.
    pub(super) fn finish(self) -> Result<()> {
        self.table.finish(SECTION)?;
        self.short.finish(SECTION)?;
        self.stored.finish(SECTION)
    }
}
