//! What a flush wrote in haste is laid out for good, once, and nothing of it changes.

mod support;

use loki_core::logql::Direction;
use loki_core::{ByteSize, ContentFilters, Engine, ErrorKind, Period, QueryRequest, TenantId};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use support::{Lab, SECOND, START, lines, maintain, push, value};

/// Bytes of all segments.
fn stored(engine: &Engine) -> u64 {
    engine.metrics().tenants[0].segment_bytes
}

fn fill(engine: &Engine, tenant: &TenantId, minute: i64) -> Vec<(i64, String)> {
    let entry = |n: i64| {
        let random = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (minute as u64) << 40;
        let line = format!(
            "level=info trace={random:016x} took={}ms status={}",
            random % 4_001,
            200 + random % 5
        );
        (START - 3600 * SECOND + minute * 60 * SECOND + n * SECOND / 100, line)
    };
    let entries: Vec<(i64, String)> = (0..2_000).map(entry).collect();
    let borrowed: Vec<(i64, &str)> = entries.iter().map(|(at, line)| (*at, &**line)).collect();
    push(engine, tenant, "x", &borrowed).expect("stored");
    entries
}

/// An engine over so many flushed segments, of which the first is damaged, and the path of that.
fn with_first_damaged(lab: &Lab, tenant: &TenantId, segments: i64) -> (Engine, PathBuf) {
    let engine = lab.open().expect("opens");
    for minute in 0..segments {
        fill(&engine, tenant, minute);
        engine.flush().expect("flushes");
    }
    drop(engine);
    let is_first = |path: &PathBuf| path.ends_with("0000000000000001.segment");
    let path = lab.files.paths().into_iter().find(is_first).expect("a segment");
    lab.files.damage(&path, |bytes| bytes[12..20].fill(0xff));
    let engine = lab.open().expect("blocks are looked at when they are read");
    (engine, path)
}

#[test]
fn a_flushed_segment_is_settled_once_after_it_was_left_alone() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::seconds(60);
    lab.settings.content_filters = ContentFilters::Off;
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    let expected = fill(&engine, &tenant, 0);
    engine.flush().expect("flushes");
    let flushed = stored(&engine);

    maintain(&engine).expect("looks");
    assert_eq!(stored(&engine), flushed, "a merge may come along");
    let next = engine.maintain(engine.now()).expect("looks").next;
    assert!(next <= START + 60 * SECOND, "it wants to be called again in time");
    lab.clock.advance(60 * SECOND);
    maintain(&engine).expect("settles");
    let settled = stored(&engine);
    assert!(settled < flushed * 3 / 4, "{settled} of {flushed} bytes are left");
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), expected);
    let slow = expected.iter().filter(|(_, line)| line.contains("status=204")).count();
    let counted = value(
        &engine,
        &tenant,
        r#"count_over_time({app="x"} | logfmt | status = 204 [2h])"#,
        START,
    );
    assert_eq!(counted, slow as f64);
    let bytes: usize = expected.iter().map(|(_, line)| line.len()).sum();
    let counted = value(&engine, &tenant, r#"bytes_over_time({app="x"}[2h])"#, START);
    assert_eq!(counted, bytes as f64);

    let written = engine.metrics().compactions;
    lab.clock.advance(600 * SECOND);
    maintain(&engine).expect("looks");
    assert_eq!(engine.metrics().compactions, written, "what is settled stays as it is");
    drop(engine);
    let engine = lab.open().expect("opens again");
    lab.clock.advance(600 * SECOND);
    maintain(&engine).expect("looks");
    assert_eq!(stored(&engine), settled);
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), expected);
}

#[test]
fn line_filters_are_answered_as_before_it_was_settled() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::seconds(60);
    lab.settings.content_filters = ContentFilters::Off;
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    fill(&engine, &tenant, 0);
    fill(&engine, &tenant, 10);
    engine.flush().expect("flushes");
    let logs = [
        r#"{app="x"} |= "status=204""#,
        r#"{app="x"} |= "took=7ms" or "took=1" != "status=20""#,
        r#"{app="x"} |= "absent""#,
        r#"{app="x"} !~ "status=20[0-3]" |= "a1" | logfmt | took =~ "1.*""#,
        r#"{app="x"} |~ "trace=[0-7]{3}0" | line_format "{{.app}}""#,
        r#"{app="x"} |~ "(?i)LEVEL=INFO trace=f" | detected_level="info""#,
        r#"{app="x"} |~ "took=.00ms""#,
    ];
    let metrics = [
        r#"sum by (app) (count_over_time({app="x"} |= "status=204" [1m]))"#,
        r#"bytes_over_time({app="x"} |= "status=204" != "7" [1m])"#,
        r#"count_over_time({app="x"} |~ "trace=[0-7]{3}0" [1m])"#,
        r#"sum by (status) (count_over_time({app="x"} !~ "^level=info" or "0ms" | logfmt [1m]))"#,
        r#"rate({app="x"} |= "no such line" [1m])"#,
    ];
    let answers = || -> Vec<_> {
        let queries = logs.iter().chain(&metrics);
        let answer = |query: &&'static str| {
            let request = QueryRequest::range(*query, START - 3600 * SECOND, START)
                .limit(5_000)
                .step(60 * SECOND);
            let response = engine.query(&tenant, &request).expect("is answered");
            let stats = response.stats;
            let counts = (
                stats.line_bytes,
                stats.metadata_bytes,
                stats.lines,
                stats.post_filter_lines,
            );
            (*query, response.result, counts)
        };
        queries.map(answer).collect()
    };
    let flushed = answers();
    lab.clock.advance(60 * SECOND);
    maintain(&engine).expect("settles");
    assert_eq!(answers(), flushed);
}

#[test]
fn a_merge_settles_what_grows_full_and_leaves_the_rest_to_a_quiet_time() {
    for (target_bytes, is_full) in [(128 << 10, true), (256 << 20, false)] {
        let mut lab = Lab::default();
        lab.settings.settle_period = Period::seconds(60);
        lab.settings.target_segment_bytes = ByteSize(target_bytes);
        let tenant = TenantId::single();
        let engine = lab.open().expect("opens");
        let mut expected = Vec::new();
        for minute in 0..4 {
            expected.extend(fill(&engine, &tenant, minute));
            engine.flush().expect("flushes");
        }
        expected.truncate(5_000);
        let flushed = stored(&engine);
        assert!(flushed > 128 << 10, "{flushed} bytes fill a segment");
        maintain(&engine).expect("merges");
        assert_eq!(engine.metrics().tenants[0].segments, 1);
        let merged = stored(&engine);
        assert_eq!(
            merged < flushed * 3 / 4,
            is_full,
            "{merged} of {flushed} bytes are left"
        );
        assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), expected);
        lab.clock.advance(60 * SECOND);
        maintain(&engine).expect("settles");
        assert!(stored(&engine) < flushed * 3 / 4, "{} bytes are left", stored(&engine));
        assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), expected);
    }
}

#[test]
fn what_cannot_be_settled_is_told_of_and_left_alone() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::seconds(60);
    let tenant = TenantId::single();
    let (engine, path) = with_first_damaged(&lab, &tenant, 2);
    maintain(&engine).expect("looks");
    lab.clock.advance(60 * SECOND);
    let error = maintain(&engine).expect_err("it is told of");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let before = stored(&engine);
    maintain(&engine).expect("the other is settled, and this one not tried again");
    assert!(stored(&engine) < before);
    assert!(lab.files.paths().contains(&path), "what is left of it is kept");
}

#[test]
fn who_asks_for_it_has_all_that_is_flushed_settled_at_once() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::hours(1);
    lab.settings.content_filters = ContentFilters::Off;
    let engine = lab.open().expect("opens");
    let tenants = ["a", "b"].map(|name| name.parse::<TenantId>().expect("a name"));
    let mut expected = tenants.each_ref().map(|tenant| fill(&engine, tenant, 0));
    engine.flush().expect("flushes");
    for (tenant, expected) in tenants.iter().zip(&mut expected) {
        expected.extend(fill(&engine, tenant, 1));
    }
    engine.flush().expect("flushes");
    let stored = || -> Vec<u64> { engine.metrics().tenants.iter().map(|t| t.segment_bytes).collect() };
    let flushed = stored();
    engine.settle(&AtomicBool::new(false)).expect("settles");
    for (settled, flushed) in stored().into_iter().zip(flushed) {
        assert!(settled < flushed * 3 / 4, "{settled} of {flushed} bytes are left");
    }
    let written = engine.metrics().compactions;
    engine.settle(&AtomicBool::new(false)).expect("has nothing to do");
    assert_eq!(engine.metrics().compactions, written);
    for (tenant, expected) in tenants.iter().zip(&expected) {
        assert_eq!(&lines(&engine, tenant, r#"{app="x"}"#), expected);
    }
}

#[test]
fn a_head_that_holds_much_is_flushed_once_it_is_quiet() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::seconds(30);
    lab.settings.quiet_period = Period::seconds(20);
    lab.settings.head_bytes = ByteSize(1 << 20);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "little", &[(START, "a line")]).expect("stored");
    lab.clock.advance(600 * SECOND);
    maintain(&engine).expect("looks");
    assert_eq!(engine.metrics().flushes, 0, "so little waits for the idle period");

    fill(&engine, &tenant, 0);
    let next = engine.maintain(engine.now()).expect("looks").next;
    assert!(
        next <= engine.now() + 20 * SECOND,
        "it wants to be called again in time"
    );
    lab.clock.advance(19 * SECOND);
    maintain(&engine).expect("looks");
    assert_eq!(engine.metrics().flushes, 0, "more may come");
    lab.clock.advance(SECOND);
    maintain(&engine).expect("flushes");
    assert_eq!(engine.metrics().flushes, 1);
    assert_eq!(lines(&engine, &tenant, r#"{app="little"}"#).len(), 1);
    let flushed = stored(&engine);
    lab.clock.advance(30 * SECOND);
    maintain(&engine).expect("settles");
    assert!(stored(&engine) < flushed);
}

#[test]
fn lines_are_made_as_far_as_a_query_reads() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::hours(1);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    fill(&engine, &tenant, 0);
    engine.flush().expect("flushes");
    let queries = [
        r#"{app="x"}"#,
        r#"{app="x"} | logfmt | took = "7ms""#,
        r#"{app="x"} | logfmt | status = "204" | line_format "{{.trace}}""#,
        r#"{app="x"} |= "status=204""#,
        r#"{app="x"} |= "1" |~ "took=.?[13579].ms""#,
        r#"{app="x"} != "status=20" or "e""#,
        r#"{app="x"} | detected_level = "info" | logfmt | took =~ "1.*""#,
    ];
    let answers = || {
        let mut answers = Vec::new();
        for query in queries {
            for limit in [1, 10, 300, 5_000] {
                for direction in [Direction::Forward, Direction::Backward] {
                    for interval in [0, SECOND] {
                        let mut request = QueryRequest::range(query, START - 3600 * SECOND, START)
                            .limit(limit)
                            .direction(direction);
                        request.interval = interval;
                        let result = engine.query(&tenant, &request).expect("is answered").result;
                        answers.push((query, limit, direction, interval, result));
                    }
                }
            }
        }
        answers
    };
    let (before, flushed) = (stored(&engine), answers());
    engine.settle(&AtomicBool::new(false)).expect("settles");
    assert!(stored(&engine) < before * 9 / 10, "lines are typed");
    for (settled, flushed) in answers().into_iter().zip(flushed) {
        assert_eq!(settled, flushed);
    }
}

#[test]
fn a_segment_that_cannot_be_read_keeps_no_other_from_being_settled() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::hours(1);
    let tenant = TenantId::single();
    let (engine, path) = with_first_damaged(&lab, &tenant, 3);
    let before = stored(&engine);
    let error = engine.settle(&AtomicBool::new(false)).expect_err("it is told of");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(stored(&engine) < before, "the others are settled");
    assert!(lab.files.paths().contains(&path), "what is left of it is kept");
    let written = engine.metrics().compactions;
    engine
        .settle(&AtomicBool::new(false))
        .expect("it is known and not tried again");
    assert_eq!(engine.metrics().compactions, written, "the others were all settled");
}

#[test]
fn whoever_asks_to_settle_can_stop_it_and_has_flushed_all_the_same() {
    let mut lab = Lab::default();
    lab.settings.settle_period = Period::hours(1);
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    fill(&engine, &tenant, 0);
    let error = engine.settle(&AtomicBool::new(true)).expect_err("it is stopped");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!((engine.metrics().flushes, engine.metrics().compactions), (1, 0));
}
