//! Blocks of one stream that overlap in time, read in order.

mod support;

use loki_core::logql::{Direction, QueryResult};
use loki_core::{ByteSize, Engine, PushRequest, QueryRequest, TenantId};
use proptest::prelude::*;
use support::{Lab, START};

/// Timestamps and lines of the answer to `{app="shop"}`, in its order.
fn answer(engine: &Engine, query: &str, direction: Direction, limit: usize) -> Vec<(i64, String)> {
    let request = QueryRequest::range(query, START, START + 1_000_000)
        .limit(limit)
        .direction(direction);
    let response = engine
        .query(&TenantId::single(), &request)
        .expect("the query is answered");
    let QueryResult::Streams(streams) = response.result else {
        panic!("a log query answers streams");
    };
    let entries = streams.into_iter().flat_map(|stream| stream.entries);
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

/// Three segments that interleave over their whole time, 1.5 MB of lines in blocks of 256 KiB each.
fn interleaved(lab: &Lab) -> (Engine, Vec<(i64, String)>) {
    const PARTS: i64 = 3;
    let engine = lab.open().expect("an empty folder opens");
    let line = |time: i64| (time, format!("{time:06} {}", "x".repeat(1000)));
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
    let (engine, mut expected) = interleaved(&lab);
    assert_eq!(
        answer(&engine, r#"{app="shop"}"#, Direction::Forward, 700),
        expected[..700]
    );
    // All of it is looked at for a line at the far end.
    assert_eq!(
        answer(&engine, r#"{app="shop"} |= "004499 ""#, Direction::Forward, 10),
        expected[4499..]
    );
    assert_eq!(
        answer(&engine, r#"{app="shop"} |= "000000 ""#, Direction::Backward, 10),
        expected[..1]
    );
    expected.reverse();
    assert_eq!(
        answer(&engine, r#"{app="shop"}"#, Direction::Backward, 700),
        expected[..700]
    );
}

#[test]
fn more_blocks_at_one_time_than_memory_holds_are_refused_with_the_limit() {
    let mut lab = Lab::default();
    lab.settings.max_query_memory = ByteSize(512 << 10);
    let (engine, _) = interleaved(&lab);
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
