//! The bodies of the fuzz targets on sound, damaged and made-up input, so that they are exercised on stable too.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

#[path = "../../fuzz/targets/chunk_decode.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod chunk_decode;
#[path = "../../fuzz/targets/chunk_model.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod chunk_model;

#[test]
fn golden_files_and_recorded_crashers_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join("tests/data")).unwrap() {
        chunk_decode::run(&fs::read(entry.unwrap().path()).unwrap());
    }
    for (target, run) in [
        ("chunk_decode", chunk_decode::run as fn(&[u8])),
        ("chunk_model", chunk_model::run),
    ] {
        // The folder is there once a crash was found.
        let recorded = fs::read_dir(root.join("../fuzz/regressions").join(target))
            .into_iter()
            .flatten();
        recorded.for_each(|entry| run(&fs::read(entry.unwrap().path()).unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_hold_as_a_chunk(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        chunk_decode::run(&bytes);
    }

    #[test]
    fn a_golden_file_with_a_damaged_byte_holds(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1_zstd.chunk");
        let mut bytes = fs::read(path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        chunk_decode::run(&bytes);
    }

    #[test]
    fn any_program_holds_against_the_model(program in proptest::collection::vec(any::<u8>(), 0..600)) {
        chunk_model::run(&program);
    }
}
