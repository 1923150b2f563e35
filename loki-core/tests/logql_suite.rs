//! The LogQL suite of loki-logql, asked of the engine: in memory, in segments, and after a compaction.

mod support;

#[path = "../../loki-logql/tests/support/suite.rs"]
mod suite;

use loki_core::logql::{self, Labels};
use loki_core::{Engine, Period, PushEntry, PushLabels, PushRequest, PushStream, QueryRequest, TenantId};
use suite::{Suite, render};
use support::{Lab, maintain};

/// An engine that adds nothing of its own to what is pushed.
fn lab() -> Lab {
    let mut lab = Lab::default();
    let limits = &mut lab.settings.limits;
    limits.discover_service_name.clear();
    limits.discover_log_levels = false;
    limits.enable_multi_variant_queries = true;
    // The suite's time lies behind the clock's.
    limits.creation_grace_period = Period::hours(24 * 365);
    lab
}

fn load(engine: &Engine, suite: &Suite) {
    for stream in &suite.streams {
        let labels = Labels::from_pairs(stream.labels.iter().map(|(n, v)| (n, v)));
        for entry in &stream.entries {
            let entry = PushEntry {
                timestamp: entry.timestamp,
                line: entry.line.as_bytes().into(),
                metadata: entry
                    .metadata
                    .iter()
                    .map(|(n, v)| (n.as_str().into(), v.as_str().into()))
                    .collect(),
            };
            let stream = PushStream {
                labels: PushLabels::Text(labels.to_string().into()),
                entries: vec![entry],
            };
            engine
                .push(&TenantId::single(), &PushRequest::from(vec![stream]))
                .expect("stored");
        }
    }
}

fn ask(engine: &Engine, case: &suite::Case) -> String {
    let request = QueryRequest {
        query: case.query.clone(),
        time: case.request.time,
        limit: case.request.limit,
        direction: case.request.direction,
        interval: case.request.interval,
        categorize: case.request.categorize,
        cancel: None,
    };
    match engine.query(&TenantId::single(), &request) {
        Ok(answer) => render(&answer.result),
        Err(error) => format!("error {error}"),
    }
}

fn run_folder(kind: &str) {
    suite::run_folder(kind, |suite, verdicts| {
        let engine = lab().open().expect("opens");
        load(&engine, suite);
        for state in ["in memory", "in segments", "loaded twice and compacted"] {
            for case in &suite.cases {
                verdicts.enter(case, state, &ask(&engine, case));
            }
            if state == "in segments" {
                // Every entry is there already: loading again changes no answer.
                for _ in 0..3 {
                    load(&engine, suite);
                    engine.flush().expect("flushes");
                }
                maintain(&engine).expect("compacts");
            }
            engine.flush().expect("flushes");
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
