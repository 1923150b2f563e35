//! Bytes whose checksums fit and whose content is nonsense.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

#[allow(unreachable_pub, reason = "the fuzz package uses the same file")]
#[path = "../../fuzz/targets/index_open.rs"]
mod index_open;

#[allow(unreachable_pub, reason = "the fuzz package uses the same file")]
#[path = "../../fuzz/targets/index_select.rs"]
mod index_select;

#[allow(unreachable_pub, reason = "the fuzz package uses the same file")]
#[path = "../../fuzz/targets/index_filter.rs"]
mod index_filter;

use proptest::{collection, prelude::*};
use support::{label_sets, write};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn sealed_nonsense_does_not_panic(
        sets in label_sets(),
        changes in collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = write(&sets);
        for (at, value) in changes {
            // Magic and version stay, or nothing behind them is reached.
            let at = 8 + at.index(bytes.len() - 8);
            bytes[at] = value;
        }
        index_open::run(&bytes);
    }

    #[test]
    fn sealing_makes_checksums_fit(sets in label_sets()) {
        let good = write(&sets);
        let mut bad = good.clone();
        // The last bytes of the header and its first page checksum.
        bad[148..152].fill(0xff);
        prop_assert_eq!(index_open::sealed(&bad), good);
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in collection::vec(any::<u8>(), 0..400)) {
        index_open::run(&bytes);
        index_filter::run(&bytes);
    }

    #[test]
    fn any_text_selects_alike(text in "[ -z]{0,20}\n([a-f][ab]{0,2},?){0,4}(\n([a-f][ab]{0,2},?){0,4}){0,6}") {
        index_select::run(text.as_bytes());
    }
}
