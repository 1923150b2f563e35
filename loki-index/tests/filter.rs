//! A content filter never says "no" to what a scan finds.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needle, Needles};
use proptest::{collection, prelude::*, sample::select};

/// Lines of words, ids and bytes of any kind; some alphabets are small, so that needles occur often.
fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop_oneof![
        3 => "([a-cA-C]{1,12}[ =_]){0,12}",
        2 => "(id=[0-9a-f]{16} ){1,3}level=(info|WARN)",
        1 => "\\PC{0,40}",
    ]
    .prop_map(String::into_bytes);
    collection::vec(prop_oneof![4 => line, 1 => collection::vec(any::<u8>(), 0..80)], 1..30)
}

fn grams() -> impl Strategy<Value = Grams> {
    select(vec![Grams::Sparse, Grams::Dense])
}

fn filter(lines: &[Vec<u8>], grams: Grams) -> Vec<u8> {
    let mut builder = ContentFilterBuilder::new(FilterSettings {
        grams,
        ..FilterSettings::default()
    });
    // Several buffers, as the blocks of a larger part are.
    for part in lines.chunks(7) {
        let mut offsets = vec![0];
        let mut buffer = Vec::new();
        for line in part {
            buffer.extend_from_slice(line);
            offsets.push(buffer.len() as u32);
        }
        builder.add_lines(&buffer, &offsets);
    }
    builder.finish()
}

fn contains(line: &[u8], needle: &[u8], ignore_case: bool) -> bool {
    if ignore_case {
        return contains(&line.to_ascii_lowercase(), &needle.to_ascii_lowercase(), false);
    }
    needle.is_empty() || line.windows(needle.len()).any(|part| part == needle)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_there_is_never_denied(lines in lines(), grams in grams(), at: prop::sample::Index) {
        let bytes = filter(&lines, grams);
        let filter = ContentFilter::open(&bytes).unwrap();
        prop_assert!(filter.verify().is_ok());
        let line = &lines[at.index(lines.len())];
        for length in 0..=line.len().min(64) {
            for start in [0, (line.len() - length) / 2, (line.len() - length) / 3, line.len() - length] {
                let needle = &line[start..start + length];
                prop_assert!(filter.may_contain(&Needle::new(needle, false)), "{:?}", needle);
                prop_assert!(filter.may_contain(&Needle::new(&needle.to_ascii_uppercase(), true)), "{:?}", needle);
            }
        }
    }

    #[test]
    fn a_scan_agrees_with_every_no(lines in lines(), others in lines(), grams in grams(), ignore_case: bool) {
        let bytes = filter(&lines, grams);
        let filter = ContentFilter::open(&bytes).unwrap();
        for needle in others.iter().flat_map(|line| [line.as_slice(), &line[..line.len() / 2], &line[line.len() / 2..]]) {
            if !filter.may_contain(&Needle::new(needle, ignore_case)) {
                prop_assert!(!lines.iter().any(|line| contains(line, needle, ignore_case)), "{:?}", needle);
            }
        }
    }

    #[test]
    fn needles_are_an_and_of_ors(lines in lines(), groups in collection::vec(lines(), 0..3), grams in grams()) {
        let bytes = filter(&lines, grams);
        let filter = ContentFilter::open(&bytes).unwrap();
        let mut needles = Needles::new();
        for group in &groups {
            needles.and_any(group.iter().map(|needle| Needle::new(needle, false)));
        }
        let expected =
            groups.iter().all(|group| group.iter().any(|needle| filter.may_contain(&Needle::new(needle, false))));
        prop_assert_eq!(needles.may_match(&filter), expected);
    }

    #[test]
    fn a_flipped_bit_is_noticed(lines in lines(), at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = filter(&lines, Grams::Sparse);
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert!(ContentFilter::open(&bytes).and_then(|filter| filter.verify()).is_err());
    }

    #[test]
    fn other_bytes_are_refused(bytes in collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ContentFilter::open(&bytes).is_err());
    }
}

#[test]
fn absent_needles_are_mostly_denied() {
    let lines: Vec<Vec<u8>> = (0..2000u32)
        .map(|n| {
            format!(
                "level=info request={:016x} status=200 path=/api/v1/items/{n}",
                u64::from(n) * 0x9e37_79b9_7f4a
            )
            .into()
        })
        .collect();
    for (grams, needle, most) in [(Grams::Sparse, "deadbeef{}0001", 24), (Grams::Dense, "bad{}word", 24)] {
        let bytes = filter(&lines, grams);
        let filter = ContentFilter::open(&bytes).unwrap();
        let passed = (100..400)
            .filter(|n| filter.may_contain(&Needle::new(needle.replace("{}", &n.to_string()).as_bytes(), false)))
            .count();
        assert!(passed < most, "{passed} of 300 pass {grams:?}");
    }
    let bytes = filter(&lines, Grams::Sparse);
    let filter = ContentFilter::open(&bytes).unwrap();
    assert!(filter.may_contain(&Needle::new(b" status=200 ", false)));
    assert!(!filter.may_contain(&Needle::new(b"!", false)), "no line holds the byte");
    assert!(
        !filter.may_contain(&Needle::new(&[b'1'; 200], false)),
        "no line is that long"
    );
}

#[test]
fn lines_without_hashes_deny_what_is_longer() {
    let bytes = filter(&[b"ab".to_vec(), b"c d".to_vec()], Grams::Sparse);
    let filter = ContentFilter::open(&bytes).unwrap();
    assert_eq!(filter.longest_line(), 3);
    assert!(filter.may_contain(&Needle::new(b"b", false)));
    assert!(!filter.may_contain(&Needle::new(b"c da", false)));
}

#[test]
fn case_beyond_ascii_is_not_guessed() {
    let bytes = filter(&["straße".into()], Grams::Sparse);
    let filter = ContentFilter::open(&bytes).unwrap();
    assert!(filter.may_contain(&Needle::new("STRAẞE".as_bytes(), true)));
    assert!(!filter.may_contain(&Needle::new("STRAẞE".as_bytes(), false)));
}
