//! What a block has to hold to be read.

use super::block_ref::BlockRef;
use crate::head::OpenSnapshot;
use loki_index::{Needle, Needles};
use loki_logql::source::Literal;
use memchr::memmem;
use std::sync::PoisonError;

/// Open blocks are searched for so many texts at most: each takes a pass over all lines that none of them is in.
const MOST_SEARCHED: usize = 4;

/// What some line of a block has to hold: an AND of ORs of texts. Blocks with a content filter are asked by that, open ones
/// are searched.
#[derive(Debug, Default)]
pub(super) struct Required {
    pub(super) needles: Needles,
    /// Of the same conditions those that are cheap to look for.
    searched: Vec<Vec<memmem::Finder<'static>>>,
}

impl Required {
    /// One of the texts in each of `literals`.
    pub(super) fn of(literals: &[Vec<Literal>]) -> Required {
        let mut required = Required::default();
        let mut room = MOST_SEARCHED;
        for any_of in literals {
            let needle = |literal: &Literal| Needle::new(&literal.bytes, literal.ignore_case);
            required.needles.and_any(any_of.iter().map(needle));
            if any_of.len() <= room && !any_of.iter().any(|literal| literal.ignore_case) {
                room -= any_of.len();
                let finder = |literal: &Literal| memmem::Finder::new(&literal.bytes).into_owned();
                required.searched.push(any_of.iter().map(finder).collect());
            }
        }
        required
    }

    /// Whether lines of a block in memory may hold it. Segments ask the filters of theirs.
    pub(super) fn may_be_in(&self, block: &BlockRef) -> bool {
        match block {
            BlockRef::Sealed(sealed) => sealed.may_match(&self.needles),
            BlockRef::Open(open) => self.may_be_in_open(open),
            BlockRef::Stored { .. } => true,
        }
    }

    /// A text that lies across the end of a line counts, too.
    fn may_be_in_open(&self, open: &OpenSnapshot) -> bool {
        if self.searched.is_empty() {
            return true;
        }
        let block = open.block.read().unwrap_or_else(PoisonError::into_inner);
        let is_held = |text: &memmem::Finder<'_>| is_in_pieces(text, block.line_pieces());
        self.searched.iter().all(|any_of| any_of.iter().any(is_held))
    }
}

/// Whether `text` stands in bytes that lie in `pieces`.
fn is_in_pieces<'p>(text: &memmem::Finder<'_>, pieces: impl Iterator<Item = &'p [u8]>) -> bool {
    let reach = text.needle().len().saturating_sub(1);
    // The last bytes before the piece, where a text may begin that ends in it.
    let mut seam: Vec<u8> = Vec::new();
    for piece in pieces {
        let before = seam.len();
        seam.extend_from_slice(&piece[..piece.len().min(reach)]);
        if before > 0 && text.find(&seam).is_some() || text.find(piece).is_some() {
            return true;
        }
        if piece.len() >= reach {
            seam.clear();
            seam.extend_from_slice(&piece[piece.len() - reach..]);
        } else {
            seam.drain(..seam.len().saturating_sub(reach));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_chunk::{EntryRef, HeadBlock};
    use loki_logql::source::Summary;
    use proptest::prelude::*;
    use std::sync::{Arc, RwLock};

    proptest! {
        #[test]
        fn a_text_is_found_wherever_pieces_part_it(
            bytes in "[ab]{0,60}",
            text in "[ab]{1,9}",
            ends in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut ends: Vec<usize> = ends.iter().map(|end| end.index(bytes.len() + 1)).collect();
            ends.extend([0, bytes.len()]);
            ends.sort_unstable();
            let pieces = ends.windows(2).map(|pair| &bytes.as_bytes()[pair[0]..pair[1]]);
            let finder = memmem::Finder::new(text.as_bytes());
            prop_assert_eq!(is_in_pieces(&finder, pieces), bytes.contains(&text));
        }
    }

    fn open(lines: &[&str]) -> OpenSnapshot {
        let mut block = HeadBlock::new();
        for (timestamp, line) in (0..).zip(lines) {
            let entry = EntryRef {
                timestamp,
                line: line.as_bytes(),
                metadata: &[],
            };
            block.append(entry).expect("it fits");
        }
        OpenSnapshot {
            summary: Summary {
                entries: block.len() as u32,
                min_timestamp: 0,
                max_timestamp: lines.len() as i64 - 1,
                line_bytes: block.line_bytes() as u64,
                metadata_bytes: 0,
                has_metadata: false,
            },
            block: Arc::new(RwLock::new(block)),
        }
    }

    #[test]
    fn open_blocks_are_left_out_only_where_no_line_can_match() {
        let literal = |text: &str, ignore_case| Literal {
            bytes: text.into(),
            ignore_case,
        };
        let plain = |texts: &[&str]| texts.iter().map(|text| literal(text, false)).collect::<Vec<_>>();
        let filler = "x".repeat(40_000);
        let open = open(&["level=warn", &filler, "level=Error"]);
        let may_hold = |literals: &[Vec<Literal>]| Required::of(literals).may_be_in_open(&open);
        assert!(may_hold(&[]));
        assert!(may_hold(&[plain(&["warn"])]));
        assert!(!may_hold(&[plain(&["error"])]));
        assert!(may_hold(&[plain(&["error", "warn"])]));
        assert!(!may_hold(&[plain(&["error", "warn"]), plain(&["absent"])]));
        assert!(may_hold(&[vec![literal("error", true)]]), "case is not looked at");
        let many: Vec<String> = (0..=MOST_SEARCHED).map(|n| format!("absent{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(may_hold(&[plain(&many)]), "too many to look for");
        assert!(!may_hold(&[plain(&many), plain(&["absent"])]));
    }
}
