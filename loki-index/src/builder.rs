//! Writes an index.

use std::io;

use crate::{
    ChunkPlace, Error, ErrorKind, MemoryIndex, chunk_place, dictionary,
    format::{self, Header, PAGE_BYTES},
    postings_place::PostingsPlace,
    sorted::Sorted,
};

/// Gathers series with their chunk places and writes them as the bytes of an [`Index`](crate::Index).
///
/// Series may come in any order and more than once; equal content makes equal bytes as long as the places of each series
/// come in the same order.
///
/// ```
/// use loki_index::{Index, IndexBuilder};
///
/// let mut builder = IndexBuilder::new();
/// builder.push(&[("app", "web")], &[]);
/// builder.push(&[("app", "api")], &[]);
/// let mut bytes = Vec::new();
/// builder.finish(&mut bytes)?;
/// assert_eq!(Index::open(bytes)?.label_values("app", None)?, ["api", "web"]);
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct IndexBuilder {
    index: MemoryIndex,
    /// Places by series of `index`.
    places: Vec<Vec<ChunkPlace>>,
}

impl IndexBuilder {
    /// A builder of no series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds chunk places to the series with these labels, which are sorted by name, each name once. Pairs with an empty
    /// value are left out.
    ///
    /// # Panics
    ///
    /// As [`MemoryIndex::insert`].
    pub fn push(&mut self, labels: &[(&str, &str)], places: &[ChunkPlace]) {
        let (id, is_new) = self.index.insert(labels);
        if is_new {
            self.places.push(places.to_vec());
        } else {
            self.places[id.0 as usize].extend_from_slice(places);
        }
    }

    /// How many series were added.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no series was added.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Writes the index and returns how many bytes it has. Series get their ids in the order of their labels.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the writer fails, [`ErrorKind::TooLarge`] if a part of the index passes 4 GiB.
    pub fn finish(self, mut out: impl io::Write) -> Result<u64, Error> {
        let sorted = Sorted::new(&self.index);
        let mut body = Body::default();
        body.put_names(&sorted)?;
        body.put_values(&sorted)?;
        body.put_postings(&sorted)?;
        body.put_series(&sorted, &self.places)?;

        let places = || self.places.iter().flatten();
        let header = Header {
            series: sorted.series.len() as u32,
            names: sorted.names.len() as u32,
            pairs: sorted.values.len() as u32,
            places: places().count() as u64,
            min_timestamp: places().map(|place| place.min_timestamp).min().unwrap_or(0),
            max_timestamp: places().map(|place| place.max_timestamp).max().unwrap_or(0),
        };
        let mut head = Vec::new();
        header.encode(&body.lengths, &mut head);
        for page in body.bytes.chunks(PAGE_BYTES) {
            head.extend_from_slice(&crc32fast::hash(page).to_le_bytes());
        }
        let sum = crc32fast::hash(&head);
        head.extend_from_slice(&sum.to_le_bytes());
        out.write_all(&head)?;
        out.write_all(&body.bytes)?;
        Ok((head.len() + body.bytes.len()) as u64)
    }
}

/// The sections behind the header, in the order that FORMAT.md gives them.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    lengths: Vec<u64>,
}

impl Body {
    fn put_names(&mut self, sorted: &Sorted<'_>) -> Result<(), Error> {
        self.texts("label names", &sorted.names)?;
        self.section(sorted.name_pairs.iter().flat_map(|first| first.to_le_bytes()));
        Ok(())
    }

    /// The values, and the dictionary that finds them.
    fn put_values(&mut self, sorted: &Sorted<'_>) -> Result<(), Error> {
        self.texts("label values", &sorted.values)?;
        let dictionary = dictionary::encode(sorted);
        check_length("label dictionary", dictionary.len())?;
        self.section(dictionary);
        Ok(())
    }

    /// Name postings, value postings, and the bitmaps that they point to.
    fn put_postings(&mut self, sorted: &Sorted<'_>) -> Result<(), Error> {
        let lists = sorted.postings();
        let mut bitmaps = Vec::new();
        let mut names = Vec::with_capacity(sorted.names.len() * 8);
        for bounds in sorted.name_pairs.windows(2) {
            let mut ids = lists.of_all(bounds[0] as usize, bounds[1] as usize).to_vec();
            ids.sort_unstable();
            names.extend_from_slice(&PostingsPlace::put(&ids, &mut bitmaps).to_bits().to_le_bytes());
        }
        self.section(names);
        let pairs = 0..sorted.values.len();
        self.section(pairs.flat_map(|pair| PostingsPlace::put(lists.of(pair), &mut bitmaps).to_bits().to_le_bytes()));
        check_length("postings", bitmaps.len())?;
        self.section(bitmaps);
        Ok(())
    }

    fn put_series(&mut self, sorted: &Sorted<'_>, places: &[Vec<ChunkPlace>]) -> Result<(), Error> {
        self.records("series labels", &sorted.series, |(pairs, _), into| {
            for &pair in pairs {
                format::put_varint(into, u64::from(pair));
            }
        })?;
        self.records("chunk places", &sorted.series, |(_, id), into| {
            chunk_place::encode(&places[id.0 as usize], into);
        })
    }

    fn texts(&mut self, what: &'static str, texts: &[&str]) -> Result<(), Error> {
        self.records(what, texts, |text, into| into.extend_from_slice(text.as_bytes()))
    }

    /// A section of offsets and the section that they point into.
    fn records<T>(&mut self, what: &'static str, items: &[T], put: impl Fn(&T, &mut Vec<u8>)) -> Result<(), Error> {
        let mut records = Vec::new();
        let mut offsets = 0u32.to_le_bytes().to_vec();
        for item in items {
            put(item, &mut records);
            offsets.extend_from_slice(&check_length(what, records.len())?.to_le_bytes());
        }
        self.section(offsets);
        self.section(records);
        Ok(())
    }

    fn section(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let start = self.bytes.len();
        self.bytes.extend(bytes);
        self.lengths.push((self.bytes.len() - start) as u64);
    }
}

/// Refuses what 32-bit offsets cannot reach.
fn check_length(what: &'static str, length: usize) -> Result<u32, Error> {
    let (limit, found) = (u64::from(u32::MAX), length as u64);
    u32::try_from(length).map_err(|_| Error::new(ErrorKind::TooLarge { what, limit, found }, 0))
}
