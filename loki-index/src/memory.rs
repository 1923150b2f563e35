//! The growing index.

use std::{convert::Infallible, fmt, hash::BuildHasher};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};

use crate::{
    Fingerprint, Postings, Predicate, SeriesId,
    automaton::Automaton,
    postings::Union,
    select::{self, Terms, certain},
};

/// An index that grows one series at a time.
///
/// ```
/// use loki_index::{MemoryIndex, Predicate};
///
/// let mut index = MemoryIndex::new();
/// let (api, _) = index.insert(&[("app", "api"), ("env", "prod")]);
/// let (web, _) = index.insert(&[("app", "web")]);
///
/// let found = index.select(&[Predicate::not_equal("env", "prod")]);
/// assert!(found.contains(web) && !found.contains(api));
/// assert_eq!(index.label_values("app", None), ["api", "web"]);
/// ```
#[derive(Clone, Default)]
pub struct MemoryIndex {
    hasher: RandomState,
    pub(crate) names: Vec<Name>,
    /// Positions in `names`.
    name_table: HashMap<Box<str>, u32, RandomState>,
    pub(crate) pairs: Vec<Pair>,
    /// Positions in `pairs`, by name and value.
    pair_table: HashTable<u32>,
    /// Positions in `pairs` of all series, one after another, each series' sorted by label name.
    series_pairs: Vec<u32>,
    /// Where each series ends in `series_pairs`.
    series_ends: Vec<usize>,
    /// Series with their fingerprints, by fingerprint.
    series_table: HashTable<(u32, Fingerprint)>,
    /// Bytes of label names and values.
    text_bytes: usize,
}

#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) text: Box<str>,
    /// Positions in `pairs`, in order of arrival.
    pub(crate) pairs: Vec<u32>,
    /// The series that have the label.
    series: Postings,
}

#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) name: u32,
    pub(crate) value: Box<str>,
    series: PairSeries,
}

/// The series of one pair. Values that name one series each are common and must not cost a bitmap.
#[derive(Clone)]
enum PairSeries {
    One(SeriesId),
    Many(Box<Postings>),
}

impl MemoryIndex {
    /// An index of no series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series, unless it is there already, and says whether it is new.
    ///
    /// `labels` are sorted by name, each name once. Pairs with an empty value are left out.
    ///
    /// # Panics
    ///
    /// When the index holds `u32::MAX` series or label pairs.
    pub fn insert(&mut self, labels: &[(&str, &str)]) -> (SeriesId, bool) {
        debug_assert!(
            labels.is_sorted_by(|left, right| left.0 < right.0),
            "labels are sorted by name, each name once"
        );
        let fingerprint = Fingerprint::of(labels.iter().copied());
        if let Some(known) = self.find(fingerprint, labels) {
            return (known, false);
        }
        let id = SeriesId(ordinal(self.series_ends.len()));
        for &(name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            let pair = self.insert_pair(name, value, id);
            self.series_pairs.push(pair);
        }
        self.series_ends.push(self.series_pairs.len());
        self.series_table
            .insert_unique(fingerprint.0, (id.0, fingerprint), |(_, fingerprint)| fingerprint.0);
        (id, true)
    }

    fn insert_pair(&mut self, name: &str, value: &str, series: SeriesId) -> u32 {
        let name = self.insert_name(name);
        self.names[name as usize].series.insert(series);
        let hash = self.hasher.hash_one((name, value));
        if let Some(&position) = self
            .pair_table
            .find(hash, |&at| self.pairs[at as usize].is(name, value))
        {
            self.pairs[position as usize].series.insert(series);
            return position;
        }
        let position = ordinal(self.pairs.len());
        self.text_bytes += value.len();
        self.pairs.push(Pair {
            name,
            value: value.into(),
            series: PairSeries::One(series),
        });
        self.names[name as usize].pairs.push(position);
        self.pair_table.insert_unique(hash, position, |&at| {
            let pair = &self.pairs[at as usize];
            self.hasher.hash_one((pair.name, &*pair.value))
        });
        position
    }

    fn insert_name(&mut self, name: &str) -> u32 {
        if let Some(&known) = self.name_table.get(name) {
            return known;
        }
        let position = ordinal(self.names.len());
        self.text_bytes += 2 * name.len();
        self.names.push(Name {
            text: name.into(),
            pairs: Vec::new(),
            series: Postings::new(),
        });
        self.name_table.insert(name.into(), position);
        position
    }

    /// The series with exactly these labels, which are sorted by name.
    pub fn lookup(&self, labels: &[(&str, &str)]) -> Option<SeriesId> {
        self.find(Fingerprint::of(labels.iter().copied()), labels)
    }

    fn find(&self, fingerprint: Fingerprint, labels: &[(&str, &str)]) -> Option<SeriesId> {
        let given = || labels.iter().copied().filter(|(_, value)| !value.is_empty());
        self.series_table
            .find(fingerprint.0, |&(id, known)| {
                known == fingerprint && self.labels(SeriesId(id)).eq(given())
            })
            .map(|&(id, _)| SeriesId(id))
    }

    /// The labels of a series, sorted by name; none for an id that is not of this index.
    pub fn labels(&self, id: SeriesId) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs_of(id).iter().map(|&at| {
            let pair = &self.pairs[at as usize];
            (&*self.names[pair.name as usize].text, &*pair.value)
        })
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.series_ends.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.series_ends.is_empty()
    }

    /// About how much memory the index holds, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let pairs: usize = self.pairs.iter().map(|pair| pair.series.memory_bytes()).sum();
        let names: usize = self.names.iter().map(|name| name.series.memory_bytes()).sum();
        self.text_bytes
            + pairs
            + names
            + self.name_table.allocation_size()
            + self.names.capacity() * size_of::<Name>()
            + self.pairs.capacity() * size_of::<Pair>()
            // The positions in `Name::pairs` are as many as the pairs.
            + self.pairs.len() * size_of::<u32>()
            + self.series_pairs.capacity() * size_of::<u32>()
            + self.series_ends.capacity() * size_of::<usize>()
            + self.pair_table.allocation_size()
            + self.series_table.allocation_size()
    }

    /// The series that satisfy every predicate; all of them if there is none.
    pub fn select(&self, predicates: &[Predicate]) -> Postings {
        certain(select::select(self, predicates))
    }

    /// The label names of all series, or of those in a set; sorted.
    pub fn label_names(&self, among: Option<&Postings>) -> Vec<String> {
        let occurs = |name: &Name| match among {
            None => true,
            Some(among) => !name.series.is_disjoint(among),
        };
        let mut names: Vec<String> = self
            .names
            .iter()
            .filter(|name| occurs(name))
            .map(|name| name.text.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// The values of a label in all series, or in those of a set; sorted.
    pub fn label_values(&self, name: &str, among: Option<&Postings>) -> Vec<String> {
        let Some(name) = certain(self.name(name)) else {
            return Vec::new();
        };
        let pairs = &self.names[name as usize].pairs;
        let mut values: Vec<String> = match among {
            // Walking the few series beats asking each of the many values.
            Some(among) if among.len() < pairs.len() as u64 => {
                let values = among.iter().map(|id| certain(self.value_of(id, name)));
                values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
            }
            _ => pairs
                .iter()
                .map(|&at| &self.pairs[at as usize])
                .filter(|pair| among.is_none_or(|among| pair.series.touches(among)))
                .map(|pair| pair.value.to_string())
                .collect(),
        };
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Positions of a series' pairs, sorted by label name.
    pub(crate) fn pairs_of(&self, id: SeriesId) -> &[u32] {
        let at = id.0 as usize;
        let Some(&end) = self.series_ends.get(at) else {
            return &[];
        };
        let start = if at == 0 { 0 } else { self.series_ends[at - 1] };
        &self.series_pairs[start..end]
    }
}

impl Terms for MemoryIndex {
    type Error = Infallible;
    type Name = u32;

    fn series(&self) -> u32 {
        ordinal(self.series_ends.len())
    }

    fn name(&self, name: &str) -> Result<Option<u32>, Infallible> {
        Ok(self.name_table.get(name).copied())
    }

    fn values(&self, name: u32) -> Result<u32, Infallible> {
        Ok(ordinal(self.names[name as usize].pairs.len()))
    }

    fn having(&self, name: u32) -> Result<Postings, Infallible> {
        Ok(self.names[name as usize].series.clone())
    }

    fn add_equal(&self, name: u32, value: &str, into: &mut Union) -> Result<(), Infallible> {
        let hash = self.hasher.hash_one((name, value));
        if let Some(&at) = self
            .pair_table
            .find(hash, |&at| self.pairs[at as usize].is(name, value))
        {
            self.pairs[at as usize].series.add_to(into);
        }
        Ok(())
    }

    fn add_scanned(
        &self,
        name: u32,
        automaton: &Automaton,
        accepted: bool,
        into: &mut Union,
    ) -> Result<(), Infallible> {
        for &at in &self.names[name as usize].pairs {
            let pair = &self.pairs[at as usize];
            if automaton.matches(&pair.value) == accepted {
                pair.series.add_to(into);
            }
        }
        Ok(())
    }

    fn value_of(&self, series: SeriesId, name: u32) -> Result<&str, Infallible> {
        let mut pairs = self.pairs_of(series).iter().map(|&at| &self.pairs[at as usize]);
        Ok(pairs.find(|pair| pair.name == name).map_or("", |pair| &pair.value))
    }
}

impl Pair {
    fn is(&self, name: u32, value: &str) -> bool {
        self.name == name && *self.value == *value
    }
}

impl PairSeries {
    fn insert(&mut self, id: SeriesId) {
        match self {
            Self::One(first) => *self = Self::Many(Box::new([*first, id].into_iter().collect())),
            Self::Many(set) => {
                set.insert(id);
            }
        }
    }

    fn touches(&self, among: &Postings) -> bool {
        match self {
            Self::One(id) => among.contains(*id),
            Self::Many(set) => !set.is_disjoint(among),
        }
    }

    fn add_to(&self, union: &mut Union) {
        match self {
            Self::One(id) => union.add_one(*id),
            Self::Many(set) => union.add((**set).clone()),
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(set) => size_of::<Postings>() + set.memory_bytes(),
        }
    }
}

impl fmt::Debug for MemoryIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIndex")
            .field("series", &self.len())
            .field("pairs", &self.pairs.len())
            .finish()
    }
}

fn ordinal(position: usize) -> u32 {
    u32::try_from(position).expect("an index holds fewer than 2^32 series and pairs")
}
