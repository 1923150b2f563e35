//! One entry, borrowed and owned.

/// A borrowed entry: what is appended, and what one place of a block is.
///
/// ```
/// use loki_chunk::EntryRef;
///
/// let entry = EntryRef { timestamp: 1_700_000_000_000_000_000, line: b"ready", metadata: &[("pod", "a-1")] };
/// assert_eq!(entry.metadata_bytes(), 6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// Unix time in nanoseconds.
    pub timestamp: i64,
    /// The text: any bytes, newlines and invalid UTF-8 included; may be empty.
    pub line: &'a [u8],
    /// Structured metadata, sorted by name, each name once.
    pub metadata: &'a [(&'a str, &'a str)],
}

impl EntryRef<'_> {
    /// Bytes of the names and values of the structured metadata.
    pub fn metadata_bytes(&self) -> usize {
        self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// An owned entry.
///
/// ```
/// use loki_chunk::{Entry, EntryRef};
///
/// let entry = Entry { timestamp: 7, line: b"ready".to_vec(), metadata: vec![("pod".into(), "a-1".into())] };
/// let mut pairs = Vec::new();
/// assert_eq!(Entry::from(entry.borrow(&mut pairs)), entry);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Unix time in nanoseconds.
    pub timestamp: i64,
    /// The text: any bytes.
    pub line: Vec<u8>,
    /// Structured metadata, sorted by name, each name once.
    pub metadata: Vec<(String, String)>,
}

impl Entry {
    /// The entry as a borrowed one; `pairs` is where its metadata is lined up, and can be used again for the next.
    pub fn borrow<'a: 's, 's>(&'a self, pairs: &'s mut Vec<(&'a str, &'a str)>) -> EntryRef<'s> {
        pairs.clear();
        pairs.extend(
            self.metadata
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        EntryRef {
            timestamp: self.timestamp,
            line: &self.line,
            metadata: pairs,
        }
    }
}

impl From<EntryRef<'_>> for Entry {
    fn from(entry: EntryRef<'_>) -> Self {
        let metadata = entry
            .metadata
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            timestamp: entry.timestamp,
            line: entry.line.to_vec(),
            metadata,
        }
    }
}
