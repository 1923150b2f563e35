//! What Loki answers to queries that it refuses, as data in `logql/errors`.
#![allow(clippy::unwrap_used, reason = "a test says enough by failing")]

mod support;

use loki_logql::{ErrorKind, parse};

/// Expected: the error, then `at` and the part of the query that it is about, if it is about a part.
#[test]
fn refused_queries_get_the_documented_error() {
    for case in support::cases("errors") {
        let error = match parse(&case.query) {
            Err(error) => error,
            Ok(query) => panic!("{}: accepted as {query}", case.name),
        };
        let mut got = error.to_string();
        if let Some(span) = error.span() {
            got.push_str(&format!("\nat `{}`", &case.query[span.range()]));
        }
        assert_eq!(got, case.expected.join("\n---\n"), "{}", case.name);
    }
}

#[test]
fn the_empty_query_has_no_place() {
    assert_eq!(
        parse("").unwrap_err().to_string(),
        "parse error : syntax error: unexpected $end"
    );
}

#[test]
fn the_end_stands_behind_white_space() {
    for (query, place) in [
        ("{app=\"x\"} |", "line 1, col 12"),
        ("{app=\"x\"} | ", "line 1, col 13"),
        ("{app=\"x\"} |\n", "line 2, col 1"),
        ("{app=\"日本\"} |", "line 1, col 13"),
        ("\u{feff}{app=\"x\"} |", "line 1, col 13"),
    ] {
        let error = parse(query).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("parse error at {place}: syntax error: unexpected $end"),
            "{query:?}"
        );
    }
}

#[test]
fn nul_is_an_error_wherever_it_stands() {
    for (query, column) in [
        ("\0", 1),
        ("{app=\"x\0\"}", 6),
        ("{app=`\0`}", 6),
        ("{app=\"x\"} # \0", 11),
    ] {
        let error = parse(query).unwrap_err();
        let ErrorKind::Syntax {
            column: found, message, ..
        } = error.kind()
        else {
            panic!("{query:?}: {error}");
        };
        assert_eq!(
            (message.as_str(), *found),
            ("invalid character NUL", column),
            "{query:?}"
        );
    }
}

#[test]
fn a_query_may_not_be_too_long() {
    let query = |length: usize| format!("{{app=\"{}\"}}", "x".repeat(length - 8));
    assert!(parse(&query(131_071)).is_ok());
    assert_eq!(
        parse(&query(131_072)).unwrap_err().to_string(),
        "parse error : input size too long (131072 > 131072)"
    );
}

#[test]
fn hostile_nesting_is_refused_by_name_of_the_limit() {
    let open = "(".repeat(100_000);
    let error = parse(&open).unwrap_err().to_string();
    assert_eq!(
        error,
        "parse error at line 1, col 251: parentheses nest more than 250 levels deep"
    );

    let wrapped = |levels: usize| format!("{}vector(1){}", "sum(".repeat(levels), ")".repeat(levels));
    assert!(parse(&wrapped(249)).is_ok());
    assert!(parse(&wrapped(250)).unwrap_err().to_string().ends_with("levels deep"));

    let chain = |operands: usize| vec!["vector(1)"; operands].join(" or ");
    assert!(parse(&chain(250)).is_ok());
    let error = parse(&chain(10_000)).unwrap_err().to_string();
    assert_eq!(error, "parse error : expressions nest more than 250 levels deep");

    for joint in [" or ", " and ", ", ", " "] {
        let filters = |operands: usize| format!("{{app=\"x\"}} | {}", vec!["a=1"; operands].join(joint));
        assert!(parse(&filters(1000)).is_ok());
        let error = parse(&filters(12_000)).unwrap_err().to_string();
        assert_eq!(error, "parse error : label filters nest more than 1000 levels deep");
    }
}

/// Here and not in a file because the message ends with a blank.
#[test]
fn sort_takes_no_grouping() {
    for query in [
        "sort(rate({app=\"x\"}[5m])) by (y)",
        "sort_desc without (y) (vector(1))",
    ] {
        let error = parse(query).unwrap_err().to_string();
        assert_eq!(
            error, "parse error : sort and sort_desc doesn't allow grouping by ",
            "{query}"
        );
    }
}

/// Numbers are folded as they are read, so a sum of them does not nest.
#[test]
fn long_sums_of_numbers_are_one_number() {
    let sum = vec!["1"; 10_000].join(" + ");
    assert_eq!(parse(&sum).unwrap().to_string(), "10000");
}

#[test]
fn errors_draw_their_place() {
    let query = "{app=\"x\"}\n  | json level=";
    let error = parse(query).unwrap_err();
    assert_eq!(
        error.render(query),
        "parse error at line 2, col 16: syntax error: unexpected $end, expecting STRING\n\
         \x20   | json level=\n\
         \x20                ^"
    );
}

#[test]
fn a_selector_is_more_liberal_than_a_query_and_no_query() {
    for text in ["{}", "{app=\"\"}", "({app!=\"x\"})"] {
        assert!(loki_logql::parse_selector(text).is_ok(), "{text}");
    }
    for text in ["{app=\"x\"} | json", "1", "rate({app=\"x\"}[5m])"] {
        let error = loki_logql::parse_selector(text).unwrap_err();
        assert_eq!(error.to_string(), "only label matchers are supported", "{text}");
    }
}
