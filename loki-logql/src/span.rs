//! Where in the query text a node stands.

/// A range of bytes of the query text, half-open.
///
/// ```
/// let span = loki_logql::Span::new(1, 4);
/// assert_eq!(&"{app}"[span.range()], "app");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// A span from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The span as a range to index the text with.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}
