//! Finds things by their labels: an index in memory, the same as bytes, and a content filter beside it.

use loki_index::{
    ChunkPlace, ContentFilter, ContentFilterBuilder, Error, FilterSettings, Index, IndexBuilder, MemoryIndex, Needle,
    Predicate,
};

fn main() -> Result<(), Error> {
    let series = [
        [("app", "checkout"), ("env", "prod"), ("pod", "checkout-0")],
        [("app", "checkout"), ("env", "prod"), ("pod", "checkout-1")],
        [("app", "search"), ("env", "dev"), ("pod", "search-0")],
    ];
    let predicates = [Predicate::not_equal("env", "dev"), Predicate::regex("pod", ".*-1")?];

    // While things come in: an index that grows.
    let mut growing = MemoryIndex::new();
    for labels in &series {
        growing.insert(labels);
    }
    let found = growing.select(&predicates);
    assert_eq!(growing.label_values("pod", Some(&found)), ["checkout-1"]);

    // When they are written down: bytes that answer the same, with the place of everything.
    let mut builder = IndexBuilder::new();
    for (labels, offset) in series.iter().zip([0, 1000, 2000]) {
        let place = ChunkPlace {
            offset,
            length: 1000,
            min_timestamp: 5,
            max_timestamp: 9,
            entries: 10,
            bytes: 4_000,
        };
        builder.push(labels, &[place]);
    }
    let mut bytes = Vec::new();
    builder.finish(&mut bytes)?;
    let index = Index::open(bytes)?;
    for id in index.select(&predicates)?.iter() {
        assert_eq!(index.places(id)?[0].offset, 1000);
    }

    // And whether it is worth reading what lies there.
    let mut filter = ContentFilterBuilder::new(FilterSettings::default());
    filter.add_lines(b"order 4711 paid by card", &[0, 23]);
    let bytes = filter.finish();
    let filter = ContentFilter::open(&bytes)?;
    assert!(filter.may_contain(&Needle::new(b"4711 paid", false)));
    assert!(!filter.may_contain(&Needle::new(b" 4712 paid", false)));
    Ok(())
}
