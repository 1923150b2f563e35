//! The distinct label sets that came out of a pipeline.

use crate::Labels;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash, Hasher};

/// A label set of one [`LabelSets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SetId(u32);

impl SetId {
    /// The set at `index` of tables that are indexed by set.
    pub(crate) fn from_index(index: usize) -> SetId {
        SetId(u32::try_from(index).expect("memory ends before 2^32 sets"))
    }

    /// Place in tables that are indexed by set: ids count up from 0.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Category {
    /// The labels of the stream.
    Stream,
    /// Structured metadata.
    Metadata,
    /// Set by a stage, errors included.
    Parsed,
}

/// The labels of one set by where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Categories {
    /// Labels of the stream.
    pub(crate) stream: Labels,
    /// Structured metadata.
    pub(crate) structured_metadata: Labels,
    /// Set by stages, errors included.
    pub(crate) parsed: Labels,
}

/// Interned label sets: two ids are equal exactly if names, values and categories of their labels are.
///
/// The sets of a metric query are all of one category, so that there ids are equal exactly if the labels are.
#[derive(Debug, Default)]
pub(crate) struct LabelSets {
    sets: Vec<Set>,
    by_content: HashTable<u32>,
    hasher: FixedState,
    memory_bytes: usize,
}

#[derive(Debug)]
struct Set {
    labels: Labels,
    /// One for each label.
    categories: Box<[Category]>,
}

/// What a label costs besides its text: two fat pointers, a category, and the allocator's share.
const LABEL_OVERHEAD_BYTES: usize = 48;
/// What a set costs besides its labels.
const SET_OVERHEAD_BYTES: usize = 96;

impl LabelSets {
    /// The set of these labels, which are sorted by name with names unique; entered if it is new.
    pub(super) fn intern(&mut self, labels: &[(&str, &str, Category)]) -> SetId {
        let hash = hash_labels(&self.hasher, labels.iter().copied());
        let sets = &self.sets;
        if let Some(&id) = self.by_content.find(hash, |&id| sets[id as usize].holds(labels)) {
            return SetId(id);
        }
        let id = u32::try_from(sets.len()).expect("memory ends before 2^32 sets");
        let text_bytes: usize = labels.iter().map(|(name, value, _)| name.len() + value.len()).sum();
        self.memory_bytes += SET_OVERHEAD_BYTES + labels.len() * LABEL_OVERHEAD_BYTES + text_bytes;
        self.sets.push(Set {
            labels: Labels::from_pairs(labels.iter().map(|&(name, value, _)| (name, value))),
            categories: labels.iter().map(|&(_, _, category)| category).collect(),
        });
        let LabelSets {
            sets,
            by_content,
            hasher,
            ..
        } = self;
        by_content.insert_unique(hash, id, |&id| hash_labels(hasher, sets[id as usize].iter()));
        SetId(id)
    }

    /// All labels of the set.
    pub(crate) fn labels(&self, id: SetId) -> &Labels {
        &self.sets[id.index()].labels
    }

    /// The labels of the set by where they come from.
    pub(crate) fn categories(&self, id: SetId) -> Categories {
        let set = &self.sets[id.index()];
        let of = |wanted: Category| {
            Labels::from_pairs(
                set.iter()
                    .filter(|&(_, _, category)| category == wanted)
                    .map(|(name, value, _)| (name, value)),
            )
        };
        Categories {
            stream: of(Category::Stream),
            structured_metadata: of(Category::Metadata),
            parsed: of(Category::Parsed),
        }
    }

    /// About how much memory the sets take.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl Set {
    fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str, Category)> {
        self.labels
            .iter()
            .zip(&self.categories)
            .map(|((name, value), &category)| (name, value, category))
    }

    fn holds(&self, labels: &[(&str, &str, Category)]) -> bool {
        self.categories.len() == labels.len() && self.iter().eq(labels.iter().copied())
    }
}

fn hash_labels<'a>(hasher: &FixedState, labels: impl Iterator<Item = (&'a str, &'a str, Category)>) -> u64 {
    let mut state = hasher.build_hasher();
    for label in labels {
        label.hash(&mut state);
    }
    state.finish()
}

/// Signatures of label sets already interned, for one stream: finds the set of an entry without sorting or comparing
/// its labels.
///
/// A signature is any text that determines the set as long as the stream stays the same.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    text: Vec<u8>,
    known: HashTable<Known>,
    hasher: FixedState,
    /// What was found or inserted last: neighbouring lines often share their labels.
    last: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    hash: u64,
    start: usize,
    end: usize,
    set: SetId,
}

/// Enough for some 50,000 signatures; where there are more, each is rarely met twice.
const MAX_SIGNATURE_BYTES: usize = 8 << 20;

impl Signatures {
    /// Forgets everything: the stream or the numbers of its names have changed.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.known.clear();
        self.last = None;
    }

    /// The set of this signature.
    pub(super) fn find(&mut self, signature: &[u8]) -> Option<SetId> {
        if let Some(last) = self.last
            && self.text[last.start..last.end] == *signature
        {
            return Some(last.set);
        }
        let hash = self.hasher.hash_one(signature);
        let is_it = |known: &Known| self.text[known.start..known.end] == *signature;
        self.last = self.known.find(hash, is_it).copied();
        self.last.map(|known| known.set)
    }

    /// Remembers the set of a signature that was not found.
    pub(super) fn insert(&mut self, signature: &[u8], set: SetId) {
        if self.text.len() + signature.len() > MAX_SIGNATURE_BYTES {
            self.clear();
        }
        let start = self.text.len();
        self.text.extend_from_slice(signature);
        let hash = self.hasher.hash_one(signature);
        let known = Known {
            hash,
            start,
            end: self.text.len(),
            set,
        };
        self.last = Some(known);
        self.known.insert_unique(hash, known, |known| known.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn category(n: u8) -> Category {
        [Category::Stream, Category::Metadata, Category::Parsed][n as usize % 3]
    }

    proptest! {
        #[test]
        fn ids_are_equal_exactly_if_sets_are(
            all in prop::collection::vec(prop::collection::btree_map("[ab]{0,2}", ("[ab]{0,2}", 0u8..3), 0..3), 2..12),
        ) {
            let mut sets = LabelSets::default();
            let ids: Vec<SetId> = all
                .iter()
                .map(|set: &BTreeMap<String, (String, u8)>| {
                    let labels: Vec<_> = set.iter().map(|(n, (v, c))| (n.as_str(), v.as_str(), category(*c))).collect();
                    sets.intern(&labels)
                })
                .collect();
            for (a, set_a) in ids.iter().zip(&all) {
                for (b, set_b) in ids.iter().zip(&all) {
                    prop_assert_eq!(a == b, set_a == set_b);
                }
            }
            for (id, set) in ids.iter().zip(&all) {
                let merged = Labels::from_pairs(set.iter().map(|(n, (v, _))| (n, v)));
                prop_assert_eq!(sets.labels(*id), &merged);
            }
        }
    }

    #[test]
    fn categories_part_the_set() {
        let mut sets = LabelSets::default();
        let id = sets.intern(&[
            ("a", "1", Category::Stream),
            ("b", "2", Category::Metadata),
            ("c", "3", Category::Parsed),
        ]);
        let categories = sets.categories(id);
        assert_eq!(categories.stream, Labels::from_pairs([("a", "1")]));
        assert_eq!(categories.structured_metadata, Labels::from_pairs([("b", "2")]));
        assert_eq!(categories.parsed, Labels::from_pairs([("c", "3")]));
        assert!(sets.memory_bytes() > 0);
    }
}
