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
    /// Those columns of the next batch whose names `is_read` says are read.
    pub(super) fn read(
        &mut self,
        columns: &Columns<'_>,
        labels: &mut EntryLabels,
        is_read: impl Fn(MetadataName) -> bool,
    ) {
        self.columns.clear();
        for (i, column) in columns.metadata.iter().enumerate() {
            let name = labels.metadata_name(&column.name);
            if is_read(name) {
                self.columns.push((i, name));
            }
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

    /// Which values entry `i` has.
    fn symbols(&self, columns: &Columns<'_>, i: usize) -> impl Iterator<Item = u32> {
        self.columns
            .iter()
            .map(move |&(column, _)| columns.metadata[column].symbols[i])
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
    pub(super) fn find(&self, metadata: &Metadata, columns: &Columns<'_>, i: usize) -> Option<T> {
        let same = |&(other, _): &(usize, T)| metadata.symbols(columns, other).eq(metadata.symbols(columns, i));
        self.known
            .find(hash(&self.hasher, metadata, columns, i), same)
            .map(|&(_, outcome)| outcome)
    }

    /// Remembers what became of entry `i`, which was not found.
    pub(super) fn insert(&mut self, metadata: &Metadata, columns: &Columns<'_>, i: usize, outcome: T) {
        let Outcomes { known, hasher } = self;
        known.insert_unique(hash(hasher, metadata, columns, i), (i, outcome), |&(i, _)| {
            hash(hasher, metadata, columns, i)
        });
    }
}

fn hash(hasher: &FixedState, metadata: &Metadata, columns: &Columns<'_>, i: usize) -> u64 {
    let mut state = hasher.build_hasher();
    metadata.symbols(columns, i).for_each(|symbol| state.write_u32(symbol));
    state.finish()
}
