//! Some entries of a block, as columns of their own.

use crate::columns::{BlockColumns, ColumnSet};
use crate::error::{Error, ErrorKind, Result};

impl BlockColumns {
    /// Puts the entries at the places `entries` (ascending) of these columns into `into`, in place of what was there.
    /// What it then holds can be sealed where these columns can.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MissingColumns`] unless [`ColumnSet::ALL`] was read.
    ///
    /// # Panics
    ///
    /// If there is no entry at one of the places.
    ///
    /// # Examples
    ///
    /// ```
    /// use loki_chunk::{BlockColumns, ColumnSet, EntryRef, HeadBlock};
    ///
    /// let mut head = HeadBlock::new();
    /// for (timestamp, line) in [(1, "a"), (2, "b"), (3, "c")] {
    ///     head.append(EntryRef { timestamp, line: line.as_bytes(), metadata: &[] })?;
    /// }
    /// let (mut all, mut some) = (BlockColumns::new(), BlockColumns::new());
    /// head.columns(3, &mut all, ColumnSet::ALL);
    /// all.pick(&[0, 2], &mut some)?;
    /// assert_eq!(some.lines(), b"ac");
    /// # Ok::<(), loki_chunk::Error>(())
    /// ```
    pub fn pick(&self, entries: &[u32], into: &mut BlockColumns) -> Result<()> {
        if self.held() != ColumnSet::ALL {
            let (expected, found) = (ColumnSet::ALL, self.held());
            return Err(Error::refused(ErrorKind::MissingColumns { expected, found }));
        }
        into.begin(entries.len(), ColumnSet::ALL);
        into.offsets.push(0);
        for &entry in entries {
            into.timestamps.push(self.timestamps[entry as usize]);
            into.lines.extend_from_slice(self.line(entry as usize));
            into.offsets.push(into.lines.len() as u32);
        }
        // Symbols are handed out anew in the order in which their entries come; 0 is no value.
        let mut renamed = Vec::new();
        for column in self.metadata() {
            renamed.clear();
            renamed.resize(column.values.len() + 1, 0);
            let picked = into.metadata.next_column();
            picked.name.clear();
            picked.name.push_str(&column.name);
            picked.values.clear();
            picked.symbols.clear();
            for &entry in entries {
                let symbol = column.symbols[entry as usize] as usize;
                if let (0, Some(value)) = (renamed[symbol], column.value(entry as usize)) {
                    picked.values.push(value);
                    renamed[symbol] = picked.values.len() as u32;
                }
                picked.symbols.push(renamed[symbol]);
            }
            if picked.values.is_empty() {
                into.metadata.drop_last();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoding, EntryRef, HeadBlock};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_picked_is_what_a_block_of_those_entries_holds(
            entries in proptest::collection::vec((0i64..20, "[a-c]{0,3}", proptest::option::of("[x-z]")), 0..30),
            seed in any::<u32>(),
        ) {
            let mut head = HeadBlock::new();
            let mut sorted = entries;
            sorted.sort_by_key(|(timestamp, ..)| *timestamp);
            let chosen: Vec<u32> = (0..sorted.len() as u32).filter(|i| seed >> (i % 32) & 1 == 1).collect();
            let mut expected = HeadBlock::new();
            for (i, (timestamp, line, value)) in sorted.iter().enumerate() {
                let metadata: Vec<(&str, &str)> = value.iter().map(|value| ("m", value.as_str())).collect();
                let entry = EntryRef { timestamp: *timestamp, line: line.as_bytes(), metadata: &metadata };
                head.append(entry).expect("small");
                if chosen.contains(&(i as u32)) {
                    expected.append(entry).expect("small");
                }
            }
            let (mut all, mut picked, mut wanted) = (BlockColumns::new(), BlockColumns::new(), BlockColumns::new());
            head.columns(head.len(), &mut all, ColumnSet::ALL);
            all.pick(&chosen, &mut picked).expect("all columns are there");
            expected.columns(expected.len(), &mut wanted, ColumnSet::ALL);
            prop_assert_eq!(&picked, &wanted);
            if !chosen.is_empty() {
                let block = picked.seal_with(&mut crate::Compressor::new(Encoding::Zstd)).expect("all columns are there");
                let mut read = BlockColumns::new();
                read.read(&block.header, &block.data, ColumnSet::ALL).expect("what was sealed can be read");
                prop_assert_eq!(&read, &wanted);
            }
        }
    }
}
