//! How a series is named: an ordinal inside one index, a fingerprint across all of them.

use xxhash_rust::xxh3::Xxh3;

/// The ordinal of a series in one index; means nothing in another.
///
/// ```
/// use loki_index::{MemoryIndex, SeriesId};
///
/// let mut index = MemoryIndex::new();
/// assert_eq!(index.insert(&[("app", "api")]), (SeriesId(0), true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// A hash of a label set, equal on every machine and in every version of this crate.
///
/// Two label sets may share a fingerprint; compare the labels where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of label pairs, which the caller has sorted by name.
    ///
    /// It is xxh3-64 over `name 0xff value 0xff` of each pair: no UTF-8 text holds the byte 0xff, so different sets
    /// hash different bytes. A pair with an empty value counts as absent, as everywhere in this crate.
    ///
    /// ```
    /// use loki_index::Fingerprint;
    ///
    /// assert_eq!(Fingerprint::of([("app", "api")]), Fingerprint::of([("app", "api"), ("env", "")]));
    /// assert_ne!(Fingerprint::of([("app", "api")]), Fingerprint::of([("ap", "papi")]));
    /// ```
    pub fn of<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut hash = Xxh3::new();
        for (name, value) in labels.into_iter().filter(|(_, value)| !value.is_empty()) {
            hash.update(name.as_bytes());
            hash.update(&[0xff]);
            hash.update(value.as_bytes());
            hash.update(&[0xff]);
        }
        Self(hash.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_never_change() {
        assert_eq!(Fingerprint::of([]), Fingerprint(0x2d06_8005_38d3_94c2));
        assert_eq!(
            Fingerprint::of([("app", "api"), ("env", "prod")]),
            Fingerprint(0xb8f9_3d34_610d_b44c)
        );
    }
}
