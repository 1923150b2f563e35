//! Delete requests: what they hide, what they remove, what they leave alone.

mod support;

use loki_core::{
    DeleteMetrics, DeleteStatus, DeletionMode, Engine, ErrorKind, NewDelete, Period, StreamRetention, TenantId,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use support::{Lab, SECOND, START, lines, maintain, push, value};

const DAY: i64 = 24 * 3600 * SECOND;

fn delete(engine: &Engine, query: &str, start: i64, end: i64) -> Result<String, loki_core::Error> {
    let new = NewDelete {
        query: query.parse()?,
        start,
        end: Some(end),
        max_interval: None,
    };
    engine.delete(&TenantId::single(), &new).map(|request| request.id)
}

/// A lab whose present is behind all that tests push.
fn lab() -> Lab {
    let lab = Lab::default();
    lab.clock.set(START + 1000 * SECOND);
    lab
}

fn texts(engine: &Engine, query: &str) -> Vec<String> {
    lines(engine, &TenantId::single(), query)
        .into_iter()
        .map(|(_, line)| line)
        .collect()
}

#[test]
fn a_request_hides_at_once_wherever_the_lines_are_and_cancelling_brings_them_back() {
    for flush in [false, true] {
        let lab = lab();
        let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
        push(
            &engine,
            &tenant,
            "x",
            &[
                (START, "keep"),
                (START + SECOND, "drop me"),
                (START + 2 * SECOND, "drop late"),
            ],
        )
        .expect("stored");
        push(&engine, &tenant, "y", &[(START + SECOND, "drop me, of another stream")]).expect("stored");
        if flush {
            engine.flush().expect("flushes");
        }
        let id = delete(&engine, r#"{app="x"} |= "drop""#, START, START + SECOND).expect("taken");
        let left = ["keep", "drop me, of another stream", "drop late"];
        assert_eq!(texts(&engine, r#"{app=~".+"}"#), left, "the end is inclusive");
        assert_eq!(
            value(
                &engine,
                &tenant,
                r#"count_over_time({app="x"}[1h])"#,
                START + 10 * SECOND
            ),
            2.0
        );
        engine.cancel_delete(&tenant, &id, false).expect("cancelled");
        assert_eq!(texts(&engine, r#"{app=~".+"}"#).len(), 4);
        assert_eq!(engine.delete_requests(&tenant).expect("allowed"), []);
    }
}

#[test]
fn once_it_cannot_be_cancelled_the_bytes_go_and_nothing_else() {
    let lab = lab();
    let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
    push(&engine, &tenant, "x", &[(START, "keep"), (START + SECOND, "drop")]).expect("stored");
    engine.flush().expect("flushes");
    push(&engine, &tenant, "x", &[(START + 2 * SECOND, "drop in memory")]).expect("stored");
    let id = delete(&engine, r#"{app="x"} |= "drop""#, START, START + 10 * SECOND).expect("taken");
    maintain(&engine).expect("maintained");
    assert_eq!(
        engine.delete_requests(&tenant).expect("allowed")[0].status,
        DeleteStatus::Received
    );
    lab.clock.advance(DAY + SECOND);
    maintain(&engine).expect("maintained");
    let request = engine.delete_requests(&tenant).expect("allowed").remove(0);
    assert_eq!(
        (request.status, request.entries_removed, request.bytes_removed),
        (DeleteStatus::Processed, 2, 18)
    );
    let counted = DeleteMetrics {
        received: 1,
        processed: 1,
        entries_removed: 2,
        bytes_removed: 18,
        ..DeleteMetrics::default()
    };
    assert_eq!(engine.metrics().tenants[0].deletes, counted);
    assert_eq!(texts(&engine, r#"{app="x"}"#), ["keep"]);
    let metrics = engine.metrics();
    assert_eq!(metrics.tenants[0].pushes[0].lines, 3);
    let error = engine.cancel_delete(&tenant, &id, true).expect_err("it is done");
    assert_eq!(
        error.message(),
        "deletion of request which is in process or already processed is not allowed"
    );
    push(&engine, &tenant, "x", &[(START + SECOND, "drop, pushed later")]).expect("stored");
    assert_eq!(texts(&engine, r#"{app="x"}"#), ["keep", "drop, pushed later"]);
    drop(engine);
    assert_eq!(
        texts(&lab.open().expect("opens"), r#"{app="x"}"#),
        ["keep", "drop, pushed later"]
    );
}

#[test]
fn the_mode_of_a_tenant_says_what_a_request_does() {
    let mut lab = lab();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    push(&engine, &tenant, "x", &[(START, "drop")]).expect("stored");
    delete(&engine, r#"{app="x"}"#, START - 1, START).expect("taken");
    drop(engine);
    lab.settings.limits.deletion_mode = DeletionMode::FilterOnly;
    let engine = lab.open().expect("opens");
    lab.clock.advance(2 * DAY);
    maintain(&engine).expect("maintained");
    assert_eq!(texts(&engine, r#"{app="x"}"#), [""; 0]);
    drop(engine);
    lab.settings.limits.deletion_mode = DeletionMode::Disabled;
    let engine = lab.open().expect("opens");
    assert_eq!(texts(&engine, r#"{app="x"}"#), ["drop"]);
    let error = engine.delete_requests(&tenant).expect_err("not allowed");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Forbidden, "deletion is not available for this tenant")
    );
}

#[test]
fn what_is_wrong_with_a_request_is_said_with_lokis_words() {
    let lab = lab();
    let engine = lab.open().expect("opens");
    let now = engine.now();
    for (query, start, end, text) in [
        ("", 0, 1, "query not set"),
        ("{", 0, 1, "invalid query expression"),
        (r#"rate({app="x"}[1m])"#, 0, 1, "invalid query expression"),
        ("{}", now, now + 1, "deletes in the future are not allowed"),
        ("{}", 5, 5, "start time can't be greater than or equal to end time"),
    ] {
        assert_eq!(delete(&engine, query, start, end).expect_err(query).message(), text);
    }
    let mut new = NewDelete {
        query: "{}".parse().expect("valid"),
        start: 0,
        end: Some(7200 * SECOND),
        max_interval: None,
    };
    for (interval, text) in [
        (Period::hours(25), "max_interval can't be greater than 24h0m0s"),
        (
            Period::hours(3),
            "max_interval can't be greater than the interval to be deleted (2h0m0s)",
        ),
    ] {
        new.max_interval = Some(interval);
        let error = engine.delete(&TenantId::single(), &new).expect_err("too long");
        assert_eq!(error.message(), text);
    }
    let error = engine.cancel_delete(&TenantId::single(), "", false).expect_err("no id");
    assert_eq!(error.message(), "could not find delete request with given id");
}

#[test]
fn a_late_cancel_has_to_be_forced_and_generations_tell_of_changes() {
    let lab = lab();
    let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
    assert_eq!(engine.delete_generation(&tenant).expect("allowed"), None);
    let id = delete(&engine, "{}", START, START + SECOND).expect("taken");
    let first = engine.delete_generation(&tenant).expect("allowed");
    lab.clock.advance(2 * DAY);
    let error = engine.cancel_delete(&tenant, &id, false).expect_err("too late");
    assert!(
        error
            .message()
            .contains("past the deadline of 24h0m0s since its creation")
    );
    engine.cancel_delete(&tenant, &id, true).expect("forced");
    assert!(engine.delete_generation(&tenant).expect("allowed") > first);
}

#[test]
fn streams_that_are_kept_shorter_than_others_go_in_time() {
    let mut lab = lab();
    lab.settings.limits.retention_period = Period::hours(24 * 30);
    lab.settings.limits.retention_stream = vec![StreamRetention {
        selector: r#"{app="x"}"#.to_owned(),
        priority: 1,
        period: Period::hours(24),
    }];
    let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
    for app in ["x", "y"] {
        push(&engine, &tenant, app, &[(START, app), (START + SECOND, app)]).expect("stored");
    }
    engine.flush().expect("flushes");
    lab.clock.advance(2 * DAY);
    maintain(&engine).expect("maintained");
    assert_eq!(texts(&engine, r#"{app=~".+"}"#), ["y", "y"]);
    lab.clock.advance(29 * DAY);
    maintain(&engine).expect("maintained");
    assert_eq!(engine.metrics().tenants[0].segments, 0);
}

#[test]
fn beyond_the_total_size_the_oldest_segment_goes() {
    let mut lab = lab();
    lab.settings.retention_bytes = loki_core::ByteSize(1);
    let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
    push(&engine, &tenant, "x", &[(START, "line")]).expect("stored");
    engine.flush().expect("flushes");
    assert_eq!(texts(&engine, r#"{app="x"}"#).len(), 1);
    maintain(&engine).expect("maintained");
    assert_eq!(texts(&engine, r#"{app="x"}"#).len(), 0);
}

#[test]
fn a_removal_that_meets_damage_goes_on_with_the_rest_and_nothing_comes_back() {
    let mut lab = lab();
    lab.settings.limits.retention_period = Period::hours(24 * 30);
    let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
    // The last segment is the oldest in time, and the first one that a removal looks at.
    for (n, at) in [(1, START), (2, START), (3, START), (4, START), (5, START - 10 * DAY)] {
        let lines = [(at + n, "keep"), (at + n * SECOND, "drop")];
        push(&engine, &tenant, "x", &lines).expect("stored");
        engine.flush().expect("flushes");
    }
    drop(engine);
    let is_last = |path: &std::path::PathBuf| path.ends_with("0000000000000005.segment");
    let path = lab.files.paths().into_iter().find(is_last).expect("a segment");
    lab.files.damage(&path, |bytes| bytes[12..20].fill(0xff));

    let engine = lab.open().expect("blocks are looked at when they are read");
    delete(
        &engine,
        r#"{app="x"} |= "drop""#,
        START - 20 * DAY,
        START + 100 * SECOND,
    )
    .expect("taken");
    lab.clock.advance(DAY + SECOND);
    for _ in 0..20 {
        let told = maintain(&engine).expect_err("damage is told of");
        assert_eq!(told.kind(), ErrorKind::Corrupt);
        lab.clock.advance(SECOND);
    }
    let status = |engine: &Engine| engine.delete_requests(&tenant).expect("allowed")[0].status;
    assert_eq!(status(&engine), DeleteStatus::Received);
    // What is damaged goes for its age.
    lab.clock.advance(20 * DAY);
    maintain(&engine).expect("maintained");
    assert_eq!(status(&engine), DeleteStatus::Processed);
    assert_eq!(texts(&engine, r#"{app="x"}"#), ["keep"; 4]);
}

/// What can happen to an engine.
#[derive(Debug, Clone)]
enum Event {
    Push { app: usize, at: i64, word: usize },
    Delete { query: usize, start: i64, length: i64 },
    Cancel(usize),
    Flush,
    Maintain,
    Wait(i64),
    Reopen,
}

const APPS: [&str; 2] = ["x", "y"];
const WORDS: [&str; 3] = ["red", "green", "blue"];
/// Queries, and whether each names a line of an app with a word.
#[expect(clippy::type_complexity, reason = "a table")]
const QUERIES: [(&str, fn(&str, &str) -> bool); 4] = [
    (r#"{app="x"}"#, |app, _| app == "x"),
    (r#"{app=~"x|y"} |= "red""#, |_, word| word == "red"),
    (r#"{app="y"} != "red" |~ "b.ue""#, |app, word| {
        app == "y" && word == "blue"
    }),
    ("{}", |_, _| true),
];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..2usize, 0..40i64, 0..3usize).prop_map(|(app, at, word)| Event::Push { app, at, word }),
        2 => (0..4usize, 0..40i64, 1..15i64)
            .prop_map(|(query, start, length)| Event::Delete { query, start, length }),
        1 => (0..4usize).prop_map(Event::Cancel),
        1 => Just(Event::Flush),
        1 => Just(Event::Maintain),
        1 => (1..3i64).prop_map(|halves| Event::Wait(halves * DAY / 2 + SECOND)),
        1 => Just(Event::Reopen),
    ]
}

/// A line that was pushed and not removed.
type Line = (i64, usize, usize);

/// A request in force: what it is called, what it names, when it came.
struct Asked {
    id: String,
    query: usize,
    times: std::ops::RangeInclusive<i64>,
    created_at: i64,
}

impl Asked {
    fn names(&self, line: &Line) -> bool {
        self.times.contains(&line.0) && QUERIES[self.query].1(APPS[line.1], WORDS[line.2])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn deleting_loses_what_it_names_and_nothing_else(events in proptest::collection::vec(event(), 1..60)) {
        let lab = lab();
        let tenant = TenantId::single();
        let mut engine = lab.open().expect("opens");
        let mut stored: BTreeSet<Line> = BTreeSet::new();
        let mut asked: Vec<Asked> = Vec::new();
        for event in events {
            match event {
                Event::Push { app, at, word } => {
                    let at = START + at * SECOND;
                    push(&engine, &tenant, APPS[app], &[(at, WORDS[word])]).expect("stored");
                    stored.insert((at, app, word));
                }
                Event::Delete { query, start, length } => {
                    let (start, end) = (START + start * SECOND, START + (start + length) * SECOND);
                    let id = delete(&engine, QUERIES[query].0, start, end).expect("taken");
                    asked.push(Asked { id, query, times: start..=end, created_at: engine.now() });
                }
                Event::Cancel(n) if n < asked.len() => {
                    engine.cancel_delete(&tenant, &asked.remove(n).id, true).expect("cancelled");
                }
                Event::Cancel(_) => {}
                Event::Flush => engine.flush().expect("flushes"),
                Event::Maintain => {
                    maintain(&engine).expect("maintained");
                    let now = engine.now();
                    let (done, open): (Vec<_>, Vec<_>) = asked.into_iter().partition(|a| now > a.created_at + DAY);
                    asked = open;
                    stored.retain(|line| !done.iter().any(|request| request.names(line)));
                }
                Event::Wait(by) => lab.clock.advance(by),
                Event::Reopen => {
                    drop(engine);
                    engine = lab.open().expect("opens");
                }
            }
            let mut visible: Vec<(i64, String)> = stored
                .iter()
                .filter(|line| !asked.iter().any(|request| request.names(line)))
                .map(|&(at, _, word)| (at, WORDS[word].to_owned()))
                .collect();
            visible.sort();
            prop_assert_eq!(lines(&engine, &tenant, r#"{app=~".+"}"#), visible.clone());
            let counted = value(&engine, &tenant, r#"count_over_time({app=~".+"}[1h])"#, START + 100 * SECOND);
            prop_assert_eq!(counted, visible.len() as f64);
        }
    }
}

/// What a request names, when it came, and whether it was cancelled.
struct Wanted {
    id: String,
    query: usize,
    times: std::ops::RangeInclusive<i64>,
    /// How many pushes came before it.
    after: usize,
    cancelled: bool,
}

impl Wanted {
    fn names(&self, line: &Line) -> bool {
        self.times.contains(&line.0) && QUERIES[self.query].1(APPS[line.1], WORDS[line.2])
    }
}

/// Something that happens, and how many single steps of maintenance follow it.
fn stepped() -> impl Strategy<Value = (Event, u8)> {
    (event(), 0..4u8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// Everything happens between any two steps of a removal: pushes, flushes, further requests for the same lines,
    /// cancels, restarts.
    #[test]
    fn whatever_happens_during_a_removal_nothing_else_is_lost_and_nothing_comes_back(
        events in proptest::collection::vec(stepped(), 1..60),
    ) {
        let mut lab = lab();
        // Small segments, so that a removal takes many steps.
        lab.settings.target_segment_bytes = loki_core::ByteSize(1);
        let tenant = TenantId::single();
        let mut engine = lab.open().expect("opens");
        let mut pushed: Vec<Line> = Vec::new();
        let mut asked: Vec<Wanted> = Vec::new();
        for (event, steps) in events {
            match event {
                Event::Push { app, at, word } => {
                    let at = START + at * SECOND;
                    push(&engine, &tenant, APPS[app], &[(at, WORDS[word])]).expect("stored");
                    pushed.push((at, app, word));
                }
                Event::Delete { query, start, length } => {
                    let (start, end) = (START + start * SECOND, START + (start + length) * SECOND);
                    let id = delete(&engine, QUERIES[query].0, start, end).expect("taken");
                    asked.push(Wanted { id, query, times: start..=end, after: pushed.len(), cancelled: false });
                }
                Event::Cancel(n) if n < asked.len() => {
                    // What is being removed cannot be cancelled.
                    asked[n].cancelled |= engine.cancel_delete(&tenant, &asked[n].id, true).is_ok();
                }
                Event::Cancel(_) | Event::Maintain => {}
                Event::Flush => engine.flush().expect("flushes"),
                Event::Wait(by) => lab.clock.advance(by),
                Event::Reopen => {
                    drop(engine);
                    engine = lab.open().expect("opens");
                }
            }
            for _ in 0..steps {
                engine.maintain(engine.now()).expect("maintained");
            }
            let requests = engine.delete_requests(&tenant).expect("allowed");
            let is_done = |wanted: &Wanted| {
                requests.iter().any(|r| r.id == wanted.id && r.status == DeleteStatus::Processed)
            };
            let found: BTreeSet<(i64, String)> =
                lines(&engine, &tenant, r#"{app=~".+"}"#).into_iter().collect();
            // A line counts from the last time that it was pushed.
            for (place, line) in pushed.iter().enumerate().filter(|(n, line)| !pushed[n + 1..].contains(line)) {
                // The same text of both apps cannot be told apart in `found`.
                let other = (line.0, 1 - line.1, line.2);
                if pushed.contains(&other) {
                    continue;
                }
                let is_found = found.contains(&(line.0, WORDS[line.2].to_owned()));
                let naming: Vec<&Wanted> = asked.iter().filter(|a| !a.cancelled && a.names(line)).collect();
                if naming.is_empty() {
                    prop_assert!(is_found, "{:?} is lost", line);
                }
                // A request that is done may have left what came while it was carried out.
                if naming.iter().any(|a| !is_done(a) || a.after > place) {
                    prop_assert!(!is_found, "{:?} is back", line);
                }
            }
            for request in &requests {
                let asked = asked.iter().find(|a| a.id == request.id).expect("it was asked for");
                let named = pushed.iter().filter(|line| asked.names(line));
                let bytes: usize = named.clone().map(|line| WORDS[line.2].len()).sum();
                prop_assert!(request.entries_removed <= named.count() as u64);
                prop_assert!(request.bytes_removed <= bytes as u64);
            }
        }
    }
}
