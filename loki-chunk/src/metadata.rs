//! Structured metadata as columns: per name a table of distinct values, and per entry a symbol that says which.

use crate::error::{Error, Result};
use crate::format::{METADATA_MAX_BYTES, METADATA_MAX_CELLS, Reader, put_varint};
use crate::packed;

const SECTION: &str = "metadata";

/// Distinct strings, one behind the other in one buffer.
///
/// ```
/// # use loki_chunk::{BlockColumns, ColumnSet, EntryRef, HeadBlock};
/// # let mut head = HeadBlock::new();
/// # head.append(EntryRef { timestamp: 1, line: b"", metadata: &[("pod", "a-1")] })?;
/// # head.append(EntryRef { timestamp: 2, line: b"", metadata: &[("pod", "a-2")] })?;
/// # let mut columns = BlockColumns::new();
/// # head.columns(2, &mut columns, ColumnSet::METADATA);
/// let values = columns.metadata()[0].values();
/// assert_eq!(values.get(1), Some("a-2"));
/// assert_eq!(values.iter().collect::<Vec<_>>(), ["a-1", "a-2"]);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StringTable {
    text: String,
    /// Where each string ends in `text`; always at a character boundary.
    ends: Vec<u32>,
}

impl StringTable {
    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no string.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string at `index`.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        Some(&self.text[start..end])
    }

    /// All strings in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index).expect("the index is below the length"))
    }

    pub(crate) fn push(&mut self, string: &str) {
        self.text.push_str(string);
        self.ends.push(self.text.len() as u32);
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Takes the first `count` strings of `other`.
    fn copy_prefix(&mut self, other: &StringTable, count: usize) {
        self.clear();
        self.ends.extend_from_slice(&other.ends[..count]);
        self.text
            .push_str(&other.text[..self.ends.last().map_or(0, |&end| end as usize)]);
    }

    fn memory_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    fn encode(&self, scratch: &mut Vec<u64>, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        scratch.clear();
        scratch.extend(self.iter().map(|string| string.len() as u64));
        packed::encode(scratch, out);
        out.extend_from_slice(self.text.as_bytes());
    }

    fn decode(&mut self, reader: &mut Reader<'_>, max_strings: usize) -> Result<()> {
        self.clear();
        let start = reader.at();
        let strings = reader.count("number of metadata values", max_strings)?;
        let mut end = 0u64;
        packed::decode(reader, strings, |lengths| {
            for &length in lengths {
                end = end.saturating_add(length);
                self.ends.push(u32::try_from(end).unwrap_or(u32::MAX));
            }
        })?;
        if end > METADATA_MAX_BYTES as u64 {
            return Err(Error::malformed(
                SECTION,
                "values are longer than a block can hold",
                start,
            ));
        }
        let place = reader.at();
        let text = std::str::from_utf8(reader.take(end as usize)?);
        let text = text.map_err(|_| Error::malformed(SECTION, "a value is not UTF-8", place))?;
        if !self.ends.iter().all(|&end| text.is_char_boundary(end as usize)) {
            return Err(Error::malformed(SECTION, "a value ends inside a character", place));
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// One metadata name of a block: its distinct values, and which of them each entry has.
///
/// ```
/// use loki_chunk::{BlockColumns, ColumnSet, EntryRef, HeadBlock};
///
/// let mut head = HeadBlock::new();
/// head.append(EntryRef { timestamp: 1, line: b"up", metadata: &[("pod", "a-1")] })?;
/// head.append(EntryRef { timestamp: 2, line: b"down", metadata: &[] })?;
/// let mut columns = BlockColumns::new();
/// head.columns(head.len(), &mut columns, ColumnSet::METADATA);
///
/// let pod = &columns.metadata()[0];
/// assert_eq!((pod.name(), pod.symbols()), ("pod", [1, 0].as_slice()));
/// assert_eq!((pod.value(0), pod.value(1)), (Some("a-1"), None));
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataColumn {
    pub(crate) name: String,
    pub(crate) values: StringTable,
    pub(crate) symbols: Vec<u32>,
}

impl MetadataColumn {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The distinct values, in the order in which they arrived.
    pub fn values(&self) -> &StringTable {
        &self.values
    }

    /// Per entry 0 where it has no such name, else one more than the index of its value in [`values`](Self::values).
    pub fn symbols(&self) -> &[u32] {
        &self.symbols
    }

    /// The value of an entry; `None` where it has no such name, or where there is no such entry.
    pub fn value(&self, entry: usize) -> Option<&str> {
        let symbol = *self.symbols.get(entry)?;
        self.values.get((symbol as usize).checked_sub(1)?)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.name.capacity() + self.values.memory_bytes() + self.symbols.capacity() * size_of::<u32>()
    }

    /// Takes the first `entries` entries of `other`, in the order given. Says whether any of them has the name.
    pub(crate) fn copy_prefix(&mut self, other: &MetadataColumn, entries: usize, order: Option<&[u32]>) -> bool {
        let symbols = &other.symbols[..entries.min(other.symbols.len())];
        // Symbols are handed out in the order of arrival, so the values used by a prefix are a prefix.
        let Some(values @ 1..) = symbols.iter().copied().max() else {
            return false;
        };
        self.name.clear();
        self.name.push_str(&other.name);
        self.values.copy_prefix(&other.values, values as usize);
        self.symbols.clear();
        match order {
            None => self.symbols.extend_from_slice(symbols),
            Some(order) => {
                let of = |&entry: &u32| symbols.get(entry as usize).copied().unwrap_or(0);
                self.symbols.extend(order.iter().map(of));
            }
        }
        self.symbols.resize(entries, 0);
        true
    }
}

/// Bytes of names and values, counted for each entry that has them.
pub(crate) fn bytes_of<'a>(columns: impl IntoIterator<Item = &'a MetadataColumn>) -> u64 {
    let bytes_of = |column: &MetadataColumn| {
        let pair = |&symbol: &u32| match symbol {
            0 => 0,
            symbol => {
                let value = column
                    .values
                    .get(symbol as usize - 1)
                    .expect("symbols point into the values");
                (column.name.len() + value.len()) as u64
            }
        };
        column.symbols.iter().map(pair).sum::<u64>()
    };
    columns.into_iter().map(bytes_of).sum()
}

/// Appends the section of `columns`, which are sorted by name; missing symbols at their ends mean absence.
pub(crate) fn encode<'a>(
    columns: impl ExactSizeIterator<Item = &'a MetadataColumn>,
    entries: usize,
    scratch: &mut Vec<u64>,
    out: &mut Vec<u8>,
) {
    if columns.len() == 0 {
        return;
    }
    put_varint(out, columns.len() as u64);
    for column in columns {
        put_varint(out, column.name.len() as u64);
        out.extend_from_slice(column.name.as_bytes());
        column.values.encode(scratch, out);
        scratch.clear();
        scratch.extend(column.symbols.iter().map(|&symbol| u64::from(symbol)));
        scratch.resize(entries, 0);
        packed::encode(scratch, out);
    }
}

/// Reads a section of `entries` entries.
///
/// Names and values together stay below the bound for one entry, so that every entry read can be appended elsewhere.
pub(crate) fn decode(raw: &[u8], entries: usize, into: &mut ColumnPool) -> Result<()> {
    into.clear();
    if raw.is_empty() {
        return Ok(());
    }
    let mut reader = Reader::new(raw);
    let names = reader.count("number of metadata names", METADATA_MAX_CELLS / entries.max(1))?;
    let mut text_bytes = 0;
    for _ in 0..names {
        let start = reader.at();
        let length = reader.count("length of a metadata name", METADATA_MAX_BYTES)?;
        let name = std::str::from_utf8(reader.take(length)?);
        let name = name.map_err(|_| Error::malformed(SECTION, "a name is not UTF-8", start))?;
        if into.columns().last().is_some_and(|column| column.name.as_str() >= name) {
            return Err(Error::malformed(SECTION, "names are not sorted", start));
        }
        let column = into.next_column();
        column.name.clear();
        column.name.push_str(name);
        column.values.decode(&mut reader, entries)?;
        text_bytes += length + column.values.text.len();
        if text_bytes > METADATA_MAX_BYTES {
            return Err(Error::malformed(
                SECTION,
                "names and values are longer than a block can hold",
                start,
            ));
        }
        column.symbols.clear();
        let mut most = 0;
        let start = reader.at();
        packed::decode(&mut reader, entries, |symbols| {
            most = symbols.iter().copied().fold(most, u64::max);
            column.symbols.extend(symbols.iter().map(|&symbol| symbol as u32));
        })?;
        if most > column.values.len() as u64 {
            return Err(Error::malformed(SECTION, "a symbol has no value", start));
        }
    }
    reader.finish(SECTION)
}

/// Columns whose buffers are used again from block to block.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnPool {
    columns: Vec<MetadataColumn>,
    used: usize,
}

impl ColumnPool {
    pub(crate) fn columns(&self) -> &[MetadataColumn] {
        &self.columns[..self.used]
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    /// A column with whatever an earlier block left in it.
    pub(crate) fn next_column(&mut self) -> &mut MetadataColumn {
        if self.used == self.columns.len() {
            self.columns.push(MetadataColumn::default());
        }
        self.used += 1;
        &mut self.columns[self.used - 1]
    }

    /// Takes back the column given last.
    pub(crate) fn drop_last(&mut self) {
        self.used -= 1;
    }
}

impl PartialEq for ColumnPool {
    fn eq(&self, other: &Self) -> bool {
        self.columns() == other.columns()
    }
}

impl ColumnPool {
    pub(crate) fn memory_bytes(&self) -> usize {
        let columns = self.columns.iter().map(MetadataColumn::memory_bytes).sum::<usize>();
        self.columns.capacity() * size_of::<MetadataColumn>() + columns
    }
}
