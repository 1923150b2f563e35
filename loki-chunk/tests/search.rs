//! A search over typed blocks finds exactly the lines that a scan of the made lines finds.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use loki_chunk::{Block, BlockColumns, ColumnSet, Compressor, Encoding, EntryRef, HeadBlock, Layout, LineSearch};
use proptest::prelude::*;
use proptest::sample::Index;
use support::{any_encoding, any_log, block_of, head_of};

/// A needle, and whether case matters.
#[derive(Debug, Clone)]
struct Needle {
    bytes: Vec<u8>,
    ignore_case: bool,
}

impl Needle {
    fn places(&self) -> Vec<Vec<u8>> {
        let place = |&byte: &u8| match self.ignore_case {
            true => vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
            false => vec![byte],
        };
        self.bytes.iter().map(place).collect()
    }

    fn is_in(&self, line: &[u8]) -> bool {
        let same = |window: &[u8]| match self.ignore_case {
            true => window.eq_ignore_ascii_case(&self.bytes),
            false => window == self.bytes,
        };
        line.windows(self.bytes.len()).any(same)
    }
}

/// Where a needle comes from: a place in the lines of a block, a line end among them, or anywhere.
#[derive(Debug, Clone)]
enum Origin {
    Cut {
        place: Index,
        length: usize,
        damage: Option<(Index, u8)>,
    },
    Made(Vec<u8>),
}

fn any_needle() -> impl Strategy<Value = (Origin, bool)> {
    let cut = (
        any::<Index>(),
        1usize..30,
        proptest::option::weighted(0.2, (any::<Index>(), any::<u8>())),
    );
    let origin = prop_oneof![
        4 => cut.prop_map(|(place, length, damage)| Origin::Cut { place, length, damage }),
        1 => "[a-f0-9]{1,6}|error|took|[ -~]{1,4}".prop_map(|text| Origin::Made(text.into_bytes())),
    ];
    (origin, any::<bool>())
}

fn needle((origin, ignore_case): &(Origin, bool), lines: &[u8]) -> Option<Needle> {
    let bytes = match origin {
        Origin::Made(bytes) => bytes.clone(),
        Origin::Cut { .. } if lines.is_empty() => return None,
        Origin::Cut { place, length, damage } => {
            let start = place.index(lines.len());
            let mut bytes = lines[start..lines.len().min(start + length)].to_vec();
            if let Some((at, byte)) = damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes
        }
    };
    Some(Needle {
        bytes,
        ignore_case: *ignore_case,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_a_scan_of_the_lines_finds(
        entries in any_log(),
        encoding in any_encoding(),
        clauses in proptest::collection::vec((proptest::collection::vec(any_needle(), 1..4), any::<bool>()), 1..4),
    ) {
        let block = head_of(&entries).seal_with(&mut Compressor::typed(encoding));
        if block.header.layout == Layout::Plain {
            // Smaller than a typed one. It answers no search.
            let mut search = LineSearch::new();
            search.holds_any(&[&[vec![b'a']]]);
            prop_assert!(!BlockColumns::new().search(&block.header, &block.data, &search, &mut Vec::new()).unwrap());
            return Ok(());
        }
        let mut made = BlockColumns::new();
        made.read(&block.header, &block.data, ColumnSet::LINES).unwrap();
        let clauses: Vec<(Vec<Needle>, bool)> = clauses
            .iter()
            .map(|(needles, negated)| (needles.iter().filter_map(|it| needle(it, made.lines())).collect(), *negated))
            .collect();
        let mut search = LineSearch::new();
        for (needles, negated) in &clauses {
            let places: Vec<_> = needles.iter().map(Needle::places).collect();
            match negated {
                true => search.holds_none(&places),
                false => search.holds_any(&places),
            }
        }
        let passes = |&entry: &u32| clauses.iter().all(|(needles, negated)| {
            needles.iter().any(|needle| needle.is_in(made.line(entry as usize))) != *negated
        });
        let wanted: Vec<u32> = (0..made.len() as u32).filter(passes).collect();
        let mut found = vec![7];
        let is_known = BlockColumns::new().search(&block.header, &block.data, &search, &mut found).unwrap();
        if is_known && search.is_exact() {
            prop_assert_eq!(found, wanted);
        } else if is_known {
            prop_assert!(wanted.iter().all(|entry| found.contains(entry)));
        }
    }
}

fn found(block: &Block, search: &LineSearch) -> Vec<u32> {
    let mut found = vec![7];
    assert!(
        BlockColumns::new()
            .search(&block.header, &block.data, search, &mut found)
            .unwrap()
    );
    found
}

fn typed(lines: impl Iterator<Item = String>) -> Block {
    let block = block_of(lines, &mut Compressor::typed(Encoding::Zstd));
    assert_eq!(block.header.layout, Layout::Typed);
    block
}

fn holding(text: &str) -> LineSearch {
    let mut search = LineSearch::new();
    search.holds_any(&[text.bytes().map(|byte| [byte]).collect::<Vec<_>>()]);
    search
}

#[test]
fn a_place_of_a_needle_takes_any_of_its_bytes() {
    let block = typed((0..1000).map(|user| format!("user_id={user} took {} ms", user * 31 % 97)));
    let mut places: Vec<Vec<u8>> = "user_id=12".bytes().map(|byte| vec![byte]).collect();
    places.extend([(b'0'..=b'9').collect(), vec![b' ']]);
    let mut search = LineSearch::new();
    search.holds_any(&[places]);
    assert!(search.is_exact());
    assert_eq!(found(&block, &search), (120..130).collect::<Vec<_>>());
}

#[test]
fn a_needle_too_long_to_be_held_whole_is_searched_for_by_its_beginning() {
    let rest = "x".repeat(100);
    let block = typed((0..1000).map(|place| format!("{rest} {place} {rest}{}", place % 7)));
    let search = holding(&format!(" 7 {rest}1"));
    assert!(!search.is_exact());
    assert_eq!(found(&block, &search), [7]);
    let mut search = LineSearch::new();
    search.holds_none(&[rest.bytes().map(|byte| [byte]).collect::<Vec<_>>()]);
    assert!(!search.is_exact() && search.is_empty());
    assert_eq!(found(&block, &search).len(), 1000);
}

#[test]
fn an_empty_needle_finds_all() {
    let block = typed((0..1000).map(|place| format!("took {place} ms")));
    assert_eq!(found(&block, &holding("")).len(), 1000);
    assert_eq!(found(&block, &LineSearch::new()).len(), 1000);
}

#[test]
fn a_plain_block_has_no_shorter_way() {
    let mut head = HeadBlock::new();
    head.append(EntryRef {
        timestamp: 0,
        line: b"took 7 ms",
        metadata: &[],
    })
    .unwrap();
    let block = head.seal(Encoding::Zstd);
    let mut found = vec![7];
    let searched = BlockColumns::new().search(&block.header, &block.data, &holding("took"), &mut found);
    assert!(!searched.unwrap());
    assert!(found.is_empty());
}

#[test]
fn what_could_be_in_any_variable_has_no_shorter_way() {
    let block = typed((0..2000).map(|place| format!("took {place} ms and {}", place * 31 % 97)));
    let searched = BlockColumns::new().search(&block.header, &block.data, &holding("7"), &mut Vec::new());
    assert!(!searched.unwrap());
    assert_eq!(found(&block, &holding("1234")), [1234], "the other number is of a byte");
}

#[test]
fn damage_that_a_checksum_tells_of_is_an_error() {
    let mut block = typed((0..1000).map(|place| format!("took {place} ms")));
    *block.data.last_mut().unwrap() ^= 1;
    let mut found = Vec::new();
    assert!(
        BlockColumns::new()
            .search(&block.header, &block.data, &holding("took"), &mut found)
            .is_err()
    );
}
