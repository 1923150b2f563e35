//! Blocks of one stream that overlap in time, read in order.

mod support;

use loki_core::files::FaultyFiles;
use loki_core::logql::{Direction, QueryResult, ResultStream};
use loki_core::{ByteSize, Engine, NewDelete, PushEntry, PushLabels, PushRequest, PushStream, QueryRequest, TenantId};
use proptest::prelude::*;
use std::ops::RangeInclusive;
use support::{Lab, SECOND, START, value};

/// The streams that a log query answers.
fn streams(engine: &Engine, request: &QueryRequest) -> Vec<ResultStream> {
    let response = engine.query(&TenantId::single(), request);
    let QueryResult::Streams(streams) = response.expect("the query is answered").result else {
        panic!("a log query answers streams");
    };
    streams
}

/// Timestamps and lines of the answer, in its order.
fn answer(engine: &Engine, query: &str, direction: Direction, limit: usize) -> Vec<(i64, String)> {
    let request = QueryRequest::range(query, START, START + 1_000_000)
        .limit(limit)
        .direction(direction);
    let entries = streams(engine, &request).into_iter().flat_map(|stream| stream.entries);
    entries
        .map(|entry| {
            (
                entry.timestamp - START,
                String::from_utf8(entry.line).expect("tests push text"),
            )
        })
        .collect()
}

fn push(engine: &Engine, entries: &[(i64, String)]) {
    let lines = entries.iter().map(|(time, line)| (START + time, line.as_str()));
    let request = PushRequest::new().with_stream([("app", "shop")], lines);
    engine
        .push(&TenantId::single(), &request)
        .expect("the push keeps the rules");
}

/// Three segments that interleave over their whole time, 1.5 MB of lines in blocks of 256 KiB each. One
/// line has a timestamp, or three that are in different segments.
fn interleaved(lab: &Lab, lines_of_a_time: i64) -> (Engine, Vec<(i64, String)>) {
    const PARTS: i64 = 3;
    let engine = lab.open().expect("an empty folder opens");
    let line = |n: i64| (n / lines_of_a_time, format!("{n:06} {}", "x".repeat(1000)));
    for part in 0..PARTS {
        let entries: Vec<_> = (0..1500).map(|i| line(i * PARTS + part)).collect();
        push(&engine, &entries);
        engine.flush().expect("the file system works");
    }
    (engine, (0..1500 * PARTS).map(line).collect())
}

#[test]
fn overlapping_data_of_more_than_the_memory_of_a_query_is_answered_in_order() {
    let mut lab = Lab::default();
    lab.settings.max_query_memory = ByteSize(3 << 20);
    for lines_of_a_time in [1, 3] {
        lab.files = FaultyFiles::default();
        answers_in_order(&interleaved(&lab, lines_of_a_time), 700);
    }
}

#[test]
fn blocks_without_a_common_timestamp_are_answered_in_order_in_hardly_any_memory() {
    let mut lab = Lab::default();
    lab.settings.max_query_memory = ByteSize(512 << 10);
    answers_in_order(&interleaved(&lab, 1), 200);
}

/// Holds the first `few` lines from either end, and one far from it, against what was pushed.
fn answers_in_order((engine, expected): &(Engine, Vec<(i64, String)>), few: usize) {
    let mut expected = expected.clone();
    assert_eq!(
        answer(engine, r#"{app="shop"}"#, Direction::Forward, few),
        expected[..few]
    );
    // All of it is looked at for a line at the far end.
    assert_eq!(
        answer(engine, r#"{app="shop"} |= "004499 ""#, Direction::Forward, 10),
        expected[4499..]
    );
    assert_eq!(
        answer(engine, r#"{app="shop"} |= "000000 ""#, Direction::Backward, 10),
        expected[..1]
    );
    expected.reverse();
    assert_eq!(
        answer(engine, r#"{app="shop"}"#, Direction::Backward, few),
        expected[..few]
    );
}

#[test]
fn more_blocks_at_one_time_than_memory_holds_are_refused_with_the_limit() {
    let mut lab = Lab::default();
    lab.settings.max_query_memory = ByteSize(512 << 10);
    let (engine, _) = interleaved(&lab, 3);
    let request = QueryRequest::range(r#"{app="shop"}"#, START, START + 1_000_000);
    let error = engine
        .query(&TenantId::single(), &request)
        .expect_err("three blocks of 256 KiB overlap");
    assert!(error.to_string().contains("max_query_memory (524288 bytes)"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn parts_in_any_order_are_answered_as_one(
        parts in prop::collection::vec(prop::collection::vec((0i64..40, 0u8..4), 1..40), 1..5),
        limit in 1usize..60,
    ) {
        let lab = Lab::default();
        let engine = lab.open().expect("an empty folder opens");
        let mut expected: Vec<(i64, String)> = Vec::new();
        for part in &parts {
            let entries: Vec<(i64, String)> = part.iter().map(|(time, line)| (*time, format!("line {line}"))).collect();
            push(&engine, &entries);
            engine.flush().expect("the file system works");
            for entry in entries {
                if !expected.contains(&entry) {
                    expected.push(entry);
                }
            }
        }
        expected.sort_by_key(|(time, _)| *time);
        let few = limit.min(expected.len());
        prop_assert_eq!(&answer(&engine, r#"{app="shop"}"#, Direction::Forward, limit), &expected[..few]);
        expected.reverse();
        prop_assert_eq!(&answer(&engine, r#"{app="shop"}"#, Direction::Backward, limit), &expected[..few]);
    }
}

#[test]
fn a_log_query_looks_at_segments_no_further_than_its_answer() {
    const SEGMENTS: i64 = 12;
    let engine = Lab::default().open().expect("an empty folder opens");
    let line = |time: i64| (time, format!("line {time}"));
    for segment in 0..SEGMENTS {
        push(&engine, &[line(2 * segment), line(2 * segment + 1)]);
        engine.flush().expect("the file system works");
    }
    for (direction, nearest) in [(Direction::Forward, 0), (Direction::Backward, 2 * SEGMENTS - 1)] {
        let request = QueryRequest::range(r#"{app="shop"}"#, START, START + 1_000_000).direction(direction);
        let ask = |limit| engine.query(&TenantId::single(), &request.clone().limit(limit));
        let stats = ask(1).expect("the query is answered").stats;
        assert!(stats.blocks_matched <= 2, "{direction:?}: {}", stats.blocks_matched);
        let stats = ask(1000).expect("the query is answered").stats;
        assert_eq!(stats.blocks_matched, SEGMENTS as u64);
        assert_eq!(answer(&engine, r#"{app="shop"}"#, direction, 1), [line(nearest)]);
    }
}

/// What a stream should hold: seconds, value, metadata, in the order in which they came, of equal ones the first.
#[derive(Debug, Default)]
struct Model(Vec<(i64, u8, bool)>);

impl Model {
    fn push(&mut self, entry: (i64, u8, bool)) {
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
    }

    /// Its entries by time; those of one time in the order in which they came.
    fn sorted(mut self) -> Vec<(i64, u8, bool)> {
        self.0.sort_by_key(|(time, ..)| *time);
        self.0
    }
}

/// A line that says its value; some are longer.
fn line(value: u8) -> String {
    format!("v={value} {}", "x".repeat(usize::from(value)))
}

fn push_entries(engine: &Engine, entries: &[(i64, u8, bool)]) {
    let entry = |&(time, value, has_metadata): &(i64, u8, bool)| PushEntry {
        timestamp: START + time * SECOND,
        line: line(value).into_bytes().into(),
        metadata: has_metadata.then(|| ("trace".into(), "t".into())).into_iter().collect(),
    };
    let stream = PushStream {
        labels: PushLabels::Pairs(vec![("app".into(), "shop".into())]),
        entries: entries.iter().map(entry).collect(),
    };
    let request = PushRequest {
        streams: vec![stream],
        ..PushRequest::default()
    };
    engine
        .push(&TenantId::single(), &request)
        .expect("the push keeps the rules");
}

fn hide(engine: &Engine, value: u8, seconds: &RangeInclusive<i64>) {
    let new = NewDelete {
        query: format!(r#"{{app="shop"}} |= "v={value} ""#)
            .parse()
            .expect("it is a query"),
        start: START + seconds.start() * SECOND,
        end: Some(START + seconds.end() * SECOND),
        max_interval: None,
    };
    engine.delete(&TenantId::single(), &new).expect("deletes are allowed");
}

/// The lines of an answer as the model has them, in any order.
fn found(engine: &Engine, direction: Direction, limit: usize) -> Vec<(i64, u8, bool)> {
    let request = QueryRequest::range(r#"{app="shop"}"#, START, START + 1000 * SECOND)
        .limit(limit)
        .direction(direction);
    let mut found = Vec::new();
    for stream in streams(engine, &request) {
        for entry in stream.entries {
            let has_metadata = stream.labels.value("trace").is_some();
            found.push(((entry.timestamp - START) / SECOND, entry.line[2] - b'0', has_metadata));
        }
    }
    found.sort_unstable();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Times lie far apart or close together, so that blocks overlap without and with common timestamps.
    #[test]
    fn any_parts_are_answered_as_the_model_says(
        parts in prop::collection::vec(
            (prop::collection::vec((0i64..900, 0u8..4, any::<bool>()), 1..30), any::<bool>()),
            1..7,
        ),
        coarseness in prop::sample::select(vec![1i64, 20, 300]),
        hidden in prop::option::of((0u8..4, 0i64..900, 1i64..900)),
        limit in 1usize..60,
    ) {
        let lab = Lab::default();
        lab.clock.set(START + 2000 * SECOND);
        let engine = lab.open().expect("an empty folder opens");
        let mut model = Model::default();
        for (entries, is_flushed) in &parts {
            let entries: Vec<_> =
                entries.iter().map(|&(time, value, metadata)| (time / coarseness * coarseness, value, metadata)).collect();
            push_entries(&engine, &entries);
            entries.into_iter().for_each(|entry| model.push(entry));
            if *is_flushed {
                engine.flush().expect("the file system works");
            }
        }
        if let Some((value, start, length)) = hidden {
            let seconds = start..=start + length;
            hide(&engine, value, &seconds);
            model.0.retain(|entry| entry.1 != value || !seconds.contains(&entry.0));
        }
        let mut expected = model.sorted();
        let few = limit.min(expected.len());
        let sorted = |entries: &[(i64, u8, bool)]| {
            let mut entries = entries.to_vec();
            entries.sort_unstable();
            entries
        };

        let tenant = TenantId::single();
        for (end, seconds) in [(1000, 1000), (600, 300), (450, 50)] {
            let window: Vec<_> = expected.iter().filter(|entry| end - seconds < entry.0 && entry.0 <= end).collect();
            let over_time = |aggregation: &str, stages: &str| {
                let query = format!(r#"sum({aggregation}({{app="shop"}} {stages} [{seconds}s]))"#);
                value(&engine, &tenant, &query, START + end * SECOND)
            };
            prop_assert_eq!(over_time("count_over_time", ""), window.len() as f64);
            let bytes: usize = window.iter().map(|entry| line(entry.1).len()).sum();
            prop_assert_eq!(over_time("bytes_over_time", ""), bytes as f64);
            let twos = window.iter().filter(|entry| entry.1 == 2).count();
            prop_assert_eq!(over_time("count_over_time", r#"|= "v=2""#), twos as f64);
            let with_metadata = window.iter().filter(|entry| entry.2).count();
            prop_assert_eq!(over_time("count_over_time", r#"| trace="t""#), with_metadata as f64);
            for (aggregation, at) in [("first_over_time", window.first()), ("last_over_time", window.last())] {
                let query = format!(r#"{aggregation}({{app="shop"}} | logfmt | unwrap v [{seconds}s]) by (app)"#);
                let found = value(&engine, &tenant, &query, START + end * SECOND);
                prop_assert_eq!(found, at.map_or(0.0, |entry| f64::from(entry.1)), "{}", query);
            }
        }
        prop_assert_eq!(found(&engine, Direction::Forward, limit), sorted(&expected[..few]));
        expected.reverse();
        prop_assert_eq!(found(&engine, Direction::Backward, limit), sorted(&expected[..few]));
    }
}

#[test]
fn metadata_that_no_stage_reads_fails_no_query_whether_blocks_are_merged_or_not() {
    for shared in [false, true] {
        let lab = Lab::default();
        let engine = lab.open().expect("opens");
        let pushes = [vec![(0, "x"), (2, "x")], vec![(i64::from(!shared), "y x"), (3, "x")]];
        for entries in &pushes {
            let entry = |&(time, line): &(i64, &'static str)| PushEntry {
                timestamp: START + time,
                line: line.as_bytes().into(),
                metadata: vec![("__error__".into(), "boom".into())],
            };
            let request = PushRequest {
                streams: vec![PushStream {
                    labels: PushLabels::Pairs(vec![("app".into(), "shop".into())]),
                    entries: entries.iter().map(entry).collect(),
                }],
                ..PushRequest::new()
            };
            engine.push(&TenantId::single(), &request).expect("stored");
            engine.flush().expect("flushes");
        }
        let query = r#"sum by (app) (count_over_time({app="shop"} |= "x" [1m]))"#;
        let counted = value(&engine, &TenantId::single(), query, START + SECOND);
        assert_eq!(counted, 4.0, "timestamps shared: {shared}");
    }
}
