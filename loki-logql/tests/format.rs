//! The canonical forms of queries, as data in `logql/format`.
#![allow(clippy::unwrap_used, reason = "a test says enough by failing")]

mod support;

use loki_logql::parse;

/// Expected: the form on one line, then the pretty form if it is another.
#[test]
fn queries_print_in_their_canonical_forms() {
    for case in support::cases("format") {
        let query = parse(&case.query).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let mut got = vec![query.to_string()];
        if query.pretty() != got[0] {
            got.push(query.pretty());
        }
        assert_eq!(got, case.expected, "{}", case.name);
    }
}

/// Except for what Loki's forms lose: sizes are rounded, infinity and odd label names have no literal, `on ()` is not
/// printed in the pretty form, nor are the parentheses of `without ()`, and a parenthesis behind `group_left` reads as its labels.
#[test]
fn both_forms_read_back_as_the_same_query() {
    let is_lossy = |name: &str| name.ends_with("(lossy)");
    for case in support::cases("format").iter().filter(|case| !is_lossy(&case.name)) {
        let query = parse(&case.query).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for form in [query.to_string(), query.pretty()] {
            let again = parse(&form).unwrap_or_else(|error| panic!("{}: {form}: {error}", case.name));
            assert_eq!(again.to_string(), query.to_string(), "{}", case.name);
        }
    }
}
