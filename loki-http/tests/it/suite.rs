//! The LogQL suite of loki-logql, asked over HTTP.

#[path = "../../../loki-logql/tests/support/suite.rs"]
mod cases;

use crate::support::TestServer;
use cases::{Case, Suite, render};
use loki_core::logql::{
    self, Direction, Labels, MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, Time, VectorSample,
};
use loki_core::{Limits, Settings};
use loki_http::ServerSettings;
use serde_json::Value;

fn labels(value: &Value) -> Labels {
    let pairs = value.as_object().into_iter().flatten();
    Labels::from_pairs(pairs.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())))
}

fn sample(value: &Value) -> Sample {
    let text = value[1].as_str().expect("a sample's value is text");
    Sample {
        timestamp_ms: (value[0].as_f64().expect("seconds") * 1000.0).round() as i64,
        value: text.parse().expect("a number"),
    }
}

fn entry(value: &Value) -> ResultEntry {
    ResultEntry {
        timestamp: value[0].as_str().and_then(|n| n.parse().ok()).expect("nanoseconds"),
        line: value[1].as_str().expect("a line").into(),
        structured_metadata: labels(&value[2]["structuredMetadata"]),
        parsed: labels(&value[2]["parsed"]),
    }
}

/// What an answer says.
fn read(answer: &Value) -> QueryResult {
    let result = &answer["data"]["result"];
    let list = || result.as_array().expect("a list").iter();
    let all = |values: &Value| values.as_array().expect("a list").clone();
    match answer["data"]["resultType"].as_str() {
        Some("streams") => QueryResult::Streams(
            list()
                .map(|stream| ResultStream {
                    labels: labels(&stream["stream"]),
                    entries: all(&stream["values"]).iter().map(entry).collect(),
                })
                .collect(),
        ),
        Some("vector") => QueryResult::Vector(
            list()
                .map(|s| VectorSample {
                    labels: labels(&s["metric"]),
                    sample: sample(&s["value"]),
                })
                .collect(),
        ),
        Some("matrix") => QueryResult::Matrix(
            list()
                .map(|series| MatrixSeries {
                    labels: labels(&series["metric"]),
                    samples: all(&series["values"]).iter().map(sample).collect(),
                })
                .collect(),
        ),
        _ => QueryResult::Scalar(sample(result)),
    }
}

fn push(server: &TestServer, suite: &Suite) {
    for stream in &suite.streams {
        let pairs = |list: &[(String, String)]| {
            Value::Object(list.iter().map(|(n, v)| (n.clone(), Value::from(v.as_str()))).collect())
        };
        for entry in &stream.entries {
            let values = serde_json::json!([[entry.timestamp.to_string(), entry.line, pairs(&entry.metadata)]]);
            let body = serde_json::json!({"streams": [{"stream": pairs(&stream.labels), "values": values}]});
            assert_eq!(server.push_json(&body.to_string()).status, 204);
        }
    }
}

fn ask(server: &TestServer, case: &Case) -> String {
    let request = &case.request;
    let (limit, interval) = (request.limit.to_string(), format!("{}", request.interval as f64 / 1e9));
    let direction = if request.direction == Direction::Forward {
        "forward"
    } else {
        "backward"
    };
    let query = case.query.as_str();
    let headers: &[(&str, &str)] = if request.categorize {
        &[("X-Loki-Response-Encoding-Flags", "categorize-labels")]
    } else {
        &[]
    };
    let answer = match request.time {
        Time::Instant(time) => {
            let parameters = [("query", query), ("time", &time.to_string())];
            server.ask_with("/loki/api/v1/query", &parameters, headers)
        }
        Time::Range { start, end, step } => {
            let (start, end, step) = (start.to_string(), end.to_string(), format!("{}", step as f64 / 1e9));
            let parameters = [
                ("query", query),
                ("start", &start),
                ("end", &end),
                ("step", &step),
                ("limit", &limit),
                ("interval", &interval),
                ("direction", direction),
            ];
            server.ask_with("/loki/api/v1/query_range", &parameters, headers)
        }
    };
    if answer.status == 200 {
        render(&read(&answer.json()))
    } else {
        format!("error {}", answer.text())
    }
}

fn run_folder(kind: &str) {
    cases::run_folder(kind, |suite, verdicts| {
        let limits = Limits {
            discover_service_name: Vec::new(),
            discover_log_levels: false,
            enable_multi_variant_queries: true,
            ..Limits::default()
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let server = TestServer::start_with(ServerSettings::default(), settings);
        push(&server, suite);
        for case in &suite.cases {
            verdicts.enter(case, "over HTTP", &ask(&server, case));
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
