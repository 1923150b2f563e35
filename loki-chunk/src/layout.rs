//! What a block's timestamps and lines are before they are compressed.

/// How the timestamps and lines of a block are laid out.
///
/// ```
/// use loki_chunk::{Compressor, Encoding, EntryRef, HeadBlock, Layout};
///
/// let mut head = HeadBlock::new();
/// for number in 0..1000 {
///     let line = format!("request {} took {} ms", number * 7919 % 1000, number * 31 % 97);
///     head.append(EntryRef { timestamp: number, line: line.as_bytes(), metadata: &[] })?;
/// }
/// let plain = head.seal(Encoding::Zstd);
/// let typed = head.seal_with(&mut Compressor::typed(Encoding::Zstd));
/// assert_eq!((plain.header.layout, typed.header.layout), (Layout::Plain, Layout::Typed));
/// assert!(typed.data.len() < plain.data.len());
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Lines one behind the other, with a column of their lengths. Cheap to make.
    #[default]
    Plain,
    /// Lines as literals and typed columns of what varies between them, timestamps as a column of the same kind. Takes about
    /// half the room and five times as long to make.
    Typed,
}

impl Layout {
    /// The number that stands for it in bytes; never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Typed => 1,
        }
    }

    /// The layout of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Plain, Self::Typed]
            .into_iter()
            .find(|layout| layout.code() == code)
    }
}
