//! Reads an index.

use std::{
    cmp::Ordering,
    fmt,
    ops::{Range, RangeInclusive},
    sync::atomic::{self, AtomicBool},
};

use crate::{
    ChunkPlace, Error, ErrorKind, Postings, Predicate, SeriesId,
    automaton::Automaton,
    chunk_place,
    dictionary::{self, Dictionary},
    format::{self, Header, Section, Sections},
    fst_audit::Bounds,
    pages::Pages,
    postings::Union,
    postings_place::PostingsPlace,
    select::{self, Terms},
    strings::Strings,
};

/// An index over bytes that an [`IndexBuilder`](crate::IndexBuilder) wrote: a slice, a vector, a memory map.
///
/// Series ids run from 0 in the order of the series' labels. Opening reads the header alone; each other page of 16 KiB
/// is held against its checksum when it is first read, so damage is an error of the questions that meet it. The dictionary
/// of labels is looked through as a whole by the first question that needs it.
///
/// ```
/// use loki_index::{Index, IndexBuilder, Predicate};
///
/// let mut builder = IndexBuilder::new();
/// builder.push(&[("app", "api"), ("pod", "api-1")], &[]);
/// builder.push(&[("app", "api"), ("pod", "api-2")], &[]);
/// let mut bytes = Vec::new();
/// builder.finish(&mut bytes)?;
///
/// let index = Index::open(bytes.as_slice())?;
/// assert_eq!(index.select(&[Predicate::equal("app", "api"), Predicate::not_regex("pod", ".*-1")?])?.len(), 1);
/// # Ok::<(), loki_index::Error>(())
/// ```
pub struct Index<D> {
    header: Header,
    sections: Sections,
    pages: Pages<D>,
    /// The dictionary was audited and is good. Racing audits agree, so no order is needed.
    is_audited: AtomicBool,
}

impl<D: AsRef<[u8]>> Index<D> {
    /// Opens an index: checks the header, its checksum, and that all parts lie inside the bytes.
    ///
    /// # Errors
    ///
    /// What the bytes are instead: not an index, of another version, cut off, damaged.
    pub fn open(data: D) -> Result<Self, Error> {
        let (header, sections, layout) = Header::decode(data.as_ref())?;
        Ok(Self {
            header,
            sections,
            pages: Pages::new(data, layout),
            is_audited: AtomicBool::new(false),
        })
    }

    /// Holds all bytes against their checksums, and looks through the dictionary of labels.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Checksum`] with the offset of the first damaged page, or [`ErrorKind::Malformed`].
    pub fn verify(&self) -> Result<(), Error> {
        self.pages.verify()?;
        self.audit()
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.header.series as usize
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.header.series == 0
    }

    /// How many chunk places all series have together.
    pub fn places_len(&self) -> u64 {
        self.header.places
    }

    /// From the earliest to the latest timestamp of all chunks, Unix nanoseconds; `None` without chunks.
    pub fn time_range(&self) -> Option<RangeInclusive<i64>> {
        (self.header.places > 0).then_some(self.header.min_timestamp..=self.header.max_timestamp)
    }

    /// The labels of a series, sorted by name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownSeries`], or damage.
    pub fn labels(&self, id: SeriesId) -> Result<Vec<(&str, &str)>, Error> {
        let mut labels = Vec::new();
        for pair in self.pairs(id)? {
            let pair = pair?;
            labels.push((self.names().text(self.name_of(pair)?)?, self.values().text(pair)?));
        }
        Ok(labels)
    }

    /// Where the chunks of a series lie, in the order in which they were pushed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownSeries`], or damage.
    pub fn places(&self, id: SeriesId) -> Result<Vec<ChunkPlace>, Error> {
        let bytes = self.record(self.sections.place_offsets, self.sections.places, id)?;
        chunk_place::decode(bytes, self.sections.places.start as u64)
    }

    /// The series with exactly these labels, which are sorted by name.
    ///
    /// # Errors
    ///
    /// Damage.
    pub fn lookup(&self, labels: &[(&str, &str)]) -> Result<Option<SeriesId>, Error> {
        let dictionary = self.dictionary()?;
        let mut pairs = Vec::with_capacity(labels.len());
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            let Some(pair) = dictionary.find(name, value) else {
                return Ok(None);
            };
            pairs.push(pair);
        }
        let Range { mut start, mut end } = 0..self.header.series;
        while start < end {
            let middle = start + (end - start) / 2;
            match self.compare(SeriesId(middle), &pairs)? {
                Ordering::Less => start = middle + 1,
                Ordering::Greater => end = middle,
                Ordering::Equal => return Ok(Some(SeriesId(middle))),
            }
        }
        Ok(None)
    }

    /// The series that satisfy every predicate; all of them if there is none.
    ///
    /// # Errors
    ///
    /// Damage.
    pub fn select(&self, predicates: &[Predicate]) -> Result<Postings, Error> {
        select::select(self, predicates)
    }

    /// The label names of all series, or of those in a set; sorted.
    ///
    /// # Errors
    ///
    /// Damage.
    pub fn label_names(&self, among: Option<&Postings>) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for name in 0..self.header.names {
            let occurs = match among {
                None => true,
                Some(among) => !self.having(name)?.is_disjoint(among),
            };
            if occurs {
                names.push(self.names().text(name)?.to_owned());
            }
        }
        Ok(names)
    }

    /// The values of a label in all series, or in those of a set; sorted.
    ///
    /// # Errors
    ///
    /// Damage, and [`ErrorKind::UnknownSeries`] if the set is not of this index.
    pub fn label_values(&self, name: &str, among: Option<&Postings>) -> Result<Vec<String>, Error> {
        let Some(name) = self.name(name)? else {
            return Ok(Vec::new());
        };
        let range = self.name_pairs(name)?;
        let mut pairs = Vec::new();
        match among {
            // Texts lie side by side by ordinal: reading them takes a quarter of the time of a walk over the dictionary.
            None => pairs.extend(range),
            // Walking the few series beats asking each of the many values.
            Some(among) if among.len() < range.len() as u64 => {
                for id in among.iter() {
                    pairs.extend(self.pair_in(id, &range)?);
                }
                pairs.sort_unstable();
                pairs.dedup();
            }
            Some(among) => {
                for pair in range {
                    let touches = match self.pair_place(pair)? {
                        PostingsPlace::One(id) => among.contains(id),
                        place => !self.postings(place)?.is_disjoint(among),
                    };
                    if touches {
                        pairs.push(pair);
                    }
                }
            }
        }
        pairs
            .into_iter()
            .map(|pair| self.values().text(pair).map(str::to_owned))
            .collect()
    }

    fn names(&self) -> Strings<'_, D> {
        Strings {
            pages: &self.pages,
            offsets: self.sections.name_offsets,
            text: self.sections.name_text,
        }
    }

    fn values(&self) -> Strings<'_, D> {
        Strings {
            pages: &self.pages,
            offsets: self.sections.value_offsets,
            text: self.sections.value_text,
        }
    }

    fn dictionary(&self) -> Result<Dictionary<'_>, Error> {
        if !self.is_audited.load(atomic::Ordering::Relaxed) {
            self.audit()?;
        }
        let section = self.sections.dictionary;
        Dictionary::new(self.pages.read_again(section), section.start as u64)
    }

    #[cold]
    fn audit(&self) -> Result<(), Error> {
        let Sections {
            dictionary,
            name_text,
            value_text,
            ..
        } = self.sections;
        let bounds = Bounds {
            keys: self.header.pairs,
            // Each name once, with a separator, and each value.
            key_bytes: (name_text.length + value_text.length) as u64 + u64::from(self.header.names),
        };
        let bytes = self.pages.read(dictionary, 0..dictionary.length)?;
        dictionary::audit(bytes, dictionary.start as u64, &bounds)?;
        self.is_audited.store(true, atomic::Ordering::Relaxed);
        Ok(())
    }

    /// The pairs of a name.
    fn name_pairs(&self, name: u32) -> Result<Range<u32>, Error> {
        let Range { start, end } = self.pages.between(self.sections.name_pairs, name as usize)?;
        if start > end || end > self.header.pairs as usize {
            return Err(Error::malformed(
                "pairs of a name",
                self.sections.name_pairs.start as u64,
            ));
        }
        Ok(start as u32..end as u32)
    }

    /// The name of a pair: the last one whose pairs start at or before it.
    fn name_of(&self, pair: u32) -> Result<u32, Error> {
        let Range { mut start, mut end } = 0..self.header.names;
        while start < end {
            let middle = start + (end - start) / 2;
            if self.pages.u32(self.sections.name_pairs, middle as usize)? <= pair {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
            .checked_sub(1)
            .ok_or_else(|| Error::malformed("pairs of a name", self.sections.name_pairs.start as u64))
    }

    fn pair_place(&self, pair: u32) -> Result<PostingsPlace, Error> {
        PostingsPlace::read(&self.pages, self.sections.value_postings, pair, self.header.series)
    }

    fn postings(&self, place: PostingsPlace) -> Result<Postings, Error> {
        place.postings(&self.pages, self.sections.postings, self.header.series)
    }

    fn add_pair(&self, pair: u32, into: &mut Union) -> Result<(), Error> {
        self.pair_place(pair)?
            .add_to(&self.pages, self.sections.postings, self.header.series, into)
    }

    fn record(&self, offsets: Section, records: Section, id: SeriesId) -> Result<&[u8], Error> {
        if id.0 >= self.header.series {
            let kind = ErrorKind::UnknownSeries {
                id: id.0,
                series: self.header.series,
            };
            return Err(Error::new(kind, 0));
        }
        self.pages.read(records, self.pages.between(offsets, id.0 as usize)?)
    }

    /// The pairs of a series, ascending.
    fn pairs(&self, id: SeriesId) -> Result<impl Iterator<Item = Result<u32, Error>>, Error> {
        let mut bytes = self.record(self.sections.label_offsets, self.sections.labels, id)?;
        let malformed = || Error::malformed("series labels", self.sections.labels.start as u64);
        Ok(std::iter::from_fn(move || {
            if bytes.is_empty() {
                return None;
            }
            let pair = format::take_varint(&mut bytes).filter(|&pair| pair < u64::from(self.header.pairs));
            Some(pair.map(|pair| pair as u32).ok_or_else(malformed))
        }))
    }

    /// The pair of a series that lies in a range: that of one name.
    fn pair_in(&self, id: SeriesId, range: &Range<u32>) -> Result<Option<u32>, Error> {
        for pair in self.pairs(id)? {
            let pair = pair?;
            if pair >= range.start {
                return Ok((pair < range.end).then_some(pair));
            }
        }
        Ok(None)
    }

    /// The order of a series' pairs and others.
    fn compare(&self, id: SeriesId, others: &[u32]) -> Result<Ordering, Error> {
        let mut others = others.iter();
        for pair in self.pairs(id)? {
            match others.next().map(|other| pair.as_ref().map(|pair| pair.cmp(other))) {
                Some(Ok(Ordering::Equal)) => {}
                Some(Ok(unequal)) => return Ok(unequal),
                Some(Err(_)) => return pair.map(|_| Ordering::Equal),
                None => return Ok(Ordering::Greater),
            }
        }
        Ok(if others.next().is_some() {
            Ordering::Less
        } else {
            Ordering::Equal
        })
    }
}

impl<D: AsRef<[u8]>> Terms for Index<D> {
    type Error = Error;
    type Name = u32;

    fn series(&self) -> u32 {
        self.header.series
    }

    fn name(&self, name: &str) -> Result<Option<u32>, Error> {
        self.names().find(self.header.names, name)
    }

    fn values(&self, name: u32) -> Result<u32, Error> {
        Ok(self.name_pairs(name)?.len() as u32)
    }

    fn having(&self, name: u32) -> Result<Postings, Error> {
        let place = PostingsPlace::read(&self.pages, self.sections.name_postings, name, self.header.series)?;
        self.postings(place)
    }

    fn add_equal(&self, name: u32, value: &str, into: &mut Union) -> Result<(), Error> {
        match self.dictionary()?.find(self.names().text(name)?, value) {
            Some(pair) => self.add_pair(pair, into),
            None => Ok(()),
        }
    }

    fn add_scanned(&self, name: u32, automaton: &Automaton, accepted: bool, into: &mut Union) -> Result<(), Error> {
        let (text, pairs) = (self.names().text(name)?, self.name_pairs(name)?);
        self.dictionary()?
            .scan(text, pairs, automaton, accepted, |pair| self.add_pair(pair, into))
    }

    fn value_of(&self, series: SeriesId, name: u32) -> Result<&str, Error> {
        match self.pair_in(series, &self.name_pairs(name)?)? {
            Some(pair) => self.values().text(pair),
            None => Ok(""),
        }
    }
}

impl<D> fmt::Debug for Index<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
