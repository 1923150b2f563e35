//! The LogQL suite as data: files of entries, queries and answers.
//!
//! ```text
//! # A comment. Times are offsets from 2024-03-01T00:00:00Z.
//! stream {app="api", env="prod"}
//! +0s | level=info
//! +10s {trace_id="t1"} | level=error
//!
//! query count_over_time({app="api"}[30s])
//! at +20s
//! vector
//! {app="api", env="prod"} 1
//! {app="api", env="prod", trace_id="t1"} 1
//! ```
//!
//! A query goes on in lines that begin with two blanks. The line behind it says when: `at TIME`, or `from TIME to TIME`
//! with any of `step DURATION`, `limit N`, `forward`, `interval DURATION`, `categorize`. The answer is everything up to
//! the next blank line: `vector`, `matrix`, `streams` or `scalar` and its values, or `error` and the start of its text.

use super::logql::{Direction, QueryResult, Request, Time};
use std::path::{Path, PathBuf};

/// Nanoseconds of the time that offsets count from.
pub(crate) const BASE: i64 = 1_709_251_200_000_000_000;

/// One file.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    pub(crate) streams: Vec<Stream>,
    pub(crate) cases: Vec<Case>,
}

/// A stream and its entries, in the order written.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) entries: Vec<Entry>,
}

/// An entry.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) timestamp: i64,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) line: String,
}

/// A query and its answer.
#[derive(Debug)]
pub(crate) struct Case {
    /// Line of the query in its file.
    pub(crate) number: usize,
    pub(crate) query: String,
    pub(crate) request: Request,
    /// The answer, as [`render`] writes it.
    pub(crate) expected: String,
}

/// Holds answers against what the files of a folder expect, and tells of all that differ at once.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    file: PathBuf,
    cases: usize,
    failures: Vec<String>,
}

impl Verdicts {
    /// Enters the answer to a case: as [`render`] writes it, or `error` and its text. `state` says of what it was asked.
    pub(crate) fn enter(&mut self, case: &Case, state: &str, answer: &str) {
        self.cases += 1;
        let is_error = case.expected.starts_with("error ") && answer.starts_with(&case.expected);
        if answer != case.expected && !is_error {
            self.failures.push(format!(
                "{}:{}, {state}: {}\nexpected\n{}\ngot\n{answer}\n",
                self.file.display(),
                case.number,
                case.query,
                case.expected
            ));
        }
    }
}

/// Has `ask` answer the cases of every file of `tests/logql/<kind>`; panics where an answer is not the one expected.
pub(crate) fn run_folder(kind: &str, mut ask: impl FnMut(&Suite, &mut Verdicts)) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../loki-logql/tests/logql")).join(kind);
    let mut verdicts = Verdicts::default();
    for file in std::fs::read_dir(&folder).expect("the folder of the suite exists") {
        verdicts.file = file.expect("the folder can be read").path();
        let text = std::fs::read_to_string(&verdicts.file).expect("a test file is text");
        ask(&Suite::parse(&text), &mut verdicts);
    }
    assert!(verdicts.cases > 0, "no case in {}", folder.display());
    assert!(verdicts.failures.is_empty(), "{}", verdicts.failures.join("\n"));
}

impl Suite {
    /// Reads a file; panics where it is none.
    pub(crate) fn parse(text: &str) -> Suite {
        let mut suite = Suite::default();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((i, line)) = lines.next() {
            if let Some(labels) = line.strip_prefix("stream ") {
                let (labels, rest) = parse_labels(labels);
                assert_eq!(rest, "", "line {}: nothing follows the labels of a stream", i + 1);
                suite.streams.push(Stream {
                    labels,
                    entries: Vec::new(),
                });
            } else if line.starts_with('+') || line.starts_with('-') {
                let stream = suite.streams.last_mut().expect("an entry follows a stream");
                stream.entries.push(parse_entry(line));
            } else if let Some(query) = line.strip_prefix("query ") {
                let mut query = query.to_string();
                while let Some((_, more)) = lines.next_if(|(_, l)| l.starts_with("  ")) {
                    query.push('\n');
                    query.push_str(more.trim());
                }
                let (_, when) = lines.next().expect("a query is followed by its time");
                let mut expected = Vec::new();
                while let Some((_, line)) = lines.next_if(|(_, l)| !l.is_empty()) {
                    expected.push(line);
                }
                suite.cases.push(Case {
                    number: i + 1,
                    query,
                    request: parse_request(when),
                    expected: expected.join("\n"),
                });
            } else {
                let is_comment = line.is_empty() || line.starts_with('#');
                assert!(is_comment, "line {}: {line:?} is neither entry nor query", i + 1);
            }
        }
        suite
    }
}

fn parse_entry(line: &str) -> Entry {
    let (head, text) = line.split_once(" |").expect("an entry is `+TIME | LINE`");
    let (time, metadata) = head.split_once(' ').unwrap_or((head, "{}"));
    Entry {
        timestamp: BASE + parse_duration(time),
        metadata: parse_labels(metadata).0,
        line: text.strip_prefix(' ').unwrap_or(text).replace("\\n", "\n"),
    }
}

/// `{a="b"}` and what is behind it.
fn parse_labels(text: &str) -> (Vec<(String, String)>, &str) {
    let mut rest = text.strip_prefix('{').expect("labels begin with {");
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(behind) = rest.strip_prefix('}') {
            return (labels, behind);
        }
        let (name, value) = rest.split_once("=\"").expect("a label is name=\"value\"");
        let end = value.find('"').expect("a value ends with a quote");
        labels.push((name.to_string(), value[..end].to_string()));
        rest = &value[end + 1..];
    }
}

/// `+1m30s`, `-5ms`, `10s` in nanoseconds.
fn parse_duration(text: &str) -> i64 {
    let unsigned = text.trim_start_matches(['+', '-']);
    let mut sum = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).expect("a duration has units");
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let nanos = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            unit => panic!("unknown unit {unit:?} in {text:?}"),
        };
        sum += number.parse::<i64>().expect("a duration has digits") * nanos;
        rest = behind;
    }
    if text.starts_with('-') { -sum } else { sum }
}

fn parse_request(text: &str) -> Request {
    let mut words = text.split(' ');
    let mut next = || words.next();
    let mut time = None;
    let mut end = None;
    let mut step = 1_000_000_000;
    let mut request = Request::new(Time::Instant(0));
    let duration = |word: Option<&str>| parse_duration(word.expect("a time follows"));
    while let Some(word) = next() {
        match word {
            "at" | "from" => time = Some(BASE + duration(next())),
            "to" => end = Some(BASE + duration(next())),
            "step" => step = duration(next()),
            "limit" => request.limit = next().and_then(|n| n.parse().ok()).expect("a number follows"),
            "forward" => request.direction = Direction::Forward,
            "interval" => request.interval = duration(next()),
            "categorize" => request.categorize = true,
            word => panic!("unknown word {word:?} in {text:?}"),
        }
    }
    let start = time.expect("a query says when");
    request.time = match end {
        None => Time::Instant(start),
        Some(end) => Time::Range { start, end, step },
    };
    request.now = end.unwrap_or(start);
    request
}

/// An answer as it is written in a file.
pub(crate) fn render(result: &QueryResult) -> String {
    let mut out = Vec::new();
    match result {
        QueryResult::Streams(streams) => {
            out.push("streams".to_string());
            for stream in streams {
                out.push(stream.labels.to_string());
                for entry in &stream.entries {
                    let line = String::from_utf8_lossy(&entry.line).replace('\n', "\\n");
                    let mut head = offset(entry.timestamp - BASE);
                    if !entry.structured_metadata.is_empty() || !entry.parsed.is_empty() {
                        head.push_str(&format!(" {} {}", entry.structured_metadata, entry.parsed));
                    }
                    out.push(format!("{head} | {line}").trim_end().to_string());
                }
            }
        }
        QueryResult::Vector(samples) => {
            out.push("vector".to_string());
            out.extend(
                samples
                    .iter()
                    .map(|s| format!("{} {}", s.labels, number(s.sample.value))),
            );
        }
        QueryResult::Matrix(series) => {
            out.push("matrix".to_string());
            for series in series {
                let points = series.samples.iter().map(|s| {
                    let time = offset(s.timestamp_ms * 1_000_000 - BASE);
                    format!(" {time}={}", number(s.value))
                });
                out.push(format!("{}{}", series.labels, points.collect::<String>()));
            }
        }
        QueryResult::Scalar(sample) => out.push(format!("scalar {}", number(sample.value))),
    }
    out.join("\n")
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_string(),
        f64::NEG_INFINITY => "-Inf".to_string(),
        value => value.to_string(),
    }
}

fn offset(nanos: i64) -> String {
    let sign = if nanos < 0 { '-' } else { '+' };
    let nanos = nanos.abs();
    match [(1_000_000_000, "s"), (1_000_000, "ms"), (1, "ns")]
        .into_iter()
        .find(|(unit, _)| nanos % unit == 0)
    {
        Some((unit, name)) => format!("{sign}{}{name}", nanos / unit),
        None => unreachable!("every number is divisible by one"),
    }
}
