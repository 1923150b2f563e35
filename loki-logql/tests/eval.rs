//! Queries over a source in memory: the suite of `tests/logql`, and laws.

#[path = "support/searching.rs"]
mod searching;
#[path = "support/suite.rs"]
mod suite;

use loki_logql as logql;
use loki_logql::source::{Found, MemorySource};
use loki_logql::{Direction, Error, Labels, Plan, QueryResult, Request, Source, Time, parse};
use proptest::prelude::*;
use searching::Searching;
use suite::{BASE, Suite, render};

fn load(suite: &Suite) -> MemorySource {
    let mut source = MemorySource::new();
    for stream in &suite.streams {
        let labels = Labels::from_pairs(stream.labels.iter().map(|(n, v)| (n, v)));
        for entry in &stream.entries {
            let metadata: Vec<(&str, &str)> = entry.metadata.iter().map(|(n, v)| (&**n, &**v)).collect();
            source.push(&labels, entry.timestamp, entry.line.as_str(), &metadata);
        }
    }
    source
}

fn answer(query: &str, source: &dyn Source, request: &Request) -> Result<QueryResult, Error> {
    let plan = Plan::compile(&parse(query)?)?;
    Ok(plan.evaluate(source, request)?.result)
}

fn run_folder(kind: &str) {
    suite::run_folder(kind, |suite, verdicts| {
        let source = load(suite);
        let searching = |found| Searching { source: &source, found };
        let sources: [(&str, &dyn Source); 3] = [
            ("from a vector", &source),
            ("from what a search finds", &searching(Found::Exactly)),
            ("from what a search finds, and more", &searching(Found::Candidates)),
        ];
        for case in &suite.cases {
            for (place, source) in sources {
                let got = match answer(&case.query, source, &case.request) {
                    Ok(result) => render(&result),
                    Err(error) => format!("error {error}"),
                };
                verdicts.enter(case, place, &got);
            }
        }
    });
}

#[test]
fn log_queries_answer_as_written() {
    run_folder("log");
}

#[test]
fn metric_queries_answer_as_written() {
    run_folder("metric");
}

const METRICS: &[&str] = &[
    r#"count_over_time({a=~".+"}[7s])"#,
    r#"sum by (a) (rate({a=~".+"}[3s]))"#,
    r#"bytes_over_time({a=~".+"}[5s] offset 2s)"#,
    r#"sum by (m) (bytes_rate({a=~".+"} |= "v"[2s]))"#,
    r#"sum(count_over_time({a=~".+"} | logfmt | v > 3 [6s])) by (m)"#,
    r#"sum_over_time({a=~".+"} | logfmt | unwrap v [9s])"#,
    r#"max_over_time({a=~".+"} | logfmt | unwrap v [4s]) by (a)"#,
    r#"quantile_over_time(0.5, {a=~".+"} | logfmt | unwrap v [10s]) by (m)"#,
    r#"absent_over_time({a="x"}[2s])"#,
    r#"count_over_time({a="x"}[4s]) or 2 * count_over_time({a="y"}[4s])"#,
];

const LOGS: &[&str] = &[
    r#"{a=~".+"}"#,
    r#"{a=~".+"} |= "v=1""#,
    r#"{a=~".+"} | logfmt | v > 4"#,
    r#"{a=~".+"} | line_format "same""#,
    r#"{a="x"} | m="m1""#,
];

#[derive(Debug, Clone)]
struct Seed {
    stream: &'static str,
    second: i64,
    value: u8,
    metadata: Option<&'static str>,
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let seed = (
        prop::sample::select(vec!["x", "y", "z"]),
        0i64..30,
        0u8..12,
        prop::option::of(prop::sample::select(vec!["m1", "m2"])),
    );
    prop::collection::vec(
        seed.prop_map(|(stream, second, value, metadata)| Seed {
            stream,
            second,
            value,
            metadata,
        }),
        0..60,
    )
}

fn source_of(seeds: &[Seed]) -> MemorySource {
    let mut source = MemorySource::new();
    for seed in seeds {
        let metadata: Vec<(&str, &str)> = seed.metadata.map(|m| ("m", m)).into_iter().collect();
        source.push(
            &Labels::from_pairs([("a", seed.stream)]),
            BASE + seed.second * 1_000_000_000,
            format!("v={}", seed.value),
            &metadata,
        );
    }
    source
}

fn range(step: i64) -> Request {
    Request::new(Time::Range {
        start: BASE,
        end: BASE + 30_000_000_000,
        step: step * 1_000_000_000,
    })
}

/// Lines with what tells them apart, in the order of the query as far as that is promised: by time.
fn lines(result: QueryResult) -> Vec<(i64, String, Vec<u8>)> {
    let QueryResult::Streams(streams) = result else {
        panic!("a log query answers streams");
    };
    let mut all = Vec::new();
    for stream in streams {
        let labels = stream.labels.to_string();
        all.extend(
            stream
                .entries
                .into_iter()
                .map(|e| (e.timestamp, labels.clone(), e.line)),
        );
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn split_batches_and_several_workers_change_no_metric(
        seeds in seeds(), query in prop::sample::select(METRICS), step in 1i64..9, batch in 1usize..7, workers in 1usize..4,
    ) {
        let source = source_of(&seeds);
        let whole = answer(query, &source, &range(step)).expect("the query is valid");
        let split = source.with_batch_entries(batch).with_workers(workers);
        prop_assert_eq!(whole, answer(query, &split, &range(step)).expect("the query is valid"));
    }

    #[test]
    fn a_range_query_is_its_instants(
        seeds in seeds(), query in prop::sample::select(METRICS), step in 1i64..9, k in 0i64..4,
    ) {
        let source = source_of(&seeds);
        let at = BASE + k * step * 1_000_000_000;
        let QueryResult::Matrix(series) = answer(query, &source, &range(step)).expect("the query is valid") else {
            panic!("a metric query over a range answers a matrix");
        };
        let mut expected = Vec::new();
        for series in series {
            let here = series.samples.iter().filter(|s| s.timestamp_ms == at / 1_000_000);
            expected.extend(here.map(|s| (series.labels.clone(), s.value)));
        }
        let instant = Request::new(Time::Instant(at));
        let QueryResult::Vector(vector) = answer(query, &source, &instant).expect("the query is valid") else {
            panic!("a metric query at an instant answers a vector");
        };
        let got: Vec<_> = vector.into_iter().map(|s| (s.labels, s.sample.value)).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn counting_headers_is_counting_lines(seeds in seeds(), step in 1i64..9, window in 1i64..12) {
        let source = source_of(&seeds);
        // The second query has to look at every line.
        let by_header = format!(r#"sum by (a) (count_over_time({{a=~".+"}}[{window}s]))"#);
        let by_line = format!(r#"sum by (a) (count_over_time({{a=~".+"}} |~ "v=[0-9]+" [{window}s]))"#);
        let result = answer(&by_header, &source, &range(step)).expect("the query is valid");
        prop_assert_eq!(result, answer(&by_line, &source, &range(step)).expect("the query is valid"));
    }

    #[test]
    fn backward_is_the_reverse_of_forward_in_each_stream(seeds in seeds(), query in prop::sample::select(LOGS), batch in 1usize..7) {
        let source = source_of(&seeds).with_batch_entries(batch);
        let forward = Request { direction: Direction::Forward, ..range(1) };
        let forward = answer(query, &source, &forward).expect("the query is valid");
        let QueryResult::Streams(mut backward) = answer(query, &source, &range(1)).expect("the query is valid") else {
            panic!("a log query answers streams");
        };
        let is_merged = query.contains("line_format");
        for stream in &mut backward {
            stream.entries.reverse();
            if is_merged {
                // Entries that became equal stand for each other.
                stream.entries.dedup();
            }
        }
        prop_assert_eq!(forward, QueryResult::Streams(backward));
    }

    #[test]
    fn several_workers_change_no_lines(
        seeds in seeds(), query in prop::sample::select(LOGS), limit in 1usize..20, batch in 1usize..7, workers in 2usize..5,
        forward: bool, thinned: bool,
    ) {
        let source = source_of(&seeds).with_batch_entries(batch);
        let direction = if forward { Direction::Forward } else { Direction::Backward };
        let interval = if thinned { 2_000_000_000 } else { 0 };
        let request = Request { direction, limit, interval, ..range(1) };
        let by_one = answer(query, &source, &request).expect("the query is valid");
        let by_several = answer(query, &source.with_workers(workers), &request).expect("the query is valid");
        prop_assert_eq!(by_one, by_several);
    }

    #[test]
    fn a_limit_takes_the_first_in_time(
        seeds in seeds(), query in prop::sample::select(LOGS), limit in 1usize..20, batch in 1usize..7, forward: bool,
    ) {
        let source = source_of(&seeds);
        let direction = if forward { Direction::Forward } else { Direction::Backward };
        let all = Request { direction, limit: 1000, ..range(1) };
        let mut all = lines(answer(query, &source, &all).expect("the query is valid"));
        all.sort_by_key(|(time, ..)| if forward { *time } else { -*time });
        let some = Request { direction, limit, ..range(1) };
        let some = lines(answer(query, &source.with_batch_entries(batch), &some).expect("the query is valid"));
        let mut times: Vec<i64> = some.iter().map(|(time, ..)| *time).collect();
        times.sort_by_key(|time| if forward { *time } else { -*time });
        let expected: Vec<i64> = all.iter().take(limit).map(|(time, ..)| *time).collect();
        prop_assert_eq!(times, expected);
        prop_assert!(some.iter().all(|line| all.contains(line)));
    }

    #[test]
    fn an_interval_thins_the_answer_without_it(
        seeds in seeds(), query in prop::sample::select(LOGS), seconds in 1i64..9, batch in 1usize..7, forward: bool, limit in 1usize..9,
    ) {
        let source = source_of(&seeds);
        let direction = if forward { Direction::Forward } else { Direction::Backward };
        let mut times: Vec<i64> = lines(answer(query, &source, &Request { limit: 1000, ..range(1) }).expect("the query is valid"))
            .into_iter().map(|(time, ..)| time).collect();
        times.sort_by_key(|time| if forward { *time } else { -*time });
        let mut expected: Vec<i64> = Vec::new();
        for time in times {
            if expected.last().is_none_or(|last| (time - last).abs() >= seconds * 1_000_000_000) && expected.len() < limit {
                expected.push(time);
            }
        }
        let request = Request { direction, limit, interval: seconds * 1_000_000_000, ..range(1) };
        let thinned = answer(query, &source.with_batch_entries(batch), &request).expect("the query is valid");
        let mut got: Vec<i64> = lines(thinned).into_iter().map(|(time, ..)| time).collect();
        got.sort_by_key(|time| if forward { *time } else { -*time });
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn no_line_is_looked_at_that_was_not_asked_for() {
    let labels = Labels::from_pairs([("a", "b")]);
    let mut source = MemorySource::new();
    for n in 0..1_500i64 {
        let value = (n * 7_919) % 1_000;
        let metadata = [("m", if value % 3 == 0 { "x" } else { "y" })];
        source.push(&labels, BASE + n * 1_000_000, format!("v={value}").as_str(), &metadata);
    }
    let queries = [
        r#"{a="b"}"#,
        r#"{a="b"} | m = "x""#,
        r#"{a="b"} != "7" | m = "x""#,
        r#"{a="b"} |= "1" != "2" | m = "x" | logfmt | v > 500"#,
        r#"{a="b"} | logfmt | v = 998"#,
        r#"{a="b"} |~ "v=9+" | line_format "{{.v}} {{.m}}""#,
    ];
    for query in queries {
        for direction in [Direction::Forward, Direction::Backward] {
            for limit in [1, 20, 400, 5_000] {
                let time = Time::Range {
                    start: BASE,
                    end: BASE + 10_000_000_000,
                    step: 1,
                };
                let request = Request {
                    limit,
                    direction,
                    ..Request::new(time)
                };
                let expected = render(&answer(query, &source, &request).expect("is answered"));
                for found in [Found::Unknown, Found::Candidates, Found::Exactly] {
                    let searching = Searching { source: &source, found };
                    let got = render(&answer(query, &searching, &request).expect("is answered"));
                    assert_eq!(got, expected, "{query} {direction:?} {limit} {found:?}");
                }
            }
        }
    }
}
