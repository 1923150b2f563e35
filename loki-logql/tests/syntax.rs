//! What the words and signs of a query make of it.
#![allow(clippy::unwrap_used, reason = "a test says enough by failing")]

use loki_logql::ast::*;
use loki_logql::parse;
use loki_logql::visit::{self, Visitor};

/// The canonical text of a query.
fn canonical(query: &str) -> String {
    parse(query)
        .unwrap_or_else(|error| panic!("{query}: {error}"))
        .to_string()
}

/// The stages of a log query.
fn stages(query: &str) -> Vec<Stage> {
    match parse(query) {
        Ok(Expr::Log(log)) => log.stages,
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn range_and_pipeline_may_change_places() {
    let both = [
        ("{a=\"b\"}[5m]", "{a=\"b\"}[5m]"),
        ("{a=\"b\"}[5m] | json", "{a=\"b\"} | json [5m]"),
        (
            "{a=\"b\"}[5m] |= \"c\" or \"d\" | e=1",
            "{a=\"b\"} |= \"c\" or \"d\" | e=1 [5m]",
        ),
        (
            "{a=\"b\"}[5m] offset 1h | json | drop c",
            "{a=\"b\"} | json | drop c [5m] offset 1h",
        ),
        ("({a=\"b\"} | json)[5m] offset 1h", "{a=\"b\"} | json [5m] offset 1h"),
        ("(({a=\"b\"})[5m])", "{a=\"b\"}[5m]"),
        ("({a=\"b\"}[5m] | json)", "{a=\"b\"} | json [5m]"),
    ];
    for (written, meant) in both {
        let count = |range: &str| canonical(&format!("count_over_time({range})"));
        assert_eq!(count(written), count(meant), "{written}");
    }
    let unwrapped = [
        ("({a=\"b\"})[5m] | unwrap c", "{a=\"b\"} | unwrap c [5m]"),
        ("({a=\"b\"})[5m] | unwrap c | d=1", "{a=\"b\"} | unwrap c | d=1 [5m]"),
        ("({a=\"b\"} | unwrap c | d=1)[5m]", "{a=\"b\"} | unwrap c | d=1 [5m]"),
        (
            "{a=\"b\"}[5m] | json | unwrap bytes(c)",
            "{a=\"b\"} | json | unwrap bytes(c) [5m]",
        ),
    ];
    for (written, meant) in unwrapped {
        let sum = |range: &str| canonical(&format!("sum_over_time({range})"));
        assert_eq!(sum(written), sum(meant), "{written}");
    }
}

#[test]
fn consecutive_line_filters_are_one_stage() {
    let stages = stages("{a=\"b\"} |= \"c\" != \"d\" or \"e\" | json |~ \"f\"");
    let lengths: Vec<usize> = stages
        .iter()
        .map(|stage| match &stage.kind {
            StageKind::LineFilters(filters) => filters.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(lengths, [2, 0, 1]);
}

#[test]
fn spans_cover_what_was_written() {
    let query = "sum by (x) (rate({a=\"b\"} |= \"c\" or \"d\" | json e, f=\"g\" | h>1s , i=2 [5m] offset 1h)) > bool 1";
    let Ok(Expr::Binary(binary)) = parse(query) else {
        panic!()
    };
    let Expr::Vector(sum) = &*binary.left else { panic!() };
    let Expr::Range(rate) = &*sum.operand else { panic!() };
    let log = &rate.range.log;
    let texts: Vec<&str> = [
        binary.span,
        sum.span,
        rate.span,
        rate.range.span,
        log.span,
        log.selector.span,
        log.selector.matchers[0].span,
        log.stages[0].span,
        log.stages[1].span,
        log.stages[2].span,
    ]
    .map(|span| &query[span.range()])
    .to_vec();
    let log = "{a=\"b\"} |= \"c\" or \"d\" | json e, f=\"g\" | h>1s , i=2";
    let range = format!("{log} [5m] offset 1h");
    assert_eq!(
        texts,
        [
            query,
            &format!("sum by (x) (rate({range}))"),
            &format!("rate({range})"),
            &range,
            log,
            "{a=\"b\"}",
            "a=\"b\"",
            "|= \"c\" or \"d\"",
            "| json e, f=\"g\"",
            "| h>1s , i=2",
        ]
    );
}

#[test]
fn numbers_grow_into_durations_and_sizes() {
    let operand = |text: &str| {
        let query = format!("{{a=\"b\"}} | c>{text}");
        match stages(&query).remove(0).kind {
            StageKind::LabelFilter(LabelFilter::Number { value, .. }) => format!("{value}"),
            StageKind::LabelFilter(LabelFilter::Duration { value, .. }) => format!("{value}ns"),
            StageKind::LabelFilter(LabelFilter::Bytes { value, .. }) => format!("{value}B"),
            other => panic!("{text}: {other:?}"),
        }
    };
    for (text, value) in [
        ("5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1_000", "1000"),
        ("0x1p4", "16"),
        ("010", "10"),
        ("0x10", "0"),
        ("1E-3", "0.001"),
        ("-5", "-5"),
        ("5ns", "5ns"),
        ("1d12h", "129600000000000ns"),
        ("1m1h", "3660000000000ns"),
        ("1.5s", "1500000000ns"),
        ("-5µs", "-5000ns"),
        ("5k", "5000B"),
        ("5Ki", "5120B"),
        ("1.5KiB", "1536B"),
        ("10GB", "10000000000B"),
    ] {
        assert_eq!(operand(text), value, "{text}");
    }
}

#[test]
fn units_that_are_not_read_stay_outside_the_number() {
    for query in [
        "{a=\"b\"} | c>5kb",
        "{a=\"b\"} | c>5 MB",
        "{a=\"b\"} | c>1.5d",
        "{a=\"b\"} | c>5S",
    ] {
        let error = parse(query).unwrap_err().to_string();
        assert!(error.ends_with("syntax error: unexpected $end"), "{query}: {error}");
    }
}

#[test]
fn flags_need_no_blank_and_no_more_letters() {
    assert_eq!(canonical("{a=\"b\"}|logfmt--strict"), "{a=\"b\"} | logfmt --strict");
    for flag in ["--STRICT", "--strictly", "--keep_empty"] {
        assert!(parse(&format!("{{a=\"b\"}} | logfmt {flag}")).is_err(), "{flag}");
    }
}

#[test]
fn odd_characters_are_names() {
    assert_eq!(canonical("sum by ('x') (vector(1))"), "sum by ('x')(vector(1.000000))");
    let error = parse("{a=\"b\"}\u{a0}| json").unwrap_err().to_string();
    assert_eq!(
        error,
        "parse error at line 1, col 8: syntax error: unexpected IDENTIFIER"
    );
}

#[test]
fn a_name_before_a_call_of_by_is_a_function() {
    assert_eq!(canonical("sum by(x)(vector(1))"), canonical("sum BY ( x ) (vector(1))"));
    assert_eq!(canonical("sum\n(vector(1))"), "sum(vector(1.000000))");
}

#[test]
fn literals_keep_their_text() {
    let Ok(Expr::Vector(topk)) = parse("topk(007, vector(0.50))") else {
        panic!()
    };
    assert_eq!(topk.parameter.map(|p| (p.value, p.text)), Some((7.0, "007".to_owned())));
    let Expr::VectorLiteral(half) = *topk.operand else {
        panic!()
    };
    assert_eq!((half.value, half.text.as_str()), (0.5, "0.50"));
}

/// Collects what it visits, in order.
#[derive(Default)]
struct Recorder(Vec<String>);

impl Visitor for Recorder {
    fn visit_matcher(&mut self, matcher: &Matcher) {
        self.0.push(matcher.to_string());
    }

    fn visit_line_filter(&mut self, filter: &LineFilter) {
        self.0.push(filter.to_string());
    }

    fn visit_grouping(&mut self, grouping: &Grouping) {
        self.0.push(grouping.labels.join(","));
    }

    fn visit_matching(&mut self, matching: &Matching) {
        self.0.push(matching.labels.join(","));
    }

    fn visit_literal(&mut self, literal: &Literal) {
        self.0.push(literal.text.clone());
    }

    fn visit_unwrap(&mut self, unwrap: &Unwrap) {
        self.0.push(unwrap.label.clone());
        visit::walk_unwrap(self, unwrap);
    }
}

#[test]
fn a_visitor_sees_every_node_in_the_order_written() {
    let query = parse(
        "topk by (g) (3, label_replace(quantile_over_time(0.9, {a=\"1\", b=\"2\"} |= \"3\" | c=\"4\" or d=\"5\" | drop e=\"6\" \
         | unwrap f | h=\"7\" [5m]) by (i), \"\", \"\", \"\", \"\")) + on (j) vector(8) * 9",
    )
    .unwrap();
    let mut recorder = Recorder::default();
    recorder.visit_expr(&query);
    assert_eq!(
        recorder.0,
        [
            "g", "3", "0.9", "a=\"1\"", "b=\"2\"", "|= \"3\"", "c=\"4\"", "d=\"5\"", "e=\"6\"", "f", "h=\"7\"", "i",
            "j", "8", "9"
        ]
    );
}
