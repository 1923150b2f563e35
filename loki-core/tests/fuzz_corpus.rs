//! The bodies of the fuzz targets over what the fuzzers found, and over bytes made up here, on any toolchain.

use proptest::prelude::*;
use std::path::Path;

#[path = "../../fuzz/targets/core_labels.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod core_labels;
#[path = "../../fuzz/targets/core_manifest.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod core_manifest;
#[path = "../../fuzz/targets/core_segment.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod core_segment;
#[path = "../../fuzz/targets/core_wal.rs"]
#[allow(unreachable_pub, reason = "the fuzz workspace calls it")]
mod core_wal;

/// Name and body of a target.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 4] = [
    ("core_labels", core_labels::run),
    ("core_manifest", core_manifest::run),
    ("core_segment", core_segment::run),
    ("core_wal", core_wal::run),
];

#[test]
fn what_the_fuzzers_found_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, run) in TARGETS {
        for folder in ["corpus", "regressions"] {
            // The folders are there once there is something in them.
            for file in std::fs::read_dir(fuzz.join(folder).join(name)).into_iter().flatten() {
                run(&std::fs::read(file.expect("a file").path()).expect("its bytes"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_hold(target in 0..TARGETS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        TARGETS[target].1(&bytes);
    }

    #[test]
    fn any_text_holds_as_labels(text in r#"[{},=" a-z\\\n'`~!]{0,30}"#) {
        core_labels::run(text.as_bytes());
    }
}
