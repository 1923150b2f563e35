//! The growing form of structured metadata: columns that intern their values.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::metadata::MetadataColumn;

/// Columns of metadata under construction, sorted by name.
///
/// A name whose column is empty is left from before the last [`clear`](Self::clear): its buffers wait for the next block.
#[derive(Debug, Clone, Default)]
pub(crate) struct SymbolTable {
    columns: Vec<SymbolColumn>,
    live_names: usize,
    text_bytes: usize,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Clone, Default)]
struct SymbolColumn {
    column: MetadataColumn,
    /// Indexes of `column.values`, found by the hash of the value.
    index: HashTable<u32>,
}

impl SymbolTable {
    /// The columns that hold something, sorted by name. Their symbols may end before the last entry: absence.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &MetadataColumn> {
        self.columns
            .iter()
            .map(|column| &column.column)
            .filter(|column| !column.symbols.is_empty())
    }

    /// Number of names.
    pub(crate) fn names(&self) -> usize {
        self.live_names
    }

    /// Bytes of the distinct names and values.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let of = |column: &SymbolColumn| column.column.memory_bytes() + column.index.allocation_size();
        self.columns.capacity() * size_of::<SymbolColumn>() + self.columns.iter().map(of).sum::<usize>()
    }

    /// Adds the pairs, sorted by name, of entry number `entry`.
    pub(crate) fn append(&mut self, entry: usize, pairs: &[(&str, &str)]) {
        // Entries of a stream mostly have the same names, so the next name mostly is the next column's.
        let mut guess = 0;
        for &(name, value) in pairs {
            let place = match self.columns.get(guess) {
                Some(column) if column.column.name == name => guess,
                _ => self.place_of(name),
            };
            guess = place + 1;
            let column = &mut self.columns[place];
            if column.column.symbols.is_empty() {
                self.live_names += 1;
                self.text_bytes += name.len();
            }
            self.text_bytes += column.append(entry, value, &self.hasher);
        }
    }

    fn place_of(&mut self, name: &str) -> usize {
        self.columns
            .binary_search_by(|column| column.column.name.as_str().cmp(name))
            .unwrap_or_else(|place| {
                let mut column = SymbolColumn::default();
                column.column.name.push_str(name);
                self.columns.insert(place, column);
                place
            })
    }

    /// Whether entry number `entry` has exactly these pairs.
    pub(crate) fn entry_equals(&self, entry: usize, pairs: &[(&str, &str)]) -> bool {
        let mut pairs = pairs.iter();
        for column in self.columns() {
            if let Some(value) = column.value(entry)
                && pairs.next() != Some(&(column.name.as_str(), value))
            {
                return false;
            }
        }
        pairs.next().is_none()
    }

    /// Forgets all entries. Columns that had some keep their buffers; those that had none since the last call are dropped,
    /// so that names which come once do not stay.
    pub(crate) fn clear(&mut self) {
        self.columns.retain(|column| !column.column.symbols.is_empty());
        for SymbolColumn { column, index } in &mut self.columns {
            column.values.clear();
            column.symbols.clear();
            index.clear();
        }
        self.live_names = 0;
        self.text_bytes = 0;
    }
}

impl SymbolColumn {
    /// Gives the entry the value; the bytes of text this added.
    fn append(&mut self, entry: usize, value: &str, hasher: &DefaultHashBuilder) -> usize {
        let Self { column, index } = self;
        let latest = column.symbols.last().copied().filter(|&symbol| symbol > 0);
        column.symbols.resize(entry, 0);
        if let Some(latest) = latest
            && column.values.get(latest as usize - 1) == Some(value)
        {
            column.symbols.push(latest);
            return 0;
        }
        let hash_of = |index: u32| hasher.hash_one(column.values.get(index as usize).expect("it was interned"));
        let hash = hasher.hash_one(value);
        let found = index.find(hash, |&index| column.values.get(index as usize) == Some(value));
        if let Some(&index) = found {
            column.symbols.push(index + 1);
            return 0;
        }
        let fresh = column.values.len() as u32;
        index.insert_unique(hash, fresh, |&index| hash_of(index));
        column.values.push(value);
        column.symbols.push(fresh + 1);
        value.len()
    }
}
