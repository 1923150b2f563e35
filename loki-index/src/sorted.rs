//! The order in which an index is written: names, values and series sorted by their text.

use crate::{MemoryIndex, SeriesId};

/// What a `MemoryIndex` holds, by rank instead of by order of arrival.
///
/// A series is the ascending ranks of its pairs. Pairs rank by name, then value, so series that are sorted by these lists
/// of numbers are sorted by their labels.
pub(crate) struct Sorted<'a> {
    /// Label names.
    pub(crate) names: Vec<&'a str>,
    /// The rank of each name's first pair, and behind them the number of pairs.
    pub(crate) name_pairs: Vec<u32>,
    /// The value of each pair.
    pub(crate) values: Vec<&'a str>,
    /// The series, with their ids in the `MemoryIndex`.
    pub(crate) series: Vec<(Box<[u32]>, SeriesId)>,
}

impl<'a> Sorted<'a> {
    pub(crate) fn new(index: &'a MemoryIndex) -> Self {
        let mut names: Vec<_> = index.names.iter().collect();
        names.sort_unstable_by_key(|name| &*name.text);

        let mut ranks = vec![0u32; index.pairs.len()];
        let mut values = Vec::with_capacity(index.pairs.len());
        let mut name_pairs = Vec::with_capacity(names.len() + 1);
        for name in &names {
            name_pairs.push(values.len() as u32);
            let mut pairs: Vec<_> = name
                .pairs
                .iter()
                .map(|&at| (&*index.pairs[at as usize].value, at))
                .collect();
            pairs.sort_unstable();
            for (value, at) in pairs {
                ranks[at as usize] = values.len() as u32;
                values.push(value);
            }
        }
        name_pairs.push(values.len() as u32);

        let ids = (0..index.len() as u32).map(SeriesId);
        let ranked = |id| index.pairs_of(id).iter().map(|&at| ranks[at as usize]).collect();
        let mut series: Vec<(Box<[u32]>, SeriesId)> = ids.map(|id| (ranked(id), id)).collect();
        series.sort_unstable();
        Self {
            names: names.into_iter().map(|name| &*name.text).collect(),
            name_pairs,
            values,
            series,
        }
    }

    /// The series of every pair, as ids by rank.
    pub(crate) fn postings(&self) -> PairPostings {
        // Counted first, so that the lists lie in one allocation however many there are.
        let mut starts = vec![0usize; self.values.len() + 1];
        for &pair in self.series.iter().flat_map(|(pairs, _)| pairs) {
            starts[pair as usize + 1] += 1;
        }
        for rank in 1..starts.len() {
            starts[rank] += starts[rank - 1];
        }
        let mut ids = vec![0u32; starts[starts.len() - 1]];
        let mut next = starts.clone();
        for (id, (pairs, _)) in (0u32..).zip(&self.series) {
            for &pair in pairs {
                ids[next[pair as usize]] = id;
                next[pair as usize] += 1;
            }
        }
        PairPostings { ids, starts }
    }
}

/// Ascending series ids of every pair.
pub(crate) struct PairPostings {
    ids: Vec<u32>,
    starts: Vec<usize>,
}

impl PairPostings {
    pub(crate) fn of(&self, pair: usize) -> &[u32] {
        &self.ids[self.starts[pair]..self.starts[pair + 1]]
    }

    /// The series of a run of pairs, in no order.
    pub(crate) fn of_all(&self, first: usize, end: usize) -> &[u32] {
        &self.ids[self.starts[first]..self.starts[end]]
    }
}
