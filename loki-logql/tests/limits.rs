//! Where evaluation gives up.

use loki_logql::source::{MemorySource, Selection, Source, Visitor};
use loki_logql::{Error, ErrorKind, Labels, Limits, Plan, QueryResult, Request, Time, parse};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Entries that all differ in a parsed label.
fn wide(entries: i64) -> MemorySource {
    let mut source = MemorySource::new();
    let stream = Labels::from_pairs([("app", "wide")]);
    for i in 0..entries {
        source.push(&stream, i, format!("trace_id=t{i}"), &[]);
    }
    source
}

fn evaluate(query: &str, source: &MemorySource, request: &Request) -> Result<QueryResult, Error> {
    Ok(Plan::compile(&parse(query)?)?.evaluate(source, request)?.result)
}

fn limit_of(result: Result<QueryResult, Error>) -> Option<&'static str> {
    match result.expect_err("the limit is exceeded").kind() {
        ErrorKind::Limit { limit, .. } => Some(limit),
        _ => None,
    }
}

#[test]
fn a_series_for_every_trace_is_stopped_by_the_memory_limit() {
    let mut request = Request::new(Time::Instant(1 << 20));
    request.limits.max_memory_bytes = 1 << 20;
    let query = r#"count(sum by (trace_id) (count_over_time({app="wide"} | logfmt [1h])))"#;
    assert_eq!(
        limit_of(evaluate(query, &wide(10_000), &request)),
        Some("max_query_memory")
    );
    let log = Request {
        limit: 10_000,
        time: Time::Range {
            start: 0,
            end: 1 << 20,
            step: 1,
        },
        ..request
    };
    assert_eq!(
        limit_of(evaluate(r#"{app="wide"} | logfmt"#, &wide(10_000), &log)),
        Some("max_query_memory")
    );
}

#[test]
fn more_series_than_allowed_are_refused_in_the_result_alone() {
    let mut request = Request::new(Time::Instant(1 << 20));
    request.limits = Limits {
        max_series: 10,
        ..Limits::default()
    };
    let inner = r#"sum by (trace_id) (count_over_time({app="wide"} | logfmt [1h]))"#;
    let error = evaluate(inner, &wide(11), &request).expect_err("there are 11 series");
    let text = error.to_string();
    assert!(
        text.starts_with("maximum number of series (10) reached for a single query; consider reducing"),
        "{text}"
    );
    assert!(evaluate(inner, &wide(10), &request).is_ok());
    assert!(evaluate(&format!("count({inner})"), &wide(11), &request).is_ok());
}

#[test]
fn a_cancelled_query_ends() {
    let mut request = Request::new(Time::Instant(1 << 20));
    request.cancel = Some(Arc::new(AtomicBool::new(true)));
    let error = evaluate(r#"count_over_time({app="wide"}[1h])"#, &wide(1), &request).expect_err("it was cancelled");
    assert_eq!(*error.kind(), ErrorKind::Cancelled);
}

/// A source that is past its deadline once it has been asked so often.
struct Late {
    entries: MemorySource,
    asked: AtomicU32,
    patience: u32,
}

impl Source for Late {
    fn visit(&self, selection: &Selection<'_>, visitor: &dyn Visitor) -> Result<(), Error> {
        self.entries.visit(selection, visitor)
    }

    fn check_wanted(&self) -> Result<(), Error> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < self.patience {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Cancelled))
    }
}

#[test]
fn a_deadline_ends_a_query_inside_of_a_batch() {
    let time = Time::Range {
        start: 0,
        end: 1 << 20,
        step: 1 << 20,
    };
    for query in [
        r#"{app="wide"} | line_format "{{__line__}} "| drop nothing"#,
        r#"count_over_time({app="wide"} | logfmt | trace_id="t1" [1h])"#,
    ] {
        let source = Late {
            entries: wide(10_000),
            asked: AtomicU32::new(0),
            // All entries lie in one batch. It is asked about before it and while it is read.
            patience: 3,
        };
        let request = Request {
            limit: 10_000,
            ..Request::new(time)
        };
        let plan = Plan::compile(&parse(query).expect(query)).expect(query);
        let error = plan.evaluate(&source, &request).expect_err(query);
        assert_eq!(*error.kind(), ErrorKind::Cancelled, "{query}");
    }
}

#[test]
fn long_lines_and_labels_are_charged_while_a_batch_is_read() {
    let time = Time::Range {
        start: 0,
        end: 1 << 20,
        step: 1 << 20,
    };
    let mut request = Request::new(time);
    request.limit = 10_000;
    request.limits.max_memory_bytes = 32 << 20;
    let source = wide(1_000);
    // A gigabyte each, were they read to the end of the batch.
    for query in [
        r#"{app="wide"} | line_format "{{repeat 1000000 \"x\"}}{{__timestamp__}}""#,
        r#"{app="wide"} | label_format x="{{repeat 1000000 \"x\"}}{{__timestamp__}}""#,
        r#"count_over_time({app="wide"} | label_format x="{{repeat 1000000 \"x\"}}{{__timestamp__}}" [1h])"#,
    ] {
        assert_eq!(
            limit_of(evaluate(query, &source, &request)),
            Some("max_query_memory"),
            "{query}"
        );
    }
}

#[test]
fn the_labels_of_one_entry_have_a_bound() {
    let mut source = MemorySource::new();
    source.push(&Labels::from_pairs([("app", "wide")]), 0, "x".repeat(1 << 20), &[]);
    let groups: String = (0..65).map(|i| format!("(?P<g{i}>")).collect();
    let templates: Vec<String> = (0..65).map(|i| format!(r#"l{i}="{{{{__line__}}}}""#)).collect();
    for stage in [
        format!("regexp `{groups}.*{}`", ")".repeat(65)),
        format!("label_format {}", templates.join(",")),
    ] {
        let log = format!(r#"{{app="wide"}} | {stage}"#);
        let request = Request::new(Time::Range {
            start: 0,
            end: 1,
            step: 1,
        });
        assert_eq!(
            limit_of(evaluate(&log, &source, &request)),
            Some("entry_label_bytes"),
            "{stage}"
        );
        let metric = format!("count_over_time({log}[1h])");
        let request = Request::new(Time::Instant(1));
        assert_eq!(
            limit_of(evaluate(&metric, &source, &request)),
            Some("entry_label_bytes"),
            "{stage}"
        );
    }
}

#[test]
fn what_cannot_be_evaluated_is_refused_when_compiled() {
    let compile = |query| Plan::compile(&parse(query).expect("the query parses")).map(drop);
    let text = |query| compile(query).expect_err("the query has no value").to_string();
    assert!(text("sum(1)").starts_with("unexpected expr type (*syntax.LiteralExpr)"));
    assert!(text(r#"{app="x"} |~ "[""#).starts_with("parse error : stage '|~ \"[\"'"));
}

#[test]
fn more_steps_than_can_be_counted_are_refused() {
    let request = Request::new(Time::Range {
        start: 0,
        end: i64::MAX,
        step: 1,
    });
    assert_eq!(limit_of(evaluate("1", &wide(0), &request)), Some("step"));
    let request = Request::new(Time::Range {
        start: 0,
        end: 1_000_000_000,
        step: 1,
    });
    assert_eq!(limit_of(evaluate("1", &wide(0), &request)), Some("max_query_memory"));
}

#[test]
fn expressions_that_are_too_large_together_are_refused_before_they_are_compiled() {
    // A hundred of them take three hundred megabytes once compiled.
    let large = r"\\pL{60}x";
    let repeat = |n: usize, part: &str| part.replace("RE", large).repeat(n);
    let log = |stages: String| format!(r#"{{app="x"}}{stages}"#);
    let queries = |n: usize| {
        [
            log(repeat(n, r#" !~ "RE""#)),
            log(repeat(n, r#" | x !~ "RE""#)),
            log(repeat(n, r#" | drop x=~"RE""#)),
            log(repeat(n, r#" | regexp "(?P<n>RE)""#)),
            log(format!(" | line_format `{}`", repeat(n, r#"{{count "RE" .x}}"#))),
            log(repeat(n, " | label_format x=`{{count \"RE\" .x}}`")),
            format!(r#"{{app="x"{}}}"#, repeat(n, r#", x=~"RE""#)),
            format!(
                r#"{}vector(1){}"#,
                "label_replace(".repeat(n),
                repeat(n, r#", "a", "b", "c", "RE")"#)
            ),
        ]
    };
    for query in queries(1) {
        assert!(parse(&query).is_ok(), "{query}");
    }
    for query in queries(100) {
        let error = parse(&query).expect_err("it is too large").to_string();
        assert!(
            error.starts_with("parse error : the regular expressions of the query have some"),
            "{error}"
        );
    }
}
