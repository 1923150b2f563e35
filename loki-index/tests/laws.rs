//! Both indexes answer what a plain filter over all series answers.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::collections::BTreeSet;

use loki_index::{Fingerprint, Index, MemoryIndex, Postings, Predicate, SeriesId};
use proptest::prelude::*;
use support::{Labels, build, ids, label_sets, matches, pairs, places, predicates, stored, write};

fn in_memory(sets: &[Labels]) -> MemoryIndex {
    let mut index = MemoryIndex::new();
    for labels in sets {
        index.insert(&pairs(labels));
    }
    index
}

fn filtered(sets: &[Labels], predicates: &[Predicate]) -> BTreeSet<Vec<(String, String)>> {
    sets.iter()
        .filter(|labels| matches(labels, predicates))
        .map(|labels| owned(stored(labels)))
        .collect()
}

fn owned(labels: Vec<(&str, &str)>) -> Vec<(String, String)> {
    labels
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn selecting_equals_filtering_all_series(sets in label_sets(), predicates in predicates()) {
        let expected = filtered(&sets, &predicates);
        let memory = in_memory(&sets);
        let found = memory.select(&predicates);
        prop_assert_eq!(found.len(), expected.len() as u64);
        prop_assert_eq!(found.iter().map(|id| owned(memory.labels(id).collect())).collect::<BTreeSet<_>>(), expected.clone());

        let index = build(&sets);
        let found = index.select(&predicates).unwrap();
        let listed: Vec<_> = found.iter().map(|id| owned(index.labels(id).unwrap())).collect();
        prop_assert!(listed.is_sorted(), "ids follow the order of labels");
        prop_assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn names_and_values_are_those_of_the_selected_series(sets in label_sets(), predicates in predicates()) {
        let (memory, index) = (in_memory(&sets), build(&sets));
        let selected = filtered(&sets, &predicates);
        let names: BTreeSet<String> = selected.iter().flatten().map(|(name, _)| name.clone()).collect();
        let names: Vec<String> = names.into_iter().collect();
        let (in_memory, in_index) = (memory.select(&predicates), index.select(&predicates).unwrap());
        prop_assert_eq!(&memory.label_names(Some(&in_memory)), &names);
        prop_assert_eq!(&index.label_names(Some(&in_index)).unwrap(), &names);

        for name in memory.label_names(None) {
            let values: BTreeSet<&str> =
                selected.iter().flatten().filter(|(other, _)| *other == name).map(|(_, value)| value.as_str()).collect();
            let values: Vec<&str> = values.into_iter().collect();
            prop_assert_eq!(memory.label_values(&name, Some(&in_memory)), values.clone());
            prop_assert_eq!(index.label_values(&name, Some(&in_index)).unwrap(), values);
            prop_assert_eq!(index.label_values(&name, None).unwrap(), memory.label_values(&name, None));
        }
        prop_assert_eq!(index.label_names(None).unwrap(), memory.label_names(None));
    }

    #[test]
    fn every_series_is_found_by_its_labels(sets in label_sets(), other in label_sets()) {
        let (mut memory, index) = (in_memory(&sets), build(&sets));
        let known: BTreeSet<_> = sets.iter().map(stored).collect();
        for labels in sets.iter().chain(&other) {
            let labels = pairs(labels);
            let is_known = known.contains(&stored(&labels.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()));
            prop_assert_eq!(memory.lookup(&labels).is_some(), is_known);
            prop_assert_eq!(index.lookup(&labels).unwrap().is_some(), is_known);
        }
        for id in ids(&index) {
            prop_assert_eq!(index.lookup(&index.labels(id).unwrap()).unwrap(), Some(id));
        }
        for labels in &sets {
            let before = memory.len();
            let (id, is_new) = memory.insert(&pairs(labels));
            prop_assert!(!is_new && memory.len() == before);
            prop_assert_eq!(Some(id), memory.lookup(&stored(labels)));
        }
    }

    #[test]
    fn places_come_back_in_the_order_of_pushing(sets in label_sets()) {
        let index = build(&sets);
        let mut total = 0;
        for id in ids(&index) {
            let labels = index.labels(id).unwrap();
            let pushed: Vec<_> =
                (0..).zip(&sets).filter(|(_, set)| stored(set) == labels).flat_map(|(seed, _)| places(seed)).collect();
            total += pushed.len() as u64;
            prop_assert_eq!(index.places(id).unwrap(), pushed);
        }
        prop_assert_eq!(index.places_len(), total);
        let last = sets.len() as i64 * 10 - 5;
        prop_assert_eq!(index.time_range(), (!sets.is_empty()).then_some(-50..=last));
    }

    #[test]
    fn bytes_do_not_depend_on_the_order_of_series(sets in label_sets()) {
        let sets: Vec<Labels> = sets.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let distinct = sets.iter().map(stored).collect::<BTreeSet<_>>().len() == sets.len();
        prop_assume!(distinct);
        let write = |sets: &mut dyn Iterator<Item = &Labels>| {
            let mut builder = loki_index::IndexBuilder::new();
            sets.for_each(|labels| builder.push(&pairs(labels), &[]));
            let mut bytes = Vec::new();
            builder.finish(&mut bytes).unwrap();
            bytes
        };
        prop_assert_eq!(write(&mut sets.iter()), write(&mut sets.iter().rev()));
    }

    #[test]
    fn series_with_equal_fingerprints_have_equal_labels(left in label_sets(), right in label_sets()) {
        for left in &left {
            for right in &right {
                let same = Fingerprint::of(pairs(left)) == Fingerprint::of(pairs(right));
                prop_assert_eq!(same, stored(left) == stored(right));
            }
        }
    }

    #[test]
    fn postings_are_sets(left in prop::collection::btree_set(0u32..100, 0..40), right in prop::collection::btree_set(0u32..100, 0..40)) {
        let set = |ids: &BTreeSet<u32>| ids.iter().copied().map(SeriesId).collect::<Postings>();
        let (a, b) = (set(&left), set(&right));
        prop_assert_eq!(a.and(&b), set(&(&left & &right)));
        prop_assert_eq!(a.or(&b), set(&(&left | &right)));
        prop_assert_eq!(a.and_not(&b), set(&(&left - &right)));
        prop_assert_eq!(a.is_disjoint(&b), left.is_disjoint(&right));
        prop_assert_eq!(a.len(), left.len() as u64);
        prop_assert!(Postings::full(100).and_not(&a).iter().all(|id| !left.contains(&id.0)));
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_changes_no_answer(sets in label_sets(), predicates in predicates(), at: prop::sample::Index, bit in 0u8..8) {
        let good = write(&sets);
        let mut bad = good.clone();
        let at = at.index(good.len());
        bad[at] ^= 1u8 << bit;
        let good = Index::open(good).unwrap();
        let Ok(bad) = Index::open(bad) else { return Ok(()) };
        prop_assert!(bad.verify().is_err());
        if let Ok(found) = bad.select(&predicates) {
            prop_assert_eq!(&found, &good.select(&predicates).unwrap());
        }
        for id in ids(&good) {
            if let Ok(labels) = bad.labels(id) {
                prop_assert_eq!(labels, good.labels(id).unwrap());
            }
            if let Ok(places) = bad.places(id) {
                prop_assert_eq!(places, good.places(id).unwrap());
            }
        }
    }

    #[test]
    fn cut_and_lengthened_bytes_are_refused(sets in label_sets(), at: prop::sample::Index) {
        let mut bytes = write(&sets);
        prop_assert!(Index::open(&bytes[..at.index(bytes.len())]).is_err());
        bytes.push(0);
        prop_assert!(Index::open(&bytes).is_err());
    }
}

/// Every value under one label and a large page count: what random small sets do not reach.
#[test]
fn prefixes_are_skipped_without_losing_values() {
    let mut builder = loki_index::IndexBuilder::new();
    let mut memory = MemoryIndex::new();
    let values: Vec<String> = (0..6000)
        .map(|n| format!("{}-{n:04}", ["api", "app", "web", "x"][n % 4]))
        .collect();
    for value in &values {
        builder.push(&[("pod", value)], &[]);
        memory.insert(&[("pod", value)]);
    }
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).unwrap();
    let index = Index::open(bytes).unwrap();
    for pattern in [
        "ap.*",
        "(?-u:\\w)+-[0-4]\\d*",
        "web-.*7",
        "x-00.*|api-0[^0].*",
        ".*9",
        "z.*",
        "[^w].*",
    ] {
        for predicate in [
            Predicate::regex("pod", pattern).unwrap(),
            Predicate::not_regex("pod", pattern).unwrap(),
        ] {
            let expected = values.iter().filter(|value| predicate.matches(value)).count() as u64;
            let predicates = [predicate];
            assert_eq!(index.select(&predicates).unwrap().len(), expected, "{predicates:?}");
            assert_eq!(memory.select(&predicates).len(), expected, "{predicates:?}");
        }
    }
}
