//! What a tail promises: everything, once, in order, within bounds.

mod support;

use loki_core::{
    Engine, ErrorKind, Period, PushEntry, PushLabels, PushRequest, PushStream, Tail, TailFrame, TailRequest, TenantId,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use support::{Lab, SECOND, START, push};

const ALL: &str = r#"{app="shop"}"#;

fn tail(engine: &Engine, query: &str) -> Tail {
    engine
        .tail(&TenantId::single(), &TailRequest::new(query, START - SECOND))
        .expect("a tail")
}

/// Everything that is there now.
fn drain(tail: &mut Tail) -> Vec<TailFrame> {
    std::iter::from_fn(|| tail.try_next().expect("open")).collect()
}

/// Labels and line of everything that is there now.
fn read(tail: &mut Tail) -> Vec<(String, String)> {
    let entries = drain(tail).into_iter().flat_map(|frame| frame.entries);
    entries
        .map(|e| (e.labels.to_string(), String::from_utf8(e.entry.line).expect("text")))
        .collect()
}

fn lines(tail: &mut Tail) -> Vec<String> {
    read(tail).into_iter().map(|(_, line)| line).collect()
}

fn shop(engine: &Engine, lines: &[(i64, &str)]) {
    push(engine, &TenantId::single(), "shop", lines).expect("stored");
}

#[test]
fn the_past_comes_first_and_what_is_pushed_follows() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    shop(
        &engine,
        &[(START - 2 * SECOND, "too old"), (START + 1, "b"), (START, "a")],
    );
    let mut follow = tail(&engine, ALL);
    shop(&engine, &[(START - 5, "late"), (START + 2, "c")]);
    push(&engine, &TenantId::single(), "other", &[(START, "not this")]).expect("stored");
    push(
        &engine,
        &"someone".parse().expect("a tenant"),
        "shop",
        &[(START, "not this")],
    )
    .expect("stored");
    assert_eq!(lines(&mut follow), ["a", "b", "late", "c"]);
    assert_eq!(follow.try_next().expect("open"), None);
}

#[test]
fn a_limit_takes_the_newest_of_the_past_in_frames_of_a_hundred() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let texts: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    let entries: Vec<(i64, &str)> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| (START + i as i64, &**text))
        .collect();
    shop(&engine, &entries);
    let mut request = TailRequest::new(ALL, START);
    request.limit = 250;
    let mut follow = engine.tail(&TenantId::single(), &request).expect("a tail");
    assert!(follow.has_full_frame());
    let frames = drain(&mut follow);
    assert_eq!(
        frames.iter().map(|frame| frame.entries.len()).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    assert_eq!(frames[0].entries[0].entry.line, b"250");
    assert!(!follow.has_full_frame());
}

#[test]
fn past_and_present_meet_without_gap_or_double_while_others_push_and_flush() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut request = TailRequest::new(ALL, START);
    request.limit = 5000;
    let mut tails: Vec<Tail> = Vec::new();
    thread::scope(|scope| {
        // As many as a tail that is not read can hold, whenever it begins.
        let pusher = scope.spawn(|| {
            for i in 0..900 {
                shop(&engine, &[(START + i, &i.to_string())]);
                if i % 100 == 50 {
                    engine.flush().expect("flushed");
                }
            }
        });
        while !pusher.is_finished() && tails.len() < 10 {
            tails.push(engine.tail(&TenantId::single(), &request).expect("a tail"));
        }
    });
    for mut tail in tails {
        let found = lines(&mut tail);
        assert_eq!(found, (0..900).map(|i| i.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn stages_are_run_on_live_entries() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut follow = tail(
        &engine,
        r#"{app="shop"} | logfmt | status >= 500 | line_format "{{.status}}!""#,
    );
    shop(&engine, &[(START, "status=200"), (START + 1, "status=503")]);
    let labels = r#"{app="shop", detected_level="unknown", service_name="shop", status="503"}"#;
    assert_eq!(read(&mut follow), [(labels.to_owned(), "503!".to_owned())]);
}

#[test]
fn live_entries_of_a_selector_show_the_labels_of_their_stream() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let push = |timestamp| {
        let entry = PushEntry {
            timestamp,
            line: b"x".into(),
            metadata: vec![("trace".into(), "t1".into())],
        };
        let labels = PushLabels::Text(ALL.into());
        let streams = vec![PushStream {
            labels,
            entries: vec![entry],
        }];
        engine
            .push(&TenantId::single(), &PushRequest::from(streams))
            .expect("stored");
    };
    push(START);
    let mut apart = TailRequest::new(ALL, START);
    apart.categorize = true;
    let mut filtered = apart.clone();
    filtered.query.push_str(r#" |= "x""#);
    let mut together = tail(&engine, ALL);
    let mut apart = engine.tail(&TenantId::single(), &apart).expect("a tail");
    let mut filtered = engine.tail(&TenantId::single(), &filtered).expect("a tail");
    push(START + 1);
    let whole = r#"{app="shop", detected_level="unknown", service_name="shop", trace="t1"}"#;
    let stream = r#"{app="shop", service_name="shop"}"#;
    assert_eq!(
        read(&mut together)
            .into_iter()
            .map(|(labels, _)| labels)
            .collect::<Vec<_>>(),
        [whole, stream]
    );
    let metadata = |tail: &mut Tail| -> Vec<(String, String)> {
        let entries = drain(tail).into_iter().flat_map(|frame| frame.entries);
        entries
            .map(|e| (e.labels.to_string(), e.entry.structured_metadata.to_string()))
            .collect()
    };
    let shown = (
        stream.to_owned(),
        r#"{detected_level="unknown", trace="t1"}"#.to_owned(),
    );
    assert_eq!(
        metadata(&mut apart),
        [shown.clone(), (stream.to_owned(), "{}".to_owned())]
    );
    assert_eq!(metadata(&mut filtered), [shown.clone(), shown]);
}

#[test]
fn a_reader_who_sleeps_is_told_what_was_dropped() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut follow = tail(&engine, ALL);
    for i in 0..15 {
        let entries: Vec<(i64, String)> = (0..100).map(|k| (START + i * 100 + k, format!("{i} {k}"))).collect();
        shop(
            &engine,
            &entries.iter().map(|(t, text)| (*t, &**text)).collect::<Vec<_>>(),
        );
    }
    let frames = drain(&mut follow);
    assert_eq!(frames.iter().map(|frame| frame.entries.len()).sum::<usize>(), 1000);
    assert_eq!(frames[0].dropped.len(), 500);
    assert_eq!(frames[0].dropped[0].timestamp, START + 1000);
    shop(&engine, &[(START + 5000, "again")]);
    assert_eq!(lines(&mut follow), ["again"]);
}

#[test]
fn entries_can_be_held_back_to_be_ordered() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut request = TailRequest::new(ALL, START);
    request.delay = Period::seconds(2);
    let mut follow = engine.tail(&TenantId::single(), &request).expect("a tail");
    shop(&engine, &[(START, "second")]);
    shop(&engine, &[(START - 1, "first")]);
    assert_eq!(follow.try_next().expect("open"), None);
    assert_eq!(follow.due(), Some(START - 1 + 2 * SECOND));
    lab.clock.advance(2 * SECOND);
    assert_eq!(lines(&mut follow), ["first", "second"]);
    request.delay = Period::seconds(6);
    let error = engine.tail(&TenantId::single(), &request).expect_err("too long");
    assert_eq!(error.message(), "delay_for can't be greater than 5");
}

#[test]
fn a_tenant_has_so_many_tails_and_gets_them_back() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut tails: Vec<Tail> = (0..10).map(|_| tail(&engine, ALL)).collect();
    let request = TailRequest::new(ALL, START);
    let error = engine.tail(&TenantId::single(), &request).expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(
        error.message(),
        "max concurrent tail requests limit exceeded, count > limit (11 > 10)"
    );
    let other = "other".parse().expect("a tenant");
    assert!(engine.tail(&other, &request).is_ok(), "another tenant has its own");
    assert_eq!(engine.metrics().tails, 10);
    tails.pop();
    assert!(engine.tail(&TenantId::single(), &request).is_ok());
    drop(tails);
    assert_eq!(engine.metrics().tails, 0);
}

#[test]
fn what_is_no_log_query_has_no_tail() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    for (query, text) in [
        (r#"rate({app="shop"}[1m])"#, "only log selector is supported"),
        (
            "{",
            "parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }",
        ),
    ] {
        let error = engine
            .tail(&TenantId::single(), &TailRequest::new(query, START))
            .expect_err("refused");
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidQuery, text));
    }
    let mut limited = Lab::default();
    limited.settings.limits.max_query_length = Period::hours(1);
    let engine = limited.open().expect("opens");
    let request = TailRequest::new(ALL, START - 7200 * SECOND);
    let error = engine.tail(&TenantId::single(), &request).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_tail_ends_with_its_time_and_with_its_engine() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut old = tail(&engine, ALL);
    lab.clock.advance(1800 * SECOND);
    let mut young = tail(&engine, ALL);
    lab.clock.advance(1800 * SECOND);
    let error = old.try_next().expect_err("ended");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::LimitExceeded, "reached tail max duration limit")
    );
    assert_eq!(young.try_next().expect("open"), None);
    engine.close().expect("closed");
    assert_eq!(young.try_next().expect_err("ended").kind(), ErrorKind::Closed);
}

#[test]
fn a_reader_can_wait_and_can_be_woken() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let mut follow = tail(&engine, ALL);
    assert_eq!(follow.next(Duration::ZERO).expect("open"), None);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    follow.set_waker(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let (read, was_read) = mpsc::channel();
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let frame = follow.next(Duration::from_secs(60)).expect("open").expect("a frame");
            read.send(frame.entries.len()).expect("heard");
            follow
                .next(Duration::from_secs(60))
                .map(drop)
                .expect_err("the engine is closed")
                .kind()
        });
        shop(&engine, &[(START, "one"), (START + 1, "two")]);
        assert_eq!(was_read.recv(), Ok(2));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        engine.close().expect("closed");
        assert_eq!(reader.join().expect("no panic"), ErrorKind::Closed);
    });
}
