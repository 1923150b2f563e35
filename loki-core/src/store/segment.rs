//! Reading a segment.

use super::filters::Filters;
use super::layout::{Footer, View};
use super::manifest::SegmentMeta;
use crate::Error;
use crate::files::{FileBytes, Files};
use loki_chunk::{BlockHeader, directory};
use loki_index::{ChunkPlace, Index, Needles, Postings, Predicate, SeriesId};
use loki_logql::Labels;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// One immutable file of many streams' chunks with their index.
#[derive(Debug)]
pub(crate) struct Segment {
    name: String,
    meta: SegmentMeta,
    bytes: FileBytes,
    directories: View,
    index: Index<View>,
    filters: Filters,
    /// Label sets as they were first needed, by series id.
    labels: Vec<OnceLock<Labels>>,
    /// Bytes of lines and metadata, once somebody asked.
    data_bytes: OnceLock<u64>,
    /// Whether damage was found in it.
    is_damaged: AtomicBool,
}

/// The chunk of one stream in a segment.
#[derive(Debug)]
pub(crate) struct SegmentChunk {
    pub(crate) labels: Labels,
    /// Its blocks in time order.
    pub(crate) blocks: Vec<SegmentBlock>,
}

/// A block in a segment.
#[derive(Debug, Clone)]
pub(crate) struct SegmentBlock {
    pub(crate) header: BlockHeader,
    /// Where the data lie in the file.
    pub(crate) data: Range<usize>,
    /// Its number, counted over the segment; by it the content filter is found.
    number: u32,
}

impl Segment {
    /// Opens the segment `path` that the manifest describes as `meta`.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io), [`Corrupt`](crate::ErrorKind::Corrupt) where footer or index are damaged.
    pub(crate) fn open(files: &dyn Files, path: &Path, meta: SegmentMeta) -> Result<Segment, Error> {
        let name = path.display().to_string();
        let bytes = files.read(path).map_err(|e| Error::io(&name, e))?;
        let footer = Footer::decode(&bytes).map_err(|problem| Error::corrupt(&name, problem))?;
        let directories = View::new(bytes.clone(), &footer.directories);
        directories.verify(&name, &footer.directories)?;
        let index = View::new(bytes.clone(), &footer.index);
        index.verify(&name, &footer.index)?;
        let index = Index::open(index).map_err(|problem| Error::corrupt(&name, problem))?;
        let filters = View::new(bytes.clone(), &footer.filters);
        filters.verify(&name, &footer.filters)?;
        let filters =
            Filters::open(filters, bytes.clone(), index.len()).map_err(|problem| Error::corrupt(&name, problem))?;
        let labels = (0..index.len()).map(|_| OnceLock::new()).collect();
        Ok(Segment {
            name,
            meta,
            bytes,
            directories,
            index,
            filters,
            labels,
            data_bytes: OnceLock::new(),
            is_damaged: AtomicBool::new(false),
        })
    }

    /// The path of its file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What the manifest says of it.
    pub(crate) fn meta(&self) -> &SegmentMeta {
        &self.meta
    }

    /// Whether an entry of it can have a timestamp in `start..end`.
    pub(crate) fn overlaps(&self, start: i64, end: i64) -> bool {
        self.meta.max_timestamp >= start && self.meta.min_timestamp < end
    }

    /// The streams that `predicates` select, of those with entries in `times`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn select(&self, predicates: &[Predicate], times: &Range<i64>) -> Result<Postings, Error> {
        self.ids(predicates, times.start, times.end.saturating_sub(1))
    }

    /// The chunk of a stream with those of its blocks alone that have entries in `times` and may hold `needles`; `None`
    /// where there is no such block.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn chunk_within(
        &self,
        id: SeriesId,
        times: &Range<i64>,
        needles: &Needles,
    ) -> Result<Option<SegmentChunk>, Error> {
        // Most needles are in few streams: their filters are asked before anything else of a stream is read.
        let mut blocks = self.filters.blocks(id.0);
        let asks_first =
            !needles.is_empty() && !blocks.is_empty() && self.is_inside(times.start, times.end.saturating_sub(1));
        if asks_first && !blocks.any(|block| self.filters.may_match(block, needles)) {
            return Ok(None);
        }
        let chunk = self.chunk_where(id, |block| {
            block.header.overlaps(times) && (needles.is_empty() || self.filters.may_match(block.number, needles))
        })?;
        Ok((!chunk.blocks.is_empty()).then_some(chunk))
    }

    /// Bytes of the lines and the metadata of all its entries.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn data_bytes(&self) -> Result<u64, Error> {
        if let Some(&bytes) = self.data_bytes.get() {
            return Ok(bytes);
        }
        let mut bytes = 0u64;
        for id in 0..self.index.len() as u32 {
            let headers = self.directory(SeriesId(id))?.into_iter();
            let each = headers.map(|header| header.line_bytes.saturating_add(header.metadata_bytes));
            bytes = each.fold(bytes, u64::saturating_add);
        }
        Ok(*self.data_bytes.get_or_init(|| bytes))
    }

    /// Bytes of the headers of the blocks of a stream.
    pub(crate) fn directory_bytes(&self, id: SeriesId) -> usize {
        self.directory_range(id).map_or(0, |range| range.len())
    }

    /// The chunks of all streams, in label order.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt), one chunk at a time.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Result<SegmentChunk, Error>> + '_ {
        (0..self.index.len() as u32).map(|id| self.chunk(SeriesId(id)))
    }

    /// The label sets of the selected streams with entries in `start..=end`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn series(&self, predicates: &[Predicate], start: i64, end: i64) -> Result<Vec<Labels>, Error> {
        self.ids(predicates, start, end)?
            .iter()
            .map(|id| self.labels(id))
            .collect()
    }

    /// The label names of those streams.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn label_names(&self, predicates: &[Predicate], start: i64, end: i64) -> Result<Vec<String>, Error> {
        let ids = self.ids(predicates, start, end)?;
        self.index.label_names(Some(&ids)).map_err(|e| self.damaged(e))
    }

    /// The values of the label `name` in those streams.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn label_values(
        &self,
        name: &str,
        predicates: &[Predicate],
        start: i64,
        end: i64,
    ) -> Result<Vec<String>, Error> {
        let ids = self.ids(predicates, start, end)?;
        self.index.label_values(name, Some(&ids)).map_err(|e| self.damaged(e))
    }

    /// The bytes of a block.
    pub(crate) fn bytes(&self, block: &SegmentBlock) -> &[u8] {
        &self.bytes[block.data.clone()]
    }

    /// The content filter of a block, where it has one that is not damaged.
    pub(crate) fn filter(&self, block: &SegmentBlock) -> Option<&[u8]> {
        self.filters.copy(block.number)
    }

    /// The selected streams with entries in `start..=end`.
    fn ids(&self, predicates: &[Predicate], start: i64, end: i64) -> Result<Postings, Error> {
        let ids = self.index.select(predicates).map_err(|e| self.damaged(e))?;
        if self.is_inside(start, end) {
            return Ok(ids);
        }
        let mut within = Postings::new();
        for id in ids.iter() {
            if self
                .places(id)?
                .iter()
                .any(|place| place.max_timestamp >= start && place.min_timestamp <= end)
            {
                within.insert(id);
            }
        }
        Ok(within)
    }

    /// Whether all its entries have timestamps in `start..=end`.
    fn is_inside(&self, start: i64, end: i64) -> bool {
        self.meta.min_timestamp >= start && self.meta.max_timestamp <= end
    }

    fn chunk(&self, id: SeriesId) -> Result<SegmentChunk, Error> {
        self.chunk_where(id, |_| true)
    }

    /// The chunk of a stream with the blocks that are wanted.
    fn chunk_where(&self, id: SeriesId, is_wanted: impl Fn(&SegmentBlock) -> bool) -> Result<SegmentChunk, Error> {
        let place = *self
            .places(id)?
            .first()
            .ok_or_else(|| self.damaged(format_args!("series {} has no chunk", id.0)))?;
        let end = place
            .offset
            .checked_add(place.length)
            .filter(|&end| end <= self.bytes.len() as u64);
        let first = self.filters.blocks(id.0).start;
        let block = |(header, number): (BlockHeader, u32)| {
            let data = header.data_range();
            let range = place
                .offset
                .checked_add(data.start)
                .zip(place.offset.checked_add(data.end));
            match range.zip(end) {
                Some(((from, to), end)) if from <= to && to <= end => Ok(SegmentBlock {
                    header,
                    data: from as usize..to as usize,
                    number,
                }),
                _ => Err(self.damaged(format_args!("a block of series {} lies outside its chunk", id.0))),
            }
        };
        let mut blocks = Vec::new();
        for header in self.directory(id)?.into_iter().zip(first..) {
            let block = block(header)?;
            if is_wanted(&block) {
                blocks.push(block);
            }
        }
        Ok(SegmentChunk {
            labels: self.labels(id)?,
            blocks,
        })
    }

    fn places(&self, id: SeriesId) -> Result<Vec<ChunkPlace>, Error> {
        self.index.places(id).map_err(|e| self.damaged(e))
    }

    /// The block headers of one stream.
    fn directory(&self, id: SeriesId) -> Result<Vec<BlockHeader>, Error> {
        let range = self.directory_range(id);
        let bytes = range.and_then(|range| self.directories.as_ref().get(range));
        let bytes = bytes.ok_or_else(|| self.damaged(format_args!("no directory of series {}", id.0)))?;
        directory::decode(bytes).map_err(|e| self.damaged(e))
    }

    /// Where they lie in the section of all directories.
    fn directory_range(&self, id: SeriesId) -> Option<Range<usize>> {
        let section = self.directories.as_ref();
        let offset = |place: u32| {
            let at = place as usize * 8;
            let bytes = section.get(at..at + 8)?;
            usize::try_from(super::layout::u64_at(bytes, 0)).ok()
        };
        Some(offset(id.0)?..offset(id.0 + 1)?)
    }

    fn labels(&self, id: SeriesId) -> Result<Labels, Error> {
        if let Some(labels) = self.labels[id.0 as usize].get() {
            return Ok(labels.clone());
        }
        let labels = Labels::from_pairs(self.index.labels(id).map_err(|e| self.damaged(e))?);
        Ok(self.labels[id.0 as usize].get_or_init(|| labels).clone())
    }

    /// Whether it was found damaged since it was opened.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Notes that it is damaged.
    pub(crate) fn damaged(&self, problem: impl std::fmt::Display) -> Error {
        self.is_damaged.store(true, Ordering::Relaxed);
        Error::corrupt(&self.name, problem)
    }
}
