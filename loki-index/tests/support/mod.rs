//! Random label sets and predicates, and the plain filter that everything is held against.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;

use loki_index::{ChunkPlace, Index, IndexBuilder, Predicate, SeriesId};
use proptest::{collection, prelude::*, sample::select};

pub(crate) type Labels = BTreeMap<String, String>;

const NAMES: [&str; 5] = ["ap", "app", "env", "pod", "é"];
const VALUES: [&str; 9] = ["", "a", "ab", "abc", "b", "a\nb", "é", "ää", "abcabcabc"];
const PATTERNS: [&str; 24] = [
    "",
    ".*",
    ".+",
    "a",
    "a|ab",
    "a|",
    "|b",
    "a.*",
    ".*b",
    "a.b",
    "[ab]+",
    "(?i)A.*",
    "é.?",
    "ä*",
    "a{2,3}b*",
    "^a$",
    "a$|^b",
    "\\bab\\b",
    "(?-u:\\b)a.*",
    "[^a]*",
    "x.*",
    "(abc){1,3}",
    ".",
    "(?s-u:..)",
];

pub(crate) fn value() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&VALUES[..]).prop_map(str::to_owned), 1 => "[abé]{0,5}", 1 => "pod-[0-9]{1,3}"]
}

pub(crate) fn label_sets() -> impl Strategy<Value = Vec<Labels>> {
    let labels = collection::btree_map(select(&NAMES[..]).prop_map(str::to_owned), value(), 0..=NAMES.len());
    collection::vec(labels, 0..60)
}

pub(crate) fn predicates() -> impl Strategy<Value = Vec<Predicate>> {
    let name = || prop_oneof![8 => select(&NAMES[..]), 1 => Just("absent")];
    let one = prop_oneof![
        (name(), value()).prop_map(|(name, value)| Predicate::equal(name, &value)),
        (name(), value()).prop_map(|(name, value)| Predicate::not_equal(name, &value)),
        (name(), select(&PATTERNS[..])).prop_map(|(name, pattern)| Predicate::regex(name, pattern).unwrap()),
        (name(), select(&PATTERNS[..])).prop_map(|(name, pattern)| Predicate::not_regex(name, pattern).unwrap()),
    ];
    collection::vec(one, 0..4)
}

pub(crate) fn pairs(labels: &Labels) -> Vec<(&str, &str)> {
    labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Without the pairs that count as absent.
pub(crate) fn stored(labels: &Labels) -> Vec<(&str, &str)> {
    labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

pub(crate) fn matches(labels: &Labels, predicates: &[Predicate]) -> bool {
    predicates
        .iter()
        .all(|one| one.matches(labels.get(one.name()).map_or("", String::as_str)))
}

/// Two chunk places that are told apart from all others.
pub(crate) fn places(seed: u64) -> Vec<ChunkPlace> {
    let place = |offset| ChunkPlace {
        offset,
        length: 100,
        min_timestamp: seed as i64 * 10 - 50,
        max_timestamp: seed as i64 * 10 + 5,
        entries: seed,
        bytes: seed * 7,
    };
    vec![place(seed * 200), place(seed * 200 + 100)]
}

pub(crate) fn write(sets: &[Labels]) -> Vec<u8> {
    let mut builder = IndexBuilder::new();
    for (seed, labels) in (0..).zip(sets) {
        builder.push(&pairs(labels), &places(seed));
    }
    let mut bytes = Vec::new();
    let length = builder.finish(&mut bytes).unwrap();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

pub(crate) fn build(sets: &[Labels]) -> Index<Vec<u8>> {
    Index::open(write(sets)).unwrap()
}

pub(crate) fn ids(index: &Index<Vec<u8>>) -> impl Iterator<Item = SeriesId> + use<> {
    (0..index.len() as u32).map(SeriesId)
}
