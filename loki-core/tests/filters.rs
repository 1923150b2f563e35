//! Content filters change what a query reads, never what it answers.

mod support;

use loki_core::logql::{Direction, QueryResult};
use loki_core::{ContentFilters, Engine, PushRequest, QueryRequest, TenantId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use support::{Lab, SECOND, START, lines, maintain, push};

/// Words that lines are made of and needles are cut from.
const WORDS: [&str; 12] = [
    "error",
    "ERROR",
    "Connection refused",
    "kelvin \u{212a}elvin",
    "lo\u{17f}t lost",
    "stra\u{df}e",
    "id=7f3a9c51e2b84d06",
    "id=00f067aa0ba902b7",
    "status=200",
    "status=500",
    "{\"user\":\"\u{e4}\"}",
    "x",
];

/// Queries about a text. `@` stands for the text as a regex, `$` for it as a string.
const QUERIES: [&str; 13] = [
    r#"{app=~".+"} |= "$""#,
    r#"{app=~".+"} != "$""#,
    r#"{app=~".+"} |~ "@""#,
    r#"{app=~".+"} !~ "@""#,
    r#"{app=~".+"} |~ "(?i)@""#,
    r#"{app=~".+"} |~ "(@|status=500)""#,
    r#"{app=~".+"} |~ "(?i)(@|refused) id=[0-9a-f]+""#,
    r#"{app=~".+"} |= "$" or "ERROR""#,
    r#"{app=~".+"} |= "error" |= "$""#,
    r#"{app=~".+"} |> "<_>$<_>""#,
    r#"{app=~".+"} | line_format "$" |= "$""#,
    r#"{app=~".+"} |~ "^@.*""#,
    r#"{app=~".+"} |~ "(?:@)?lost""#,
];

fn line() -> impl Strategy<Value = String> {
    (vec(select(WORDS.to_vec()), 1..6), 0..400usize)
        .prop_map(|(words, padding)| format!("{}{}", words.join(" "), ".".repeat(padding)))
}

/// A part of some words: a needle of any length that often occurs.
fn needle() -> impl Strategy<Value = String> {
    (vec(select(WORDS.to_vec()), 1..4), 0.0..1.0f64, 0.0..1.0f64).prop_map(|(words, from, length)| {
        let text: Vec<char> = words.join(" ").chars().collect();
        let from = (from * text.len() as f64) as usize;
        let length = 1 + (length * (text.len() - from - 1) as f64) as usize;
        text[from..from + length].iter().collect()
    })
}

fn ask(engine: &Engine, query: &str) -> QueryResult {
    let request = QueryRequest::range(query, START - SECOND, START + 10_000 * SECOND);
    let request = request.limit(5000).direction(Direction::Forward);
    engine
        .query(&TenantId::single(), &request)
        .unwrap_or_else(|e| panic!("{query}: {e}"))
        .result
}

fn queries(needle: &str) -> impl Iterator<Item = String> {
    let quoted = needle.replace('\\', r"\\").replace('"', "\\\"");
    let regex: String = needle
        .chars()
        .map(|c| {
            if c.is_ascii_punctuation() {
                format!("\\{c}")
            } else {
                c.into()
            }
        })
        .collect();
    let regex = regex.replace('\\', r"\\").replace('"', "\\\"");
    QUERIES
        .iter()
        .map(move |query| query.replace('@', &regex).replace('$', &quoted))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn answers_with_filters_are_those_without(
        flushes in vec(vec((0..3usize, line()), 1..60), 1..4),
        needles in vec(needle(), 1..6),
    ) {
        let engines = [ContentFilters::Off, ContentFilters::Sparse, ContentFilters::Dense].map(|content_filters| {
            let mut lab = Lab::default();
            lab.settings.content_filters = content_filters;
            let engine = lab.open().expect("opens");
            let mut time = START;
            for (place, entries) in flushes.iter().enumerate() {
                for (app, line) in entries {
                    time += SECOND / 7;
                    let app = ["shop", "web", "api"][*app];
                    push(&engine, &TenantId::single(), app, &[(time, line)]).expect("stored");
                }
                // The last part stays in memory; parts overlap in time.
                if place + 1 < flushes.len() {
                    engine.flush().expect("flushes");
                    time -= 2 * SECOND;
                }
            }
            engine
        });
        for needle in &needles {
            for query in queries(needle) {
                let [plain, sparse, dense] = engines.each_ref().map(|engine| ask(engine, &query));
                prop_assert_eq!(&plain, &sparse, "{} with sparse filters", query);
                prop_assert_eq!(&plain, &dense, "{} with dense filters", query);
            }
        }
    }
}

/// An engine with one block in each of many streams, flushed; stream `n` alone holds `needle-n-`.
fn many_blocks(settings: ContentFilters) -> (Lab, Engine) {
    let mut lab = Lab::default();
    lab.settings.content_filters = settings;
    let engine = lab.open().expect("opens");
    for n in 0..40 {
        let (name, line) = (
            n.to_string(),
            format!("needle-{n}- {}", "some ordinary words here ".repeat(80)),
        );
        let labels = [("app", "x"), ("n", name.as_str())];
        let request = PushRequest::new().with_stream(labels, [(START + n, line.as_str())]);
        engine.push(&TenantId::single(), &request).expect("stored");
    }
    engine.flush().expect("flushes");
    (lab, engine)
}

fn blocks_read(engine: &Engine, query: &str) -> (usize, u64) {
    let request = QueryRequest::range(query, START - SECOND, START + SECOND).limit(100);
    let response = engine.query(&TenantId::single(), &request).expect("answers");
    let QueryResult::Streams(streams) = response.result else {
        panic!("{query} is a log query")
    };
    (streams.len(), response.stats.blocks_read)
}

#[test]
fn blocks_without_the_needle_are_not_read() {
    let (lab, engine) = many_blocks(ContentFilters::Dense);
    let check = |engine: &Engine| {
        let (found, read) = blocks_read(engine, r#"{app="x"} |= "needle-17- some ordinary""#);
        assert_eq!(found, 1);
        assert!(read <= 5, "{read} blocks of 40 were read");
        assert!(blocks_read(engine, r#"{app="x"} |= "absent word here""#).1 <= 5);
        assert_eq!(blocks_read(engine, r#"{app="x"} |= "ordinary words""#), (40, 40));
    };
    check(&engine);
    drop(engine);
    check(&lab.open().expect("opens"));
}

#[test]
fn without_filters_every_block_is_read() {
    let (_lab, engine) = many_blocks(ContentFilters::Off);
    assert_eq!(
        blocks_read(&engine, r#"{app="x"} |= "needle-17- some ordinary""#),
        (1, 40)
    );
}

#[test]
fn compaction_keeps_the_filters_of_blocks_that_it_copies_and_makes_those_of_others() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let tenant = TenantId::single();
    for part in 0..6 {
        for app in ["small", "large"] {
            let padding = if app == "large" { 9000 } else { 20 };
            for n in 0..20 {
                let time = START + (part * 100 + n) * SECOND;
                let line = format!("part-{part}-{n} {}", "some ordinary words ".repeat(padding / 20));
                push(&engine, &tenant, app, &[(time, &line)]).expect("stored");
            }
        }
        engine.flush().expect("flushes");
    }
    maintain(&engine).expect("compacts");
    for query in [
        r#"{app="large"} |= "part-4-7 some""#,
        r#"{app="small"} |= "part-4-7 some""#,
    ] {
        assert_eq!(lines(&engine, &tenant, query).len(), 1);
    }
    let request = QueryRequest::range(r#"{app=~".+"} |= "quite absent""#, START, START + 10_000 * SECOND);
    let stats = engine.query(&tenant, &request).expect("answers").stats;
    assert!(stats.blocks_read <= 1, "{stats:?}");
}
