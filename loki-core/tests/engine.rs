//! What an engine promises to those who embed it.

mod support;

use loki_core::files::{Fault, FaultyFiles, Files};
use loki_core::logql::{Direction, QueryResult};
use loki_core::{
    ByteSize, Clock, Engine, ErrorKind, Limits, ManualClock, Period, PushEntry, PushLabels, PushRequest, PushStream,
    QueryRequest, SeriesRequest, Settings, TenantId,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use support::{Lab, SECOND, START, lines, maintain, push, value};

fn everything() -> SeriesRequest {
    SeriesRequest {
        start: 0,
        end: START + 1_000_000 * SECOND,
        selectors: Vec::new(),
    }
}

#[test]
fn what_was_pushed_is_found_in_memory_in_segments_and_after_an_open() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "shop", &[(START, "one"), (START + 1, "two")]).expect("stored");
    push(&engine, &tenant, "web", &[(START, "three")]).expect("stored");
    let check = |engine: &Engine| {
        let found = lines(engine, &tenant, r#"{app="shop"}"#);
        assert_eq!(found, [(START, "one".to_owned()), (START + 1, "two".to_owned())]);
        assert_eq!(lines(engine, &tenant, r#"{app=~".+"} |= "t""#).len(), 2);
        assert_eq!(
            value(
                engine,
                &tenant,
                r#"sum(count_over_time({app=~".+"}[1h]))"#,
                START + SECOND
            ),
            3.0
        );
        let names = engine.labels(&tenant, &everything()).expect("answers");
        assert_eq!(names, ["app", "service_name"]);
        assert_eq!(
            engine.label_values(&tenant, "app", &everything()).expect("answers"),
            ["shop", "web"]
        );
        let series: Vec<_> = engine.series(&tenant, &everything()).expect("answers");
        assert_eq!(series[0].to_string(), r#"{app="shop", service_name="shop"}"#);
        assert_eq!(series.len(), 2);
        let stats = engine.index_stats(&tenant, &everything()).expect("answers");
        assert_eq!((stats.streams, stats.entries, stats.bytes), (2, 3, 11));
    };
    check(&engine);
    drop(engine);
    let engine = lab.open().expect("opens");
    assert_eq!(engine.recovery().entries, 3);
    check(&engine);
    engine.flush().expect("flushes");
    check(&engine);
    drop(engine);
    let engine = lab.open().expect("opens");
    assert_eq!(engine.recovery().entries, 0, "what is in segments is not replayed");
    check(&engine);
}

#[test]
fn exact_duplicates_are_stored_once_wherever_they_meet() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let entries = [(START, "same"), (START, "same"), (START, "other"), (START + 1, "same")];
    for _ in 0..2 {
        push(&engine, &tenant, "x", &entries).expect("stored");
        push(&engine, &tenant, "x", &entries).expect("stored");
        assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len(), 3);
        assert_eq!(
            value(&engine, &tenant, r#"count_over_time({app="x"}[1m])"#, START + SECOND),
            3.0
        );
        engine.flush().expect("flushes");
    }
}

#[test]
fn entries_of_one_time_keep_their_order_of_arrival_across_parts() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "x", &[(START + 5, "early bird"), (START, "b")]).expect("stored");
    engine.flush().expect("flushes");
    push(&engine, &tenant, "x", &[(START, "a"), (START, "c")]).expect("stored");
    let ask = |direction| {
        let request = QueryRequest::range(r#"{app="x"}"#, START, START + SECOND).direction(direction);
        let QueryResult::Streams(streams) = engine.query(&tenant, &request).expect("answers").result else {
            panic!("lines")
        };
        let entries = streams.into_iter().flat_map(|stream| stream.entries);
        entries
            .map(|entry| String::from_utf8(entry.line).expect("text"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(Direction::Forward), ["b", "a", "c", "early bird"]);
    assert_eq!(ask(Direction::Backward), ["early bird", "c", "a", "b"]);
}

/// Lines of one stream, oldest first; those of one time in the order in which they came.
fn in_order(engine: &Engine, tenant: &TenantId) -> Vec<String> {
    let request = QueryRequest::range(r#"{app="x"}"#, START, START + SECOND)
        .direction(Direction::Forward)
        .limit(5000);
    let QueryResult::Streams(streams) = engine.query(tenant, &request).expect("answers").result else {
        panic!("lines")
    };
    let entries = streams.into_iter().flat_map(|stream| stream.entries);
    entries
        .map(|entry| String::from_utf8_lossy(&entry.line[..entry.line.len().min(20)]).into_owned())
        .collect()
}

#[test]
fn compaction_moves_nothing_past_a_large_segment() {
    let mut lab = Lab::default();
    lab.settings.encoding = loki_core::chunk::Encoding::None;
    lab.settings.content_filters = loki_core::ContentFilters::Off;
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let mut expected = Vec::new();
    for n in 0..10 {
        // The third one is too large to be merged with the others, which are no neighbours then.
        let (lines, bytes) = if n == 2 { (80, 240 << 10) } else { (1, 0) };
        let lines: Vec<String> = (0..lines)
            .map(|line| format!("flush {n} line {line:03}    {}", " ".repeat(bytes)))
            .collect();
        let entries: Vec<(i64, &str)> = lines.iter().map(|line| (START, line.as_str())).collect();
        push(&engine, &tenant, "x", &entries).expect("stored");
        engine.flush().expect("flushes");
        expected.extend(lines.iter().map(|line| line[..20].to_owned()));
        maintain(&engine).expect("compacts");
        assert_eq!(in_order(&engine, &tenant), expected, "after flush {n}");
    }
    assert!(engine.metrics().tenants[0].segments < 10, "something was merged");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn entries_of_one_time_keep_their_order_whatever_is_done(steps in proptest::collection::vec(0..6u8, 1..60)) {
        let lab = Lab::default();
        let tenant = TenantId::single();
        let mut engine = lab.open().expect("opens");
        let mut expected = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                0 => engine.flush().expect("flushes"),
                1 => maintain(&engine).expect("compacts"),
                2 => {
                    drop(engine);
                    engine = lab.open().expect("opens again");
                }
                _ => {
                    let line = format!("line {n}");
                    push(&engine, &tenant, "x", &[(START, &line)]).expect("stored");
                    expected.push(line);
                    if step == 3 {
                        engine.flush().expect("flushes");
                    }
                }
            }
        }
        prop_assert_eq!(in_order(&engine, &tenant), expected);
    }
}

#[test]
fn any_order_and_any_age_are_accepted_and_found_in_time_order() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let mut expected = Vec::new();
    for n in 0..500i64 {
        // A walk through all residues: every push is out of order with the one before.
        let timestamp = START - (n * 197 % 500) * 3600 * SECOND;
        let line = format!("line {n} {}", "y".repeat((n * 37 % 400) as usize));
        push(&engine, &tenant, "x", &[(timestamp, &line)]).expect("stored");
        expected.push((timestamp, line));
        if n % 120 == 7 {
            engine.flush().expect("flushes");
        }
    }
    expected.sort();
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), expected);
    maintain(&engine).expect("compacts");
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), expected);
}

#[test]
fn tenants_see_only_their_own() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let [a, b] = ["a", "b"].map(|name| name.parse::<TenantId>().expect("a tenant"));
    push(&engine, &a, "x", &[(START, "mine")]).expect("stored");
    assert_eq!(lines(&engine, &a, r#"{app="x"}"#).len(), 1);
    assert!(lines(&engine, &b, r#"{app="x"}"#).is_empty());
    engine.flush().expect("flushes");
    assert!(lines(&engine, &b, r#"{app="x"}"#).is_empty());
    assert!(engine.labels(&b, &everything()).expect("answers").is_empty());
}

#[test]
fn a_second_engine_is_told_that_the_folder_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Engine::open(folder.path(), Settings::default()).expect("opens");
    let error = Engine::open(folder.path(), Settings::default()).expect_err("it is open");
    assert_eq!(error.kind(), ErrorKind::Locked);
    drop(first);
    Engine::open(folder.path(), Settings::default()).expect("it is closed");
}

#[test]
fn the_real_file_system_keeps_what_was_pushed() {
    let folder = tempfile::tempdir().expect("a folder");
    let tenant = TenantId::single();
    for round in 0..3 {
        let engine = Engine::open(folder.path(), Lab::default().settings).expect("opens");
        push(&engine, &tenant, "x", &[(START + round, &format!("round {round}"))]).expect("stored");
        if round == 1 {
            engine.flush().expect("flushes");
        }
        assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len() as i64, round + 1);
        engine.close().expect("closes");
        assert_eq!(
            push(&engine, &tenant, "x", &[(START, "late")])
                .expect_err("closed")
                .kind(),
            ErrorKind::Closed
        );
    }
}

#[test]
fn many_small_segments_become_few() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for n in 0..20 {
        push(&engine, &tenant, "x", &[(START + n, &format!("line {n}"))]).expect("stored");
        engine.flush().expect("flushes");
    }
    assert_eq!(engine.metrics().tenants[0].segments, 20);
    maintain(&engine).expect("compacts");
    assert!(engine.metrics().tenants[0].segments < 4);
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len(), 20);
    let files = lab.files.paths();
    let segments = files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "segment"))
        .count();
    assert!(segments < 4, "merged files are gone: {files:?}");
}

#[test]
fn retention_drops_what_is_too_old_and_labels_forget_it() {
    let mut lab = Lab::default();
    lab.settings.limits.retention_period = Period::hours(24);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "old", &[(START, "old")]).expect("stored");
    lab.clock.set(START + 20 * 3600 * SECOND);
    push(
        &engine,
        &tenant,
        "mixed",
        &[(START, "old"), (START + 20 * 3600 * SECOND, "young")],
    )
    .expect("stored");
    engine.flush().expect("flushes");
    lab.clock.set(START + 35 * 3600 * SECOND);
    maintain(&engine).expect("expires");
    assert_eq!(lines(&engine, &tenant, r#"{app=~".+"}"#).len(), 1);
    assert_eq!(
        engine.label_values(&tenant, "app", &everything()).expect("answers"),
        ["mixed"]
    );
    lab.clock.set(START + 60 * 3600 * SECOND);
    maintain(&engine).expect("expires");
    assert_eq!(engine.metrics().tenants[0].segments, 0);
}

#[test]
fn the_head_is_flushed_when_it_is_full_and_when_nothing_comes() {
    let mut lab = Lab::default();
    lab.settings.head_bytes = ByteSize(256 << 10);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for n in 0..400i64 {
        // Text that does not compress to nothing.
        let line: String = (0..200)
            .map(|i| char::from(b'!' + ((n * 7919 + i * i * 31) % 90) as u8))
            .collect();
        push(&engine, &tenant, &format!("app{}", n % 8), &[(START + n, &line)]).expect("stored");
        assert!(engine.metrics().head_bytes < 3 * (256 << 10), "the head is bounded");
    }
    maintain(&engine).expect("flushes");
    lab.clock.advance(Period::minutes(31).as_nanos());
    maintain(&engine).expect("flushes");
    assert_eq!(lines(&engine, &tenant, r#"{app=~".+"}"#).len(), 400);
    assert_eq!(engine.metrics().tenants[0].head_streams, 0);
}

#[test]
fn broken_entries_are_left_out_and_told_of_while_the_others_are_stored() {
    let mut lab = Lab::default();
    lab.settings.limits = Limits {
        max_line_size: ByteSize(10),
        ..lab.settings.limits
    };
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let too_new = START + 3600 * SECOND;
    let list = [
        (START, "short"),
        (START + 1, "much too long for it"),
        (too_new, "new"),
        (START + 2, "well"),
    ];
    let error = push(&engine, &tenant, "x", &list).expect_err("two are refused");
    assert_eq!(error.kind(), ErrorKind::InvalidPush);
    assert_eq!(
        error.message(),
        "1 errors like: max entry size '10' bytes exceeded for stream '{app=\"x\", service_name=\"x\"}' while adding an \
         entry with length '20' bytes; 1 errors like: entry for stream '{app=\"x\", service_name=\"x\"}' has timestamp \
         too new: 2023-11-14T23:13:20Z"
    );
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len(), 2);
    let discarded = engine.metrics().tenants[0].pushes[0].discarded.clone();
    assert_eq!(discarded, [("line_too_long", 1, 20), ("too_far_in_future", 1, 3)]);
}

#[test]
fn labels_that_are_none_refuse_the_whole_push() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let request = PushRequest::new()
        .with_stream([("app", "x")], [(START, "good")])
        .with_stream([("bad-name", "x")], [(START, "bad")]);
    let error = engine.push(&tenant, &request).expect_err("refused");
    assert_eq!(
        error.message(),
        "couldn't parse labels: 1:5: parse error: unexpected character inside braces: '-'"
    );
    assert!(lines(&engine, &tenant, r#"{app="x"}"#).is_empty());
    assert_eq!(
        engine.push(&tenant, &PushRequest::new()).expect_err("empty").kind(),
        ErrorKind::EmptyPush
    );
}

#[test]
fn structured_metadata_are_kept_cleaned_and_sorted() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let entry = PushEntry {
        timestamp: START,
        line: b"level=warn x".as_slice().into(),
        metadata: [("z.z", "1"), ("a", ""), ("b", "first"), ("b", "last")]
            .map(|(n, v)| (n.into(), v.into()))
            .to_vec(),
    };
    let stream = PushStream {
        labels: PushLabels::Text(r#"{app="x"}"#.into()),
        entries: vec![entry],
    };
    engine.push(&tenant, &PushRequest::from(vec![stream])).expect("stored");
    let request = QueryRequest::range(r#"{app="x"} | b="last""#, START, START + 1);
    for _ in 0..2 {
        let QueryResult::Streams(streams) = engine.query(&tenant, &request).expect("answers").result else {
            panic!("lines")
        };
        let labels = r#"{app="x", b="last", detected_level="warn", service_name="x", z_z="1"}"#;
        assert_eq!(streams[0].labels.to_string(), labels);
        engine.flush().expect("flushes");
    }
}

#[test]
fn rates_and_stream_counts_are_limited_with_the_texts_of_loki() {
    let mut lab = Lab::default();
    lab.settings.limits = Limits {
        ingestion_rate_mb: 0.001,
        ingestion_burst_size_mb: 0.001,
        max_global_streams_per_user: 1,
        ..lab.settings.limits
    };
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let error = push(&engine, &tenant, "x", &[(START, &"y".repeat(2000))]).expect_err("too fast");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(
        error
            .message()
            .starts_with("ingestion rate limit exceeded for user fake (limit: 1048 bytes/sec) while")
    );
    assert!(
        lines(&engine, &tenant, r#"{app="x"}"#).is_empty(),
        "nothing of it is stored"
    );
    push(&engine, &tenant, "x", &[(START, "first")]).expect("stored");
    let error = push(&engine, &tenant, "y", &[(START, "second")]).expect_err("too many streams");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(
        error
            .message()
            .starts_with("maximum active stream limit exceeded when trying to create stream {app=\"y\"")
    );
}

#[test]
fn a_blocked_push_is_told_so_where_nothing_else_is_wrong_with_it() {
    let mut lab = Lab::default();
    lab.settings.limits.block_ingestion_until = "2030-01-01T00:00:00Z".to_owned();
    lab.settings.limits.max_label_value_length = 5;
    // Entries are not looked at.
    lab.settings.limits.max_line_size = ByteSize(3);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let error = push(&engine, &tenant, "x", &[(START, "a line")]).expect_err("blocked");
    assert_eq!(error.kind(), ErrorKind::Blocked(260));
    assert_eq!(
        error.message(),
        "ingestion blocked for user 'fake' until '2030-01-01T00:00:00Z' with status code '260'"
    );
    let both = PushRequest::new()
        .with_stream([("app", "x")], [(START, "a line")])
        .with_stream([("app", "too long")], [(START, "a line")]);
    let error = engine.push(&tenant, &both).expect_err("blocked and wrong");
    assert_eq!(error.kind(), ErrorKind::InvalidPush);
    assert!(error.message().contains("has label value too long"), "{error}");
    let mut limits = lab.settings.limits.clone();
    limits.block_ingestion_status_code = 200;
    engine.set_limits(limits, BTreeMap::new());
    push(&engine, &tenant, "x", &[(START, "a line")]).expect("dropped without a word");
    assert!(lines(&engine, &tenant, r#"{app=~".+"}"#).is_empty());
    let discarded = engine.metrics().tenants[0].pushes[0].discarded.clone();
    assert_eq!(
        discarded,
        [("blocked_ingestion", 3, 18), ("label_value_too_long", 1, 6)]
    );
}

#[test]
fn queries_are_held_against_the_limits_of_the_tenant() {
    let mut lab = Lab::default();
    lab.settings.limits = Limits::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let ask = |request: QueryRequest| {
        engine
            .query(&tenant, &request)
            .expect_err("refused")
            .message()
            .to_owned()
    };
    assert_eq!(
        ask(QueryRequest::range(r#"{app="x"}"#, 0, SECOND).limit(6000)),
        "max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)"
    );
    assert_eq!(
        ask(QueryRequest::range(r#"{app="x"}"#, 0, 800 * 3600 * SECOND)),
        "the query time range exceeds the limit (query length: 800h0m0s, limit: 30d1h)"
    );
    assert_eq!(
        ask(QueryRequest::range("{app=}", 0, SECOND)),
        "parse error at line 1, col 6: syntax error: unexpected }, expecting STRING"
    );
}

#[test]
fn a_query_that_would_read_too_much_is_refused_before_it_reads() {
    let mut lab = Lab::default();
    let tenant = TenantId::single();
    lab.settings.limits.max_query_bytes_read = ByteSize(3 << 10);
    lab.settings.limits.max_querier_bytes_read = ByteSize(2 << 10);
    let engine = lab.open().expect("opens");
    let line = format!("needle {}", "x".repeat(2560 - 7));
    push(&engine, &tenant, "x", &[(START, &line)]).expect("stored");
    engine.flush().expect("the file system works");
    push(&engine, &tenant, "x", &[(START + SECOND, &line)]).expect("stored");
    let ask = |query: &str, start: i64| {
        let request = QueryRequest::range(query, start, START + 2 * SECOND);
        engine
            .query(&tenant, &request)
            .map_err(|error| error.message().to_owned())
    };
    let advice = "consider adding more specific stream selectors";
    assert_eq!(
        ask(r#"{app="x"}"#, START).expect_err("both blocks"),
        format!(
            "the query would read too many bytes (query: 5.0 KiB, limit: 3.0 KiB); {advice} or reduce the time range of \
             the query"
        )
    );
    assert_eq!(
        ask(r#"{app="x"}"#, START + SECOND).expect_err("one block"),
        format!(
            "query too large to execute on a single querier: (query: 2.5 KiB, limit: 2.0 KiB); {advice}, reduce the time \
             range of the query, or adjust parallelization settings"
        )
    );
    // Both operands of a query count together.
    push(&engine, &tenant, "z", &[(START + SECOND, &line[..1600])]).expect("stored");
    let once = r#"count_over_time({app="z"}[1s])"#;
    assert!(ask(once, START + SECOND).is_ok());
    let twice = ask(&format!("{once} + {once}"), START + SECOND).expect_err("twice");
    assert!(
        twice.starts_with("the query would read too many bytes (query: 3.2 KiB"),
        "{twice}"
    );
    assert!(ask(r#"{app="y"}"#, START).is_ok());
}

#[test]
fn windows_do_not_reach_back_beyond_the_lookback() {
    let mut lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for second in 0..10 {
        push(&engine, &tenant, "x", &[(START + second * SECOND, "a line")]).expect("stored");
    }
    lab.clock.advance(9 * SECOND);
    let now = START + 9 * SECOND;
    for query in [
        r#"sum(count_over_time({app="x"}[1m]))"#,
        r#"sum(count_over_time({app="x"} |= "line" [1m]))"#,
        r#"sum(sum_over_time({app="x"} | label_format n="1" | unwrap n [1m]))"#,
    ] {
        assert_eq!(value(&engine, &tenant, query, now), 10.0, "{query}");
    }
    drop(engine);
    lab.settings.limits.max_query_lookback = Period::seconds(4);
    let engine = lab.open().expect("opens");
    for query in [
        r#"sum(count_over_time({app="x"}[1m]))"#,
        r#"sum(count_over_time({app="x"} |= "line" [1m]))"#,
        r#"sum(sum_over_time({app="x"} | label_format n="1" | unwrap n [1m]))"#,
    ] {
        assert_eq!(value(&engine, &tenant, query, now), 5.0, "{query}");
    }
}

#[test]
fn a_line_that_no_block_can_hold_is_refused_even_without_a_limit() {
    let mut lab = Lab::default();
    lab.settings.limits.max_line_size = ByteSize(0);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let line = "x".repeat(loki_core::chunk::LINE_MAX_BYTES + 1);
    let error = push(&engine, &tenant, "x", &[(START, &line), (START + 1, "short")]).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::InvalidPush);
    drop(engine);
    let engine = lab.open().expect("nothing was logged that cannot be replayed");
    assert_eq!(
        lines(&engine, &tenant, r#"{app="x"}"#),
        [(START + 1, "short".to_owned())]
    );
}

#[test]
fn opening_and_closing_leaves_one_log_file() {
    let lab = Lab::default();
    for _ in 0..5 {
        lab.open().expect("opens").close().expect("closes");
    }
    let logs = lab
        .files
        .paths()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "wal"));
    assert_eq!(logs.count(), 1);
}

#[test]
fn a_log_of_another_version_is_refused_and_kept() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    push(&engine, &TenantId::single(), "x", &[(START, "line")]).expect("stored");
    drop(engine);
    let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "wal");
    let path = lab.files.paths().into_iter().find(is_log).expect("a log");
    // Later versions, checksums and all: of the whole file, and of a record in it.
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 2] = [
        ("version 3", |bytes| {
            bytes[8] = 3;
            let crc = crc32fast::hash(&bytes[..20]);
            bytes[20..24].copy_from_slice(&crc.to_le_bytes());
        }),
        ("a record of version 2", |bytes| {
            bytes[52] = 2;
            let crc = crc32fast::hash(&bytes[52..]);
            bytes[44..48].copy_from_slice(&crc.to_le_bytes());
            let crc = crc32fast::hash(&bytes[24..48]);
            bytes[48..52].copy_from_slice(&crc.to_le_bytes());
        }),
    ];
    for (what, change) in changes {
        let files = lab.files.fork();
        files.damage(&path, change);
        let changed = Lab {
            files,
            ..Lab::default()
        };
        let error = changed.open().expect_err("not to be read");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(what), "{error}");
        assert!(changed.files.paths().contains(&path));
    }
}

#[test]
fn a_merge_that_fails_rests_before_it_is_tried_again() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for n in 0..4 {
        push(&engine, &tenant, "x", &[(START + n, &format!("line {n}"))]).expect("stored");
        engine.flush().expect("flushes");
    }
    lab.files.fail_at(lab.files.calls(), Fault::Full);
    maintain(&engine).expect_err("there is no room to merge");
    let calls = lab.files.calls();
    maintain(&engine).expect("it rests");
    assert_eq!(lab.files.calls(), calls, "nothing is written meanwhile");
    lab.files.heal();
    lab.clock.advance(Period::seconds(5).as_nanos());
    maintain(&engine).expect("there is room again");
    assert_eq!(engine.metrics().tenants[0].segments, 1);
}

#[test]
fn pushes_into_a_full_memory_do_not_each_try_to_flush() {
    let mut lab = Lab::default();
    lab.settings.head_bytes = ByteSize(64 << 10);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let mut n = 0;
    let mut push_one = || {
        n += 1;
        let random = |i: u64| (i.wrapping_add(n << 20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let line: String = (0..1500).map(|i| format!("{:016x}", random(i))).collect();
        push(&engine, &tenant, "x", &[(START + n as i64, &line)])
    };
    while engine.metrics().head_bytes < 2 * (64 << 10) {
        push_one().expect("there is room");
    }
    lab.files.fail_at(lab.files.calls(), Fault::Fail);
    push_one().expect_err("the flush fails");
    let calls = lab.files.calls();
    let error = push_one().expect_err("it failed a moment ago");
    assert_eq!((error.kind(), lab.files.calls()), (ErrorKind::Io, calls));
    assert!(
        error.message().contains("memory is full") && error.message().contains("injected fault"),
        "{error}"
    );
    lab.clock.advance(SECOND);
    push_one().expect("it is tried again");
}

#[test]
fn a_flush_that_fails_leaves_every_line_and_less_in_memory() {
    let tenant = TenantId::single();
    let text = "a line that is like all the others ".repeat(20);
    let (mut smallest, mut made_good) = (u64::MAX, 0);
    for call in 0.. {
        let lab = Lab::default();
        let engine = lab.open().expect("opens");
        for n in 0..100 {
            push(&engine, &tenant, "x", &[(START + n, &text)]).expect("stored");
        }
        let before = engine.metrics().head_bytes;
        lab.files.fail_at(lab.files.calls() + call, Fault::Fail);
        if engine.flush().is_ok() {
            break;
        }
        let stored = || lines(&engine, &tenant, r#"{app="x"}"#).len();
        assert_eq!(stored(), 100, "after call {call}");
        smallest = smallest.min(engine.metrics().head_bytes * 100 / before);
        lab.files.heal();
        // A log or a store that may hold a part of it takes no more; everything else is made good.
        if engine.flush().is_ok() {
            made_good += 1;
            assert_eq!(engine.metrics().head_bytes, 0, "after call {call} and another flush");
        }
        assert_eq!(stored(), 100, "after call {call} and another flush");
        drop(engine);
        let engine = lab.open().expect("opens again");
        assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len(), 100, "after call {call}");
    }
    assert!(smallest < 20, "{smallest} % of the memory are still held");
    assert!(made_good > 5, "{made_good} flushes were made good");
}

#[test]
fn a_damaged_segment_keeps_the_others_from_nothing() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for n in 0..9 {
        push(&engine, &tenant, "x", &[(START + n, &format!("line {n}"))]).expect("stored");
        engine.flush().expect("flushes");
    }
    drop(engine);
    let is_fifth = |path: &std::path::PathBuf| path.ends_with("0000000000000005.segment");
    let path = lab.files.paths().into_iter().find(is_fifth).expect("a segment");
    lab.files.damage(&path, |bytes| bytes[12..20].fill(0xff));
    let engine = lab.open().expect("blocks are looked at when they are read");
    let error = maintain(&engine).expect_err("it is told of");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("0000000000000005.segment"), "{error}");
    maintain(&engine).expect("the others are merged");
    assert_eq!(engine.metrics().tenants[0].segments, 3);
    assert!(lab.files.paths().contains(&path), "what is left of it is kept");
}

#[test]
fn files_that_the_engine_did_not_name_stay() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "x", &[(START, "line")]).expect("stored");
    engine.flush().expect("flushes");
    drop(engine);
    let folder = std::path::Path::new("data/tenants/fake");
    let strange = [
        "segments/0000000000000001.segment.bak",
        "segments/7.segment",
        "manifest/9.manifest",
        "../../wal/18446744073709551615.wal",
    ];
    for name in strange {
        lab.files.create(&folder.join(name)).expect("made");
    }
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "x", &[(START + 1, "line")]).expect("stored");
    engine.flush().expect("flushes");
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len(), 2);
    for name in strange {
        assert!(lab.files.paths().contains(&folder.join(name)), "{name}");
    }
}

#[test]
fn segments_without_a_manifest_are_refused_and_kept() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for n in 0..2 {
        push(&engine, &tenant, "x", &[(START + n, "line")]).expect("stored");
        engine.flush().expect("flushes");
    }
    drop(engine);
    let before = lab.files.paths();
    for path in before
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "manifest"))
    {
        lab.files.remove(path).expect("removed");
    }
    let error = lab.open().expect_err("what counts is unknown");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let segments = |paths: &[std::path::PathBuf]| {
        let is_segment = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "segment");
        paths.iter().filter(is_segment).count()
    };
    assert_eq!(segments(&lab.files.paths()), 2);
}

#[test]
fn a_clock_that_is_set_back_puts_off_no_flush() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "x", &[(START, "line")]).expect("stored");
    lab.clock.set(START - Period::minutes(1).as_nanos());
    maintain(&engine).expect("nothing is due");
    assert_eq!(engine.metrics().tenants[0].segments, 0);
    lab.clock.set(START - Period::hours(24 * 365).as_nanos());
    maintain(&engine).expect("flushes");
    assert_eq!(engine.metrics().tenants[0].segments, 1);
}

#[test]
fn the_log_does_not_grow_from_restart_to_restart() {
    let mut lab = Lab::default();
    lab.settings.head_bytes = ByteSize(16 << 10);
    let tenant = TenantId::single();
    let line = "x".repeat(20 << 10);
    let mut most = 0;
    for _ in 0..40 {
        let engine = lab.open().expect("opens");
        // The head holds it already: only the log grows.
        push(&engine, &tenant, "x", &[(START, &line)]).expect("stored");
        maintain(&engine).expect("flushes now and then");
        let is_log = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "wal");
        most = most.max(lab.files.paths().iter().filter(is_log).count());
    }
    assert!(most < 20, "{most} log files");
}

#[test]
fn one_tenant_with_damage_holds_up_no_other() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let [bad, good] = ["bad", "good"].map(|name| name.parse::<TenantId>().expect("a tenant"));
    for n in 0..4 {
        for tenant in [&bad, &good] {
            push(&engine, tenant, "x", &[(START + n, &format!("line {n}"))]).expect("stored");
        }
        engine.flush().expect("flushes");
    }
    drop(engine);
    let is_bad = |path: &std::path::PathBuf| {
        path.to_string_lossy().contains("tenants/bad/") && path.extension().is_some_and(|e| e == "segment")
    };
    let path = lab.files.paths().into_iter().find(is_bad).expect("a segment");
    lab.files.damage(&path, |bytes| bytes[12..20].fill(0xff));
    let engine = lab.open().expect("blocks are looked at when they are read");
    let _ = maintain(&engine);
    let segments = |name: &str| {
        let metrics = engine.metrics();
        metrics
            .tenants
            .iter()
            .find(|t| t.tenant.as_str() == name)
            .map(|t| t.segments)
    };
    assert_eq!((segments("bad"), segments("good")), (Some(4), Some(1)));
}

#[test]
fn variants_are_refused_unless_the_tenant_may_ask_for_them() {
    let query = r#"variants(count_over_time({app="x"}[1m])) of ({app="x"}[1m])"#;
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let error = engine
        .query(&TenantId::single(), &QueryRequest::instant(query, START))
        .expect_err("variants are off by default");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(
        error.to_string(),
        "multi variant queries are disabled for this instance"
    );
}

/// A clock that moves on by a second whenever it is looked at.
#[derive(Debug)]
struct HastyClock(ManualClock);

impl Clock for HastyClock {
    fn now(&self) -> i64 {
        self.0.advance(SECOND);
        self.0.now()
    }
}

#[test]
fn a_query_that_is_slow_inside_one_block_times_out() {
    let tenant = TenantId::single();
    let mut settings = Settings::default();
    settings.limits.max_query_length = Period::ZERO;
    settings.limits.query_timeout = Period::seconds(20);
    let files: Arc<dyn Files> = Arc::new(FaultyFiles::default());
    let clock = Arc::new(HastyClock(ManualClock::new(START)));
    let engine = Engine::open_with("data", settings, files, clock).expect("opens");
    let many: Vec<(i64, &str)> = (0..10_000).map(|i| (START + i, "level=info")).collect();
    push(&engine, &tenant, "many", &many).expect("stored");
    push(&engine, &tenant, "few", &many[..100]).expect("stored");
    let ask = |query: &str| {
        let request = QueryRequest::range(query, 0, START + 1_000_000 * SECOND).limit(5000);
        engine.query(&tenant, &request).map(drop).map_err(|error| error.kind())
    };
    for app in ["many", "few"] {
        let log = format!(r#"{{app="{app}"}} | logfmt | level="none""#);
        let expected = if app == "many" {
            Err(ErrorKind::TimedOut)
        } else {
            Ok(())
        };
        assert_eq!(ask(&log), expected, "{log}");
        let metric = format!("sum(count_over_time({log} [1000d]))");
        let request = QueryRequest::instant(&metric, START + SECOND);
        let answer = engine.query(&tenant, &request).map(drop);
        assert_eq!(answer.map_err(|error| error.kind()), expected, "{metric}");
    }
}

#[test]
fn lines_are_found_once_while_they_are_pushed_and_flushed() {
    const LINES: i64 = 3_000;
    let tenant = TenantId::single();
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let (pushed, is_done) = (AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for n in 0..LINES {
                push(
                    &engine,
                    &tenant,
                    "x",
                    &[(START + n, &format!("{n} {}", "x".repeat(300)))],
                )
                .expect("stored");
                pushed.store(n + 1, SeqCst);
            }
            is_done.store(true, SeqCst);
        });
        threads.spawn(|| {
            while !is_done.load(SeqCst) {
                engine.flush().expect("the file system works");
            }
        });
        while !is_done.load(SeqCst) {
            let least = pushed.load(SeqCst);
            let request = QueryRequest::range(r#"{app="x"}"#, START, START + LINES).limit(LINES as usize);
            let answer = engine.query(&tenant, &request).expect("answered");
            let QueryResult::Streams(streams) = answer.result else {
                panic!("a log query answers streams");
            };
            let mut found: Vec<i64> = streams
                .iter()
                .flat_map(|stream| &stream.entries)
                .map(|entry| entry.timestamp - START)
                .collect();
            found.sort_unstable();
            assert!(
                found.len() as i64 >= least,
                "{} of {least} lines are found",
                found.len()
            );
            assert!(found.iter().copied().eq(0..found.len() as i64), "each is found once");
        }
    });
    assert!(engine.metrics().flushes > 3, "{} flushes", engine.metrics().flushes);
}
