//! What is looked for, prepared once for many filters.

use super::{
    content::ContentFilter,
    grams::{Folded, Grams, Minimizers},
};

/// A text that lines are searched for.
///
/// Its keys are computed here, so that asking a filter is a few memory reads.
///
/// ```
/// use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Needle};
///
/// let mut builder = ContentFilterBuilder::new(FilterSettings::default());
/// builder.add_lines(b"GET /healthz 200", &[0, 16]);
/// let bytes = builder.finish();
/// let filter = ContentFilter::open(&bytes)?;
/// assert!(filter.may_contain(&Needle::new(b"get /HEALTHZ", true)));
/// assert!(!filter.may_contain(&Needle::new(b"get /HEALTHZ", false)));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Needle {
    length: usize,
    ignore_case: bool,
    /// Nothing can be said about it.
    is_opaque: bool,
    /// The bytes in it, in lower case if case is ignored.
    bytes: ByteMask,
    /// The keys that must be in the set, by how dense the grams in the set lie.
    keys: [Box<[u32]>; Grams::ALL.len()],
}

impl Needle {
    /// A needle of these bytes. `ignore_case` treats the ASCII letters of either case alike, and no others.
    ///
    /// A needle of which case is to be ignored and that holds bytes beyond ASCII may be anywhere. Where other case rules
    /// fold ASCII letters with others (Unicode's: `k` and the Kelvin sign, `s` and the long s) it is the caller's part
    /// not to ask for such a letter.
    pub fn new(bytes: &[u8], ignore_case: bool) -> Self {
        let mut folded = Folded::default();
        folded.set(bytes);
        let mut minimizers = Minimizers::default();
        let keys = Grams::ALL.map(|grams| {
            let mut keys = Vec::new();
            // What is longer than any line is denied for its length.
            let end = u32::try_from(bytes.len()).unwrap_or(0);
            minimizers.each(grams, &folded, &[0, end], |found| keys.extend_from_slice(found));
            keys.sort_unstable();
            keys.dedup();
            keys.into()
        });
        Self {
            length: bytes.len(),
            ignore_case,
            is_opaque: ignore_case && !bytes.is_ascii(),
            bytes: ByteMask::of(if ignore_case { folded.text() } else { bytes }),
            keys,
        }
    }

    pub(super) fn may_be_in(&self, filter: &ContentFilter<'_>) -> bool {
        if self.is_opaque || self.length == 0 {
            return true;
        }
        let occurring = if self.ignore_case {
            filter.byte_mask().folded()
        } else {
            filter.byte_mask()
        };
        self.length as u64 <= u64::from(filter.longest_line())
            && self.bytes.is_within(occurring)
            && self.keys[filter.grams() as usize]
                .iter()
                .all(|&key| filter.contains_key(key))
    }
}

/// Conditions on the content of a line: an AND of ORs of needles, as the required literals of a pipeline are.
///
/// ```
/// use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Needle, Needles};
///
/// let mut builder = ContentFilterBuilder::new(FilterSettings::default());
/// builder.add_lines(b"level=warn msg=slow", &[0, 19]);
/// let bytes = builder.finish();
///
/// // {…} |~ "level=(error|warn)" |= "msg"
/// let mut needles = Needles::new();
/// needles.and_any([Needle::new(b"level=error", false), Needle::new(b"level=warn", false)]);
/// needles.and_any([Needle::new(b"msg", false)]);
/// assert!(needles.may_match(&ContentFilter::open(&bytes)?));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Needles {
    all_of: Vec<Vec<Needle>>,
}

impl Needles {
    /// No condition: every line matches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the condition that a line holds one of these needles at least. No needle at all is a condition that no line
    /// meets.
    pub fn and_any(&mut self, any_of: impl IntoIterator<Item = Needle>) {
        self.all_of.push(any_of.into_iter().collect());
    }

    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.all_of.is_empty()
    }

    /// Whether some of the filter's lines may meet all conditions.
    pub fn may_match(&self, filter: &ContentFilter<'_>) -> bool {
        self.all_of
            .iter()
            .all(|any_of| any_of.iter().any(|needle| needle.may_be_in(filter)))
    }
}

/// A set of byte values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ByteMask(pub(super) [u64; 4]);

impl ByteMask {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut seen = [false; 256];
        bytes.iter().for_each(|&byte| seen[usize::from(byte)] = true);
        let mut mask = Self::default();
        for (byte, _) in seen.iter().enumerate().filter(|(_, seen)| **seen) {
            mask.0[byte / 64] |= 1 << (byte % 64);
        }
        mask
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(part, other)| *part |= other);
    }

    /// With the lower case of every ASCII capital.
    fn folded(mut self) -> Self {
        // `A` to `Z` are the bits 1 to 26 of the second part, and `a` to `z` lie 32 above.
        const CAPITALS: u64 = 0x07ff_fffe;
        self.0[1] |= (self.0[1] & CAPITALS) << 32;
        self
    }

    fn is_within(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(part, other)| part & !other == 0)
    }
}
