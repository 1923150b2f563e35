//! Lines that are alike.

use super::WILDCARD;
use super::line::Line;
use super::samples::Samples;

/// Bytes of memory that a cluster takes besides its text, about, and those of each token.
const CLUSTER_BYTES: usize = 256;
const TOKEN_BYTES: usize = 96;
/// Bytes of one bucket of samples.
const SAMPLE_BYTES: usize = 16;

/// A template, and when lines of it came.
#[derive(Debug)]
pub(super) struct Cluster {
    /// What the lines have in common; where they differ, the wildcard.
    pub(super) tokens: Vec<Box<str>>,
    /// Spaces of the first line, see [`Line::gaps`].
    pub(super) gaps: Vec<u16>,
    pub(super) samples: Samples,
    /// When it was last used, in lines of its tree.
    pub(super) used: u64,
    text_bytes: usize,
}

/// How much a line is like a template; greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Likeness {
    equal: usize,
    wildcards: usize,
}

impl Cluster {
    /// The cluster of one line, without samples.
    pub(super) fn new(line: &Line<'_>) -> Cluster {
        Cluster {
            tokens: line.tokens.iter().map(|&token| token.into()).collect(),
            gaps: line.gaps.clone(),
            samples: Samples::default(),
            used: 0,
            text_bytes: line.tokens.iter().map(|token| token.len()).sum(),
        }
    }

    /// How much a line of as many tokens is like it; `None`: too little for the line to belong here.
    pub(super) fn likeness(&self, line: &Line<'_>) -> Option<Likeness> {
        let (mut equal, mut wildcards) = (0, 0);
        for (known, token) in self.tokens.iter().zip(&line.tokens) {
            if **known == *WILDCARD {
                wildcards += 1;
            } else if **known == **token {
                equal += 1;
            }
        }
        // Three tenths must be equal. A template whose text is all there is met anyhow.
        let is_alike = equal * 10 >= self.tokens.len() * 3 || equal + wildcards == self.tokens.len();
        is_alike.then_some(Likeness { equal, wildcards })
    }

    /// Takes in a line: where it differs comes the wildcard.
    pub(super) fn generalise(&mut self, line: &Line<'_>) {
        for (known, token) in self.tokens.iter_mut().zip(&line.tokens) {
            if **known != **token && **known != *WILDCARD {
                *known = WILDCARD.into();
            }
        }
    }

    /// Bytes of memory, about, its part of the tree included.
    pub(super) fn memory_bytes(&self) -> usize {
        CLUSTER_BYTES + self.tokens.len() * TOKEN_BYTES + 2 * self.text_bytes + self.samples.len() * SAMPLE_BYTES
    }
}
