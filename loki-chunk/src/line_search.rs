//! What lines are searched for.

use crate::needles::{MOST_BITS, Needles};

/// A needle that has to be cut to fewer bytes than this finds too much to be worth it.
const LEAST_BYTES: usize = 4;

/// What lines hold and what they lack, compiled for [`BlockColumns::search`](crate::BlockColumns::search): an AND of clauses.
///
/// A needle is a row of places, each with the bytes of which one stands there: `[b"e", b"r"]` is `er`, and `[b"eE", b"rR"]` the
/// same in either case.
///
/// ```
/// use loki_chunk::{BlockColumns, Compressor, Encoding, EntryRef, HeadBlock, LineSearch};
///
/// let mut head = HeadBlock::new();
/// for number in 0..1000 {
///     let level = if number % 10 == 0 { "error" } else { "info" };
///     let line = format!("level={level} request {} took {} ms", number * 7919 % 1000, number * 31 % 97);
///     head.append(EntryRef { timestamp: number, line: line.as_bytes(), metadata: &[] })?;
/// }
/// let block = head.seal_with(&mut Compressor::typed(Encoding::Zstd));
///
/// let mut search = LineSearch::new();
/// search.holds_any(&[b"error".map(|byte| [byte])]);
/// assert!(search.is_exact());
/// let mut found = Vec::new();
/// assert!(BlockColumns::new().search(&block.header, &block.data, &search, &mut found)?);
/// assert_eq!(found.len(), 100);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LineSearch {
    clauses: Vec<Clause>,
    is_exact: bool,
}

/// Needles, one of which a line holds, or none.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    pub(crate) needles: Needles,
    pub(crate) is_negated: bool,
}

impl LineSearch {
    /// A search that finds every line.
    pub fn new() -> Self {
        Self {
            clauses: Vec::new(),
            is_exact: true,
        }
    }

    /// Lines must hold one of `needles`, too.
    ///
    /// Long needles are cut short and too many are ignored; the search is then not [exact](Self::is_exact).
    pub fn holds_any<N: AsRef<[P]>, P: AsRef<[u8]>>(&mut self, needles: &[N]) {
        self.add(needles, false);
    }

    /// Lines must hold none of `needles`, too.
    ///
    /// Needles that together have more than some 60 bytes are ignored; the search is then not [exact](Self::is_exact).
    pub fn holds_none<N: AsRef<[P]>, P: AsRef<[u8]>>(&mut self, needles: &[N]) {
        self.add(needles, true);
    }

    fn add<N: AsRef<[P]>, P: AsRef<[u8]>>(&mut self, needles: &[N], is_negated: bool) {
        let needles = || needles.iter().map(AsRef::as_ref);
        let bits: usize = needles().map(|needle| needle.len() + 1).sum();
        let is_whole = bits <= MOST_BITS;
        let most_bytes = if is_whole {
            MOST_BITS
        } else {
            (MOST_BITS / needles().count()).saturating_sub(1)
        };
        self.is_exact &= is_whole;
        if needles().any(<[P]>::is_empty) || !is_whole && (is_negated || most_bytes < LEAST_BYTES) {
            self.is_exact = false;
            return;
        }
        self.clauses.push(Clause {
            needles: Needles::new(needles().map(|needle| &needle[..needle.len().min(most_bytes)])),
            is_negated,
        });
    }

    /// Whether what is found is exactly what was asked for; otherwise there may be more.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Whether it asks for nothing: then every line is found.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    pub(crate) fn clauses(&self) -> &[Clause] {
        &self.clauses
    }
}

impl Default for LineSearch {
    fn default() -> Self {
        Self::new()
    }
}
