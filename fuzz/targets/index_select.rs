//! Any series and predicates: both indexes select what a plain filter selects.

use std::collections::BTreeSet;

use loki_index::{Index, IndexBuilder, MemoryIndex, Predicate};

const NAMES: [&str; 4] = ["app", "env", "host", "pod"];

/// The first line of the input is the predicates, the others are label sets: fields split at commas, the first byte of a
/// field chooses the label (and the operator), the rest is the value.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let predicates: Vec<Predicate> = lines
        .next()
        .unwrap_or_default()
        .split(',')
        .take(8)
        .filter_map(predicate)
        .collect();

    let mut memory = MemoryIndex::new();
    let mut builder = IndexBuilder::new();
    let mut expected = BTreeSet::new();
    for line in lines {
        let mut values = [""; NAMES.len()];
        for field in line.split(',') {
            if let Some((name, value)) = split(field) {
                values[name % NAMES.len()] = value;
            }
        }
        let labels: Vec<(&str, &str)> = NAMES.into_iter().zip(values).collect();
        memory.insert(&labels);
        builder.push(&labels, &[]);
        let value_of = |name: &str| {
            labels
                .iter()
                .find(|(other, _)| *other == name)
                .map_or("", |(_, value)| value)
        };
        if predicates.iter().all(|one| one.matches(value_of(one.name()))) {
            expected.insert(
                labels
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty())
                    .collect::<Vec<_>>(),
            );
        }
    }

    let found = memory.select(&predicates);
    assert_eq!(
        found
            .iter()
            .map(|id| memory.labels(id).collect())
            .collect::<BTreeSet<Vec<_>>>(),
        expected
    );

    let mut bytes = Vec::new();
    builder.finish(&mut bytes).expect("writing to a vector does not fail");
    let index = Index::open(bytes).expect("an index that was just written opens");
    let found = index
        .select(&predicates)
        .expect("an index that was just written is whole");
    let labels = found
        .iter()
        .map(|id| index.labels(id).expect("an index that was just written is whole"));
    assert_eq!(labels.collect::<BTreeSet<_>>(), expected);
}

fn split(field: &str) -> Option<(usize, &str)> {
    let first = field.chars().next()?;
    Some((first as usize, &field[first.len_utf8()..]))
}

fn predicate(field: &str) -> Option<Predicate> {
    let (choice, value) = split(field)?;
    let name = NAMES[choice % NAMES.len()];
    match choice / NAMES.len() % 4 {
        0 => Some(Predicate::equal(name, value)),
        1 => Some(Predicate::not_equal(name, value)),
        2 => Predicate::regex(name, value).ok(),
        _ => Predicate::not_regex(name, value).ok(),
    }
}
