//! Placeholder.
/// Placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// a
    None,
    /// b
    Snappy,
    /// c
    Lz4,
    /// d
    Zstd,
}
