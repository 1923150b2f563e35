//! Bytes that were written once stay readable, and damage to them stays noticed.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{fs, path::PathBuf};

use loki_index::{
    ChunkPlace, ContentFilter, ContentFilterBuilder, ErrorKind, FilterSettings, Grams, Index, IndexBuilder, Needle,
    Predicate, SeriesId,
};

fn place(offset: u64) -> ChunkPlace {
    ChunkPlace {
        offset,
        length: 1000,
        min_timestamp: -5,
        max_timestamp: 1_700_000_000,
        entries: 17,
        bytes: 4321,
    }
}

fn written_index() -> Vec<u8> {
    let mut builder = IndexBuilder::new();
    for pod in 0..12u64 {
        let (app, pod_name) = (if pod % 3 == 0 { "api" } else { "wéb" }, format!("pod-{pod:02}"));
        builder.push(
            &[
                ("app", app),
                ("env", if pod < 4 { "" } else { "prod" }),
                ("pod", &pod_name),
            ],
            &[place(pod * 1000)],
        );
    }
    builder.push(&[], &[place(77_000), place(99_000)]);
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).unwrap();
    bytes
}

fn written_filter(grams: Grams) -> Vec<u8> {
    let mut builder = ContentFilterBuilder::new(FilterSettings {
        grams,
        ..FilterSettings::default()
    });
    let lines = b"level=info msg=\"user authenticated\" id=7f3a9c51e2b84d06level=warn msg=\"slow query detected\"";
    builder.add_lines(lines, &[0, 55, lines.len() as u32]);
    builder.finish()
}

fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn version_1_indexes_are_read() {
    let index = Index::open(read("v1_pods.index")).unwrap();
    index.verify().unwrap();
    assert_eq!(index.len(), 13);
    assert_eq!(index.time_range(), Some(-5..=1_700_000_000));
    assert_eq!(index.label_names(None).unwrap(), ["app", "env", "pod"]);
    assert_eq!(index.label_values("app", None).unwrap(), ["api", "wéb"]);
    assert_eq!(index.places(SeriesId(0)).unwrap(), [place(77_000), place(99_000)]);
    let web = index
        .lookup(&[("app", "wéb"), ("env", "prod"), ("pod", "pod-11")])
        .unwrap()
        .unwrap();
    assert_eq!(index.places(web).unwrap(), [place(11_000)]);
    let predicates = [
        Predicate::equal("env", ""),
        Predicate::regex("pod", "pod-0[1-9]").unwrap(),
    ];
    assert_eq!(index.select(&predicates).unwrap().len(), 3);
}

#[test]
fn version_1_indexes_are_still_written_the_same() {
    assert_eq!(written_index(), read("v1_pods.index"));
}

#[test]
fn damaged_version_1_indexes_are_refused() {
    let cut = Index::open(read("v1_cut.index")).unwrap_err();
    assert!(matches!(cut.kind(), ErrorKind::Length { .. }), "{cut}");
    let flipped = Index::open(read("v1_flipped_body.index")).unwrap();
    assert!(matches!(
        flipped.verify().unwrap_err().kind(),
        ErrorKind::Checksum { .. }
    ));
    assert!(matches!(
        flipped.select(&[Predicate::equal("app", "api")]).unwrap_err().kind(),
        ErrorKind::Checksum { .. }
    ));
    let header = Index::open(read("v1_flipped_header.index")).unwrap_err();
    assert!(matches!(header.kind(), ErrorKind::Checksum { .. }), "{header}");
    let future = Index::open(read("v2_unknown.index")).unwrap_err();
    assert!(
        matches!(future.kind(), ErrorKind::Version { expected: 1, found: 2 }),
        "{future}"
    );
}

#[test]
fn version_2_filters_are_read() {
    for name in ["v2_sparse.filter", "v2_dense.filter"] {
        let bytes = read(name);
        let filter = ContentFilter::open(&bytes).unwrap();
        filter.verify().unwrap();
        assert_eq!(filter.longest_line(), 55);
        assert!(filter.may_contain(&Needle::new(b"7f3a9c51e2b84d06", false)));
        assert!(filter.may_contain(&Needle::new(b"SLOW QUERY detected", true)));
        assert!(!filter.may_contain(&Needle::new(b"00f067aa0ba902b7", false)));
    }
    let bytes = read("v2_flipped.filter");
    assert!(ContentFilter::open(&bytes).unwrap().verify().is_err());
}

#[test]
fn version_2_filters_are_still_written_the_same() {
    assert_eq!(written_filter(Grams::Sparse), read("v2_sparse.filter"));
    assert_eq!(written_filter(Grams::Dense), read("v2_dense.filter"));
}

#[test]
fn version_1_filters_are_refused() {
    for name in ["v1_sparse.filter", "v1_dense.filter", "v1_flipped.filter"] {
        let bytes = read(name);
        let refused = ContentFilter::open(&bytes).unwrap_err();
        assert!(
            matches!(refused.kind(), ErrorKind::Version { expected: 2, found: 1 }),
            "{name}: {refused}"
        );
    }
}

/// Writes the files. Run it for a new version, under new names; files of released versions stay as they are.
#[test]
#[ignore = "writes into the source tree"]
fn write_golden_files() {
    let write = |name: &str, bytes: &[u8]| fs::write(path(name), bytes).unwrap();
    let flipped = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 0x10;
        bytes
    };
    let index = written_index();
    write("v1_pods.index", &index);
    write("v1_cut.index", &index[..index.len() - 1]);
    write("v1_flipped_body.index", &flipped(index.clone(), index.len() - 9));
    write("v1_flipped_header.index", &flipped(index.clone(), 9));
    let mut future = index;
    future[4] = 2;
    write("v2_unknown.index", &future);
    write("v2_sparse.filter", &written_filter(Grams::Sparse));
    write("v2_dense.filter", &written_filter(Grams::Dense));
    let filter = written_filter(Grams::Sparse);
    write("v2_flipped.filter", &flipped(filter.clone(), filter.len() - 1));
}
