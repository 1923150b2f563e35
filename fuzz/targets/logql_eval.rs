//! Evaluates queries made of the input over lines made of the input: nothing panics, limits hold.

use loki_logql::source::MemorySource;
use loki_logql::{Direction, Labels, Limits, Plan, Request, Time, parse};

/// The first line of `data` is a query, or picks one; the others are entries.
pub fn run(data: &[u8]) {
    let mut lines = data.split(|&b| b == b'\n');
    let Some(first) = lines.next() else { return };
    let Ok(query) = std::str::from_utf8(first) else { return };
    let mut source = MemorySource::new().with_batch_entries(1 + first.len() % 5);
    for (i, line) in lines.take(64).enumerate() {
        let stream = Labels::from_pairs([("a", ["x", "y"][i % 2])]);
        let metadata: &[(&str, &str)] = if line.len() % 3 == 0 { &[("m", "1")] } else { &[] };
        source.push(&stream, line.len() as i64 * 1_000_000_000, line, metadata);
    }
    // A text that is no query is one behind a stage, a range or nothing, so that most inputs evaluate something.
    let attempts = [
        query.to_string(),
        format!("{{a=~\".+\"}} {query}"),
        format!("sum by (a) (count_over_time({{a=~\".+\"}} {query} [10s]))"),
        format!("max_over_time({{a=~\".+\"}} {query} | unwrap v [10s]) by (a)"),
    ];
    let start = -5_000_000_000;
    let end = 40_000_000_000;
    for query in attempts {
        let Ok(expr) = parse(&query) else { continue };
        let Ok(plan) = Plan::compile(&expr) else { continue };
        for time in [
            Time::Instant(20_000_000_000),
            Time::Range {
                start,
                end,
                step: 3_000_000_000,
            },
        ] {
            let request = Request {
                limit: data.len() % 7,
                direction: if data.len() % 2 == 0 {
                    Direction::Forward
                } else {
                    Direction::Backward
                },
                interval: (data.len() % 4) as i64 * 1_000_000_000,
                categorize: data.len() % 5 == 0,
                limits: Limits {
                    max_series: 20,
                    max_memory_bytes: 1 << 20,
                },
                ..Request::new(time)
            };
            // An error is an answer, too.
            let _ = plan.evaluate(&source, &request);
        }
    }
}
