//! The stages of a log query, run over entries that are handed in.

use super::LogPlan;
use crate::pipeline::{LabelSets, Pipeline, Runner, SetId};
use crate::result::ResultEntry;
use crate::source::EntryBatch;
use crate::{Labels, Plan};

/// Runs the stages of a log query over batches of entries: for those who have entries as they come, not a source.
///
/// It does not look at the selector of the query: see [`Plan::selectors`].
///
/// ```
/// use loki_logql::source::EntryBatch;
/// use loki_logql::{Labels, Plan, parse};
///
/// let plan = Plan::compile(&parse(r#"{app="shop"} | logfmt | level="error""#)?)?;
/// let mut batch = EntryBatch::default();
/// batch.push(1, b"level=info", &[]);
/// batch.push(2, b"level=error", &[]);
///
/// let mut runner = plan.log_runner(0).expect("it is a log query");
/// let mut passed = Vec::new();
/// runner.run(&Labels::from_pairs([("app", "shop")]), &batch, false, &mut |labels, entry| passed.push((labels, entry)));
/// assert_eq!(passed.len(), 1);
/// assert_eq!(passed[0].0.to_string(), r#"{app="shop", level="error"}"#);
/// # Ok::<(), loki_logql::Error>(())
/// ```
#[derive(Debug)]
pub struct LogRunner<'p> {
    runner: Runner<'p>,
    selected: Vec<u32>,
}

impl Plan {
    /// A runner of the stages; `None` of a metric query. `now` is what templates take for the present, in nanoseconds.
    ///
    /// It keeps each distinct label set that comes out: for entries without end, take a new one from time to time.
    pub fn log_runner(&self, now: i64) -> Option<LogRunner<'_>> {
        self.log().map(|log| log.runner(now))
    }
}

impl LogPlan {
    fn runner(&self, now: i64) -> LogRunner<'_> {
        LogRunner {
            runner: Pipeline::runner(&self.pipeline, now),
            selected: Vec::new(),
        }
    }
}

impl LogRunner<'_> {
    /// Runs the stages over entries of the stream with the labels `stream`, and hands over those that pass, in their
    /// order, with their labels.
    ///
    /// With `categorize` these are the labels of the stream, and the entry holds metadata and parsed labels apart;
    /// without it they are all labels together.
    pub fn run(
        &mut self,
        stream: &Labels,
        batch: &EntryBatch,
        categorize: bool,
        each: &mut dyn FnMut(Labels, ResultEntry),
    ) {
        let columns = batch.columns();
        self.runner.stream(stream);
        self.runner.select(&columns, 0..batch.len(), &mut self.selected);
        for &i in &self.selected {
            let i = i as usize;
            let Some(outcome) = self.runner.line(&columns, i) else {
                continue;
            };
            let (line, set) = (outcome.line.to_vec(), outcome.set);
            let (labels, entry) = shown(self.runner.sets(), set, columns.timestamps[i], line, categorize);
            each(labels, entry);
        }
    }
}

fn shown(sets: &LabelSets, set: SetId, timestamp: i64, line: Vec<u8>, categorize: bool) -> (Labels, ResultEntry) {
    let mut entry = ResultEntry {
        timestamp,
        line,
        structured_metadata: Labels::default(),
        parsed: Labels::default(),
    };
    if !categorize {
        return (sets.labels(set).clone(), entry);
    }
    let categories = sets.categories(set);
    entry.structured_metadata = categories.structured_metadata;
    entry.parsed = categories.parsed;
    (categories.stream, entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemorySource;
    use crate::{Direction, QueryResult, Request, Time, parse};

    /// Timestamp, line, metadata.
    type TestEntry<'a> = (i64, &'a str, &'a [(&'a str, &'a str)]);

    /// What a runner hands over, sorted.
    fn run(query: &str, entries: &[TestEntry<'_>], categorize: bool) -> Vec<(String, ResultEntry)> {
        let plan = Plan::compile(&parse(query).unwrap()).unwrap();
        let mut batch = EntryBatch::default();
        for (timestamp, line, metadata) in entries {
            assert!(batch.push(*timestamp, line.as_bytes(), metadata));
        }
        let mut found = Vec::new();
        let mut each = |labels: Labels, entry| found.push((labels.to_string(), entry));
        plan.log_runner(0)
            .unwrap()
            .run(&stream(), &batch, categorize, &mut each);
        found.sort_by_key(|(labels, entry)| (labels.clone(), entry.timestamp));
        found
    }

    fn stream() -> Labels {
        Labels::from_pairs([("app", "shop")])
    }

    #[test]
    fn a_runner_hands_over_what_a_query_answers() {
        let entries: [TestEntry<'_>; 4] = [
            (1, "level=info a=1", &[("trace", "t1")]),
            (2, "level=error a=2", &[]),
            (3, "level=error", &[("trace", "t1"), ("user", "u")]),
            (4, "other", &[("trace", "t2")]),
        ];
        let mut source = MemorySource::new();
        for (timestamp, line, metadata) in entries {
            source.push(&stream(), timestamp, line, metadata);
        }
        for query in [
            r#"{app="shop"}"#,
            r#"{app="shop"} |= "level""#,
            r#"{app="shop"} | trace="t1""#,
            r#"{app="shop"} | logfmt | level="error" | line_format "{{.level}}!""#,
        ] {
            for categorize in [false, true] {
                let mut request = Request::new(Time::Range {
                    start: 0,
                    end: 10,
                    step: 1,
                });
                request.direction = Direction::Forward;
                request.categorize = categorize;
                let plan = Plan::compile(&parse(query).unwrap()).unwrap();
                let QueryResult::Streams(streams) = plan.evaluate(&source, &request).unwrap().result else {
                    unreachable!()
                };
                let wanted: Vec<(String, ResultEntry)> = streams
                    .into_iter()
                    .flat_map(|stream| {
                        let labels = stream.labels.to_string();
                        stream.entries.into_iter().map(move |entry| (labels.clone(), entry))
                    })
                    .collect();
                assert_eq!(run(query, &entries, categorize), wanted, "{query} {categorize}");
            }
        }
    }

    #[test]
    fn a_metric_query_has_no_runner() {
        let plan = Plan::compile(&parse(r#"rate({app="shop"}[1m])"#).unwrap()).unwrap();
        assert!(plan.log_runner(0).is_none());
    }
}
