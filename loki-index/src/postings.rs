//! Sets of series.

use std::fmt;

use roaring::{MultiOps, RoaringBitmap};

use crate::{Error, SeriesId};

/// A set of series of one index, in ascending order.
///
/// ```
/// use loki_index::{Postings, SeriesId};
///
/// let even: Postings = [0, 2, 4].map(SeriesId).into_iter().collect();
/// let all = Postings::full(5);
/// assert_eq!(all.and_not(&even).iter().collect::<Vec<_>>(), [SeriesId(1), SeriesId(3)]);
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Postings(RoaringBitmap);

impl Postings {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of the first `series` ids.
    pub fn full(series: u32) -> Self {
        let mut set = RoaringBitmap::new();
        set.insert_range(0..series);
        Self(set)
    }

    /// Adds a series and says whether it is new.
    pub fn insert(&mut self, id: SeriesId) -> bool {
        self.0.insert(id.0)
    }

    /// How many series there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a series is in the set.
    pub fn contains(&self, id: SeriesId) -> bool {
        self.0.contains(id.0)
    }

    /// The series in both sets.
    pub fn and(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }

    /// The series in either set.
    pub fn or(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// The series of this set that are not in the other.
    pub fn and_not(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// Whether the sets have no series in common.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.is_disjoint(&other.0)
    }

    /// The series, lowest id first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = SeriesId> + '_ {
        self.0.iter().map(SeriesId)
    }

    pub(crate) fn max(&self) -> Option<SeriesId> {
        self.0.max().map(SeriesId)
    }

    /// The set of ids that ascend.
    pub(crate) fn ascending(ids: &[u32]) -> Self {
        Self(ids.iter().copied().collect())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.0.serialized_size()
    }

    /// Appends the set in the portable roaring format.
    pub(crate) fn encode(mut self, into: &mut Vec<u8>) {
        self.0.optimize();
        self.0.serialize_into(into).expect("writing to a vector does not fail");
    }

    /// Reads what `encode` wrote; `offset` is where the bytes lie, for errors.
    pub(crate) fn decode(bytes: &[u8], offset: u64) -> Result<Self, Error> {
        RoaringBitmap::deserialize_from(bytes)
            .map(Self)
            .map_err(|_| Error::malformed("postings", offset))
    }
}

impl fmt::Debug for Postings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter()).finish()
    }
}

impl FromIterator<SeriesId> for Postings {
    fn from_iter<I: IntoIterator<Item = SeriesId>>(ids: I) -> Self {
        Self(ids.into_iter().map(|id| id.0).collect())
    }
}

impl Extend<SeriesId> for Postings {
    fn extend<I: IntoIterator<Item = SeriesId>>(&mut self, ids: I) {
        self.0.extend(ids.into_iter().map(|id| id.0));
    }
}

/// A union being gathered.
///
/// Labels that name one series each (pods, instances) are common, so lone ids are kept apart and sorted once: inserting
/// them one by one into a bitmap, or making a bitmap of each, would dominate a regex over many values.
#[derive(Debug, Default)]
pub(crate) struct Union {
    single: Vec<u32>,
    sets: Vec<RoaringBitmap>,
}

impl Union {
    pub(crate) fn add_one(&mut self, id: SeriesId) {
        self.single.push(id.0);
    }

    pub(crate) fn add(&mut self, set: Postings) {
        self.sets.push(set.0);
    }

    pub(crate) fn finish(mut self) -> Postings {
        if !self.single.is_empty() {
            self.single.sort_unstable();
            self.sets.push(self.single.into_iter().collect());
        }
        match self.sets.len() {
            0 | 1 => Postings(self.sets.pop().unwrap_or_default()),
            _ => Postings(self.sets.union()),
        }
    }
}
