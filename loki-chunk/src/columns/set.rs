//! Which columns of a block are meant.

use std::fmt;
use std::ops::BitOr;

/// A set of columns.
///
/// ```
/// use loki_chunk::ColumnSet;
///
/// let want = ColumnSet::TIMESTAMPS | ColumnSet::LINES;
/// assert!(want.contains(ColumnSet::OFFSETS), "lines bring their offsets");
/// assert_eq!(want.to_string(), "timestamps, offsets, lines");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ColumnSet(u8);

impl ColumnSet {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Timestamps.
    pub const TIMESTAMPS: Self = Self(1);
    /// Where each line starts: enough for lengths.
    pub const OFFSETS: Self = Self(2);
    /// The bytes of the lines; brings the offsets.
    pub const LINES: Self = Self(2 | 4);
    /// Structured metadata.
    pub const METADATA: Self = Self(8);
    /// Everything.
    pub const ALL: Self = Self(15);

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in the set and not in `other`, column by column.
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn holds_line_bytes(self) -> bool {
        self.0 & 4 != 0
    }

    /// Whether neither lines nor their offsets are in the set.
    pub(super) const fn is_empty_of_lines(self) -> bool {
        self.0 & Self::LINES.0 == 0
    }
}

impl BitOr for ColumnSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for ColumnSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["timestamps", "offsets", "lines", "metadata"];
        let mut held = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| name);
        let Some(first) = held.next() else {
            return f.write_str("none");
        };
        f.write_str(first)?;
        held.try_for_each(|name| write!(f, ", {name}"))
    }
}
