//! Writing a segment, stream by stream.

use super::filters::FilterTable;
use super::layout::{Footer, MAGIC, Section};
use super::manifest::SegmentMeta;
use crate::Error;
use crate::files::WriteFile;
use loki_chunk::{BlockHeader, directory};
use loki_index::{ChunkPlace, IndexBuilder};
use loki_logql::Labels;
use std::sync::Arc;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes one segment into a new file.
///
/// Streams come in label order; what was written counts for nothing before [`finish`](SegmentWriter::finish).
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    file: Arc<dyn WriteFile>,
    name: String,
    buffer: Vec<u8>,
    /// Bytes written and gathered.
    length: u64,
    /// Of each stream, where its directory begins behind the offsets.
    starts: Vec<u64>,
    directories: Vec<u8>,
    filters: FilterTable,
    index: IndexBuilder,
    footer: Footer,
    settled: bool,
}

/// Writes the blocks of one stream, each as it comes: none of them is kept.
#[derive(Debug)]
pub(crate) struct StreamWriter<'w> {
    segment: &'w mut SegmentWriter,
    labels: &'w Labels,
    /// Where the stream begins in the file.
    start: u64,
    headers: Vec<BlockHeader>,
    place: ChunkPlace,
}

impl SegmentWriter {
    /// A writer into `file`, which is empty and called `name` in errors.
    pub(crate) fn new(file: Arc<dyn WriteFile>, name: String) -> SegmentWriter {
        let footer = Footer {
            min_timestamp: i64::MAX,
            max_timestamp: i64::MIN,
            ..Footer::default()
        };
        SegmentWriter {
            file,
            name,
            buffer: MAGIC.to_vec(),
            length: MAGIC.len() as u64,
            starts: Vec::new(),
            directories: Vec::new(),
            filters: FilterTable::default(),
            index: IndexBuilder::new(),
            footer,
            settled: false,
        }
    }

    /// Says that blocks are laid out for good, not as a flush lays them out.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    /// Whether no stream was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Begins a stream. Without blocks it is left out; it counts once it is [finished](StreamWriter::finish).
    pub(crate) fn stream<'w>(&'w mut self, labels: &'w Labels) -> StreamWriter<'w> {
        StreamWriter {
            labels,
            start: self.length,
            headers: Vec::new(),
            place: ChunkPlace {
                offset: self.length,
                length: 0,
                min_timestamp: i64::MAX,
                max_timestamp: i64::MIN,
                entries: 0,
                bytes: 0,
            },
            segment: self,
        }
    }

    /// Writes everything behind the blocks and makes the file durable; it is the segment `number` then.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Io`].
    pub(crate) fn finish(mut self, number: u64) -> Result<SegmentMeta, Error> {
        self.write_filters()?;
        // Offsets first, one more than there are streams, counted from the start of the section.
        let behind = (self.starts.len() as u64 + 1) * 8;
        let mut section = Vec::with_capacity(behind as usize + self.directories.len());
        for start in self.starts.iter().chain([&(self.directories.len() as u64)]) {
            section.extend_from_slice(&(behind + start).to_le_bytes());
        }
        section.extend_from_slice(&self.directories);
        self.footer.directories = self.section(&section)?;
        let mut index = Vec::new();
        std::mem::take(&mut self.index)
            .finish(&mut index)
            .map_err(|e| Error::corrupt(&self.name, e))?;
        self.footer.index = self.section(&index)?;
        let filters = self.filters.encode();
        self.footer.filters = self.section(&filters)?;
        let footer = self.footer;
        self.write(&footer.encode())?;
        self.drain()?;
        self.file.sync().map_err(|e| Error::io(&self.name, e))?;
        Ok(SegmentMeta {
            number,
            order: number,
            bytes: self.length,
            min_timestamp: footer.min_timestamp,
            max_timestamp: footer.max_timestamp,
            streams: footer.streams,
            entries: footer.entries,
            line_bytes: footer.line_bytes,
            settled: self.settled,
        })
    }

    fn write_filters(&mut self) -> Result<(), Error> {
        let run = self.filters.take_run(self.length);
        self.write(&run)
    }

    fn section(&mut self, bytes: &[u8]) -> Result<Section, Error> {
        let section = Section {
            offset: self.length,
            length: bytes.len() as u64,
            crc: crc32fast::hash(bytes),
        };
        self.write(bytes)?;
        Ok(section)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.buffer.len() >= BUFFER_BYTES {
            self.drain()
        } else {
            Ok(())
        }
    }

    fn drain(&mut self) -> Result<(), Error> {
        self.file.append(&self.buffer).map_err(|e| Error::io(&self.name, e))?;
        self.buffer.clear();
        Ok(())
    }
}

impl StreamWriter<'_> {
    /// Writes the next block in time order, with its content filter, which is empty where it has none.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Io`].
    pub(crate) fn block(&mut self, header: &BlockHeader, data: &[u8], filter: &[u8]) -> Result<(), Error> {
        let segment = &mut *self.segment;
        if self.headers.is_empty() {
            segment.filters.begin_stream();
        }
        segment.filters.push(filter);
        self.headers.push(BlockHeader {
            offset: segment.length - self.start,
            ..*header
        });
        let place = &mut self.place;
        place.min_timestamp = place.min_timestamp.min(header.min_timestamp);
        place.max_timestamp = place.max_timestamp.max(header.max_timestamp);
        place.entries += u64::from(header.entries);
        place.bytes += header.line_bytes;
        segment.write(data)?;
        place.length = segment.length - self.start;
        if segment.filters.is_full() {
            segment.write_filters()?;
        }
        Ok(())
    }

    /// Ends the stream.
    pub(crate) fn finish(self) {
        let StreamWriter {
            segment,
            labels,
            headers,
            place,
            ..
        } = self;
        if headers.is_empty() {
            return;
        }
        segment.starts.push(segment.directories.len() as u64);
        segment.directories.extend_from_slice(&directory::encode(&headers));
        let pairs: Vec<(&str, &str)> = labels.iter().collect();
        segment.index.push(&pairs, &[place]);
        let footer = &mut segment.footer;
        footer.streams += 1;
        footer.entries += place.entries;
        footer.line_bytes += place.bytes;
        footer.min_timestamp = footer.min_timestamp.min(place.min_timestamp);
        footer.max_timestamp = footer.max_timestamp.max(place.max_timestamp);
    }
}
