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
#[path = "../../fuzz/targets/chunk_typed.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod chunk_typed;

#[test]
fn golden_files_and_recorded_crashers_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join("tests/data")).unwrap() {
        chunk_decode::run(&fs::read(entry.unwrap().path()).unwrap());
    }
    for (target, run) in [
        ("chunk_decode", chunk_decode::run as fn(&[u8])),
        ("chunk_model", chunk_model::run),
        ("chunk_typed", chunk_typed::run),
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
    fn any_bytes_hold_as_typed_lines(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        chunk_typed::run(&data);
    }

    #[test]
    fn any_text_with_variables_holds_as_typed_lines(
        first: u8,
        text in "([a-f]{1,3}|[0-9]{1,21}|0[0-9]{1,3}|[0-9a-f]{6,17}|[ =:./_-]|\n|[A-F0-9]{7}|0x[0-9a-f]{1,16}){0,60}",
    ) {
        chunk_typed::run(&[&[first], text.as_bytes()].concat());
    }

    #[test]
    fn any_program_holds_against_the_model(program in proptest::collection::vec(any::<u8>(), 0..600)) {
        chunk_model::run(&program);
    }
}
