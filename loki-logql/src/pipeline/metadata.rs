//! The structured metadata of a batch, as far as the pipeline reads it.

use super::entry_labels::{EntryLabels, MetadataName};
use crate::source::Columns;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

/// Which columns of a batch are read, and as which labels.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    columns: Vec<(usize, MetadataName)>,
}

impl Metadata {
    /// The columns of the next batch.
    pub(super) fn read(&mut self, columns: &Columns<'_>, labels: &mut EntryLabels) {
        self.columns.clear();
        for (i, column) in columns.metadata.iter().enumerate() {
            self.columns.push((i, labels.metadata_name(&column.name)));
        }
    }

    /// No columns.
    pub(super) fn clear(&mut self) {
        self.columns.clear();
    }

    /// Sets the metadata of entry `i`.
    pub(super) fn load(&self, columns: &Columns<'_>, i: usize, labels: &mut EntryLabels) {
        for &(column, name) in &self.columns {
            if let Some(value) = columns.metadata[column].value(i) {
                labels.set_metadata(name, value);
            }
        }
    }
}

/// What became of entries of one batch, by their metadata: for pipelines that read nothing else of an entry.
#[derive(Debug)]
pub(super) struct Outcomes<T> {
    /// An entry with the metadata, and what became of it.
    known: HashTable<(usize, T)>,
    hasher: FixedState,
}

impl<T> Default for Outcomes<T> {
    fn default() -> Outcomes<T> {
        Outcomes {
            known: HashTable::new(),
            hasher: FixedState::default(),
        }
    }
}

impl<T: Copy> Outcomes<T> {
    /// Forgets everything: the batch has changed.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// What became of an entry with the same metadata as entry `i`.
    pub(super) fn find(&self, columns: &Columns<'_>, i: usize) -> Option<T> {
        let same = |&(other, _): &(usize, T)| {
            columns
                .metadata
                .iter()
                .all(|column| column.symbols[other] == column.symbols[i])
        };
        self.known.find(hash(&self.hasher, columns, i), same).map(|&(_, outcome)| outcome)
    }

    /// Remembers what became of entry `i`, which was not found.
    pub(super) fn insert(&mut self, columns: &Columns<'_>, i: usize, outcome: T) {
        let Outcomes { known, hasher } = self;
        known.insert_unique(hash(hasher, columns, i), (i, outcome), |&(i, _)| hash(hasher, columns, i));
    }
}

fn hash(hasher: &FixedState, columns: &Columns<'_>, i: usize) -> u64 {
    let mut state = hasher.build_hasher();
    for column in columns.metadata {
        state.write_u32(column.symbols[i]);
    }
    state.finish()
}
