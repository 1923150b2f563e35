//! Metric queries: samples, their labels, and what parsers leave out for them.

use super::*;
use crate::source::Found;

fn entries(lines: &[&str]) -> Entries {
    Entries::new(&[("app", "s"), ("env", "prod")], lines)
}

fn samples(query: &str, lines: &[&str]) -> Vec<(f64, String)> {
    run_metric(query, &entries(lines)).expect(query)
}

fn error(query: &str, lines: &[&str]) -> String {
    run_metric(query, &entries(lines)).expect_err(query)
}

#[test]
fn samples_count_measure_and_unwrap() {
    let all = r#"{app="s", env="prod"}"#.to_string();
    assert_eq!(
        samples("count_over_time({a=\"b\"}[1m])", &["x", "yy"]),
        [(1.0, all.clone()), (1.0, all.clone())]
    );
    assert_eq!(
        samples("bytes_over_time({a=\"b\"}[1m])", &["x", "yy"]),
        [(1.0, all.clone()), (2.0, all.clone())]
    );
    assert_eq!(
        samples(
            "sum_over_time({a=\"b\"} | logfmt | unwrap v [1m])",
            &["v=1.5 w=2", "w=1", "v=", "v=2"]
        ),
        [(1.5, r#"{app="s", env="prod", w="2"}"#.to_string()), (2.0, all.clone())]
    );
    assert_eq!(
        samples("sum_over_time({a=\"b\"} | logfmt | unwrap bytes(v) [1m])", &["v=2KB"]),
        [(2000.0, all.clone())]
    );
    assert_eq!(
        samples(
            "sum_over_time({a=\"b\"} | logfmt | unwrap duration(v) [1m])",
            &["v=1m0.5s"]
        ),
        [(60.5, all)]
    );
}

#[test]
fn labels_are_grouped() {
    let lines = &["lvl=a x=1"];
    for (query, labels) in [
        (
            "sum by (lvl) (count_over_time({a=\"b\"} | logfmt [1m]))",
            r#"{lvl="a"}"#,
        ),
        ("sum(count_over_time({a=\"b\"} | logfmt [1m]))", "{}"),
        (
            "sum by (app, zz) (count_over_time({a=\"b\"} | logfmt [1m]))",
            r#"{app="s"}"#,
        ),
        (
            "sum without (x) (count_over_time({a=\"b\"} | logfmt [1m]))",
            r#"{app="s", env="prod", lvl="a"}"#,
        ),
        (
            "sum by (x) (sum_over_time({a=\"b\"} | logfmt | unwrap x [1m]))",
            r#"{x="1"}"#,
        ),
        (
            "sum by (app) (count_over_time({a=\"b\"} | label_format y=app | label_format app=y [1m]))",
            "{}",
        ),
        ("absent_over_time({a=\"b\"} | logfmt [1m])", "{}"),
    ] {
        assert_eq!(samples(query, lines), [(1.0, labels.to_string())], "{query}");
    }
}

#[test]
fn parsers_read_no_further_than_the_query() {
    let first = r#"{"lvl":"a","x":1, broken"#;
    let query = "sum by (lvl) (count_over_time({a=\"b\"} | json [1m]))";
    assert_eq!(samples(query, &[first, r#"{"lvl":"b"}"#]).len(), 2);
    assert!(error(query, &["not json"]).starts_with("pipeline error: 'JSONParserErr' for series: '{__error__="));
    assert_eq!(
        samples("sum(count_over_time({a=\"b\"} | json [1m]))", &[first, "not json"]).len(),
        2
    );
    let unfound = "sum by (lvl, zz) (count_over_time({a=\"b\"} | json [1m]))";
    assert!(error(unfound, &[first]).contains("env=\"prod\", lvl=\"a\"}'."));
    error("count_over_time({a=\"b\"} | json [1m])", &[first]);
}

#[test]
fn errors_that_the_query_reads_are_counted() {
    let lines = &["not json", "{}"];
    let query = "sum by (__error__) (count_over_time({a=\"b\"} | json [1m]))";
    let labels: Vec<String> = samples(query, lines).into_iter().map(|(_, labels)| labels).collect();
    assert!(labels[0].contains("__preserve_error__=\"true\""), "{labels:?}");
    assert_eq!(labels[1], "{}");
    let query = "sum by (lvl) (count_over_time({a=\"b\"} | json | __error__!=\"\" [1m]))";
    assert_eq!(samples(query, lines).len(), 1);
    error("count_over_time({a=\"b\"} | json | __error__!=\"\" [1m])", lines);
    assert_eq!(
        samples("count_over_time({a=\"b\"} | json | __error__=\"\" [1m])", lines).len(),
        1
    );
}

#[test]
fn values_that_are_no_numbers_are_errors_unless_filtered() {
    let query =
        |filter: &str| format!("avg_over_time({{a=\"b\"}} | logfmt | unwrap duration(took) {filter}[1m]) by (path)");
    assert_eq!(
        error(&query(""), &["took=oops path=/b"]).lines().next(),
        Some(
            r#"pipeline error: 'SampleExtractionErr' for series: '{__error__="SampleExtractionErr", __error_details__="time: invalid duration \"oops\"", app="s", env="prod", path="/b", took="oops"}'."#
        )
    );
    assert_eq!(samples(&query("| __error__=\"\""), &["took=oops path=/b"]), []);
}

#[test]
fn line_format_is_left_out_where_nothing_reads_it() {
    assert!(pipeline("count_over_time({a=\"b\"} | line_format \"{{\" [1m])").is_ok());
    assert!(pipeline("bytes_over_time({a=\"b\"} | line_format \"{{.app}}\" [1m])").is_ok());
    assert_eq!(
        samples(
            "bytes_over_time({a=\"b\"} | line_format \"{{.app}}\" [1m])",
            &["long line"]
        )[0]
        .0,
        1.0
    );
    assert_eq!(
        samples(
            "sum(count_over_time({a=\"b\"} | line_format \"{{.env}}\" |= \"pr\" [1m]))",
            &["x"]
        )
        .len(),
        1
    );
}

#[test]
fn columns_are_read_only_where_they_matter() {
    use crate::source::ColumnSet;
    let columns = |query: &str| pipeline(query).expect(query).columns(Found::Unknown);
    assert_eq!(columns("sum(count_over_time({a=\"b\"}[1m]))"), ColumnSet::NONE);
    assert_eq!(columns("sum(bytes_over_time({a=\"b\"}[1m]))"), ColumnSet::OFFSETS);
    assert_eq!(columns("count_over_time({a=\"b\"}[1m])"), ColumnSet::METADATA);
    assert_eq!(
        columns("sum(count_over_time({a=\"b\"} |= \"x\" [1m]))"),
        ColumnSet::LINES
    );
    assert_eq!(columns("sum(count_over_time({a=\"b\"} | json [1m]))"), ColumnSet::NONE);
    assert_eq!(columns("{a=\"b\"}"), ColumnSet::ALL);
    let grouped = pipeline("sum by (app) (count_over_time({a=\"b\"}[1m]))").expect("a valid query");
    let mut runner = grouped.runner(0);
    runner.stream(&Labels::from_pairs([("app", "s"), ("env", "prod")]));
    assert_eq!(runner.columns(), ColumnSet::NONE);
    let set = runner.stream_set();
    assert_eq!(runner.sets().labels(set).to_string(), r#"{app="s"}"#);
    runner.stream(&Labels::from_pairs([("env", "prod")]));
    assert_eq!(runner.columns(), ColumnSet::METADATA);
}
